# SPDX-License-Identifier: Apache-2.0
"""The figure of a measurement, and how it is written."""

import dataclasses

from .memory import per_allocation


@dataclasses.dataclass(frozen=True)
class Figure:
    value: float
    text: str


def packets(value):
    return f"{value / 1e6:.3f} Mpps" if value >= 1e6 else f"{value / 1e3:.1f} kpps"


def nanoseconds(value):
    if abs(value) >= 1e6:
        return f"{value / 1e6:.2f} ms"
    return f"{value / 1e3:.1f} µs"


def value_of(measurement):
    """The number that a kind of measurement is about."""
    result = measurement["result"]
    kind = measurement["kind"]
    if kind == "throughput":
        return result["delivered_pps"]
    if kind == "delay":
        return result["delay_ns"]["p99"]
    if kind == "allocate":
        return result["allocations_per_second"]
    if kind == "memory":
        return per_allocation(result["small"], result["large"])["total"]
    return result["lost"]


def text_of(kind, value):
    return {"throughput": packets, "delay": nanoseconds, "allocate": lambda rate: f"{rate:,.0f}/s",
            "memory": lambda count: f"{count:,.0f} bytes", "restart": lambda count: f"{count:,.0f}"}[kind](value)


def figure(measurement):
    value = value_of(measurement)
    text = text_of(measurement["kind"], value)
    if measurement["kind"] == "throughput" and measurement["result"].get("loss"):
        text += f" ({measurement['result']['loss']:.0%} lost)"
    return Figure(value, {"delay": f"p99 {text}", "memory": f"{text} each", "restart": f"{text} lost"}.get(
        measurement["kind"], text))
