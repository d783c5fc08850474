# SPDX-License-Identifier: Apache-2.0
"""Packets lost while the relay ends and its successor starts, at a fixed rate."""

import time

from .generator import SET_UP_LIMIT, failed, parse_report
from .processes import BenchError, Program

SECONDS = 6
RATE = 20_000      # a second; low enough for every relay, so that what is lost is lost by the restart
ENDS_AFTER = 2.5   # seconds after the generator began to serve; it needs less than one to set up
DOWN = 1.0         # seconds without any process
WARM_UP = 0.7      # that the generator may need besides
LOAD = {"direction": "to-peer", "framing": "channel", "size": 160, "flows": 4}


def _end_and_start(relay, how):
    """Seconds without a relay process."""
    began = time.monotonic()
    if how == "upgrade":
        relay.upgrade()
    else:
        relay.kill()
        time.sleep(DOWN)
        relay.start()
    return time.monotonic() - began


def measure(bench, step, relay):
    how = step.point.option("how")
    command = bench.generator.traffic_command(step.subject, LOAD, bench.cpus, SECONDS, RATE)
    with Program(command) as generator:
        begun = time.monotonic()
        time.sleep(ENDS_AFTER)
        down = _end_and_start(relay, how)
        ready = time.monotonic()
        status = generator.wait(SET_UP_LIMIT)
        ended = time.monotonic()
    if status != 0:
        raise failed(generator, status)
    result = parse_report(generator.stdout(), command)
    # The measured window ends at `ended`, less a short drain.
    if ready > ended - WARM_UP or begun + ENDS_AFTER < ended - SECONDS - WARM_UP:
        raise BenchError(f"the restart was not within the measured {SECONDS} s: the relay was back "
                         f"{ended - ready:.1f} s before the generator's end, which took {ended - begun:.1f} s in all")
    return {"rate": RATE, "command": " ".join(command), "result":
            {**result, "lost": result["sent"] - result["delivered"], "down_seconds": down}}
