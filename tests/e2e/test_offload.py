# SPDX-License-Identifier: Apache-2.0
"""Senders that leave the UDP checksum to their interface: the fast path sees half a checksum, must not touch
the packet, and nothing is lost."""

import unittest

from case import FAMILY, MODE, EndToEndTest
from uclient import EchoPeer, run_uclient


class Offload(EndToEndTest):
    topology_options = {"sender_offload": True}

    def exchange(self, hairpin):
        relay = self.start_relay()
        traffic = run_uclient(self.topology, FAMILY, hairpin=hairpin)
        self.assertGreater(traffic.sent, 0, traffic.text)
        self.assertEqual(traffic.received, traffic.sent, traffic.text)
        passed = {row["reason"]: row["packets"] for row in relay.json("drops", "--all")
                  if row["path"] == "fast"}
        self.assertEqual(passed["checksum_partial"] > 0, MODE != "off")

    def test_with_a_peer(self):
        with EchoPeer(self.topology, FAMILY):
            self.exchange(hairpin=False)

    def test_between_clients(self):
        self.exchange(hairpin=True)


if __name__ == "__main__":
    unittest.main()
