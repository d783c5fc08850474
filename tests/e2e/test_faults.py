# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments, two hundred times. After each restart the records, the kernel's maps and the
relay's own state agree with each other and with what the clients had been told, and no datagram ever reaches a
peer that it was not for.

TURNPIKE_FAULTS: how often (200); TURNPIKE_SEED."""

import os
import random
import time
import unittest

import pinned
import stun
from case import FAMILY, FAST, MODE, EndToEndTest
from netns_socket import UdpSocket
from topology import CLIENT, PEER, run
from turn_client import TurnClient, TurnError

ROUNDS = int(os.environ.get("TURNPIKE_FAULTS", "200"))
SEED = int(os.environ.get("TURNPIKE_SEED", "8656"))
CLIENTS = 4
PEERS = 3
OPERATIONS = ("bind", "permit", "refresh", "delete", "allocate")


class Party:
    """A client, and what it knows. What was asked when the relay died may or may not have happened."""

    def __init__(self, test):
        self.test = test
        self.client = None
        self.renew()

    def renew(self):
        """Another 5-tuple: a client that starts anew."""
        if self.client:
            self.client.close()
        self.client = TurnClient(self.test.topology, FAMILY)
        self.allocated = False
        self.channels, self.permitted = {}, set()
        self.unsure = None

    def do(self, operation, peer, channel):
        """One request. False: the relay died before it answered."""
        if not self.allocated:
            operation = "allocate"
        elif operation == "allocate":
            operation = "refresh"
        self.unsure = (operation, peer, channel)
        try:
            if operation == "allocate":
                self.client.allocate()
                self.allocated = True
            elif operation == "bind":
                self.client.bind_channel(channel, peer)
                self.channels[channel] = peer
                self.permitted.add(peer[0])
            elif operation == "permit":
                self.client.permit(peer)
                self.permitted.add(peer[0])
            elif operation == "refresh":
                self.client.refresh(600)
            elif operation == "delete":
                self.client.refresh(0)
        except TurnError:
            pass  # a channel number or peer that is taken
        except (AssertionError, OSError):
            return False
        self.unsure = None
        if operation == "delete":
            self.renew()
        return True


class Faults(EndToEndTest):
    def setUp(self):
        self.random = random.Random(SEED)
        self.relay = self.make_relay()
        self.bpffs = self.relay.config["fastpath"]["bpffs"]
        os.makedirs(self.bpffs, exist_ok=True)
        run("mount", "-t", "bpf", "bpf", self.bpffs)
        self.addCleanup(run, "umount", self.bpffs, check=False)
        self.peers = [UdpSocket(self.topology.peer, PEER[FAMILY]) for _ in range(PEERS)]
        self.parties = [Party(self) for _ in range(CLIENTS)]
        self.addCleanup(lambda: [party.client.close() for party in self.parties])
        self.addCleanup(lambda: [peer.close() for peer in self.peers])

    def random_request(self):
        peer = self.random.choice(self.peers).address
        channel = 0x4000 + self.random.randrange(4)
        weights = (5, 3, 2, 1, 2)
        return self.random.choices(OPERATIONS, weights)[0], peer, channel

    def work_until_killed(self):
        """Some requests that are answered, then one that the relay dies under."""
        for _ in range(self.random.randrange(1, 6)):
            self.assertTrue(self.random.choice(self.parties).do(*self.random_request()), self.relay.text())
        party = self.random.choice(self.parties)
        party.client.retransmissions = 0
        operation, peer, channel = self.random_request()
        party.client.before_waiting = self.kill_soon
        party.do(operation, peer, channel)
        party.client.before_waiting = None
        self.relay.kill()
        party.client.retransmissions = None

    def kill_soon(self):
        """A request takes the relay some hundred microseconds; sometimes it is quicker than we are."""
        end = time.perf_counter() + self.random.random() * 0.0008
        while time.perf_counter() < end:
            pass
        self.relay.process.kill()

    def settle(self, party):
        """Finds out what became of the request that was not answered: it is asked again."""
        if party.unsure is None:
            return
        operation, peer, channel = party.unsure
        if operation in ("allocate", "delete"):
            party.renew()  # the old 5-tuple is not used again, whatever became of it
            return
        self.assertTrue(party.do(operation, peer, channel), self.relay.text())

    def assert_state_agrees(self):
        sessions = {session["id"]: self.relay.json("show", session["id"]) for session in self.relay.json("sessions")}
        records = pinned.Records(self.bpffs)
        self.assertEqual(set(records.sessions), set(sessions))
        self.assertEqual(records.permissions,
                         {(name, permission["peer"]) for name, session in sessions.items()
                          for permission in session["permissions"]})
        bound = {(name, int(channel["channel"], 16) if isinstance(channel["channel"], str) else channel["channel"])
                 for name, session in sessions.items() for channel in session["channels"]}
        self.assertEqual({key for key, (_, resting) in records.channels.items() if not resting}, bound)
        if FAST:
            self.assert_kernel_agrees(records)

    def assert_kernel_agrees(self, records):
        slots = {binding.slot: binding for binding in pinned.bindings(self.bpffs)}
        names = {allocation.slot: allocation.id for allocation in pinned.allocations(self.bpffs)}
        self.assertEqual(set(names.values()), set(records.sessions))
        of_kind = {kind: {(names[binding.allocation], binding.channel if kind == pinned.CHANNEL else binding.peer[0])
                          for binding in slots.values() if binding.kind == kind}
                   for kind in (pinned.CHANNEL, pinned.PERMISSION, pinned.CLIENT)}
        self.assertEqual(of_kind[pinned.CHANNEL],
                         {key for key, (_, resting) in records.channels.items() if not resting})
        self.assertEqual(of_kind[pinned.PERMISSION], records.permissions)
        self.assertEqual({name for name, _ in of_kind[pinned.CLIENT]}, set(records.sessions))
        flows = pinned.flows(self.bpffs)
        for flow in flows:
            self.assertEqual(slots[flow.slot].generation, flow.generation, flow)
        wanted = sum(2 if binding.kind == pinned.CHANNEL else 1 for binding in slots.values())
        self.assertEqual(len(flows), wanted)

    def assert_clients_are_served(self):
        """What a client was told holds, and its data comes to the peer that it is for."""
        for party in self.parties:
            for channel, peer in party.channels.items():
                data = os.urandom(20)
                party.client.send_channel_data(channel, data)
                to = next(each for each in self.peers if each.address == peer)
                received = to.receive(2)
                self.assertIsNotNone(received, f"channel {channel:#x} to {peer} is gone\n{self.relay.text()}")
                self.assertEqual((received.data, received.source), (data, party.client.relayed))
        for peer in self.peers:
            self.assertIsNone(peer.receive(0), "a datagram came to a peer that it was not for")

    def test_killed_at_random_moments(self):
        self.relay.start()
        for number in range(ROUNDS):
            with self.subTest(round=number, seed=SEED, mode=MODE):
                self.work_until_killed()
                self.relay.start()
                self.assert_state_agrees()
                for party in self.parties:
                    self.settle(party)
                self.assert_state_agrees()
                self.assert_clients_are_served()
                if self._outcome.result.failures or self._outcome.result.errors:
                    break
        self.relay.stop()
        self.assertEqual(os.listdir(self.bpffs), [])


if __name__ == "__main__":
    unittest.main()
