# SPDX-License-Identifier: Apache-2.0
"""run_devices.py BUILD: end-to-end tests on devices that need modules of Debian's kernels. A line each; exits 1
when one failed."""

import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
E2E = os.path.join(HERE, "../e2e")

# (topology, test file, modes, families)
RUNS = [
    ("vlan", "uclient", ("native", "generic"), (4, 6)),
    ("vlan", "payloads", ("native", "generic"), (4, 6)),
    ("virtio", "uclient", ("native", "generic"), (4, 6)),
    ("virtio", "payloads", ("native",), (4, 6)),
    ("netem", "impaired", ("native", "generic"), (4, 6)),
    ("veth", "dispatcher", ("native", "generic"), (4,)),
    ("veth", "links", ("native", "generic"), (4, 6)),
]


def run(build, topology, file, mode, family):
    name = f"{topology}.{file}.{mode}.ipv{family}"
    environment = dict(os.environ, TURNPIKE_BIN=f"{build}/bin", TURNPIKE_MODE=mode, TURNPIKE_FAMILY=str(family),
                       TURNPIKE_TOPOLOGY=topology, PYTHONPATH=E2E)
    folder = E2E if os.path.exists(f"{E2E}/test_{file}.py") else HERE
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-B", f"{folder}/test_{file}.py"], env=environment,
                          capture_output=True, text=True, check=False, timeout=900)
    passed = done.returncode == 0
    print(f"{'passed' if passed else 'FAILED'} {name} {time.monotonic() - started:.0f} s", flush=True)
    if not passed:
        print((done.stdout + done.stderr)[-4000:], flush=True)
    return passed


def main():
    build, wanted = sys.argv[1], sys.argv[2:]
    outcomes = []
    for topology, file, modes, families in RUNS:
        for mode in modes:
            for family in families:
                if not wanted or all(word in f"{topology}.{file}.{mode}.ipv{family}" for word in wanted):
                    outcomes.append(run(build, topology, file, mode, family))
    print(f"{sum(outcomes)} of {len(outcomes)} passed", flush=True)
    return 0 if outcomes and all(outcomes) else 1


sys.exit(main())
