# SPDX-License-Identifier: Apache-2.0
"""What is measured: scenarios, each a row of points that differ in what the scenario is about.

A point's `load` are the options of `turnpike-load` that make it; its subjects are those that make sense there. The
order of a run is round, scenario, point, subject (bindings: subject, point): what is compared is measured right after
each other."""

import dataclasses

from .relays import FORWARDS, TURNPIKE

FAST = ("turnpike-native", "turnpike-generic")
RELAYS = (*TURNPIKE, "coturn")
EVERYBODY = (*RELAYS, *FORWARDS)
# The ports of one allocation's peers, and channel numbers, end somewhere: more bindings, more allocations.
BINDINGS_PER_ALLOCATION = 250
SIZES = (64, 160, 512, 1200, 1400)
BINDINGS = (1, 100, 10_000, 100_000, 250_000)
ONE_CORE = (0,)
FLOWS = 4
# Tables as the relay's defaults have them.
TABLES = {"allocations": 65_536, "bindings": 262_144}


@dataclasses.dataclass(frozen=True)
class Point:
    name: str                    # within its scenario
    kind: str                    # of measurement: throughput, delay, allocate, memory, restart
    load: tuple = ()             # (option, value) of turnpike-load
    subjects: tuple = EVERYBODY
    cpus: tuple = None           # those of generator and relay; None: all that the run has
    tables: tuple = tuple(TABLES.items())
    x: float = None              # where plots put it
    seconds: float = 0           # besides the relay's start, where the length is not the run's

    def option(self, name):
        return dict(self.load).get(name)


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    points: tuple
    unit: str = "packets/s"
    compares_points: bool = False  # of one subject, so that they are measured right after each other


def traffic(name, direction, framing="channel", size=160, **more):
    load = {"direction": direction, "framing": framing, "size": size, "flows": FLOWS}
    if "profile" in more:  # which has sizes of its own
        del load["size"]
    point = {key: more.pop(key) for key in ("subjects", "cpus", "tables", "x", "kind") if key in more}
    load.update(more)
    return Point(name, point.pop("kind", "throughput"), tuple(load.items()), **point)


