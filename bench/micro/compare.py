#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compare.py: two builds of turnpike-micro against each other, on a machine that does other things too.

    bench/micro/compare.py BEFORE AFTER [--rounds N] [--filter REGEX] [--min-time SECONDS] [--json FILE]

BEFORE and AFTER are turnpike-micro binaries (build one from an older revision in another build directory). Each
round runs every benchmark of both, one after the other, the order turned round each time, so that what disturbs
one disturbs the other. Told for each: the median time of both, and the median, lowest and highest of the rounds'
ratios AFTER / BEFORE: below 1 is faster. Marked is what lies on one side of 1 in every one of at least seven rounds,
which chance does to one benchmark of sixty-four."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys


ENOUGH_ROUNDS = 7


def parse_arguments():
    parser = argparse.ArgumentParser(usage="%(prog)s BEFORE AFTER [options]",
                                     description="Compares two turnpike-micro binaries by interleaved runs.")
    parser.add_argument("before", type=pathlib.Path, metavar="BEFORE")
    parser.add_argument("after", type=pathlib.Path, metavar="AFTER")
    parser.add_argument("--rounds", type=int, default=ENOUGH_ROUNDS,
                        help=f"at least 2; with fewer than {ENOUGH_ROUNDS} nothing is marked ({ENOUGH_ROUNDS})")
    parser.add_argument("--filter", default=".", metavar="REGEX", help="which benchmarks (all)")
    parser.add_argument("--min-time", type=float, default=0.1, metavar="SECONDS",
                        help="of one benchmark in one round (0.1)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write every single time to FILE")
    given = parser.parse_args()
    for binary in given.before, given.after:
        if not os.access(binary, os.X_OK):
            parser.error(f"{binary}: no executable; expected a turnpike-micro binary")
    if given.rounds < 2:
        parser.error(f"--rounds {given.rounds}: at least 2, for a spread")
    return given


def names_of(binary, pattern):
    done = subprocess.run([binary, "--benchmark_list_tests", f"--benchmark_filter={pattern}"],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"compare.py: {binary}: {done.stderr.strip() or 'it told no benchmarks'}")
    return [line for line in done.stdout.split("\n") if line]


def measure(binary, name, min_time):
    """ns of CPU time an iteration; None and the reason when the benchmark could not run"""
    exact = "^" + "".join("\\" + c if c in ".^$*+?()[]{}|\\" else c for c in name) + "$"
    done = subprocess.run([binary, f"--benchmark_filter={exact}", f"--benchmark_min_time={min_time}",
                           "--benchmark_format=json"], capture_output=True, text=True, check=False)
    try:
        run = json.loads(done.stdout)["benchmarks"][0]
    except (json.JSONDecodeError, KeyError, IndexError):
        return None, done.stderr.strip() or "no result"
    if run.get("error_occurred"):
        return None, run["error_message"]
    scale = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[run["time_unit"]]
    return run["cpu_time"] * scale, None


def run_rounds(given, names):
    """{name: [(before, after) of each round]}, {name: why it could not run}"""
    times, failed = {name: [] for name in names}, {}
    for turn in range(given.rounds):
        for name in names:
            if name in failed:
                continue
            order = (given.before, given.after) if turn % 2 == 0 else (given.after, given.before)
            pair = {}
            for binary in order:
                pair[binary], why = measure(binary, name, given.min_time)
                if why:
                    failed[name] = f"{binary}: {why}"
            if name not in failed:
                times[name].append((pair[given.before], pair[given.after]))
        print(f"round {turn + 1} of {given.rounds}", file=sys.stderr)
    return {name: pairs for name, pairs in times.items() if name not in failed}, failed


def verdict_on(ratios):
    if len(ratios) < ENOUGH_ROUNDS:
        return ""
    return "faster" if max(ratios) < 1 else "SLOWER" if min(ratios) > 1 else ""


def report(times, failed):
    print(f"{'benchmark':48} {'before ns':>11} {'after ns':>11} {'ratio':>7}  {'lowest-highest':14}")
    for name, pairs in times.items():
        ratios = [after / before for before, after in pairs]
        print(f"{name:48} {statistics.median(b for b, _ in pairs):11.1f} "
              f"{statistics.median(a for _, a in pairs):11.1f} {statistics.median(ratios):7.3f}  "
              f"{min(ratios):6.3f}-{max(ratios):.3f}  {verdict_on(ratios)}")
    for name, why in failed.items():
        print(f"{name:48} not measured: {why}")


def main():
    given = parse_arguments()
    before, after = names_of(given.before, given.filter), names_of(given.after, given.filter)
    names = [name for name in after if name in before]
    for name in sorted(set(before) ^ set(after)):
        print(f"{name}: only in {given.before if name in before else given.after}", file=sys.stderr)
    if not names:
        sys.exit(f"compare.py: no benchmark in both matches {given.filter!r}")
    times, failed = run_rounds(given, names)
    report(times, failed)
    if given.json:
        given.json.write_text(json.dumps({"before": str(given.before), "after": str(given.after),
                                          "cpu_time_ns": times, "failed": failed}, indent=1) + "\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
