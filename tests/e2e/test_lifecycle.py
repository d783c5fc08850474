# SPDX-License-Identifier: Apache-2.0
"""Start, stop, kill: what the relay leaves behind, and what it makes of what it finds."""

import json
import os
import re
import signal
import time
import unittest

from case import FAMILY, FAST, MODE, EndToEndTest
from topology import RELAY_CLIENT_SIDE, RELAY_INTERFACES, run
from turn_client import TurnClient
from uclient import run_uclient
from xdp_guest import XdpGuest


class Lifecycle(EndToEndTest):
    def steering_programs(self):
        """sk_lookup links of the relay's namespace."""
        inode = os.stat(f"/run/netns/{self.topology.relay.name}").st_ino
        links = json.loads(run("bpftool", "-j", "link", "show").stdout or "[]")
        return [link for link in links if link.get("netns_ino") == inode]

    def interfaces_when_running(self):
        return {name: MODE if FAST else None for name in RELAY_INTERFACES}

    def test_serves_and_leaves_nothing_behind(self):
        relay = self.start_relay()
        self.assertEqual(relay.interfaces(), self.interfaces_when_running())
        self.assertEqual(len(self.steering_programs()), 1)
        relay.stop()
        self.assertEqual(relay.interfaces(), dict.fromkeys(RELAY_INTERFACES))
        self.assertEqual(self.steering_programs(), [])
        bpffs = relay.config["fastpath"]["bpffs"]
        self.assertEqual(os.listdir(bpffs) if os.path.exists(bpffs) else [], [])
        self.assertFalse(os.path.exists(relay.socket), "the control socket is still there")

    def test_sigint_stops_too(self):
        relay = self.start_relay()
        relay.process.send_signal(signal.SIGINT)
        self.assertEqual(relay.wait(), 0)
        self.assertEqual(relay.interfaces(), dict.fromkeys(RELAY_INTERFACES))

    def test_restarts_after_kill_9(self):
        relay = self.make_relay()
        # A bpffs that outlives the process: that of `ip netns exec` would go with it.
        bpffs = relay.config["fastpath"]["bpffs"]
        os.makedirs(bpffs)
        run("mount", "-t", "bpf", "bpf", bpffs)
        relay.start()
        relay.kill()
        left = os.listdir(bpffs)
        relay.start()
        if FAST:
            self.assertTrue(left, "nothing was pinned")
            self.assertRegex(relay.text(), r"(?i)(stale|earlier|left|previous)")
        self.assertEqual(relay.interfaces(), self.interfaces_when_running())
        traffic = run_uclient(self.topology, FAMILY, hairpin=True)
        self.assertEqual(traffic.received, traffic.sent, traffic.text)
        relay.stop()
        self.assertEqual(relay.interfaces(), dict.fromkeys(RELAY_INTERFACES))

    def test_zero_configuration(self):
        # No state directory of the host is touched: /var/lib and /run are the test's own.
        place = self.make_relay().directory
        script = (f"mkdir -p {place}/lib {place}/run; mount --bind {place}/lib /var/lib;"
                  f"mount --bind {place}/run /run; exec \"$@\"")
        relay = self.make_relay(zero_config=True, prefix=("unshare", "-m", "sh", "-c", script, "-")).start()
        line = rf"^turn:{re.escape(RELAY_CLIENT_SIDE[4])}:3478\S* username (\S+) password (\S+)$"
        # It comes by another stream than the line that says `ready`.
        deadline = time.monotonic() + 2
        while not (found := re.search(line, relay.text(), re.M)) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertIsNotNone(found, relay.text())
        user, password = found.groups()
        client = TurnClient(self.topology, FAMILY, user=user, password=password)
        self.addCleanup(client.close)
        client.allocate()
        self.assertIsNotNone(client.relayed)
        relay.stop()

    def test_another_xdp_program_stays(self):
        guest = XdpGuest(self.topology.relay, "client0")
        self.addCleanup(guest.close)
        before = self.program_of("client0")
        relay = self.make_relay(mode="auto").start()
        self.assertEqual(self.program_of("client0"), before)
        status = {row["name"]: row for row in relay.json("status")["interfaces"]}
        self.assertEqual(status["client0"]["mode"], "off")
        self.assertTrue(status["client0"]["reason"])
        traffic = run_uclient(self.topology, FAMILY, hairpin=True)
        self.assertEqual(traffic.received, traffic.sent, traffic.text)
        relay.stop()
        self.assertEqual(self.program_of("client0"), before)

    def program_of(self, interface):
        link = json.loads(self.topology.relay.ip("-j", "-d", "link", "show", interface).stdout)[0]
        return link["xdp"]["prog"]["id"]


class InterfaceThatRefusesNative(EndToEndTest):
    """A veth whose other end does not poll loses what native XDP redirects into it."""

    topology_options = {"gro": False}

    def test_auto_falls_back_to_generic_and_says_why(self):
        relay = self.start_relay(mode="auto")
        self.assertEqual(relay.interfaces(), dict.fromkeys(RELAY_INTERFACES, "generic"))
        for row in relay.json("status")["interfaces"]:
            self.assertEqual(row["mode"], "generic")
            self.assertTrue(row["reason"], row)
        traffic = run_uclient(self.topology, FAMILY, hairpin=True)
        self.assertEqual(traffic.received, traffic.sent, traffic.text)

    def test_native_is_refused_when_it_is_asked_for(self):
        relay = self.make_relay(mode="native")
        status, text = relay.refused()
        self.assertEqual(status, 1)
        self.assertRegex(text, "client0|peer0")
        self.assertEqual(relay.interfaces(), dict.fromkeys(RELAY_INTERFACES))


if __name__ == "__main__":
    unittest.main()
