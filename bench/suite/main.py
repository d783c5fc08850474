# SPDX-License-Identifier: Apache-2.0
"""bench/run.sh: measure and report, report again, or be a relay for a generator elsewhere."""

import datetime
import fcntl
import os
import shlex
import signal
import sys

from . import machine, markdown, options, record, relays, steps, topology
from .generator import PEER_PORT, Generator
from .processes import BenchError, Interrupted, Program, ignore_signals, on_signals, raise_on_signals
from .progress import Progress, duration, estimates
from .scenarios import plan
from .serve import answers, serve

LOCK = "/run/turnpike-bench.lock"


def _now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def scenario_record(scenario):
    points = [{"name": point.name, "kind": point.kind, "x": point.x, "load": dict(point.load),
               "cpus": point.cpus and list(point.cpus)} for point in scenario.points]
    return {"name": scenario.name, "title": scenario.title, "unit": scenario.unit, "points": points}


def _command(words):
    """As it was given, without the places of files: they change no figure, and the record may be published."""
    kept, skip = [], False
    for word in words:
        name = word.split("=")[0]
        if not skip and name not in ("--bin", "--output", "--markdown"):
            kept.append(word)
        skip = not skip and word in ("--bin", "--output", "--markdown")
    return shlex.join(["bench/run.sh", *kept])


def _new_record(arguments):
    settings = {"rounds": arguments.rounds, "seconds": arguments.seconds, "cpus": list(arguments.cpus),
                "subjects": arguments.subjects, "quick": arguments.quick, "two_hosts": bool(arguments.relay_host)}
    return {"format": record.FORMAT, "started": _now(), "ended": None, "complete": False,
            "command": _command(sys.argv[1:]), "settings": settings,
            "machine": machine.describe(), "versions": machine.versions(arguments.bin), "revision": machine.revision(),
            "scenarios": [scenario_record(scenario) for scenario in arguments.scenarios],
            "configurations": {}, "measurements": []}


def _bench(arguments):
    if not arguments.relay_host:
        return steps.Bench(arguments, arguments.cpus, Generator(arguments.bin))
    generator = Generator(arguments.bin, f"{arguments.relay_host}:{relays.PORT}",
                          f"{arguments.peer_address}:{PEER_PORT}", arguments.user, arguments.password,
                          (arguments.client_netns, None, arguments.peer_netns))

    def remote(subject):
        return relays.Remote(subject, arguments.start, lambda: answers(arguments.relay_host, arguments.client_netns))
    return steps.Bench(arguments, arguments.cpus, generator, remote)


def _only_one():
    """Two runs would share the namespaces' names."""
    lock = open(LOCK, "w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BenchError("another bench/run.sh is running: wait until it has ended") from None
    return lock


def _measure(arguments, to_do):
    bench, data = _bench(arguments), _new_record(arguments)
    data["configurations"] = bench.configurations
    progress = Progress(to_do, arguments.seconds)
    interrupted = None
    try:
        for step in to_do:
            progress.begin(step)
            measurements = steps.measure(bench, step)
            data["measurements"] += measurements
            progress.finish(step, measurements)
            data["ended"] = _now()
            record.write(arguments.output, data)
    except Interrupted as signal_name:
        interrupted = signal_name
    finally:
        ignore_signals()
        Program.end_all()
        relays.Relay.stop_all()
        if not arguments.relay_host:
            topology.down()
        on_signals(signal.SIG_DFL)
    data.update(ended=_now(), complete=interrupted is None)
    if data["measurements"]:
        record.write(arguments.output, data)
    if interrupted:
        print(f"\n{interrupted}: stopped; {len(data['measurements'])} measurements are in {arguments.output}"
              if data["measurements"] else f"\n{interrupted}: stopped, nothing was measured", file=sys.stderr)
        return 130
    return 1 if all("error" in each for each in data["measurements"]) else 0


def _report(source, target):
    # matplotlib takes a second to load, which nothing else needs.
    from . import plots
    data = record.read(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    pictures = plots.draw(data, target.with_suffix(""))
    names = {name: f"{target.stem}/{path.name}" for name, path in pictures.items()}
    target.write_text(markdown.report(data, names, source), encoding="utf-8")
    print(f"report: {target}\npictures: {target.with_suffix('')}")
    return record.Results(data)


def _tell_verdicts(results):
    from . import goals
    for verdict in goals.verdicts(results):
        if verdict.spread:
            row, found = verdict.row, verdict.spread
            print(f"{verdict.word:<8} {found.median:10,.2f}   ({found.lowest:,.2f} to {found.highest:,.2f}; "
                  f"{markdown.threshold_text(row)})   {row.goal[0]}: {row.what}")


def _plan_text(to_do, seconds):
    for step in to_do:
        yield f"round {step.round}  {step.scenario.name}: {step.point.name}  {step.subject}"
    yield f"{len(to_do)} steps, about {duration(sum(estimates(to_do, seconds)))}"


def _whole_run(arguments):
    to_do = plan(arguments.scenarios, arguments.subjects, arguments.rounds)
    if arguments.plan:
        print("\n".join(_plan_text(to_do, arguments.seconds)))
        return 0
    if os.geteuid() != 0:
        raise BenchError("needs root, to make network namespaces and load BPF programs: run it with sudo")
    if not to_do:
        raise BenchError("nothing to measure: none of the subjects takes part in these scenarios")
    # What the relay's host has, its operator knows.
    local = [] if arguments.relay_host else arguments.subjects
    relays.require_programs(local, arguments.bin)
    lock = _only_one()
    raise_on_signals()
    print(f"{len(to_do)} steps, about {duration(sum(estimates(to_do, arguments.seconds)))}", file=sys.stderr)
    status = _measure(arguments, to_do)
    lock.close()
    if arguments.output.exists():
        results = _report(arguments.output, arguments.markdown or arguments.output.with_suffix(".md"))
        _tell_verdicts(results)
        print(f"measurements: {arguments.output}")
        if results.failures:
            print(f"{len(results.failures)} failed: see the report", file=sys.stderr)
            status = status or 3
    return status


def main():
    try:
        arguments = options.parse()
        if arguments.report:
            _report(arguments.report, arguments.markdown or arguments.report.with_suffix(".md"))
            return 0
        if arguments.serve:
            return serve(arguments)
        return _whole_run(arguments)
    except BenchError as failure:
        print(f"run.sh: {failure}", file=sys.stderr)
        return 1
