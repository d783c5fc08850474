# SPDX-License-Identifier: Apache-2.0
"""A first run, without a configuration, on a host whose only interface has no native XDP.

     client                       relay
    +----------------+          +---------------------------+
    |           veth0|----------|client0 -- br0 (a bridge)  |
    +----------------+          +---------------------------+

A bridge's driver has no native XDP, so the kernel itself refuses it.
"""

import os
import re
import time
import unittest

from case import FAMILY, EndToEndTest
from relay import Relay
from topology import CLIENT, FAMILIES, PREFIX_LENGTH, RELAY_CLIENT_SIDE
from uclient import run_uclient


class GenericHost(EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        host = cls.topology.relay
        host.ip("link", "del", "peer0")
        host.ip("address", "flush", "dev", "client0")
        host.ip("link", "add", "br0", "type", "bridge", "stp_state", "0", "forward_delay", "0")
        host.ip("link", "set", "client0", "master", "br0")
        for family in FAMILIES:
            options = ("nodad",) if family == 6 else ()
            host.ip("address", "add", f"{RELAY_CLIENT_SIDE[family]}/{PREFIX_LENGTH[family]}", "dev", "br0",
                    *options)
        host.ip("link", "set", "br0", "up")

    def setUp(self):
        self.wait_for_network()
        relay = Relay(self.topology, zero_config=True)
        self.addCleanup(relay.remove)
        # No state directory of the machine is touched: /var/lib and /run are the test's own.
        place = relay.directory
        script = (f"mkdir -p {place}/lib {place}/run; mount --bind {place}/lib /var/lib;"
                  f"mount --bind {place}/run /run; exec \"$@\"")
        relay.command = ["unshare", "-m", "sh", "-c", script, "-", *relay.command]
        relay.socket = f"{place}/run/turnpike/turnpike.sock"
        self.relay = relay.start()

    def ping(self, namespace, address):
        return namespace.run("ping", "-c", "3", "-i", "0.05", "-W", "1", address, check=False)

    def wait_for_network(self):
        deadline = time.monotonic() + 5
        while self.ping(self.topology.client, RELAY_CLIENT_SIDE[FAMILY]).returncode != 0:
            self.assertLess(time.monotonic(), deadline, "the network of the test itself does not work")

    def assert_network_works(self):
        for namespace, address in ((self.topology.client, RELAY_CLIENT_SIDE[FAMILY]),
                                   (self.topology.relay, CLIENT[FAMILY])):
            answer = self.ping(namespace, address)
            self.assertIn(" 0% packet loss", answer.stdout, answer.stdout + answer.stderr)

    def credentials(self):
        line = rf"^turn:\[?{re.escape(RELAY_CLIENT_SIDE[FAMILY])}\]?:3478\S* username (\S+) password (\S+)$"
        deadline = time.monotonic() + 2
        while not (found := re.search(line, self.relay.text(), re.M)) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertIsNotNone(found, self.relay.text())
        return found.groups()

    def test_serves_in_generic_mode_says_why_and_leaves_the_network_alone(self):
        rows = self.relay.json("status")["interfaces"]
        self.assertEqual([(row["name"], row["mode"]) for row in rows], [("br0", "generic")], self.relay.text())
        self.assertRegex(rows[0]["reason"], r"(?i)native|support")
        self.assertIn(rows[0]["reason"], self.relay.text())
        self.assert_network_works()
        user, password = self.credentials()
        traffic = run_uclient(self.topology, FAMILY, hairpin=True, user=user, password=password)
        self.assertGreater(traffic.sent, 0)
        self.assertEqual(traffic.received, traffic.sent, traffic.text)
        self.assertGreater(self.relay.relayed()["fast"]["packets"], 0)
        self.assert_network_works()
        self.relay.stop()
        self.assertIsNone(self.relay.xdp_mode("br0"))
        self.assert_network_works()
        self.assertFalse(os.path.exists(self.relay.socket))


if __name__ == "__main__":
    unittest.main()
