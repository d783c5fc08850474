# SPDX-License-Identifier: Apache-2.0
"""Wires that lose, delay and reorder (TURNPIKE_TOPOLOGY=netem): what arrives is what was sent, once, and the
kernel goes on carrying it."""

import struct
import time
import unittest

from case import FAMILY, FAST, EndToEndTest
from netns_socket import UdpSocket
from topology import PEER

CHANNEL = 0x4001
COUNT = 1000
# netem loses two in a hundred on the one impaired wire of each direction: five are far outside its spread.
MOST_LOST = COUNT * 5 // 100


def datagram(number):
    """`number`, and a length and contents that follow from it."""
    return struct.pack(">I", number) + bytes((number * 31 + i) & 0xFF for i in range(number % 1000))


class Impaired(EndToEndTest):
    def setUp(self):
        self.relay = self.start_relay()
        self.peer = UdpSocket(self.topology.peer, PEER[FAMILY])
        self.addCleanup(self.peer.close)
        self.client = self.allocate()
        self.reach(lambda: self.client.permit(self.peer.address))

    def reach(self, request):
        """A request or its answer may be lost more often than the client repeats it."""
        for _ in range(3):
            try:
                return request()
            except AssertionError:
                continue
        return request()

    def exchange(self, send, receive):
        arrived = []
        for number in range(COUNT):
            send(datagram(number))
            if number % 8 == 7:
                while (data := receive(0)) is not None:
                    arrived.append(data)
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            data = receive(0.3)
            if data is None:
                break
            arrived.append(data)
        numbers = [struct.unpack_from(">I", data)[0] for data in arrived]
        for number, data in zip(numbers, arrived):
            self.assertEqual(data, datagram(number))
        self.assertEqual(len(numbers), len(set(numbers)), "some arrived twice")
        self.assertGreaterEqual(len(numbers), COUNT - MOST_LOST)
        self.assertNotEqual(numbers, sorted(numbers), "netem reordered nothing: the test shows nothing")

    def at_peer(self, limit):
        received = self.peer.receive(limit)
        return received and received.data

    def at_client_in_channel(self, limit):
        received = self.client.receive_channel_data(limit)
        return received and received[1]

    def at_client_in_indications(self, limit):
        received = self.client.receive_indication(limit)
        return received and received[1]

    def assert_fast(self):
        if FAST:
            relayed = self.relay.relayed()
            fast, slow = relayed["fast"]["packets"], relayed["slow"]["packets"]
            self.assertGreaterEqual(fast / (fast + slow), 0.98, relayed)

    def test_channel_data(self):
        self.reach(lambda: self.client.bind_channel(CHANNEL, self.peer.address))
        if FAST:
            self.relay.wait_until_fast()
        self.exchange(lambda data: self.client.send_channel_data(CHANNEL, data), self.at_peer)
        self.exchange(lambda data: self.peer.send(data, self.client.relayed), self.at_client_in_channel)
        self.assert_fast()

    def test_indications(self):
        self.exchange(lambda data: self.client.send_indication(self.peer.address, data), self.at_peer)
        self.exchange(lambda data: self.peer.send(data, self.client.relayed), self.at_client_in_indications)
        self.assert_fast()


if __name__ == "__main__":
    unittest.main()
