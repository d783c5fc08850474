# SPDX-License-Identifier: Apache-2.0
"""Three network namespaces for a measurement.

    tp-bench-client            tp-bench-relay              tp-bench-peer
   +----------------+        +------------------+        +----------------+
   |           veth0|--------|client0      peer0|--------|veth0           |
   +----------------+        +------------------+        +----------------+
      198.18.1.2/24    198.18.1.1/24  198.18.2.1/24        198.18.2.2/24

A queue for each CPU that takes part, as a NIC of a relay host has. GRO at the ends lets a native XDP redirect
into the veth be delivered before a sink is attached there. Checksum offload is off there, since a veth sender
leaves the checksum to hardware that is not there, and the fast path leaves such packets to the stack."""

import os
import signal
import time

from .processes import BenchError, run

CLIENT_NETNS = "tp-bench-client"
RELAY_NETNS = "tp-bench-relay"
PEER_NETNS = "tp-bench-peer"
RELAY_CLIENT_ADDRESS = "198.18.1.1"
RELAY_PEER_ADDRESS = "198.18.2.1"
PEER_ADDRESS = "198.18.2.2"
# (namespace, its address, the relay's interface, the relay's address)
WIRES = ((CLIENT_NETNS, "198.18.1.2", "client0", RELAY_CLIENT_ADDRESS),
         (PEER_NETNS, PEER_ADDRESS, "peer0", RELAY_PEER_ADDRESS))


def inside(netns, *command):
    """`ip netns exec` replaces itself by the command, so its process id is the command's."""
    return ["ip", "netns", "exec", netns, *command] if netns else list(command)


def down():
    for netns in (CLIENT_NETNS, RELAY_NETNS, PEER_NETNS):
        for pid in run("ip", "netns", "pids", netns, check=False).stdout.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                continue
        run("ip", "netns", "del", netns, check=False)


def up(queues):
    down()
    for netns in (CLIENT_NETNS, RELAY_NETNS, PEER_NETNS):
        run("ip", "netns", "add", netns)
        run("ip", "-n", netns, "link", "set", "lo", "up")
    for wire in WIRES:
        _connect(*wire, queues)
    for wire in WIRES:
        _await_carrier(wire[2])


def _connect(end, address, relay_interface, relay_address, queues):
    many = ("numtxqueues", str(queues), "numrxqueues", str(queues))
    run("ip", "link", "add", "veth0", "netns", end, *many, "type", "veth",
        "peer", "name", relay_interface, "netns", RELAY_NETNS, *many)
    for netns, interface, own in ((end, "veth0", address), (RELAY_NETNS, relay_interface, relay_address)):
        run("ip", "-n", netns, "address", "add", f"{own}/24", "dev", interface)
        run("ip", "-n", netns, "link", "set", interface, "up")
        run(*inside(netns, "ethtool", "-K", interface, "gro", "on"))
    run(*inside(end, "ethtool", "-K", "veth0", "tx", "off"))


def _await_carrier(interface):
    """It is told of some time later; a relay that starts before finds a link that is down."""
    deadline = time.monotonic() + 5
    while "state UP" not in run("ip", "-n", RELAY_NETNS, "-o", "link", "show", interface).stdout:
        if time.monotonic() > deadline:
            raise BenchError(f"{RELAY_NETNS}: no carrier on {interface} within 5 s")
        time.sleep(0.02)
