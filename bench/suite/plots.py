# SPDX-License-Identifier: Apache-2.0
"""Pictures of a record. Marks are medians, lines and bands reach from the lowest round to the highest. Colours are
those of Okabe and Ito, which the colour-blind tell apart, and each subject has a mark of its own besides."""

import pathlib

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend comes first)
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator  # noqa: E402

from . import goals  # noqa: E402
from .record import Results  # noqa: E402
from .spread import Spread, spread  # noqa: E402
from .units import value_of  # noqa: E402

STYLE = {"turnpike-native": ("#0072B2", "o"), "turnpike-generic": ("#56B4E9", "s"), "turnpike-off": ("#009E73", "^"),
         "coturn": ("#D55E00", "D"), "forward-fib": ("#000000", "v"), "forward": ("#7F7F7F", "P")}
VERDICT_STYLE = {goals.MET: ("#0072B2", "o"), goals.MISSED: ("#D55E00", "X")}
WIDTH = 8.5
# Scenarios whose points are along an axis: its name and scale.
AXES = {"sizes": ("application data in a datagram, bytes", "linear"), "bindings": ("live bindings", "log")}


def plain(value, _position=None):
    return f"{value:,.10g}"


def thousands(value):
    return f"{value / 1000:,.10g}k" if value >= 10_000 else plain(value)


def label_of(value):
    """Three digits."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def p50(measurement):
    return measurement["result"]["delay_ns"]["p50"]


def _log(axis):
    """A logarithmic axis that has 1, 2 and 5 written out."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(plain))
    axis.set_minor_formatter(NullFormatter())


def _save(figure, path):
    figure.tight_layout()
    # No date and no random ids: the same record gives the same file.
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=110)
    pyplot.close(figure)


def _frame(axis, title, label):
    axis.set_title(title, loc="left", fontsize=11)
    axis.set_xlabel(label)
    axis.grid(True, axis="x", which="major", alpha=0.35)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _legend(axis, columns=3):
    """Below the axis' label, however high the picture is."""
    handles, labels = axis.get_legend_handles_labels()
    named = dict(zip(labels, handles))
    height = axis.figure.get_figheight() - 1.4
    axis.legend(named.values(), named.keys(), loc="upper center", bbox_to_anchor=(0.5, -0.55 / height), ncol=columns,
                frameon=False, fontsize=9)


def _mark(axis, place, found, style, label, hollow=False):
    """A median with its spread: `found` a Spread, `place` where on the other axis. Gives where the line ends."""
    colour, mark = style
    axis.plot([found.lowest, found.highest], [place, place], color=colour, linewidth=2, alpha=0.6)
    axis.plot(found.median, place, mark, color=colour, markersize=6, label=label, linestyle="none",
              markerfacecolor="none" if hollow else colour)
    axis.annotate(label_of(found.median), (found.highest, place), xytext=(6, 0), textcoords="offset points",
                  va="center", fontsize=8, color=colour)


def dots(results, scenario, title, label, scale=1.0, log=True, values=(("", value_of),)):
    """A line for each point, a mark for each subject on it. `values`: (what, of a measurement), the last one filled."""
    points, subjects = results.points(scenario), results.subjects(scenario["name"])
    figure, axis = pyplot.subplots(figsize=(WIDTH, max(3.2, 1.9 + 0.24 * len(points) * len(subjects))))
    gap = 0.7 / max(1, len(subjects))
    for row, point in enumerate(points):
        for place, subject in enumerate(subjects):
            for what, value in values:
                found = results.figures(scenario["name"], point["name"], subject, value).values()
                found = spread(figure / scale for figure in found)
                if found and (not log or found.lowest > 0):
                    _mark(axis, row - 0.35 + gap * (place + 0.5), found, STYLE[subject],
                          subject + what, hollow=value is not values[-1][1])
    axis.set_yticks(range(len(points)), [point["name"] for point in points], fontsize=9)
    axis.set_ylim(len(points) - 0.5, -0.5)
    if log:
        axis.set_xscale("log")
        _log(axis.xaxis)
        low, high = axis.get_xlim()
        axis.set_xlim(low, high * (high / low) ** 0.12)
    else:
        axis.set_xlim(0, max(1, axis.get_xlim()[1]) * 1.15)
        axis.xaxis.set_major_formatter(FuncFormatter(plain))
    _frame(axis, title, label)
    _legend(axis)
    return figure


