# SPDX-License-Identifier: Apache-2.0
"""What every end-to-end test needs. One process runs one file in one mode of the fast path (TURNPIKE_MODE:
native, generic, off) and one address family (TURNPIKE_FAMILY: 4, 6)."""

import os
import unittest

from relay import Relay
from topologies import chosen
from topology import end_on_signals, require_root
from turn_client import TurnClient

MODE = os.environ.get("TURNPIKE_MODE", "native")
FAMILY = int(os.environ.get("TURNPIKE_FAMILY", "4"))
FAST = MODE != "off"


class EndToEndTest(unittest.TestCase):
    """A topology a class; relays and clients that a test makes end with it."""

    topology_options = {}

    @classmethod
    def setUpClass(cls):
        require_root()
        end_on_signals()
        cls.topology = chosen()(**cls.topology_options)
        cls.addClassCleanup(cls.topology.remove)

    def make_relay(self, **options):
        options.setdefault("mode", MODE)
        relay = Relay(self.topology, **options)
        self.addCleanup(relay.remove)
        return relay

    def start_relay(self, **options):
        return self.make_relay(**options).start()

    def make_client(self, **options):
        client = TurnClient(self.topology, FAMILY, **options)
        self.addCleanup(client.close)
        return client

    def allocate(self, **options):
        return self.make_client(**options).allocate()
