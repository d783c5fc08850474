# SPDX-License-Identifier: Apache-2.0
"""Rates, quotas and blocks: what is over them is dropped, by the kernel as by the process, and the reason is
told."""

import time
import unittest

from case import FAMILY, FAST, EndToEndTest
from netns_socket import UdpSocket
from topology import CLIENT, PEER
from turn_client import TurnClient

CHANNEL = 0x4001
SIZE = 100


class Limits(EndToEndTest):
    def start(self, **limits):
        self.relay = self.start_relay(change=lambda config: config.update(limits=limits))
        self.peer = UdpSocket(self.topology.peer, PEER[FAMILY])
        self.addCleanup(self.peer.close)

    def client_with_channel(self):
        client = self.allocate()
        client.bind_channel(CHANNEL, self.peer.address)
        if FAST:
            self.relay.wait_until_fast()
        return client

    def dropped(self, reason):
        """Packets, by the path that carries them. The process has one counter for all limits."""
        path = "fast" if FAST else "slow"
        name = reason if FAST or reason in ("source_budget", "blocked") else "over_limit"
        return sum(row["packets"] for row in self.relay.json("drops")
                   if (row["path"], row["verdict"], row["reason"]) == (path, "dropped", name))

    def flood(self, client, count=300):
        """How many of them arrive, and how long sending took."""
        start = time.monotonic()
        for _ in range(count):
            client.send_channel_data(CHANNEL, bytes(SIZE))
        took = time.monotonic() - start
        arrived = 0
        while self.peer.receive(0.3):
            arrived += 1
        return arrived, took

    def assert_limited(self, client, reason, rate, burst, count=300):
        arrived, took = self.flood(client, count)
        self.assertGreaterEqual(arrived, burst)
        self.assertLessEqual(arrived, burst + took * rate + 1)
        self.assertEqual(self.dropped(reason), count - arrived, self.relay.json("drops"))

    def test_packets_of_an_allocation(self):
        self.start(allocation_packets_per_second=50, burst=1000)
        self.assert_limited(self.client_with_channel(), "allocation_rate", 50, 50)

    def test_bytes_of_an_allocation(self):
        self.start(allocation_bytes_per_second=40 * SIZE, burst=1000)
        self.assert_limited(self.client_with_channel(), "allocation_rate", 40, 40)

    def test_packets_of_a_user(self):
        self.start(user_packets_per_second=60, burst=500)
        one, other = self.client_with_channel(), self.client_with_channel()
        first, took = self.flood(one, 100)
        second, more = self.flood(other, 100)
        self.assertGreaterEqual(first, 30)
        self.assertLess(first + second, 30 + (took + more + 0.6) * 60 + 2)
        self.assertEqual(self.dropped("user_rate"), 200 - first - second)

    def test_a_quota_is_used_up_by_both_directions(self):
        self.start(allocation_quota_bytes=20 * SIZE)
        client = self.client_with_channel()
        for _ in range(10):
            client.send_channel_data(CHANNEL, bytes(SIZE))
            self.assertIsNotNone(self.peer.receive())
            self.peer.send(bytes(SIZE), client.relayed)
            self.assertIsNotNone(client.receive_channel_data())
        client.send_channel_data(CHANNEL, bytes(SIZE))
        self.assertIsNone(self.peer.receive(0.3))
        self.peer.send(bytes(SIZE), client.relayed)
        self.assertIsNone(client.receive_channel_data(0.3))
        self.assertEqual(self.dropped("allocation_quota"), 2, self.relay.json("drops"))
        # Another allocation has a quota of its own.
        self.assertEqual(self.flood(self.client_with_channel(), 20)[0], 20)

    @unittest.skipUnless(FAST, "without the kernel a quota is the process's own account and ends with it")
    def test_a_quota_lives_through_a_restart(self):
        relay = self.make_relay(change=lambda config: config.update(limits={"allocation_quota_bytes": 20 * SIZE}))
        relay.mount_bpffs()
        self.relay = relay.start()
        self.peer = UdpSocket(self.topology.peer, PEER[FAMILY])
        self.addCleanup(self.peer.close)
        client = self.client_with_channel()
        self.assertEqual(self.flood(client, 15)[0], 15)
        relay.kill()
        relay.start()
        self.assertEqual(self.flood(client, 15)[0], 5)

    def test_requests_of_a_source(self):
        self.start(source_requests_per_second=5, source_requests_burst=10)
        answered = 0
        for _ in range(40):
            client = TurnClient(self.topology, FAMILY)
            client.retransmissions = 0
            try:
                client.request(0x001, [])
                answered += 1
            except AssertionError:
                break
            finally:
                client.close()
        self.assertLessEqual(10, answered)
        self.assertLess(answered, 40)
        # Kernel and process keep the same budget; which of them is the first to refuse is a matter of microseconds.
        drops = self.relay.json("drops")
        self.assertGreaterEqual(sum(row["packets"] for row in drops if row["reason"] == "source_budget"), 1, drops)

    def test_a_blocked_source_is_not_heard(self):
        self.start()
        client = self.client_with_channel()
        self.relay.control("block", CLIENT[FAMILY], "--for", "2s")
        client.send_channel_data(CHANNEL, b"blocked")
        self.assertIsNone(self.peer.receive(0.3))
        self.assertGreaterEqual(self.dropped("blocked"), 1, self.relay.json("drops"))
        time.sleep(2.5)
        client.send_channel_data(CHANNEL, b"heard")
        self.assertEqual(self.peer.receive().data, b"heard")


if __name__ == "__main__":
    unittest.main()
