# SPDX-License-Identifier: Apache-2.0
"""The goals, as ratios within one run, and their verdicts. Nothing but the measurements decides.

Each row compares two figures of the same round. The median over the rounds decides; lowest and highest are told."""

import dataclasses

from .memory import per_allocation
from .spread import Spread, ratios, spread
from .units import value_of

MET, MISSED, NOT_MEASURED = "met", "missed", "not measured"
AT_LEAST, AT_MOST = "at least", "at most"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a figure stands in a record."""

    scenario: str
    point: str
    subject: str


@dataclasses.dataclass(frozen=True)
class Row:
    goal: str
    what: str
    sense: str
    threshold: float
    ours: Place = None            # None: the suite cannot measure it
    theirs: Place = None          # None: the figure itself is judged
    unit: str = "×"
    value: object = value_of      # of a measurement
    less: str = None              # a subject whose figure is taken off both: added delay
    why_not: str = ""             # it cannot be measured

    def values(self, results):
        """{round: what is compared with the threshold}"""
        if not self.ours:
            return {}
        ours = self._figures(results, self.ours)
        return ratios(ours, self._figures(results, self.theirs)) if self.theirs else ours

    def _figures(self, results, place):
        figures = results.figures(place.scenario, place.point, place.subject, self.value)
        if not self.less:
            return figures
        base = results.figures(place.scenario, place.point, self.less, self.value)
        return {number: figure - base[number] for number, figure in figures.items() if number in base}


@dataclasses.dataclass(frozen=True)
class Verdict:
    row: Row
    spread: Spread     # None: not measured
    word: str


def judge(row, results):
    found = spread(row.values(results).values())
    if not found:
        return Verdict(row, None, NOT_MEASURED)
    reached = found.median >= row.threshold if row.sense == AT_LEAST else found.median <= row.threshold
    return Verdict(row, found, MET if reached else MISSED)


def verdicts(results):
    return [judge(row, results) for row in rows()]


def overall(judged):
    """Of several rows: missed if one is missed, met if all are met."""
    words = {verdict.word for verdict in judged}
    return MISSED if MISSED in words else NOT_MEASURED if NOT_MEASURED in words else MET


DIRECTIONS = (("channel-to-peer", "to the peer", "ChannelData to the peer"),
              ("channel-to-client", "to the client", "ChannelData to the client"),
              ("hairpin", "hairpin", "ChannelData, hairpin"))
INDICATIONS = (("indications", "Send indications to the peer", "Send indications to the peer"),
               ("indications", "to the client as Data indications", "Data indications to the client"))
NATIVE, OFF, COTURN, FORWARD = "turnpike-native", "turnpike-off", "coturn", "forward-fib"
FAST_GOAL = "1. Fast path, each direction and hairpin: at least 15 × coturn, and at least 0.9 × the bare XDP forward"
FLAT_GOAL = "2. 250,000 live bindings within 10 % of one"
SLOW_GOAL = "3. Slow path: UDP at least 2 × coturn, TCP and TLS at least 1.5 ×"
ALLOCATION_GOAL = "4. At least 3 × coturn's allocations a second; at most 2 KB for an idle one, kernel and user"
DELAY_GOAL = "5. Added delay at half of coturn's saturation: p99 at most a fifth of coturn's"
RESTART_GOAL = "6. No packet lost on the fast path by restart, kill -9 and reload"


def _pairs(goal, places, ours, theirs, threshold):
    for scenario, point, what in places:
        yield Row(goal, f"{what} ÷ {theirs}", AT_LEAST, threshold, Place(scenario, point, ours),
                  Place(scenario, point, theirs))


def _p99(measurement):
    return measurement["result"]["delay_ns"]["p99"]


def _idle(measurement):
    return per_allocation(measurement["result"]["small"], measurement["result"]["large"])["total"]


def _lost(measurement):
    return measurement["result"]["lost"]


def _bindings_rows():
    for traffic in ("all", "one"):
        yield Row(FLAT_GOAL, f"250,000 bindings ÷ one, traffic on {traffic}", AT_LEAST, 0.9,
                  Place("bindings", f"250,000 bindings, traffic on {traffic}", NATIVE),
                  Place("bindings", "1 binding, traffic on all", NATIVE))


def rows():
    """All of them, whatever was measured."""
    for places in (DIRECTIONS, INDICATIONS):
        yield from _pairs(FAST_GOAL, places, NATIVE, COTURN, 15)
        yield from _pairs(FAST_GOAL, places, NATIVE, FORWARD, 0.9)
    yield from _bindings_rows()
    yield from _pairs(SLOW_GOAL, [(*place[:2], f"UDP {place[2]}") for place in DIRECTIONS], OFF, COTURN, 2)
    for transport in ("TCP", "TLS"):
        yield Row(SLOW_GOAL, f"{transport} ÷ coturn", AT_LEAST, 1.5, why_not="turnpike-load has UDP clients only")
    yield from _pairs(ALLOCATION_GOAL, (("allocations", "allocate, refresh to 0", "allocations a second"),), NATIVE,
                      COTURN, 3)
    yield Row(ALLOCATION_GOAL, "memory of an idle allocation", AT_MOST, 2048,
              Place("memory", "idle allocation", NATIVE), unit="bytes", value=_idle)
    for point in ("to the peer", "to the client"):
        yield Row(DELAY_GOAL, f"added p99 {point} ÷ coturn", AT_MOST, 0.2, Place("delay", point, NATIVE),
                  Place("delay", point, COTURN), value=_p99, less=FORWARD)
    for point in ("kill -9 and start", "upgrade: SIGUSR1 and start"):
        yield Row(RESTART_GOAL, f"packets lost, {point}", AT_MOST, 0, Place("restart", point, NATIVE), unit="packets",
                  value=_lost)
    yield Row(RESTART_GOAL, "packets lost, reload", AT_MOST, 0, unit="packets", why_not="there is no reload yet")