def curves(results, scenario, title, unit, scale):
    """Packets a second along an axis. Points at the same place, such as traffic on one binding, are dashed."""
    figure, axis = pyplot.subplots(figsize=(WIDTH, 5.2))
    series = {}
    for point in results.points(scenario):
        kind = "" if "traffic on one" not in point["name"] else ", traffic on one"
        for subject in results.subjects(scenario["name"], point["name"]):
            found = spread(results.figures(scenario["name"], point["name"], subject).values())
            series.setdefault((subject, kind), []).append((point["x"], found))
    for (subject, kind), found in series.items():
        found.sort(key=lambda pair: pair[0])
        colour, mark = STYLE[subject]
        places = [x for x, _ in found]
        axis.plot(places, [each.median / scale for _, each in found], marker=mark, color=colour, label=subject + kind,
                  linestyle="--" if kind else "-", markerfacecolor="none" if kind else colour)
        axis.fill_between(places, [each.lowest / scale for _, each in found],
                          [each.highest / scale for _, each in found], color=colour, alpha=0.15, linewidth=0)
    axis.set_yscale("log")
    _log(axis.yaxis)
    axis.set_xscale(AXES[scenario["name"]][1])
    ticks = sorted({x for found in series.values() for x, _ in found})
    axis.set_xticks(ticks, [thousands(x) for x in ticks], fontsize=9)
    axis.xaxis.set_minor_locator(NullLocator())
    axis.grid(True, axis="y", alpha=0.3)
    axis.set_ylabel(unit)
    _frame(axis, title, AXES[scenario["name"]][0])
    _legend(axis)
    return figure


def goal_ratios(results):
    """Each measured row as a share of its goal: right of the line is better, whichever way the goal goes."""
    judged = [verdict for verdict in goals.verdicts(results) if verdict.spread and verdict.row.threshold > 0 and
              verdict.spread.lowest > 0]
    if not judged:
        return None
    figure, axis = pyplot.subplots(figsize=(WIDTH, max(3, 1.8 + 0.26 * len(judged))))
    for y, verdict in enumerate(judged):
        row, found = verdict.row, verdict.spread
        shares = sorted(each / row.threshold if row.sense == goals.AT_LEAST else row.threshold / each
                        for each in (found.lowest, found.median, found.highest))
        _mark(axis, y, Spread(shares[1], shares[0], shares[2], found.count), VERDICT_STYLE[verdict.word],
              verdict.word)
    axis.axvline(1, color="black", linewidth=1)
    names = [f"{verdict.row.goal[0]}: {verdict.row.what}" for verdict in judged]
    axis.set_yticks(range(len(judged)), names, fontsize=8)
    axis.set_ylim(len(judged) - 0.5, -0.5)
    axis.set_xscale("log")
    _log(axis.xaxis)
    low, high = axis.get_xlim()
    axis.set_xlim(low, high * (high / low) ** 0.1)
    _frame(axis, "Each goal's ratio as a multiple of what the goal asks", "1 is the goal, right of it is better")
    _legend(axis)
    return figure


def picture(results, scenario):
    kind = results.points(scenario)[0]["kind"]
    title = scenario["title"]
    if scenario["name"] in AXES:
        return curves(results, scenario, title, "million packets a second", 1e6)
    if kind == "throughput":
        return dots(results, scenario, title, "million packets a second", 1e6)
    if kind == "delay":
        return dots(results, scenario, "One way at half of coturn's saturation: median and 99th percentile",
                    "delay, µs", 1e3, values=((", p50", p50), (", p99", value_of)))
    if kind == "memory":
        return dots(results, scenario, title, "bytes for each allocation", log=False)
    if kind == "restart":
        return dots(results, scenario, title, "packets lost", log=False)
    return dots(results, scenario, title, "allocations a second", log=False)


def draw(record, folder, suffix=".svg"):
    """{scenario or "goals": path} of the pictures made in `folder`."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    results = Results(record)
    with matplotlib.rc_context({"svg.hashsalt": "turnpike", "font.size": 10}):
        figures = {scenario["name"]: picture(results, scenario) for scenario in record["scenarios"]
                   if results.points(scenario)}
        if (overview := goal_ratios(results)) is not None:
            figures["goals"] = overview
        paths = {name: folder / f"{name}{suffix}" for name in figures}
        for name, figure in figures.items():
            _save(figure, paths[name])
    return paths
