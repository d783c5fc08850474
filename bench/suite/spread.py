# SPDX-License-Identifier: Apache-2.0
"""Medians, spread, and ratios of the same round."""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Spread:
    median: float
    lowest: float
    highest: float
    count: int


def spread(values):
    """None for no values."""
    values = list(values)
    return Spread(statistics.median(values), min(values), max(values), len(values)) if values else None


def ratios(ours, theirs):
    """{round: ours / theirs}, of rounds that have both: neighbours in time share the machine's mood."""
    return {number: ours[number] / theirs[number]
            for number in sorted(ours.keys() & theirs.keys()) if theirs[number] > 0}
