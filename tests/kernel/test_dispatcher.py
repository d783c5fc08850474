# SPDX-License-Identifier: Apache-2.0
"""The relay beside another XDP program, xdp-filter of xdp-tools, on one interface by libxdp's dispatcher; and what it
does where kernel and libxdp, as installed, do not let a program that changes packets into that."""

import os
import signal
import tempfile
import unittest

from case import FAMILY, MODE, EndToEndTest
from netns_socket import UdpSocket
from topology import PEER, run
from uclient import EchoPeer, run_uclient

INTERFACE = "client0"
FILTER_MODE = {"native": "native", "generic": "skb"}[MODE]
CHANNEL = 0x4001


def dispatcher(config):
    config["fastpath"]["attach"] = "dispatcher"


# The least that is such a program: it calls bpf_xdp_adjust_head().
CHANGES_PACKETS = """
#include <linux/bpf.h>
__attribute__((section("xdp"), used)) int changes(struct xdp_md *context) {
  return ((long (*)(struct xdp_md *, int))44)(context, 0) == 0 ? XDP_PASS : XDP_DROP;
}
char _license[] __attribute__((section("license"), used)) = "GPL";
"""


def compile_bpf(code, place):
    run("sh", "-c", 'printf %s "$1" | clang -O2 -g --target=bpf -I "/usr/include/$(uname -m)-linux-gnu" -x c -c - -o "$2"',
        "sh", code, place, timeout=60)


