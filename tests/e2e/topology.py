# SPDX-License-Identifier: Apache-2.0
"""Three network namespaces of one test, removed when it ends.

     tp-e2e-PID-client            tp-e2e-PID-relay             tp-e2e-PID-peer
    +------------------+        +------------------+        +------------------+
    |             veth0|--------|client0      peer0|--------|veth0             |
    +------------------+        +------------------+        +------------------+
      192.0.2.2/24          192.0.2.1     198.51.100.1       198.51.100.2/24
      2001:db8:1::2/64  2001:db8:1::1     2001:db8:2::1      2001:db8:2::2/64

Checksum offload is off at the ends, because a veth sender leaves the UDP checksum to be filled in by hardware
that is not there, and the fast path rightly leaves such packets alone. GRO is on at the ends, because a
native XDP redirect into a veth is delivered only when the other side polls.
"""

import atexit
import os
import signal
import subprocess
import sys
import time

FAMILIES = (4, 6)
CLIENT = {4: "192.0.2.2", 6: "2001:db8:1::2"}
RELAY_CLIENT_SIDE = {4: "192.0.2.1", 6: "2001:db8:1::1"}
RELAY_PEER_SIDE = {4: "198.51.100.1", 6: "2001:db8:2::1"}
PEER = {4: "198.51.100.2", 6: "2001:db8:2::2"}
PREFIX_LENGTH = {4: 24, 6: 64}
RELAY_INTERFACES = ("client0", "peer0")


def run(*arguments, check=True, timeout=20):
    """Runs a command; its output is in the error when it fails."""
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def host_port(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class Namespace:
    def __init__(self, role):
        self.name = f"tp-e2e-{os.getpid()}-{role}"
        run("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")
        # No duplicate address detection: a device whose link-local address is still tentative does not ask for
        # the neighbours that a relay wants to be kept resolved, and asks again a second later.
        self.sysctl(net__ipv6__conf__all__accept_dad=0, net__ipv6__conf__default__accept_dad=0)

    def ip(self, *arguments):
        return run("ip", "-netns", self.name, *arguments)

    def inside(self, *arguments):
        """The command line that runs `arguments` in here."""
        return ["ip", "netns", "exec", self.name, *arguments]

    def run(self, *arguments, check=True, timeout=20):
        return run(*self.inside(*arguments), check=check, timeout=timeout)

    def popen(self, *arguments, **options):
        return subprocess.Popen(self.inside(*arguments), **options)

    def sysctl(self, **settings):
        for key, value in settings.items():
            self.run("sysctl", "-qw", f"{key.replace('__', '.')}={value}")

    def remove(self):
        """Ends what still runs in here, and takes the namespace away."""
        for pid in run("ip", "netns", "pids", self.name, check=False).stdout.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                continue
        run("ip", "netns", "del", self.name, check=False)


class Topology:
    """sender_offload: leave checksum offload on at the ends. gro: as the docstring above says."""

    def __init__(self, sender_offload=False, gro=True):
        self.namespaces = []
        self.offloads = ("tx", "on" if sender_offload else "off", "gro", "on" if gro else "off")
        atexit.register(self.remove)
        self.client = self._namespace("client")
        self.relay = self._namespace("relay")
        self.peer = self._namespace("peer")
        self._connect(self.client, "client0", CLIENT, RELAY_CLIENT_SIDE)
        self.connect_peer()

    def _namespace(self, role):
        namespace = Namespace(role)
        self.namespaces.append(namespace)
        return namespace

    def connect_peer(self):
        """The peer's wire; again after somebody took it away."""
        self._connect(self.peer, "peer0", PEER, RELAY_PEER_SIDE)

    def _make_wire(self, end, relay_interface):
        run("ip", "link", "add", "veth0", "netns", end.name, "type", "veth", "peer", "name",
            relay_interface, "netns", self.relay.name)

    def _address_device(self, namespace, interface):
        """The device on the wire's end `interface` that has the addresses: itself."""
        del namespace
        return interface

    def _connect(self, end, relay_interface, end_addresses, relay_addresses):
        self._make_wire(end, relay_interface)
        # A device without such an offload says so, and has it off.
        end.run("ethtool", "-K", "veth0", *self.offloads, check=False)
        for namespace, interface, addresses in ((end, "veth0", end_addresses),
                                                (self.relay, relay_interface, relay_addresses)):
            device = self._address_device(namespace, interface)
            for family in FAMILIES:
                options = ("nodad",) if family == 6 else ()
                namespace.ip("address", "add", f"{addresses[family]}/{PREFIX_LENGTH[family]}", "dev", device,
                             *options)
            namespace.ip("link", "set", interface, "up")
        # The kernel tells of a carrier some time later; a relay that starts before finds a link that is down.
        for _ in range(100):
            if all("state UP" in namespace.ip("-o", "link", "show", interface).stdout
                   for namespace, interface in ((end, "veth0"), (self.relay, relay_interface))):
                return
            time.sleep(0.02)
        raise RuntimeError(f"no carrier on {relay_interface}")

    def remove(self):
        atexit.unregister(self.remove)
        while self.namespaces:
            self.namespaces.pop().remove()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


def require_root():
    if os.geteuid() != 0:
        sys.exit("end-to-end tests make network namespaces: run them as root")


def end_on_signals():
    """A test that ctest ends by its time limit still removes its namespaces."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
