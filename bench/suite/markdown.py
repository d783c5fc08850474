# SPDX-License-Identifier: Apache-2.0
"""The report, as Markdown, from a record alone: the same record gives the same text."""

import hashlib

from . import goals
from .goals import verdicts
from .record import Results
from .relays import FORWARDS
from .spread import ratios, spread

REFERENCES = ("coturn", "forward-fib")
METHOD = """\
- Each figure is of one measurement in three network namespaces, made by `turnpike-load`: frames from the kernel, sent
  into the client's (or the peer's) veth, counted where they arrive. veth is no network card: ratios of one run on one
  machine mean something, packets a second do not carry over.
- What is compared is measured right after each other, in several rounds, each beginning with another subject. A ratio
  is of two figures of the same round. Tables give the median, and in brackets the lowest and highest.
- Generator and relay share the CPUs. A relay in userspace spends its time under a flood on packets that it then drops,
  so coturn and turnpike-off are tried four times each round: floods made by all CPUs and by one alone, and two rates
  near the best that probes found for that kind of traffic. The best counts. Everything in the kernel is measured under
  a flood.
- `forward-fib` is the bare XDP forward: TTL, FIB look-up, redirect. `forward` is the ceiling: new MAC addresses and a
  redirect.
- Memory is what control groups say the kernel holds for the relay's process (sockets, files, BPF maps) and its own
  anonymous memory, of relays made for and holding a small and a large number of allocations: the difference, per
  allocation more.
- Added delay is the delay through the relay less that through the bare forward at the same rate in the same round.
"""


def cell(values, scale=1.0, digits=None):
    """'median (lowest–highest)' of {round: value}"""
    found = spread(values.values())
    if not found:
        return "—"
    if digits is None:
        digits = 2 if abs(found.median / scale) < 10 else 1 if abs(found.median / scale) < 100 else 0
    figures = (found.median, found.lowest, found.highest)
    median, lowest, highest = (f"{value / scale:,.{digits}f}" for value in figures)
    return median if found.count == 1 else f"{median} ({lowest}–{highest})"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def threshold_text(row):
    unit = f" {row.unit}" if row.unit != "×" else "×"
    return f"{'≥' if row.sense == goals.AT_LEAST else '≤'} {row.threshold:g}{unit}"


def verdict_row(verdict):
    row, found = verdict.row, verdict.spread
    if not found:
        return [row.what, threshold_text(row), "—", "—", "—", "—", verdict.word +
                (f" ({row.why_not})" if row.why_not else "")]
    digits = 0 if row.unit in ("bytes", "packets") else 2
    numbers = [f"{value:,.{digits}f}" for value in (found.median, found.lowest, found.highest)]
    return [row.what, threshold_text(row), *numbers, str(found.count), f"**{verdict.word}**"]


def verdict_section(results):
    judged = verdicts(results)
    parts = ["## Verdicts\n", table(("goal", "verdict"), [
        (goal, f"**{goals.overall([each for each in judged if each.row.goal == goal])}**")
        for goal in dict.fromkeys(verdict.row.goal for verdict in judged)])]
    for goal in dict.fromkeys(verdict.row.goal for verdict in judged):
        rows = [verdict_row(verdict) for verdict in judged if verdict.row.goal == goal]
        parts.append(f"### Goal {goal}\n")
        parts.append(table(("what", "required", "median", "lowest", "highest", "rounds", "verdict"), rows))
    return parts


def throughput_table(results, scenario, subjects):
    points = results.points(scenario)
    yield table(("thousand packets a second", *subjects), [
        [point["name"], *(cell(results.figures(scenario["name"], point["name"], subject), 1e3) for subject in subjects)]
        for point in points])
    rows = []
    for point in points:
        for subject in subjects:
            found = {reference: ratios(results.figures(scenario["name"], point["name"], subject),
                                       results.figures(scenario["name"], point["name"], reference))
                     for reference in REFERENCES}
            if subject not in (*FORWARDS, "coturn") and any(found.values()):
                rows.append([point["name"], subject, *(cell(found[reference], digits=2) for reference in REFERENCES)])
    if rows:
        yield table(("ratio of the same round", "", *(f"to {reference}" for reference in REFERENCES)), rows)


def _sent(measurement):
    return measurement["result"]["sent_pps"]


def delay_table(results, scenario, _subjects):
    rows = []
    for point in results.points(scenario):
        for subject in results.subjects(scenario["name"], point["name"]):
            sent = results.figures(scenario["name"], point["name"], subject, _sent)
            row = [point["name"], subject, cell(sent, 1e3)]
            for percentile in ("p50", "p99"):
                def value(measurement, percentile=percentile):
                    return measurement["result"]["delay_ns"][percentile]
                own = results.figures(scenario["name"], point["name"], subject, value)
                base = results.figures(scenario["name"], point["name"], "forward-fib", value)
                added = {number: own[number] - base[number] for number in own.keys() & base.keys()}
                row += [cell(own, 1e3), "—" if subject in FORWARDS else cell(added, 1e3)]
            rows.append(row)
    yield table(("", "", "sent, kpps", "p50, µs", "p50 added, µs", "p99, µs", "p99 added, µs"), rows)


