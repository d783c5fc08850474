# SPDX-License-Identifier: Apache-2.0
"""Statistics, memory, rates and the plan: what is computed before anything is judged."""

import unittest

import fixture
from suite import memory, rates, scenarios
from suite.record import Results
from suite.spread import Spread, ratios, spread


class Statistics(unittest.TestCase):
    def test_spread(self):
        self.assertEqual(spread([3, 1, 2]), Spread(2, 1, 3, 3))
        self.assertEqual(spread([1, 2]), Spread(1.5, 1, 2, 2))
        self.assertIsNone(spread([]))

    def test_ratios_are_of_the_same_round(self):
        self.assertEqual(ratios({1: 10, 2: 40, 3: 5}, {1: 5, 2: 10, 4: 1}), {1: 2, 2: 4})

    def test_nothing_is_divided_by_nothing(self):
        self.assertEqual(ratios({1: 10, 2: 10}, {1: 0, 2: -1}), {})


class Best(unittest.TestCase):
    def setUp(self):
        self.record = fixture.make(names=["channel-to-peer"])

    def figures(self, subject):
        return Results(self.record).figures("channel-to-peer", "to the peer", subject)

    def test_the_best_rate_of_each_round_counts(self):
        self.assertEqual({number: round(figure) for number, figure in self.figures("coturn").items()},
                         {1: 90_000, 2: 100_000, 3: 110_000})

    def test_probes_do_not_count(self):
        before = self.figures("coturn")
        probe = {**self.record["measurements"][-1], "subject": "coturn", "probe": True,
                 "result": {"delivered_pps": 1e9}}
        self.record["measurements"].append(probe)
        self.assertEqual(self.figures("coturn"), before)

    def test_a_failure_is_no_figure(self):
        for measurement in self.record["measurements"]:
            if measurement["subject"] == "coturn" and measurement["round"] == 2:
                del measurement["result"]
                measurement["error"] = "coturn did not get ready"
        self.assertEqual(list(self.figures("coturn")), [1, 3])
        self.assertEqual(len(Results(self.record).failures), 3)


class Memory(unittest.TestCase):
    def test_fixed_costs_are_not_an_allocation_s(self):
        small, large = fixture.reading(1_000, 1_500), fixture.reading(10_000, 1_500)
        self.assertEqual(memory.per_allocation(small, large), {"kernel": 1_000, "user": 500, "total": 1_500})

    def test_kernel_files_are_read(self):
        text = "Rss:   12 kB\nPss_Anon:        8 kB\nanon 4096\n00400000-7ff [rollup]\n"
        self.assertEqual(memory.parse_keyed(text), {"Rss": 12288, "Pss_Anon": 8192, "anon": 4096})


def userspace_relay(capacity):
    """Delivers what it gets up to its capacity, and less and less beyond."""
    return lambda rate: rate if rate <= capacity else max(0, capacity - (rate - capacity) * 0.5)


class Rates(unittest.TestCase):
    def test_the_best_is_found_from_below_and_from_above(self):
        for capacity in (40_000, 130_000, 290_000, 600_000):
            with self.subTest(capacity=capacity):
                deliver = userspace_relay(capacity)
                found = rates.climb(deliver, 100_000, probes=20)
                best = max(deliver(rate) for rate, _ in rates.ladder(found, [0]) if rate)
                self.assertGreater(best, 0.8 * capacity)

    def test_probes_are_counted(self):
        asked = []

        def deliver(rate):
            asked.append(rate)
            return rate  # there is always more
        rates.climb(deliver, 100_000)
        self.assertEqual(len(asked), rates.PROBES)

    def test_one_cpu_makes_frames_alone_where_there_are_more(self):
        self.assertEqual(rates.ladder(1000, [0, 1]), [(0, [0, 1]), (0, [0]), (1000, [0, 1]), (1200, [0, 1])])
        self.assertEqual(rates.ladder(1000, [0]), [(0, [0]), (1000, [0]), (1200, [0])])

    def test_more_bindings_are_no_new_search(self):
        point = scenarios.traffic("some", "to-peer")
        many = scenarios.traffic("many", "to-peer", bindings=250_000)
        large = scenarios.traffic("large", "to-peer", size=1400)
        self.assertEqual(rates.point_key("coturn", point), rates.point_key("coturn", many))
        self.assertNotEqual(rates.point_key("coturn", point), rates.point_key("coturn", large))
        known, asked = rates.KnownRates(), []

        def probe(rate):
            asked.append(rate)
            return userspace_relay(120_000)(rate)
        first = known.best("coturn", point, probe)
        count = len(asked)
        self.assertEqual(known.best("coturn", many, probe), first)
        self.assertEqual(len(asked), count)
        known.best("coturn", large, probe)
        self.assertGreater(len(asked), count)


class Plan(unittest.TestCase):
    def test_subjects_alternate_and_take_turns_to_begin(self):
        chosen = [scenarios.all_scenarios((0, 1))["channel-to-peer"]]
        steps = scenarios.plan(chosen, ["turnpike-native", "coturn"], 2)
        self.assertEqual([(step.round, step.subject) for step in steps],
                         [(1, "turnpike-native"), (1, "coturn"), (2, "coturn"), (2, "turnpike-native")])

    def test_bindings_compare_a_subject_with_itself(self):
        chosen = [scenarios.all_scenarios((0, 1))["bindings"]]
        steps = scenarios.plan(chosen, ["turnpike-native", "forward-fib"], 1)
        self.assertEqual([step.point.name for step in steps][:3],
                         ["1 binding, traffic on all", "250,000 bindings, traffic on all",
                          "250,000 bindings, traffic on one"])
        self.assertEqual([step.subject for step in steps], ["turnpike-native"] * 9 + ["forward-fib"] * 5)

    def test_subjects_only_where_they_make_sense(self):
        chosen = [scenarios.all_scenarios((0, 1))["memory"]]
        self.assertEqual(scenarios.plan(chosen, ["forward"], 1), [])

    def test_one_cpu_has_no_two_cores(self):
        points = scenarios.all_scenarios((0,))["cores"].points
        self.assertEqual({point.cpus for point in points}, {(0,)})

    def test_all_of_the_issue_is_there(self):
        points = scenarios.all_scenarios((0, 1))
        self.assertEqual([point.option("size") for point in points["sizes"].points], [64, 160, 512, 1200, 1400])
        self.assertEqual(sorted({point.option("bindings") for point in points["bindings"].points}),
                         [1, 100, 10_000, 100_000, 250_000])


if __name__ == "__main__":
    unittest.main()
