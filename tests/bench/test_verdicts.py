# SPDX-License-Identifier: Apache-2.0
"""Verdicts from records whose ratios are known."""

import unittest

import fixture
from suite import goals
from suite.record import Results


def judged(record):
    return {verdict.row.what: verdict for verdict in goals.verdicts(Results(record))}


class Verdicts(unittest.TestCase):
    def setUp(self):
        self.record = fixture.make()

    def change(self, change, **where):
        """change(result) of all measurements with these fields."""
        changed = 0
        for measurement in self.record["measurements"]:
            if all(measurement[name] == value for name, value in where.items()):
                change(measurement["result"])
                changed += 1
        self.assertGreater(changed, 0)

    def expect(self, what, word, median=None):
        verdict = judged(self.record)[what]
        self.assertEqual(verdict.word, word)
        if median is not None:
            self.assertAlmostEqual(verdict.spread.median, median)
            self.assertEqual(verdict.spread.count, 3)

    def test_every_row_is_judged_as_its_figures_say(self):
        self.expect("ChannelData to the peer ÷ coturn", goals.MET, 30)
        self.expect("ChannelData, hairpin ÷ forward-fib", goals.MET, 3 / 3.2)
        self.expect("250,000 bindings ÷ one, traffic on all", goals.MET, 1)
        self.expect("UDP ChannelData to the client ÷ coturn", goals.MISSED, 1.5)
        self.expect("allocations a second ÷ coturn", goals.MET, 30)
        self.expect("memory of an idle allocation", goals.MET, 1500)
        # (14 - 10) µs to (110 - 10) µs
        self.expect("added p99 to the peer ÷ coturn", goals.MET, 0.04)
        self.expect("packets lost, kill -9 and start", goals.MET, 0)
        self.expect("TLS ÷ coturn", goals.NOT_MEASURED)

    def test_one_slow_round_does_not_decide_but_is_told(self):
        self.change(lambda result: result.update(delivered_pps=90_000), scenario="hairpin", subject="turnpike-native",
                    round=1)
        self.expect("ChannelData, hairpin ÷ coturn", goals.MET, 30)
        self.assertAlmostEqual(judged(self.record)["ChannelData, hairpin ÷ coturn"].spread.lowest, 1)

    def test_two_slow_rounds_decide(self):
        for number in (1, 2):
            self.change(lambda result: result.update(delivered_pps=90_000), scenario="hairpin",
                        subject="turnpike-native", round=number)
        self.expect("ChannelData, hairpin ÷ coturn", goals.MISSED)

    def test_the_threshold_itself_is_met(self):
        for number, mood in fixture.MOODS.items():
            self.change(lambda result, mood=mood: result.update(delivered_pps=100_000 * mood * 2),
                        scenario="hairpin", subject="turnpike-off", round=number)
        self.expect("UDP ChannelData, hairpin ÷ coturn", goals.MET, 2)

    def test_one_lost_packet_is_too_many(self):
        for number in (1, 2):
            self.change(lambda result: result.update(lost=1), point="kill -9 and start", subject="turnpike-native",
                        round=number)
        self.expect("packets lost, kill -9 and start", goals.MISSED, 1)

    def test_a_delay_below_coturn_s_noise_is_not_measured(self):
        self.change(lambda result: result["delay_ns"].update(p99=9_000), kind="delay", subject="coturn")
        self.expect("added p99 to the peer ÷ coturn", goals.NOT_MEASURED)

    def test_without_the_other_s_figures_nothing_is_claimed(self):
        self.record["measurements"] = [each for each in self.record["measurements"] if each["subject"] != "coturn"]
        for what, verdict in judged(self.record).items():
            if "coturn" in what:
                self.assertEqual((verdict.word, verdict.spread), (goals.NOT_MEASURED, None), what)

    def test_a_goal_is_as_good_as_its_rows(self):
        def overall(*words):
            return goals.overall([goals.Verdict(None, None, word) for word in words])
        self.assertEqual(overall(goals.MET, goals.MET), goals.MET)
        self.assertEqual(overall(goals.MET, goals.NOT_MEASURED), goals.NOT_MEASURED)
        self.assertEqual(overall(goals.NOT_MEASURED, goals.MISSED, goals.MET), goals.MISSED)

    def test_all_goals_are_there(self):
        found = dict.fromkeys(verdict.row.goal[0] for verdict in goals.verdicts(Results(self.record)))
        self.assertEqual("".join(found), "123456")

    def test_places_exist(self):
        """A point that is renamed would never be measured again, and nobody would notice."""
        known = {(scenario["name"], point["name"]) for scenario in self.record["scenarios"]
                 for point in scenario["points"]}
        for row in goals.rows():
            for place in filter(None, (row.ours, row.theirs)):
                self.assertIn((place.scenario, place.point), known)


if __name__ == "__main__":
    unittest.main()
