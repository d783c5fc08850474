# SPDX-License-Identifier: Apache-2.0
"""run_ctest.py FILE: runs the tests that `ctest --show-only=json-v1` listed in FILE, one after the other, with
ten times their time, because the machine is emulated. A line a test; exits 1 when one failed."""

import json
import os
import subprocess
import sys
import time


def properties(test):
    return {entry["name"]: entry["value"] for entry in test.get("properties", [])}


def run(test):
    settings = properties(test)
    environment = dict(os.environ)
    environment.update(entry.split("=", 1) for entry in settings.get("ENVIRONMENT", []))
    started = time.monotonic()
    try:
        done = subprocess.run(test["command"], env=environment, capture_output=True, text=True, check=False,
                              timeout=10 * float(settings.get("TIMEOUT", 120)))
        passed, output = done.returncode == 0, done.stdout + done.stderr
    except subprocess.TimeoutExpired as expired:
        passed, output = False, f"not finished in time\n{expired.stdout}\n{expired.stderr}"
    print(f"{'passed' if passed else 'FAILED'} {test['name']} {time.monotonic() - started:.0f} s", flush=True)
    if not passed:
        print(output[-4000:], flush=True)
    return passed


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        tests = [test for test in json.load(file)["tests"] if "command" in test]
    wanted = sys.argv[2:]
    outcomes = [run(test) for test in tests if not wanted or any(word in test["name"] for word in wanted)]
    print(f"{sum(outcomes)} of {len(outcomes)} passed", flush=True)
    return 0 if outcomes and all(outcomes) else 1


sys.exit(main())
