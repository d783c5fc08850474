# SPDX-License-Identifier: Apache-2.0
"""Two clients of the relay: every form in with every form out, of one user and of two, behind one worker and
several, on two relay addresses, and by the public side of a 1:1 NAT. The kernel joins them in one pass."""

import itertools
import os
import unittest

from case import FAMILY, FAST, EndToEndTest
from relay import PASSWORD, USER
from topology import RELAY_CLIENT_SIDE, RELAY_PEER_SIDE

FORMS = ("channel", "indication")
CHANNEL = 0x4001
EXTERNAL = {4: "203.0.113.1", 6: "2001:db8:ffff::1"}
OTHER_USER = "other"
CLIENTS = 8  # so that several workers have some: a 5-tuple's hash chooses


def two_addresses(config):
    config["relay"]["addresses"] += [RELAY_CLIENT_SIDE[FAMILY]]
    config["auth"]["users"][OTHER_USER] = PASSWORD
    config["workers"] = 3


def behind_nat(config):
    config["relay"]["external"] = [f"{EXTERNAL[FAMILY]}/{RELAY_PEER_SIDE[FAMILY]}"]


class Pairings(EndToEndTest):
    def connect(self, one, form_of_one, other, form_of_other):
        """Lets both talk; each hears the other in the form that it asked for."""
        for client, form, peer in ((one, form_of_one, other), (other, form_of_other, one)):
            if form == "channel":
                client.bind_channel(CHANNEL, peer.relayed)
            else:
                client.permit(peer.relayed)

    def assert_heard(self, sender, form_out, receiver, form_in, size):
        data = os.urandom(size)
        if form_out == "channel":
            sender.send_channel_data(CHANNEL, data)
        else:
            sender.send_indication(receiver.relayed, data)
        if form_in == "channel":
            received = receiver.receive_channel_data()
            self.assertIsNotNone(received, f"{form_out} to {form_in}: {size} bytes were lost")
            self.assertEqual(received[:2], (CHANNEL, data))
        else:
            self.assertEqual(receiver.receive_indication(), (sender.relayed, data), f"{form_out} to {form_in}")

    def assert_pair(self, relay, one, other, forms):
        self.connect(one, forms[0], other, forms[1])
        if FAST:
            relay.wait_until_fast()
        before = relay.relayed()
        sizes = (1, 2, 3, 4, 160, 1201)
        for size in sizes:
            self.assert_heard(one, forms[0], other, forms[1], size)
            self.assert_heard(other, forms[1], one, forms[0], size)
        after = relay.relayed()
        moved = {path: after[path]["packets"] - before[path]["packets"] for path in ("fast", "slow")}
        if FAST:
            self.assertEqual(moved, {"fast": 2 * len(sizes), "slow": 0}, relay.control("drops").stdout)
        else:
            self.assertEqual(moved["fast"], 0)

    def test_forms(self):
        relay = self.start_relay()
        for forms in itertools.product(FORMS, repeat=2):
            with self.subTest(forms=forms):
                self.assert_pair(relay, self.allocate(), self.allocate(), forms)

    def test_users_workers_and_relay_addresses(self):
        relay = self.start_relay(change=two_addresses)
        clients = [self.allocate(user=user) for user in (USER, OTHER_USER) for _ in range(CLIENTS // 2)]
        self.assertEqual(len({client.relayed[0] for client in clients}), 2, "all have one relay address: unlikely")
        for number, (one, other) in enumerate(itertools.combinations(clients, 2)):
            if number % 3 == 0:
                with self.subTest(one=one.relayed, other=other.relayed):
                    channel = CHANNEL + number  # a channel of each client names one peer
                    one.bind_channel(channel, other.relayed)
                    other.permit(one.relayed)
                    if FAST:
                        relay.wait_until_fast()
                    data = os.urandom(100)
                    one.send_channel_data(channel, data)
                    self.assertEqual(other.receive_indication(), (one.relayed, data))
                    other.send_indication(one.relayed, data)
                    self.assertEqual(one.receive_channel_data()[:2], (channel, data))

    def test_public_side_of_a_nat(self):
        relay = self.start_relay(change=behind_nat)
        for forms in itertools.product(FORMS, repeat=2):
            with self.subTest(forms=forms):
                one, other = self.allocate(), self.allocate()
                self.assertEqual(one.relayed[0], EXTERNAL[FAMILY])
                self.assert_pair(relay, one, other, forms)


if __name__ == "__main__":
    unittest.main()
