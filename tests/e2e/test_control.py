# SPDX-License-Identifier: Apache-2.0
"""turnpikectl: the shape of what each verb tells."""

import collections
import json
import os
import signal
import subprocess
import tempfile
import unittest

from case import FAMILY, FAST, EndToEndTest
from netns_socket import UdpSocket
from relay import BIN, USER, default_config, toml
from topology import CLIENT, PEER, run
from turn_client import TurnClient

CHANNEL = 0x4001


class Control(EndToEndTest):
    def setUp(self):
        self.relay = self.start_relay()
        self.peer = UdpSocket(self.topology.peer, PEER[FAMILY])
        self.addCleanup(self.peer.close)

    def client_with_traffic(self, packets=10):
        client = self.allocate()
        client.bind_channel(CHANNEL, self.peer.address)
        for number in range(packets):
            client.send_channel_data(CHANNEL, bytes(100 + number))
            self.assertIsNotNone(self.peer.receive())
        return client

    def test_stats(self):
        self.client_with_traffic()
        stats = self.relay.json("stats")
        for path in ("fast", "slow"):
            for count in ("packets", "bytes"):
                self.assertIsInstance(stats["relayed"][path][count], int)
        self.assertEqual(stats["relayed"]["fast"]["packets"] + stats["relayed"]["slow"]["packets"], 10)
        self.assertEqual(stats["relayed"]["fast"]["bytes"] + stats["relayed"]["slow"]["bytes"], 1045)
        self.assertEqual([stats[key] for key in ("allocations", "permissions", "channels")], [1, 1, 1])
        self.assertEqual((stats["taken_over"], stats["blocked"]), (0, 0))
        if FAST:
            self.assertLessEqual({"name", "used", "size", "refused"}, set(stats["tables"][0]))

    def test_status(self):
        status = self.relay.json("status")
        for key in ("version", "interfaces", "workers"):
            self.assertIn(key, status)
        self.assertIn("turn", self.relay.control("status").stdout.lower())

    def test_sessions_and_show(self):
        client = self.client_with_traffic()
        (session,) = self.relay.json("sessions")
        self.assertEqual(session["user"], USER)
        self.assertEqual(session["channels"], 1)
        detail = self.relay.json("show", session["id"][:6])
        self.assertEqual(detail["id"], session["id"])
        self.assertEqual(len(detail["permissions"]), 1)
        for way in (*detail["permissions"], *detail["channels"]):
            self.assertIn(way["to_peer"], ("fast", "slow"))
        self.assertIn(session["id"][:6], self.relay.control("sessions").stdout)
        unknown = self.relay.control("show", "zzzz", check=False)
        self.assertNotEqual(unknown.returncode, 0)
        self.assertTrue(unknown.stderr)
        client.refresh(0)
        self.assertEqual(self.relay.json("sessions"), [])

    def test_drops(self):
        client = self.allocate()
        client.send_channel_data(CHANNEL, b"unbound")
        client.permit(self.peer.address)
        rows = self.relay.json("drops")
        self.assertTrue(any(row["packets"] > 0 for row in rows), rows)
        for row in rows:
            self.assertLessEqual({"path", "verdict", "reason", "packets", "meaning"}, set(row))

    def test_drops_watch(self):
        client = self.allocate()
        watch = self.topology.relay.popen(f"{BIN}/turnpikectl", "--socket", self.relay.socket, "drops", "--watch",
                                          "--interval", "0.3", "--json", stdout=subprocess.PIPE, text=True)
        self.addCleanup(watch.communicate)
        self.addCleanup(watch.kill)
        self.assertEqual(json.loads(watch.stdout.readline())["rows"], [])
        for _ in range(5):
            client.send_channel_data(CHANNEL, b"unbound")
        moved = collections.Counter()
        for _ in range(3):
            for row in json.loads(watch.stdout.readline())["rows"]:
                moved[row["path"], row["reason"]] += row["packets"]
                self.assertGreater(row["packets_per_s"], 0)
        self.assertEqual(moved["slow", "channel_unbound"], 5, moved)
        if FAST:
            self.assertEqual(moved["fast", "no_flow"], 5, moved)
        watch.send_signal(signal.SIGINT)
        self.assertEqual(watch.wait(5), 0)

    def test_blocks(self):
        client = self.allocate()
        self.relay.control("block", CLIENT[FAMILY], "--for", "10m")
        with self.assertRaisesRegex(AssertionError, "no answer"):
            client.refresh(600)
        (row,) = self.relay.json("blocked")
        self.assertTrue(row["prefix"].startswith(CLIENT[FAMILY]), row)
        self.assertIn(row["expires_in_s"], (598, 599, 600))
        self.assertEqual(self.relay.json("stats")["blocked"], 1)
        self.relay.control("unblock", CLIENT[FAMILY])
        client.refresh(600)
        self.assertEqual(self.relay.json("blocked"), [])
        for verb, says in ((("block", "192.0.2.0/99"), "192.0.2.0/99"), (("unblock", "192.0.2.0/24"), "not blocked")):
            done = self.relay.control(*verb, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(says, done.stderr)

    def test_an_unknown_verb(self):
        done = self.relay.control("stauts", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("unknown verb 'stauts'; verbs are: status, ", done.stderr)

    def test_doctor(self):
        done = self.relay.control("doctor", "--json", check=False)
        checks = json.loads(done.stdout)
        checks = checks.get("checks", checks) if isinstance(checks, dict) else checks
        self.assertTrue(checks)
        for check in checks:
            self.assertIn(check["verdict"], ("ok", "warn", "fail"))
        failed = [check for check in checks if check["verdict"] == "fail"]
        self.assertEqual(done.returncode, 1 if failed else 0)
        self.assertEqual(failed, [])

    def test_no_relay(self):
        done = self.topology.relay.run(f"{BIN}/turnpikectl", "--socket", "/nonexistent.sock", "status", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("/nonexistent.sock", done.stderr)

    def test_check_config(self):
        with tempfile.TemporaryDirectory(prefix="tp-e2e-") as directory:
            path = os.path.join(directory, "turnpike.toml")
            for change, status in (({}, 0), ({"realms": "x"}, 1)):
                with open(path, "w", encoding="utf-8") as file:
                    for key, value in {**default_config(directory), **change}.items():
                        file.write(f"{key} = {toml(value)}\n")
                done = run(f"{BIN}/turnpikectl", "check-config", path, check=False)
                self.assertEqual(done.returncode, status, done.stdout + done.stderr)


class Credentials(EndToEndTest):
    def test_temporary_credentials_work(self):
        def use_secret(config):
            config["auth"] = {"secrets": ["a secret of the north"]}

        relay = self.start_relay(change=use_secret)
        made = relay.json("credentials", "--id", "alice", "--lifetime", "60")
        client = TurnClient(self.topology, FAMILY, user=made["username"], password=made["password"])
        self.addCleanup(client.close)
        client.allocate()
        (session,) = relay.json("sessions")
        self.assertEqual(session["user"], made["username"])


if __name__ == "__main__":
    unittest.main()
