# SPDX-License-Identifier: Apache-2.0
"""coturn's client against the relay: nothing lost, and carried by whom it should."""

import unittest

from case import FAMILY, FAST, EndToEndTest
from uclient import EchoPeer, run_uclient

# Of the media packets, in channels or in indications, at least this share is the kernel's: the first one or two
# may come before the next hop's address is known.
FAST_SHARE = 0.99


class Uclient(EndToEndTest):
    def setUp(self):
        self.relay = self.start_relay()

    def exchange(self, **options):
        traffic = run_uclient(self.topology, FAMILY, **options)
        self.assertGreater(traffic.sent, 0, traffic.text)
        self.assertEqual(traffic.received, traffic.sent, traffic.text)
        return self.relay.relayed()

    def assert_carried_by_the_right_path(self, relayed):
        fast, slow = relayed["fast"]["packets"], relayed["slow"]["packets"]
        self.assertGreaterEqual(fast + slow, 400)
        if FAST:
            self.assertGreaterEqual(fast / (fast + slow), FAST_SHARE, relayed)
        else:
            self.assertEqual(fast, 0, relayed)

    def test_channels_with_a_peer(self):
        with EchoPeer(self.topology, FAMILY):
            self.assert_carried_by_the_right_path(self.exchange(hairpin=False))

    def test_channels_between_clients(self):
        self.assert_carried_by_the_right_path(self.exchange(hairpin=True))

    def test_indications_with_a_peer(self):
        with EchoPeer(self.topology, FAMILY):
            self.assert_carried_by_the_right_path(self.exchange(hairpin=False, indications=True))

    def test_indications_between_clients(self):
        self.assert_carried_by_the_right_path(self.exchange(hairpin=True, indications=True))

    def test_a_wrong_password_is_refused(self):
        with self.assertRaises(AssertionError) as refused:
            run_uclient(self.topology, FAMILY, hairpin=True, password="wrong")
        self.assertIn("exit 255", str(refused.exception))
        self.assertEqual(self.relay.json("stats")["allocations"], 0)


if __name__ == "__main__":
    unittest.main()
