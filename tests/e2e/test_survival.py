# SPDX-License-Identifier: Apache-2.0
"""A relay that ends, however it ends, and the one that comes after it: what goes on, and what stays behind."""

import json
import os
import signal
import struct
import threading
import time
import unittest

from case import FAMILY, FAST, MODE, EndToEndTest
from netns_socket import UdpSocket
from topology import PEER, RELAY_INTERFACES, run
from turn_client import TurnError

CHANNEL = 0x4001
PACE = 0.002  # seconds between two packets of a direction


class Survival(EndToEndTest):
    def setUp(self):
        self.relay = self.make_relay()
        self.bpffs = self.relay.mount_bpffs()
        self.relay.start()
        self.peer = UdpSocket(self.topology.peer, PEER[FAMILY])
        self.addCleanup(self.peer.close)

    def client_with_channel(self):
        client = self.allocate()
        client.bind_channel(CHANNEL, self.peer.address)
        self.assert_both_ways(client)
        if FAST:
            self.relay.wait_until_fast()
        return client

    def assert_both_ways(self, client, channel=CHANNEL):
        data = os.urandom(24)
        client.send_channel_data(channel, data)
        received = self.peer.receive()
        self.assertIsNotNone(received, self.relay.text())
        self.assertEqual((received.data, received.source), (data, client.relayed))
        self.peer.send(data, client.relayed)
        received = client.receive_channel_data()
        self.assertIsNotNone(received, self.relay.text())
        self.assertEqual(received[:2], (channel, data))

    def assert_lives_on(self, client, session):
        """The session is there, and may do all that it might before."""
        self.assertEqual([row["id"] for row in self.relay.json("sessions")], [session])
        self.assertRegex(self.relay.text(), r"took over 1 sessions, 1 channels from an earlier process")
        self.assert_both_ways(client)
        client.refresh(300)
        client.permit(self.peer.address)
        client.bind_channel(CHANNEL, self.peer.address)
        other = UdpSocket(self.topology.peer, PEER[FAMILY])
        self.addCleanup(other.close)
        client.bind_channel(CHANNEL + 1, other.address)
        client.send_channel_data(CHANNEL + 1, b"new")
        self.assertEqual(other.receive().data, b"new")

    def assert_goes_on_without_a_process(self, client, session):
        """In the kernel; and the next process has the session again."""
        self.assertEqual(self.relay.interfaces(), dict.fromkeys(RELAY_INTERFACES, MODE if FAST else None))
        if FAST:
            self.assert_both_ways(client)
        self.relay.start()
        self.assertEqual(self.the_session(), session)
        self.assert_both_ways(client)

    def the_session(self):
        (session,) = self.relay.json("sessions")
        return session["id"]

    def packets(self):
        relayed = self.relay.relayed()
        return relayed["fast"]["packets"] + relayed["slow"]["packets"]

    def test_sessions_live_on_after_kill_9(self):
        client = self.client_with_channel()
        session = self.the_session()
        for _ in range(20):
            self.assert_both_ways(client)
        time.sleep(1.5)  # what the process counts is recorded once a second
        before = self.packets()
        self.relay.kill()
        self.relay.start()
        self.assertEqual(self.packets(), before)
        self.assert_lives_on(client, session)
        client.refresh(0)
        self.assertEqual(self.relay.json("sessions"), [])

    def exchange(self, client, seconds, events):
        """Numbered packets both ways at a fixed pace; events: {second: what to do then, beside}. Gives how many
        were sent each way, and the numbers that came to the peer and to the client."""
        count = int(seconds / PACE)
        due = {int(second / PACE): action for second, action in events.items()}
        running = []
        start = time.monotonic()
        for number in range(count):
            if number in due:
                running.append(threading.Thread(target=due[number]))
                running[-1].start()
            data = struct.pack(">I", number) + bytes(60)
            client.send_channel_data(CHANNEL, data)
            self.peer.send(data, client.relayed)
            time.sleep(max(0, start + (number + 1) * PACE - time.monotonic()))
        for thread in running:
            thread.join()
        to_peer, to_client = set(), set()
        while received := self.peer.receive(0.3):
            to_peer.add(struct.unpack_from(">I", received.data)[0])
        while received := client.receive_channel_data(0.3):
            to_client.add(struct.unpack_from(">I", received[1])[0])
        return count, to_peer, to_client

    @unittest.skipUnless(FAST, "without the kernel nothing is relayed while no process runs")
    def test_no_packet_is_lost_by_kill_9_and_restart(self):
        client = self.client_with_channel()
        before = self.packets()
        count, to_peer, to_client = self.exchange(
            client, 4, {1: self.relay.process.kill, 2: lambda: (self.relay.wait(), self.relay.start())})
        self.assertEqual(set(range(count)) - to_peer, set())
        self.assertEqual(set(range(count)) - to_client, set())
        self.assertEqual(self.packets() - before, 2 * count, "the counters go on")

    @unittest.skipUnless(FAST, "without the kernel nothing is relayed while no process runs")
    def test_no_packet_is_lost_by_an_upgrade(self):
        client = self.client_with_channel()

        def upgrade():
            self.relay.process.send_signal(signal.SIGUSR1)
            self.assertEqual(self.relay.wait(), 0, self.relay.text())
            self.relay.start()

        count, to_peer, to_client = self.exchange(client, 3, {1: upgrade})
        self.assertEqual(set(range(count)) - to_peer, set())
        self.assertEqual(set(range(count)) - to_client, set())

    def pinned_maps(self):
        return [json.loads(run("bpftool", "-j", "map", "show", "pinned", f"{self.bpffs}/{name}").stdout)["id"]
                for name in os.listdir(self.bpffs) if name.startswith("map-")]

    def programs(self):
        """Those on the interfaces and for the sockets of the relay's namespace."""
        on_links = [json.loads(self.topology.relay.ip("-j", "-d", "link", "show", name).stdout)[0]
                    for name in RELAY_INTERFACES]
        inode = os.stat(f"/run/netns/{self.topology.relay.name}").st_ino
        links = json.loads(run("bpftool", "-j", "link", "show").stdout or "[]")
        return [link["xdp"]["prog"]["id"] for link in on_links if "xdp" in link] + \
            [link["prog_id"] for link in links if link.get("netns_ino") == inode]

    def assert_gone(self, kind, numbers):
        self.assertTrue(numbers, f"there is no {kind} at all")
        deadline = time.monotonic() + 30
        while left := [number for number in numbers
                       if run("bpftool", kind, "show", "id", str(number), check=False).returncode == 0]:
            self.assertLess(time.monotonic(), deadline, f"{kind} {left} stay behind")
            time.sleep(0.1)

    def test_a_stop_leaves_nothing_behind(self):
        self.client_with_channel()
        self.relay.kill()  # what is taken over is left behind no less
        self.relay.start()
        maps, programs = self.pinned_maps(), self.programs()
        self.relay.stop()
        # Some kernels put iterators of their own into every bpffs.
        self.assertEqual([name for name in os.listdir(self.bpffs) if not name.endswith(".debug")], [])
        self.assertEqual(self.relay.interfaces(), dict.fromkeys(RELAY_INTERFACES))
        self.assert_gone("map", maps)
        self.assert_gone("prog", programs)

    def test_it_may_be_kept(self):
        client = self.client_with_channel()
        session = self.the_session()
        for option, number in (([], signal.SIGUSR1), (["--keep"], signal.SIGTERM), (["--keep"], signal.SIGINT)):
            with self.subTest(option=option, signal=number):
                self.relay.kill()
                self.relay.command += option
                self.relay.start()
                self.relay.process.send_signal(number)
                self.assertEqual(self.relay.wait(), 0, self.relay.text())
                self.assertRegex(self.relay.text(), "stays in the kernel")
                self.assert_goes_on_without_a_process(client, session)

    def test_another_abi_starts_clean_and_says_so(self):
        self.client_with_channel()
        self.relay.kill()
        control = f"{self.bpffs}/map-control"
        (entry,) = json.loads(run("bpftool", "-j", "map", "dump", "pinned", control).stdout)
        value = ["0xff", *entry["value"][1:]]
        run("bpftool", "map", "update", "pinned", control, "key", *entry["key"], "value", *value)
        self.relay.start()
        self.assertEqual(self.relay.json("sessions"), [])
        self.assertRegex(self.relay.text(), r"cannot be gone on with.*ABI 255")
        self.client_with_channel()

    def test_a_start_that_fails_loses_nothing(self):
        client = self.client_with_channel()
        session = self.the_session()
        self.relay.kill()
        self.relay.config["admin"]["socket"] = "/proc/no-socket-can-be-here"
        self.relay.write_config()
        status, text = self.relay.refused()
        self.assertEqual(status, 1, text)
        if FAST:
            self.assert_both_ways(client)
        self.relay.config["admin"]["socket"] = self.relay.socket
        self.relay.write_config()
        self.relay.start()
        self.assert_lives_on(client, session)

    def fail_to_start_with(self, table, key, value):
        """After an upgrade's stop, and only this once: neither admin socket nor file of blocks is of use."""
        self.relay.process.send_signal(signal.SIGUSR1)
        self.assertEqual(self.relay.wait(), 0, self.relay.text())
        good = json.loads(json.dumps(self.relay.config))
        self.relay.config[table][key] = value
        self.relay.config["admin"]["socket"] = self.relay.config_file
        self.relay.write_config()
        status, text = self.relay.refused()
        self.assertEqual(status, 1, text)
        self.assertIn("another kind of file", text)
        self.relay.config["admin"]["socket"] = good["admin"]["socket"]
        self.relay.write_config()
        blocked = f"{self.relay.config['state_dir']}/blocked"
        with open(blocked, "w", encoding="utf-8") as file:
            file.write("192.0.2.0/24 soon\n")
        status, text = self.relay.refused()
        self.assertEqual(status, 1, text)
        self.assertIn("soon", text)
        os.remove(blocked)
        self.relay.config = good
        self.relay.write_config()

    def test_a_start_that_fails_takes_nothing_away(self):
        client = self.client_with_channel()
        session = self.the_session()
        for table, key, value in (("fastpath", "mode", "off"), ("listen", "port", 3479),
                                  ("peers", "allow", [])):
            with self.subTest(table=table, key=key):
                self.fail_to_start_with(table, key, value)
                self.assert_goes_on_without_a_process(client, session)

    def test_a_larger_limit_waits_for_larger_maps(self):
        self.restart_anew_with_limit(2)
        self.restart_with("limits", "allocations", 100)
        self.assertRegex(self.relay.text(), "limits.allocations is 100, but .* room for 2: no more are granted")
        for _ in range(2):
            client = self.allocate()
            client.bind_channel(CHANNEL, self.peer.address)
            self.assert_both_ways(client)
        for _ in range(4):
            with self.assertRaises(TurnError) as refused:
                self.allocate()
            self.assertEqual(refused.exception.code, 508)
        self.restart_anew_with_limit(100)
        self.assertNotIn("room for", self.relay.text())
        for _ in range(3):
            self.allocate()

    def restart_anew_with_limit(self, allocations):
        """With maps of that size."""
        self.relay.stop()
        self.relay.config.setdefault("limits", {})["allocations"] = allocations
        self.relay.write_config()
        self.relay.start()

    def restart_with(self, table, key, value):
        self.relay.kill()
        (self.relay.config.setdefault(table, {}) if table else self.relay.config)[key] = value
        self.relay.write_config()
        self.relay.start()

    @unittest.skipUnless(FAST, "there is no fast path to change")
    def test_without_the_fast_path_sessions_live_on(self):
        client = self.client_with_channel()
        session = self.the_session()
        self.restart_with("fastpath", "mode", "off")
        self.assertEqual(self.relay.interfaces(), dict.fromkeys(RELAY_INTERFACES))
        self.assert_lives_on(client, session)
        self.restart_with("fastpath", "mode", MODE)
        self.assertEqual(self.the_session(), session)
        self.assert_both_ways(client)
        self.relay.wait_until_fast()

    def test_another_number_of_workers_takes_over(self):
        clients = [self.client_with_channel()]
        clients += [self.allocate() for _ in range(7)]
        for client in clients[1:]:
            client.bind_channel(CHANNEL, self.peer.address)
        for workers in (3, 1, 2):
            self.restart_with("", "workers", workers)
            self.assertEqual(len(self.relay.json("sessions")), len(clients))
            for client in clients:
                self.assert_both_ways(client)
                client.refresh(600)

    def test_a_listening_address_that_is_gone_ends_its_sessions(self):
        client = self.client_with_channel()
        self.restart_with("listen", "port", 3479)
        self.assertEqual(self.relay.json("sessions"), [])
        self.assertRegex(self.relay.text(), "1 sessions of an earlier process cannot go on")
        client.send_channel_data(CHANNEL, b"too late")
        self.assertIsNone(self.peer.receive(0.5))

    def test_an_old_session_expires_as_it_would_have(self):
        self.restart_with("limits", "default_lifetime", 2)  # the least that a client may ask for
        client = self.client_with_channel()
        client.refresh(2)
        self.relay.kill()
        time.sleep(2.2)
        self.relay.start()
        self.assertEqual(self.relay.json("sessions"), [])
        self.assertEqual(self.relay.json("stats")["taken_over"], 0)
        self.assertRegex(self.relay.text(), "took over 0 sessions, 0 channels")
        client.send_channel_data(CHANNEL, b"too late")
        self.assertIsNone(self.peer.receive(0.5))


if __name__ == "__main__":
    unittest.main()