def bindings_points(counts):
    """As many live bindings; traffic on all of them, and on one alone, which tells the cost of having them from the
    cost of cache misses."""
    tables = tuple({"allocations": 65_536, "bindings": 2 * max(BINDINGS)}.items())
    # The ends of the scale first: theirs is the ratio of the goal.
    for count in sorted(counts, key=lambda count: (count != min(counts), -count)):
        flows = -(-count // BINDINGS_PER_ALLOCATION)
        noun = "binding" if count == 1 else "bindings"
        common = {"tables": tables, "x": count, "bindings": count, "subjects": (*FAST, "coturn", "forward-fib")}
        point = traffic(f"{count:,} {noun}, traffic on all", "to-peer", **common)
        yield dataclasses.replace(point, load=tuple({**dict(point.load), "flows": flows, "active": count}.items()))
        if count > 1:
            point = traffic(f"{count:,} bindings, traffic on one", "to-peer", **common)
            yield dataclasses.replace(point, subjects=FAST,
                                      load=tuple({**dict(point.load), "flows": flows, "active": 1}.items()))


def core_points(cpus):
    yield traffic("one core", "to-peer", cpus=ONE_CORE, x=1)
    yield traffic("one core, to the client", "to-client", cpus=ONE_CORE, x=1)
    if len(cpus) > 1:
        yield traffic("two cores", "to-peer", cpus=tuple(cpus[:2]), x=2)
        yield traffic("two cores, to the client", "to-client", cpus=tuple(cpus[:2]), x=2)


def memory_points(small, large):
    """Relays made for, and holding, so many allocations. With the room for bindings that allocations without
    channels need, one each, and with the defaults' four."""
    seconds = 6 + (small + large) / 1500
    for bindings in (1, 4):
        room = "" if bindings == 1 else f", room for {bindings} bindings each"
        yield Point(f"idle allocation{room}", "memory", (("small", small), ("large", large)),
                    RELAYS if bindings == 1 else tuple(TURNPIKE), tables=(("bindings_each", bindings),),
                    seconds=seconds)


# A smoke run's points, by their place, and subjects.
CORE_SUBJECTS = ("turnpike-native", "coturn", "forward-fib")
QUICK = {"channel-to-peer": (1, (*CORE_SUBJECTS, "turnpike-off")),
         "channel-to-client": (1, (*CORE_SUBJECTS, "turnpike-off")), "indications": (1, CORE_SUBJECTS),
         "hairpin": (1, CORE_SUBJECTS), "mixed": (1, CORE_SUBJECTS), "sizes": (2, ("turnpike-native", "forward-fib")),
         "bindings": (3, ("turnpike-native",)), "cores": (1, CORE_SUBJECTS),
         "allocations": (1, ("turnpike-native", "coturn")), "memory": (1, ("turnpike-native", "coturn")),
         "delay": (1, CORE_SUBJECTS), "restart": (2, ("turnpike-native",))}


def _quick(scenario):
    count, subjects = QUICK[scenario.name]
    points = tuple(dataclasses.replace(point, subjects=tuple(each for each in point.subjects if each in subjects))
                   for point in scenario.points[:count])
    return dataclasses.replace(scenario, points=points)


def all_scenarios(cpus, quick=False):
    """{name: Scenario}. `cpus`: those of this run."""
    sizes = (64, 1400) if quick else SIZES
    bindings = (1, 10_000) if quick else BINDINGS
    held = (500, 2_000) if quick else (1_000, 10_000)
    scenarios = (
        Scenario("channel-to-peer", "ChannelData from clients to peers", (traffic("to the peer", "to-peer"),)),
        Scenario("channel-to-client", "Datagrams of peers to clients, as ChannelData",
                 (traffic("to the client", "to-client"),)),
        Scenario("indications", "Send and Data indications",
                 (traffic("Send indications to the peer", "to-peer", "indication"),
                  traffic("to the client as Data indications", "to-client", "indication"))),
        Scenario("hairpin", "ChannelData between two clients of the relay", (traffic("hairpin", "hairpin"),)),
        Scenario("mixed", "Voice and video mixed",
                 (traffic("voice and video to the peer", "to-peer", profile="mixed"),
                  traffic("voice and video to the client", "to-client", profile="mixed"))),
        Scenario("sizes", "Size of the application data",
                 tuple(traffic(f"{size} bytes", "to-peer", size=size, x=size) for size in sizes)),
        Scenario("bindings", "Live bindings", tuple(bindings_points(bindings)), compares_points=True),
        Scenario("cores", "Generator and relay on one core, and on two", tuple(core_points(cpus))),
        Scenario("allocations", "Authenticated allocations",
                 (Point("allocate, refresh to 0", "allocate", subjects=RELAYS),), "allocations/s"),
        Scenario("memory", "Memory of an idle allocation, kernel and user", tuple(memory_points(*held)), "bytes"),
        Scenario("delay", "Added delay at half of coturn's saturation",
                 (traffic("to the peer", "to-peer", kind="delay", subjects=(*RELAYS, "forward-fib")),
                  traffic("to the client", "to-client", kind="delay", subjects=(*RELAYS, "forward-fib"))), "ns"),
        Scenario("restart", "Packets lost while the relay ends and starts again",
                 (Point("kill -9 and start", "restart", (("how", "kill"),), (*FAST, "coturn"), seconds=9),
                  Point("upgrade: SIGUSR1 and start", "restart", (("how", "upgrade"),), FAST, seconds=9)), "packets"))
    return {scenario.name: _quick(scenario) if quick else scenario for scenario in scenarios}


@dataclasses.dataclass(frozen=True)
class Step:
    round: int
    scenario: Scenario
    point: Point
    subject: str


def plan(scenarios, subjects, rounds):
    """All steps in their order. Each round begins with another subject, so that none is always first."""
    steps = []
    for number in range(1, rounds + 1):
        for scenario in scenarios:
            pairs = []
            for place, point in enumerate(scenario.points):
                present = [subject for subject in subjects if subject in point.subjects]
                turn = (number - 1) % len(present) if present else 0
                pairs += [(place, subject) for subject in present[turn:] + present[:turn]]
            if scenario.compares_points:
                pairs.sort(key=lambda pair: subjects.index(pair[1]))
            steps += [Step(number, scenario, scenario.points[place], subject) for place, subject in pairs]
    return steps