class WithDispatcher(EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Both relay and filter keep the dispatcher's state on one BPF file system.
        cls.bpffs = f"/run/tp-libxdp-{os.getpid()}"
        os.makedirs(cls.bpffs)
        cls.addClassCleanup(os.rmdir, cls.bpffs)
        run("mount", "-t", "bpf", "bpf", cls.bpffs)
        cls.addClassCleanup(run, "umount", cls.bpffs)
        os.environ["LIBXDP_BPFFS"] = cls.bpffs
        cls.addClassCleanup(os.environ.pop, "LIBXDP_BPFFS")
        with tempfile.TemporaryDirectory() as directory:
            program = f"{directory}/changes.o"
            compile_bpf(CHANGES_PACKETS, program)
            loader = cls.topology.relay
            loader.run("xdp-loader", "load", "-m", FILTER_MODE, INTERFACE, program, check=False)
            cls.takes_us = "xdp_dispatcher" in loader.run("xdp-loader", "status", INTERFACE).stdout
            loader.run("xdp-loader", "unload", INTERFACE, "--all", check=False)

    def load_filter(self):
        self.topology.relay.run("xdp-filter", "load", INTERFACE, "--mode", FILTER_MODE)
        self.addCleanup(self.unload_filter)

    def unload_filter(self):
        self.topology.relay.run("xdp-filter", "unload", INTERFACE, check=False)

    def programs(self):
        """The table that xdp-loader shows for the interface."""
        return self.topology.relay.run("xdp-loader", "status", INTERFACE).stdout

    def assert_status(self, relay, mode, reason):
        status = {each["name"]: each for each in relay.json("status")["interfaces"]}[INTERFACE]
        self.assertEqual(status["mode"], mode, status)
        self.assertIn(reason, status["reason"])

    def assert_a_call_is_fast(self, relay):
        before = relay.relayed()["fast"]["packets"]
        with EchoPeer(self.topology, FAMILY):
            traffic = run_uclient(self.topology, FAMILY, hairpin=False)
        self.assertEqual(traffic.received, traffic.sent, traffic.text)
        relayed = relay.relayed()
        fast = relayed["fast"]["packets"] - before
        self.assertGreaterEqual(fast / (fast + relayed["slow"]["packets"]), 0.98, relayed)


class Shared(WithDispatcher):
    def setUp(self):
        if not self.takes_us:
            self.skipTest("this kernel and this libxdp do not let a program that changes packets into a dispatcher")
        super().setUp()

    def test_the_relay_joins_a_program(self):
        self.load_filter()
        relay = self.start_relay(change=dispatcher)
        self.assertIn("xdpfilt", self.programs())
        self.assertIn("relay", self.programs())
        self.assert_a_call_is_fast(relay)
        relay.stop()
        self.assertIn("xdpfilt", self.programs())
        self.assertNotIn("relay", self.programs())

    def test_a_program_joins_the_relay(self):
        relay = self.start_relay(change=dispatcher)
        self.load_filter()
        self.assertIn("relay", self.programs())
        self.assert_a_call_is_fast(relay)
        self.unload_filter()
        self.assertIn("relay", self.programs())
        self.assert_a_call_is_fast(relay)
        relay.stop()

    def start_a_call(self, relay):
        """A client and a peer; exchange() is what they say to each other."""
        peer = UdpSocket(self.topology.peer, PEER[FAMILY])
        self.addCleanup(peer.close)
        client = self.allocate()
        client.bind_channel(CHANNEL, peer.address)
        self.exchange(client, peer)
        relay.wait_until_fast()
        return client, peer

    def exchange(self, client, peer):
        data = os.urandom(50)
        client.send_channel_data(CHANNEL, data)
        received = peer.receive()
        self.assertIsNotNone(received, "nothing came to the peer")
        self.assertEqual((received.data, received.source), (data, client.relayed))
        peer.send(data, client.relayed)
        received = client.receive_channel_data()
        self.assertIsNotNone(received, "nothing came to the client")
        self.assertEqual(received[:2], (CHANNEL, data))

    def assert_succeeded(self, end):
        """A relay that `end` ends leaves its program, the next one puts its own in the place of that."""
        self.load_filter()
        relay = self.make_relay(change=dispatcher)
        relay.mount_bpffs()
        relay.start()
        call = self.start_a_call(relay)
        end(relay)
        self.assertEqual(self.programs().count("relay"), 1, self.programs())
        self.exchange(*call)
        relay.start()
        self.assertRegex(relay.text(), r"took over 1 sessions, 1 channels from an earlier process")
        self.assertEqual(self.programs().count("relay"), 1, self.programs())
        before = relay.relayed()
        for _ in range(10):
            self.exchange(*call)
        after = relay.relayed()
        self.assertEqual(after["fast"]["packets"] - before["fast"]["packets"], 20, after)
        relay.stop()
        self.assertIn("xdpfilt", self.programs())
        self.assertNotIn("relay", self.programs())
        self.assertIsNone(relay.xdp_mode("peer0"))

    def test_a_killed_relay_is_succeeded(self):
        self.assert_succeeded(lambda relay: relay.kill())

    def test_an_upgraded_relay_is_succeeded(self):
        def upgrade(relay):
            relay.process.send_signal(signal.SIGUSR1)
            self.assertEqual(relay.wait(), 0, relay.text())
        self.assert_succeeded(upgrade)


class Alone(WithDispatcher):
    def test_a_link_leaves_the_program_alone(self):
        self.load_filter()
        relay = self.make_relay(mode="auto").start()
        self.assertIn("xdpfilt", self.programs())
        self.assertNotIn("relay", self.programs())
        self.assert_status(relay, "off", "another XDP program")

    def test_without_a_dispatcher_a_free_interface_is_taken_alone(self):
        if self.takes_us:
            self.skipTest("the dispatcher takes the relay")
        relay = self.make_relay(mode="auto", change=dispatcher).start()
        self.assert_status(relay, "native", "so the program stands alone")
        self.assert_a_call_is_fast(relay)

    def test_without_a_dispatcher_the_other_program_is_left_alone(self):
        if self.takes_us:
            self.skipTest("the dispatcher takes the relay")
        self.load_filter()
        relay = self.make_relay(mode="auto", change=dispatcher).start()
        self.assert_status(relay, "off", 'set [fastpath] attach = "link"')
        self.assertIn("xdpfilt", self.programs())
        relay.stop()
        self.assertIn("xdpfilt", self.programs())


if __name__ == "__main__":
    unittest.main()