def memory_table(results, scenario, subjects):
    def part(name):
        return lambda measurement: (measurement["result"]["large"][name] - measurement["result"]["small"][name]) / \
            (measurement["result"]["large"]["held"] - measurement["result"]["small"]["held"])

    def fixed(measurement):
        empty = measurement["result"]["small"]["empty"]
        return empty["kernel"] + empty["user"]

    rows = []
    for point in results.points(scenario):
        for subject in subjects:
            places = (scenario["name"], point["name"], subject)
            if results.figures(*places):
                rows.append([point["name"], subject, *(cell(results.figures(*places, part(name)))
                                                       for name in ("kernel", "user")),
                             cell(results.figures(*places)), cell(results.figures(*places, fixed), 1 << 20)])
    yield table(("", "", "kernel, bytes", "user, bytes", "together, bytes", "relay without any, MiB"), rows)


def plain_table(results, scenario, subjects):
    yield table((scenario["unit"], *subjects), [
        [point["name"], *(cell(results.figures(scenario["name"], point["name"], subject), digits=0)
                          for subject in subjects)] for point in results.points(scenario)])


TABLES_OF = {"throughput": throughput_table, "delay": delay_table, "memory": memory_table}


def scenario_section(results, scenario, pictures):
    points = results.points(scenario)
    if not points:
        return []
    parts = [f"## {scenario['title']}\n"]
    if scenario["name"] in pictures:
        parts.append(f"![{scenario['title']}]({pictures[scenario['name']]})\n")
    make = TABLES_OF.get(points[0]["kind"], plain_table)
    return parts + list(make(results, scenario, results.subjects(scenario["name"])))


def _machine_section(record):
    machine, versions, revision = record["machine"], record["versions"], record["revision"]
    rows = [("processor", machine["cpu"] + (" (virtual machine)" if machine["virtual"] else "")),
            ("CPUs", str(machine["cpus"])), ("memory", f"{machine['memory_bytes'] / (1 << 30):.1f} GiB"),
            ("system", machine["distribution"]), ("frequency governor", machine["governor"]),
            ("BPF JIT", "on" if machine["bpf_jit"] != "0" else "off"),
            ("processor's vulnerabilities mitigated", ", ".join(
                name for name, text in machine["mitigations"].items() if text.startswith("Mitigation")) or "none"),
            *((name, text) for name, text in versions.items() if name != "sha256"),
            *((f"sha256 of {name}", f"`{text}`") for name, text in versions["sha256"].items()),
            ("revision", f"`{revision['commit']}`" + (f", {len(revision['changed_files'])} files changed since"
                                                      if revision["changed_files"] else ""))]
    return ["## Machine and versions\n", table(("", ""), rows)]


def _failures_section(results):
    if not results.failures:
        return []
    return ["## What failed\n", table(("scenario", "point", "subject", "round", "error"), [
        [each["scenario"], each["point"], each["subject"], str(each["round"]),
         each["error"].splitlines()[0].replace("|", "\\|")] for each in results.failures])]


def report(record, pictures, source):
    """`pictures`: {scenario or "goals": path as the report shall name it}; `source`: the record's file."""
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    results = Results(record)
    settings = record["settings"]
    parts = ["# Performance report\n",
             f"Made by `bench/run.sh --report {source.name}` (sha256 `{digest}`), and by nobody's hand: every number "
             "below is computed from its single measurements.\n",
             f"Measured {record['started']} to {record['ended']} by `{record['command']}`: {settings['rounds']} rounds, "
             f"{settings['seconds']} s a measurement, CPUs {', '.join(map(str, settings['cpus']))}"
             f"{', generator and relay on two hosts' if settings['two_hosts'] else ''}.\n"]
    if not record["complete"]:
        parts.append("**The run was interrupted: this is what it had until then.**\n")
    parts += verdict_section(results)
    if "goals" in pictures:
        parts.append(f"![Ratios to their goals]({pictures['goals']})\n")
    for scenario in record["scenarios"]:
        parts += scenario_section(results, scenario, pictures)
    parts += _failures_section(results)
    parts += _machine_section(record)
    parts += ["## How it was measured\n", METHOD, _commands(results)]
    return "\n".join(parts)


def _commands(results):
    """One command of each kind as an example; the JSON has all."""
    shown = {}
    for measurements in results.measurements.values():
        for measurement in measurements:
            shown.setdefault(measurement["kind"], measurement["command"])
    lines = "\n".join(shown.values())
    return ("One command of each kind; the JSON has every one, and each relay's start and configuration.\n"
            f"```\n{lines}\n```\n")
