# SPDX-License-Identifier: Apache-2.0
"""What must not come through does not, on either path."""

import time
import unittest

from case import FAMILY, EndToEndTest
from netns_socket import UdpSocket
from relay import PORT
from topology import CLIENT, PEER, RELAY_CLIENT_SIDE, RELAY_PEER_SIDE
from turn_client import TurnError

CHANNEL = 0x4001
NOTHING = 0.4  # seconds in which nothing must come
LATER = {4: "203.0.114.7", 6: "2600::7"}  # globally reachable, were they not in a namespace of the test's own
LOOPBACK = {4: "127.0.0.1", 6: "::1"}[FAMILY]


def short_lived(config):
    config["limits"] = {"default_lifetime": 2, "max_lifetime": 2}


class Permissions(EndToEndTest):
    def setUp(self):
        self.peer = UdpSocket(self.topology.peer, PEER[FAMILY])
        self.addCleanup(self.peer.close)

    def assert_flows(self, client):
        client.send_channel_data(CHANNEL, b"there")
        self.assertEqual(self.peer.receive().data, b"there")
        self.peer.send(b"back", client.relayed)
        self.assertEqual(client.receive_channel_data()[:2], (CHANNEL, b"back"))

    def assert_silent(self, client, to):
        client.send_channel_data(CHANNEL, b"there")
        self.assertIsNone(self.peer.receive(NOTHING))
        self.peer.send(b"back", to)
        self.assertIsNone(client.socket.receive(NOTHING))

    def refused(self, code, request, *arguments):
        with self.assertRaises(TurnError) as refusal:
            request(*arguments)
        self.assertEqual(refusal.exception.code, code)

    def test_a_peer_without_permission(self):
        self.start_relay()
        client = self.allocate()
        self.peer.send(b"stranger", client.relayed)
        self.assertIsNone(client.socket.receive(NOTHING))
        client.send_indication(self.peer.address, b"no permission")
        self.assertIsNone(self.peer.receive(NOTHING))

    def test_another_port_of_a_channels_peer_comes_as_an_indication(self):
        self.start_relay()
        client = self.allocate()
        client.bind_channel(CHANNEL, self.peer.address)
        other = UdpSocket(self.topology.peer, PEER[FAMILY])
        self.addCleanup(other.close)
        other.send(b"same host", client.relayed)
        self.assertEqual(client.receive_indication(), (other.address, b"same host"))

    def test_a_strangers_channel_data(self):
        self.start_relay()
        client = self.allocate()
        client.bind_channel(CHANNEL, self.peer.address)
        stranger = self.make_client()
        stranger.send_channel_data(CHANNEL, b"not mine")
        self.assertIsNone(self.peer.receive(NOTHING))

    def test_an_address_that_the_host_gets_later(self):
        self.start_relay()
        client = self.allocate()
        client.permit((LATER[FAMILY], 53))
        self.topology.relay.ip("address", "add", LATER[FAMILY], "dev", "lo")
        self.addCleanup(self.topology.relay.ip, "address", "del", LATER[FAMILY], "dev", "lo")
        time.sleep(0.3)
        self.refused(403, client.permit, (LATER[FAMILY], 53))

    def test_an_unbound_channel(self):
        self.start_relay()
        client = self.allocate()
        client.bind_channel(CHANNEL, self.peer.address)
        client.send_channel_data(CHANNEL + 1, b"unbound")
        self.assertIsNone(self.peer.receive(NOTHING))

    def test_a_deleted_allocation_stops_at_once(self):
        relay = self.start_relay()
        client = self.allocate()
        client.bind_channel(CHANNEL, self.peer.address)
        self.assert_flows(client)
        relayed = client.relayed
        client.refresh(0)
        self.assert_silent(client, relayed)
        self.assertEqual(relay.json("stats")["allocations"], 0)

    def test_an_expired_allocation_stops_by_itself(self):
        self.start_relay(change=short_lived)
        client = self.allocate()
        client.bind_channel(CHANNEL, self.peer.address)
        self.assert_flows(client)
        time.sleep(2.2)
        self.assert_silent(client, client.relayed)

    def test_forbidden_peers(self):
        self.start_relay()
        client = self.allocate()
        listening = RELAY_CLIENT_SIDE[FAMILY]
        for peer in ((LOOPBACK, 22), (listening, PORT), (listening, 22), (RELAY_PEER_SIDE[FAMILY], 22),
                     (CLIENT[FAMILY], 22)):
            with self.subTest(peer=peer):
                self.refused(403, client.bind_channel, CHANNEL, peer)

    def test_another_users_allocation(self):
        self.start_relay(change=lambda config: config["auth"]["users"].update(other="other"))
        client = self.allocate()
        client.user, client.password = "other", "other"
        self.refused(441, client.refresh, 600)


if __name__ == "__main__":
    unittest.main()
