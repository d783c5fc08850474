# SPDX-License-Identifier: Apache-2.0
"""Interfaces, routes and neighbours that change while a call runs: nothing needs a restart, and no datagram
goes astray."""

import os
import time
import unittest

from case import FAMILY, FAST, EndToEndTest
from netns_socket import UdpSocket
from topology import PEER, PREFIX_LENGTH, RELAY_PEER_SIDE, run

CHANNEL = 0x4001
PATIENCE = 5
PEER_ROUTE = f"{PEER[FAMILY]}/{32 if FAMILY == 4 else 128}"
DETOUR_RELAY_SIDE = {4: "203.0.113.1", 6: "2001:db8:3::1"}
DETOUR = {4: "203.0.113.2", 6: "2001:db8:3::2"}


class Links(EndToEndTest):
    @classmethod
    def setUpClass(cls):
        pass  # each test has wires of its own to break

    def setUp(self):
        super(Links, type(self)).setUpClass()
        self.addCleanup(self.doClassCleanups)
        self.relay = self.start_relay()
        self.peer = UdpSocket(self.topology.peer, PEER[FAMILY])
        self.addCleanup(lambda: self.peer.close())  # a test may make another one
        self.client = self.allocate()
        self.client.bind_channel(CHANNEL, self.peer.address)
        self.assert_both_ways()

    def exchange(self, size=100):
        """One datagram each way; whether both came. Earlier ones may come too: what the relay could not send yet
        waits in its kernel while a neighbour is asked for."""
        data = os.urandom(size)
        self.client.send_channel_data(CHANNEL, data)
        if not self.comes(lambda: self.peer.receive(0.3), lambda got: (got.data, got.source),
                          (data, self.client.relayed)):
            return False
        self.peer.send(data, self.client.relayed)
        return self.comes(lambda: self.client.receive_channel_data(0.3), lambda got: got[:2], (CHANNEL, data))

    @staticmethod
    def comes(receive, content, expected):
        while (received := receive()) is not None:
            if content(received) == expected:
                return True
        return False

    def assert_both_ways(self):
        """Soon, and by the kernel where there is a fast path."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            before = self.relay.relayed()["fast"]["packets"]
            if self.exchange() and (not FAST or self.relay.relayed()["fast"]["packets"] - before == 2):
                return
            time.sleep(0.05)
        self.fail(f"not relayed as it should be after {PATIENCE} s: {self.relay.control('drops').stdout}"
                  f"{self.relay.control('status').stdout}{self.relay.text()}")

    def relay_ip(self, *arguments):
        self.topology.relay.ip(*arguments)

    def names(self):
        return {each["name"]: each["mode"] for each in self.relay.json("status")["interfaces"]}

    def test_an_interface_goes_down_and_comes_up(self):
        self.relay_ip("link", "set", "peer0", "down")
        self.assertFalse(self.exchange())
        self.relay_ip("link", "set", "peer0", "up")
        if FAMILY == 6:  # the kernel takes IPv6 addresses away with the link
            self.relay_ip("address", "replace", f"{RELAY_PEER_SIDE[6]}/{PREFIX_LENGTH[6]}", "dev", "peer0", "nodad")
        self.assert_both_ways()

    def test_an_interface_is_renamed(self):
        self.relay_ip("link", "set", "peer0", "down")
        self.relay_ip("link", "set", "peer0", "name", "outside")
        self.relay_ip("link", "set", "outside", "up")
        if FAMILY == 6:
            self.relay_ip("address", "replace", f"{RELAY_PEER_SIDE[6]}/{PREFIX_LENGTH[6]}", "dev", "outside", "nodad")
        self.assert_both_ways()
        if FAST:
            self.assertIn("outside", self.names())

    def test_an_interface_is_removed_and_made_again(self):
        self.relay_ip("link", "del", "peer0")
        self.assertFalse(self.exchange())
        self.topology.connect_peer()
        self.peer.close()
        port = self.peer.address[1]
        self.peer = UdpSocket(self.topology.peer, PEER[FAMILY], port)
        self.assert_both_ways()

    def test_the_mtu_changes(self):
        for mtu in (1400, 1500):
            for end, interface in ((self.topology.relay, "peer0"), (self.topology.peer, "veth0")):
                end.ip("link", "set", interface, "mtu", str(mtu))
            self.assert_both_ways()
            self.assertTrue(self.exchange(1450), f"a datagram larger than {mtu} was lost")

    def test_the_peers_address_moves_to_another_device(self):
        """Its MAC address changes, as when a standby takes over."""
        self.topology.peer.ip("link", "set", "veth0", "address", "02:00:00:00:00:77")
        self.topology.peer.run("ping", f"-{FAMILY}", "-c", "1", "-W", "1", RELAY_PEER_SIDE[FAMILY], check=False)
        self.assert_both_ways()

    def test_a_route_is_taken_away_and_comes_back(self):
        self.relay_ip("route", "add", "unreachable", PEER_ROUTE)
        self.eventually(lambda: not self.exchange(), "still relayed where there is no route")
        self.relay_ip("route", "del", "unreachable", PEER_ROUTE)
        self.assert_both_ways()

    def test_a_route_moves_to_another_interface(self):
        run("ip", "link", "add", "veth1", "netns", self.topology.peer.name, "type", "veth", "peer", "name", "peer1",
            "netns", self.topology.relay.name)
        self.topology.peer.run("ethtool", "-K", "veth1", "tx", "off", "gro", "on")
        for end, interface, address in ((self.topology.relay, "peer1", DETOUR_RELAY_SIDE[FAMILY]),
                                        (self.topology.peer, "veth1", DETOUR[FAMILY])):
            end.ip("address", "add", f"{address}/{PREFIX_LENGTH[FAMILY]}", "dev", interface,
                   *(("nodad",) if FAMILY == 6 else ()))
            end.ip("link", "set", interface, "up")
        self.relay_ip("route", "add", PEER_ROUTE, "via", DETOUR[FAMILY], "dev", "peer1")
        self.eventually(lambda: self.detours() == (True, True), "not relayed by the new route")
        self.relay_ip("route", "del", PEER_ROUTE)
        self.eventually(lambda: self.detours() == (True, False), "not relayed by the old route")
        self.assert_both_ways()

    def eventually(self, condition, what):
        """The relay hears of a change from the kernel, a moment later."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), deadline, f"{what} after {PATIENCE} s\n{self.relay.text()}")

    def detours(self):
        """Whether a datagram goes each way, and whether the one to the peer came in at the other wire's end, where
        only what the neighbours tell each other comes in besides."""
        before = self.detour_bytes()
        exchanged = self.exchange(1000)
        return exchanged, self.detour_bytes() - before > 1000

    def detour_bytes(self):
        return int(self.topology.peer.run("cat", "/sys/class/net/veth1/statistics/rx_bytes").stdout)


if __name__ == "__main__":
    unittest.main()
