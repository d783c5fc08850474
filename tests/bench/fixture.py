# SPDX-License-Identifier: Apache-2.0
"""A record as a run would write it, of figures that can be reckoned by hand: three rounds, the middle one as SPEED
says, the first 10 % slower, the last 10 % faster for everybody, so that every ratio is the same in each round."""

import pathlib
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "bench"))

from suite import record, scenarios  # noqa: E402
from suite.main import scenario_record  # noqa: E402

MOODS = {1: 0.9, 2: 1.0, 3: 1.1}
SPEED = {"turnpike-native": 3_000_000, "turnpike-generic": 1_000_000, "turnpike-off": 150_000, "coturn": 100_000,
         "forward-fib": 3_200_000, "forward": 4_000_000}
P99 = {"turnpike-native": 14_000, "turnpike-generic": 20_000, "turnpike-off": 60_000, "coturn": 110_000,
       "forward-fib": 10_000}
BYTES = {"turnpike-native": 1500, "turnpike-generic": 1500, "turnpike-off": 1200, "coturn": 9000}
COMMAND = "turnpike-load … --json"


def reading(held, each):
    return {"held": held, "kernel": 1_000_000 + held * each * 2 // 3, "user": 5_000_000 + held * each // 3,
            "empty": {"kernel": 1_000_000, "user": 5_000_000}}


def results_of(step):
    mood = MOODS[step.round]
    speed = SPEED[step.subject] * mood
    kind = step.point.kind
    if kind == "throughput":
        if step.subject in ("coturn", "turnpike-off"):  # several rates, of which the second is the best
            return [(rate, {"delivered_pps": speed * share, "loss": 1 - share}) for rate, share in
                    ((0, 0.4), (int(speed), 1.0), (int(speed * 1.2), 0.8))]
        return [(0, {"delivered_pps": speed, "loss": 0.2})]
    if kind == "delay":
        return [(50_000, {"delay_ns": {"p50": 5_000, "p99": P99[step.subject]}, "sent_pps": 49_900})]
    if kind == "allocate":
        return [(None, {"allocations_per_second": speed / 100})]
    if kind == "memory":
        return [(None, {"small": reading(1_000, BYTES[step.subject]), "large": reading(10_000, BYTES[step.subject])})]
    return [(20_000, {"lost": 60_000 if step.subject == "coturn" else 0, "down_seconds": 1.2})]


def make(rounds=3, names=None):
    chosen = [scenario for name, scenario in scenarios.all_scenarios((0, 1)).items() if not names or name in names]
    measurements = []
    for step in scenarios.plan(chosen, list(SPEED), rounds):
        for rate, result in results_of(step):
            measurements.append({"round": step.round, "scenario": step.scenario.name, "point": step.point.name,
                                 "subject": step.subject, "kind": step.point.kind, "rate": rate, "command": COMMAND,
                                 "result": result})
    return {"format": record.FORMAT, "started": "2026-01-01 00:00:00 UTC", "ended": "2026-01-01 01:00:00 UTC",
            "complete": True, "command": "bench/run.sh --rounds 3",
            "settings": {"rounds": rounds, "seconds": 3, "cpus": [0, 1], "subjects": list(SPEED), "quick": False,
                         "two_hosts": False},
            "machine": {"cpu": "a processor", "cpus": 2, "memory_bytes": 8 << 30, "virtual": True,
                        "distribution": "a system", "governor": "none", "bpf_jit": "1", "mitigations": {}},
            "versions": {"kernel": "6.1", "turnpike": "turnpiked 0.1.0", "sha256": {"turnpiked": "00ff"}},
            "revision": {"commit": "abcdef", "changed_files": []},
            "scenarios": [scenario_record(scenario) for scenario in chosen], "configurations": {},
            "measurements": measurements}
