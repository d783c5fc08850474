# SPDX-License-Identifier: Apache-2.0
"""What the operator sees while it runs: which step of how many, the time left, the last figures."""

import sys
import time

from .rates import PROBES, point_key
from .relays import USERSPACE
from .units import figure

START = 1.6  # seconds for topology and relay
CALL = 1.0   # seconds that the generator needs besides the measured time
BINDINGS_A_SECOND = 8000  # that the generator sets up


def estimate(step, seconds, searched):
    """Seconds that a step takes, roughly. `searched`: keys of rates that are known by then; grows."""
    point = step.point
    if point.seconds:
        return START + point.seconds
    set_up = (point.option("bindings") or 0) / BINDINGS_A_SECOND
    if point.kind == "throughput" and step.subject in USERSPACE:
        key = point_key(step.subject, point)
        probes = 0 if key in searched else PROBES / 2
        searched.add(key)
        return START + 4 * (seconds + CALL + set_up) + probes * (1 + CALL + set_up)
    return START + seconds + CALL + set_up


def estimates(steps, seconds):
    searched = set()
    return [estimate(step, seconds, searched) for step in steps]


def duration(seconds):
    minutes = int(seconds + 30) // 60
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min" if seconds >= 90 else f"{seconds:.0f} s"


class Progress:
    """`steps`: all that are to come. On a terminal the step under way has a line that is written over."""

    def __init__(self, steps, seconds, stream=sys.stderr):
        self.stream = stream
        self.estimates = estimates(steps, seconds)
        self.done = 0
        self.begun = time.monotonic()

    def left(self):
        """What is estimated for the rest, corrected by how wrong the estimate was until now."""
        spent, rest = sum(self.estimates[:self.done]), sum(self.estimates[self.done:])
        if self.done < 5:
            return rest
        return rest * (time.monotonic() - self.begun) / spent

    def _place(self, step):
        return (f"[{self.done + 1}/{len(self.estimates)}] round {step.round}, {step.scenario.name}: {step.point.name}, "
                f"{step.subject}")

    def begin(self, step):
        if self.stream.isatty():
            self.stream.write(f"\r\033[K{self._place(step)} … about {duration(self.left())} left")
            self.stream.flush()

    def finish(self, step, measurements):
        place = self._place(step)
        self.done += 1
        start = "\r\033[K" if self.stream.isatty() else ""
        self.stream.write(f"{start}{place}: {summary(measurements)}   ({duration(self.left())} left)\n")
        self.stream.flush()


def summary(measurements):
    """The step's best figure, or what failed."""
    errors = [measurement["error"] for measurement in measurements if "error" in measurement]
    if errors:
        return "FAILED: " + errors[0].splitlines()[0]
    figures = [figure(measurement) for measurement in measurements if not measurement.get("probe")]
    return max(figures, key=lambda each: each.value).text if figures else "nothing measured"
