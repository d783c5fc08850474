# SPDX-License-Identifier: Apache-2.0
"""summarise.py LINES OUTPUT: a table from compare.sh's measurements, and everything as JSON."""

import collections
import json
import os
import platform
import statistics
import subprocess
import sys


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "not installed"
    return (done.stdout + done.stderr).strip().split("\n")[-1]


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return {"cpu": models[0] if models else platform.machine(), "cpus": os.cpu_count(),
            "kernel": platform.release(), "coturn": first_line("turnserver", "--version")}


def best_of_round(lines):
    """{(subject, direction): {round: packets per second}}: where several rates were tried, the best."""
    best = collections.defaultdict(dict)
    for line in lines:
        rounds = best[line["subject"], line["direction"]]
        rounds[line["round"]] = max(rounds.get(line["round"], 0), line["delivered_pps"])
    return best


def ratios(best, subject, reference, direction):
    """Of the same round each: neighbours in time share the machine's mood."""
    ours = best.get((subject, direction), {})
    theirs = best.get((reference, "forward" if reference == "forward" else direction), {})
    return [ours[n] / theirs[n] for n in sorted(ours) if theirs.get(n)]


def main():
    lines_file, output = sys.argv[1:]
    with open(lines_file, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    best = best_of_round(lines)
    rounds = sorted({line["round"] for line in lines})
    result = {"machine": machine(), "medians": [], "ratios": [], "measurements": lines}

    print(f"{'subject':<18}{'direction':<12}" + "".join(f"{'round ' + str(n):>12}" for n in rounds) +
          f"{'median':>12}   packets/s")
    for (subject, direction), by_round in best.items():
        median = statistics.median(by_round.values())
        result["medians"].append({"subject": subject, "direction": direction, "delivered_pps": median})
        print(f"{subject:<18}{direction:<12}" + "".join(f"{by_round.get(n, 0):>12,.0f}" for n in rounds) +
              f"{median:>12,.0f}")
    print()
    for subject, direction in best:
        for reference in ("coturn", "forward"):
            found = ratios(best, subject, reference, direction)
            if subject == reference or subject == "forward" or not found:
                continue
            entry = {"subject": subject, "to": reference, "direction": direction,
                     "median": statistics.median(found), "lowest": min(found), "highest": max(found)}
            result["ratios"].append(entry)
            print(f"{subject} / {reference:<8} {direction:<10} {entry['median']:8.2f}"
                  f"   ({entry['lowest']:.2f} to {entry['highest']:.2f})")
    with open(output, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    print(f"\nwritten to {output}")


if __name__ == "__main__":
    main()
