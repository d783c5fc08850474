# SPDX-License-Identifier: Apache-2.0
"""coturn's turnutils_uclient and turnutils_peer.

The client exits 0 when every packet was lost: only its count of bytes tells."""

import re
import subprocess
import time

from relay import PASSWORD, PORT, USER
from topology import PEER, RELAY_CLIENT_SIDE

PEER_PORT = 3480


class EchoPeer:
    """turnutils_peer: sends back what it gets."""

    def __init__(self, topology, family):
        self.process = topology.peer.popen("turnutils_peer", "-L", PEER[family], "-p", str(PEER_PORT),
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.3)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Traffic:
    def __init__(self, text):
        totals = re.findall(r"tot_send_bytes ~ (\d+), tot_recv_bytes ~ (\d+)", text)
        if not totals:
            raise AssertionError("turnutils_uclient gave no totals:\n" + text)
        self.sent, self.received = map(int, totals[-1])
        self.text = text


def run_uclient(topology, family, *, hairpin, indications=False, clients=2, messages=200, size=171,
                interval_ms=2, user=USER, password=PASSWORD):
    """hairpin: the clients talk to each other through the relay, otherwise with an EchoPeer."""
    command = ["turnutils_uclient", "-u", user, "-w", password, "-p", str(PORT), "-m", str(clients), "-n",
               str(messages), "-l", str(size), "-z", str(interval_ms), "-c"]
    if family == 6:
        command.append("-x")
    if indications:
        command.append("-s")
    command += ["-y"] if hairpin else ["-e", PEER[family], "-r", str(PEER_PORT)]
    done = topology.client.run(*command, RELAY_CLIENT_SIDE[family], check=False, timeout=40)
    if done.returncode != 0:
        raise AssertionError(f"turnutils_uclient: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return Traffic(done.stdout + done.stderr)
