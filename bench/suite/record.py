# SPDX-License-Identifier: Apache-2.0
"""The JSON of a run: all that a report is made from."""

import collections
import json
import os

from .processes import BenchError
from .units import value_of

FORMAT = 1
REQUIRED = ("format", "started", "ended", "complete", "command", "settings", "machine", "versions", "revision",
            "scenarios", "configurations", "measurements")


def write(path, record):
    """Whole or not at all: an interrupted write leaves the last one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    passing = path.with_suffix(".part")
    passing.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(passing, path)


def read(path):
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise BenchError(f"{path}: expected the JSON of a run: {fault}") from fault
    missing = [key for key in REQUIRED if key not in record] if isinstance(record, dict) else REQUIRED
    if missing:
        raise BenchError(f"{path}: not the JSON of a run, or cut off: no {', '.join(missing)}")
    if record["format"] != FORMAT:
        raise BenchError(f"{path}: format {record['format']}, this program reads {FORMAT}: use the one that wrote it")
    return record


class Results:
    """The figures of a record. Where a relay was tried at several rates its best counts, probes never."""

    def __init__(self, record):
        self.record = record
        self.measurements = collections.defaultdict(list)  # {(scenario, point, subject): [measurement]}
        self.failures = []
        for measurement in record["measurements"]:
            if "error" in measurement:
                self.failures.append(measurement)
            elif not measurement.get("probe"):
                key = (measurement["scenario"], measurement["point"], measurement["subject"])
                self.measurements[key].append(measurement)

    def best(self, scenario, point, subject):
        """{round: measurement}"""
        best = {}
        for measurement in self.measurements.get((scenario, point, subject), ()):
            number = measurement["round"]
            if number not in best or value_of(measurement) > value_of(best[number]):
                best[number] = measurement
        return best

    def figures(self, scenario, point, subject, value=value_of):
        """{round: figure}"""
        return {number: value(measurement) for number, measurement in self.best(scenario, point, subject).items()}

    def subjects(self, scenario, point=None):
        """Those with figures, in the order of the run's settings."""
        found = {key[2] for key in self.measurements if key[0] == scenario and point in (None, key[1])}
        return [subject for subject in self.record["settings"]["subjects"] if subject in found]

    def points(self, scenario):
        """[{"name", "kind", "x", …}] that have a figure, along their axis where they have one."""
        measured = {key[1] for key in self.measurements if key[0] == scenario["name"]}
        return sorted((point for point in scenario["points"] if point["name"] in measured),
                      key=lambda point: point["x"] or 0)
