# SPDX-License-Identifier: Apache-2.0
"""One step of a run: a subject at a point. Gives measurements, as dictionaries for the JSON."""

import contextlib
import json
import time

from . import memory, relays, survival, topology
from .generator import parse_report
from .processes import BenchError, Program
from .rates import KnownRates, ladder

PROBE_SECONDS = 1
SETTLE = 1.5  # seconds until a relay's once-a-second work is done after the last allocation


class Bench:
    """What all steps share: where relays run, the generator, what was learnt on the way."""

    def __init__(self, arguments, cpus, generator, remote=None):
        self.binaries, self.seconds, self.cpus = arguments.bin, arguments.seconds, cpus
        self.generator = generator
        self.remote = remote        # makes a relays.Remote for a subject, in two-host mode
        self.rates = KnownRates(quick=arguments.quick)
        self.saturation = {}        # {round: packets a second of coturn to the peer}
        self.configurations = {}    # {(subject, point): how the relay was started}
        self.delay_rate = arguments.delay_rate

    @contextlib.contextmanager
    def relay(self, step, tables=None, cgroup=None):
        """A fresh topology with the subject running in it."""
        if self.remote:
            relay = self.remote(step.subject)
        else:
            cpus = self.cpus_of(step)
            topology.up(len(cpus))
            relay = relays.make(step.subject, self.binaries, relays.Place(cpus), tables or dict(step.point.tables),
                                cgroup)
        try:
            relay.start()
            self.configurations[f"{step.subject}, {step.scenario.name}: {step.point.name}"] = self.without_places(relay.describe())
            yield relay
        finally:
            relay.stop()

    def without_places(self, found):
        """Programs by their names alone: which ones they were, their SHA-256 tells, wherever they lay."""
        return json.loads(json.dumps(found).replace(f"{self.binaries}/", ""))

    def cpus_of(self, step):
        return step.point.cpus or self.cpus

    def traffic(self, step, rate, seconds=None, delay=False, cpus=None):
        seconds = seconds or self.seconds
        command = self.generator.traffic_command(step.subject, dict(step.point.load), cpus or self.cpus_of(step),
                                                 seconds, rate, delay)
        result = self.generator.run(command, seconds)
        return {"rate": rate, "command": " ".join(command), "result": result}


def throughput(bench, step):
    with bench.relay(step):
        yield from _throughput(bench, step)


def _throughput(bench, step):
    if step.subject not in relays.USERSPACE:
        yield bench.traffic(step, 0)
        return
    probes = []

    def probe(rate):
        probes.append({**bench.traffic(step, int(rate), PROBE_SECONDS), "probe": True})
        return probes[-1]["result"]["delivered_pps"]

    rate = bench.rates.best(step.subject, step.point, probe)
    yield from probes
    best = 0
    for offered, cpus in ladder(rate, bench.cpus_of(step)):
        measurement = bench.traffic(step, offered, cpus=cpus)
        best = max(best, measurement["result"]["delivered_pps"])
        yield measurement
    if step.subject == "coturn" and step.scenario.name == "channel-to-peer":
        bench.saturation[step.round] = best


def half_load(bench, step):
    """Half of what coturn carried in this round, or in the last one that measured it."""
    if bench.delay_rate:
        return bench.delay_rate
    known = [bench.saturation[number] for number in sorted(bench.saturation) if number <= step.round]
    if not known:
        raise BenchError("the delay is taken at half of coturn's saturation, which is not known: run the scenario "
                         "channel-to-peer with the subject coturn before it, or give --delay-rate PACKETS_PER_SECOND")
    return int(known[-1] / 2)


def delay(bench, step):
    rate = half_load(bench, step)
    with bench.relay(step):
        yield bench.traffic(step, rate, delay=True)


def allocate(bench, step):
    command = bench.generator.allocate_command(bench.cpus, bench.seconds)
    with bench.relay(step):
        yield {"command": " ".join(command), "result": bench.generator.run(command, bench.seconds)}


def _hold(bench, step, count, account):
    """Memory of a relay made for `count` allocations, with none and with all of them."""
    each = dict(step.point.tables)["bindings_each"]
    command = bench.generator.hold_command(count)
    with bench.relay(step, {"allocations": count, "bindings": count * each}, account.path) as relay:
        time.sleep(SETTLE)
        empty = account.read(relay.pid)
        with Program(command) as holder:
            holder.wait_until(lambda: '"held"' in holder.stdout(), "the holder of allocations", limit=120)
            time.sleep(SETTLE)
            held = parse_report(holder.stdout(), command)["held"]
            if held != count:
                raise BenchError(f"{step.subject}: {held} allocations of {count}: {' '.join(command)}")
            return {"held": held, "command": " ".join(command), "empty": empty, **account.read(relay.pid)}


def idle_memory(bench, step):
    readings = {}
    for size in ("small", "large"):
        account = memory.Account()
        try:
            readings[size] = _hold(bench, step, step.point.option(size), account)
        finally:
            account.remove()
    yield {"command": readings["large"]["command"], "result": readings}


def restart(bench, step):
    with bench.relay(step) as relay:
        yield survival.measure(bench, step, relay)


KINDS = {"throughput": throughput, "delay": delay, "allocate": allocate, "memory": idle_memory, "restart": restart}


def measure(bench, step):
    """All measurements of the step. What fails is a measurement too, with its error."""
    found = []
    try:
        for measurement in KINDS[step.point.kind](bench, step):
            found.append(measurement)
    except BenchError as failure:
        found.append({"error": str(failure)})
    common = {"round": step.round, "scenario": step.scenario.name, "point": step.point.name, "subject": step.subject,
              "kind": step.point.kind}
    return [{**common, **measurement} for measurement in bench.without_places(found)]
