# SPDX-License-Identifier: Apache-2.0
"""At which rates a relay is tried.

One in userspace spends its time under a flood on packets that it then drops, so its best is found below. The first
time that it meets a kind of traffic its best rate is looked for by short probes, which count for nothing else; then
every round tries floods, that rate and a little more, and the best of them is the round's figure."""

STEP = 1.35
MORE = 1.2
PROBES = 10
PATIENCE = 2  # probes in a row that may be worse: one may be the neighbours' fault


def climb(deliver, start, step=STEP, probes=PROBES):
    """The rate at which deliver(rate) is highest, from `start` upwards while that helps, else downwards."""
    best_rate, best = start, deliver(start)
    left = probes - 1
    for factor in (step, 1 / step):
        rate, worse = best_rate * factor, 0
        while left > 0 and worse < PATIENCE:
            left -= 1
            delivered = deliver(rate)
            worse = 0 if delivered > best else worse + 1
            if delivered > best:
                best_rate, best = rate, delivered
            rate *= factor
        if best_rate != start:  # upwards helped: what lies below start is known to be worse
            break
    return best_rate


def ladder(rate, cpus):
    """[(rate, CPUs that make the frames)]; 0 is a flood, and one from a single CPU leaves the relay the others."""
    floods = [(0, cpus)] + ([(0, cpus[:1])] if len(cpus) > 1 else [])
    return [*floods, (int(rate), cpus), (int(rate * MORE), cpus)]


# Options that change how much there is to know, not what a packet costs a relay in userspace: what was found for one
# value serves all, for each search among 250,000 bindings takes minutes.
SHARED = ("flows", "bindings", "active")


def point_key(subject, point):
    load = tuple(sorted((name, value) for name, value in point.load if name not in SHARED))
    return (subject, load, point.cpus)


class KnownRates:
    """Best rates by subject and kind of traffic; the last one of a subject is where its next search begins. `quick`:
    one search for each subject."""

    def __init__(self, start=100_000, quick=False):
        self._start, self._quick = start, quick
        self._found = {}
        self._last = {}

    def best(self, subject, point, probe):
        """probe(rate): packets a second delivered."""
        key = (subject,) if self._quick else point_key(subject, point)
        if key not in self._found:
            self._found[key] = self._last[subject] = climb(probe, self._last.get(subject, self._start))
        return self._found[key]
