# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments, two hundred times. After each restart the records, the kernel's maps and the
relay's own state agree with each other and with what the clients had been told, and no datagram ever reaches a
peer that it was not for.

TURNPIKE_FAULTS: how often (200); TURNPIKE_SEED."""

import collections
import os
import random
import time
import unittest

import agreement
import pinned
from case import FAMILY, MODE, EndToEndTest
from netns_socket import UdpSocket
from topology import PEER, PREFIX_LENGTH
from turn_client import TurnClient, TurnError

ROUNDS = int(os.environ.get("TURNPIKE_FAULTS", "200"))
SEED = int(os.environ.get("TURNPIKE_SEED", "8656"))
CLIENTS = 6
PEER_ADDRESSES = [PEER[FAMILY], PEER[FAMILY][:-1] + "3"]
PORTS_EACH = 2
CHANNELS = range(0x4000, 0x4004)
OPERATIONS = {"bind": 5, "permit": 3, "refresh": 2, "delete": 2}  # and how often each
A_BATCH = 0.0003  # seconds; requests that come together seldom take longer
A_START = 0.15
A_START_IS_KILLED = 0.25  # with this probability

BAD_REQUEST, ALLOCATION_MISMATCH = 400, 437

Request = collections.namedtuple("Request", "operation peer channel")


class Party:
    """A client, always on the same 5-tuple, and what it was told."""

    def __init__(self, topology):
        self.client = TurnClient(topology, FAMILY)
        self.address = self.client.socket.address
        self.unsure = None  # a request that nobody answered: it may have been carried out
        self.forget()

    def forget(self):
        self.relayed, self.permitted, self.channels = None, set(), {}

    def may_reach_by(self, channel):
        """The peer that the channel is bound to, or may be."""
        if self.unsure and self.unsure.operation == "bind" and self.unsure.channel == channel:
            return self.channels.get(channel, self.unsure.peer)
        return self.channels.get(channel)

    def may_reach(self, peer):
        unsure = self.unsure and self.unsure.operation in ("bind", "permit") and self.unsure.peer[0] == peer[0]
        return unsure or peer[0] in self.permitted

    def do(self, request):
        """False: the relay died before it answered."""
        if not self.relayed:
            request = request._replace(operation="allocate")
        self.unsure = request
        self.client.transaction = os.urandom(12)
        return self.ask()

    def ask(self):
        """Once more, for a request that was not answered: as a retransmission, which must not be refused if
        the first was carried out."""
        try:
            getattr(self, self.unsure.operation)(self.unsure)
        except AssertionError:
            return False
        self.unsure = self.client.transaction = None
        return True

    def allocate(self, _):
        self.relayed = self.client.allocate().relayed

    def bind(self, request):
        other = [(number, peer) for number, peer in self.channels.items()
                 if (number == request.channel) != (peer == request.peer)]
        try:
            self.client.bind_channel(request.channel, request.peer)
        except TurnError as error:
            if not other or error.code != BAD_REQUEST:
                raise
            return
        self.channels[request.channel] = request.peer
        self.permitted.add(request.peer[0])

    def permit(self, request):
        self.client.permit(request.peer)
        self.permitted.add(request.peer[0])

    def refresh(self, _):
        self.client.refresh(600)

    def delete(self, _):
        try:
            self.client.refresh(0)
        except TurnError as error:
            if error.code != ALLOCATION_MISMATCH:
                raise
        self.forget()

    def renew(self):
        """All that it has, which must be there."""
        self.client.refresh(600)
        for number, peer in self.channels.items():
            self.client.bind_channel(number, peer)
        for address in self.permitted:
            self.client.permit((address, 1))


class Faults(EndToEndTest):
    def setUp(self):
        self.random = random.Random(SEED)
        for address in PEER_ADDRESSES[1:]:
            self.topology.peer.ip("address", "add", f"{address}/{PREFIX_LENGTH[FAMILY]}", "dev", "veth0",
                                  *(("nodad",) if FAMILY == 6 else ()))
        self.relay = self.make_relay(change=self.configure)
        self.bpffs = self.relay.mount_bpffs()
        self.peers = {peer.address: peer for peer in (UdpSocket(self.topology.peer, address)
                                                      for address in PEER_ADDRESSES for _ in range(PORTS_EACH))}
        self.parties = [Party(self.topology) for _ in range(CLIENTS)]
        self.addCleanup(lambda: [party.client.close() for party in self.parties])
        self.addCleanup(lambda: [peer.close() for peer in self.peers.values()])
        self.datagrams = 0

    @staticmethod
    def configure(config):
        """Tables so small that reading all of them takes no time."""
        config["peers"]["allow"] = [f"{address}/{128 if ':' in address else 32}" for address in PEER_ADDRESSES]
        config["limits"] = {"allocations": 64}
        config["fastpath"]["max_bindings"] = 256

    def random_request(self):
        operation, = self.random.choices(list(OPERATIONS), OPERATIONS.values())
        return Request(operation, self.random.choice(list(self.peers)), self.random.choice(CHANNELS))

    def work_until_killed(self):
        """Some requests that are answered, then some that the relay dies under."""
        for _ in range(self.random.randrange(1, 6)):
            self.assertTrue(self.random.choice(self.parties).do(self.random_request()), self.relay.text())
        self.ask_and_kill(self.random.sample(self.parties, self.random.randrange(1, CLIENTS + 1)))

    def ask_and_kill(self, parties, sends=()):
        """One request of each, all at once: none goes out before the last is made; then the relay is killed."""
        if not parties:
            for send in sends:
                send()
            end = time.perf_counter() + self.random.random() * A_BATCH
            while time.perf_counter() < end:
                pass
            self.relay.kill()
            return
        client = parties[0].client
        deliver, retransmissions, patience = client.deliver, client.retransmissions, client.retransmit_after

        def deliver_with_the_rest(datagram):
            client.deliver = deliver  # what follows a refusal goes to a relay that is dead
            self.ask_and_kill(parties[1:], (*sends, lambda: deliver(datagram)))

        client.deliver = deliver_with_the_rest
        client.retransmissions, client.retransmit_after = 0, 0.01  # what was answered is there already
        parties[0].do(self.random_request())
        client.retransmissions, client.retransmit_after = retransmissions, patience

    def restart(self):
        while self.random.random() < A_START_IS_KILLED:
            self.relay.launch()
            time.sleep(self.random.random() * A_START)
            self.relay.kill()
        self.relay.start()

    def send_all(self):
        """By all channels and permissions that there are or were; each datagram names the peer that it is for.
        {peer: what must come to it}."""
        wanted = {address: set() for address in self.peers}
        for party in self.parties:
            for number in CHANNELS:
                to = party.may_reach_by(number)
                data = self.datagram_for(to)
                party.client.send_channel_data(number, data)
                if to:
                    wanted[to].add((data, party.relayed))
            for to in self.peers:
                permitted = party.may_reach(to)
                data = self.datagram_for(to if permitted else None)
                party.client.send_indication(to, data)
                if permitted:
                    wanted[to].add((data, party.relayed))
        return wanted

    def datagram_for(self, peer):
        self.datagrams += 1
        return f"{self.datagrams} for {peer}".encode()

    def receive_all(self, wanted, limit):
        for address, peer in self.peers.items():
            left = set(wanted[address])
            while received := peer.receive(limit if left else 0):
                self.assertTrue(received.data.endswith(f" for {address}".encode()), (address, received))
                left.discard((received.data, received.source))
            self.assertFalse(left, f"did not come to {address}\n{self.relay.text()}")

    def assert_state_agrees(self):
        records = pinned.Records(self.bpffs)
        self.assertEqual(agreement.core(self.relay), agreement.recorded(records))
        self.assertEqual(pinned.steered(self.bpffs), agreement.wanted_ports(self.relay, records))
        if MODE != "off":
            self.assertEqual(agreement.forwarded(self.bpffs), agreement.wanted_bindings(records))
            self.assertEqual(pinned.flows(self.bpffs), agreement.wanted_flows(self.bpffs))
        told = {party.address: (party.relayed, party.permitted, party.channels)
                for party in self.parties if party.relayed and not party.unsure}
        unsure = {party.address for party in self.parties if party.unsure}
        self.assertEqual({client: state for client, state in agreement.recorded(records).items()
                          if client not in unsure}, told)

    def assert_clients_are_served(self):
        """What a client was told holds."""
        for party in self.parties:
            if party.relayed:
                party.renew()
                continue
            with self.assertRaises(TurnError) as refusal:
                party.client.refresh(600)
            self.assertEqual(refusal.exception.code, ALLOCATION_MISMATCH)
        self.receive_all(self.send_all(), 2)

    def one_round(self):
        self.work_until_killed()
        self.send_all()  # to a relay that is dead: the kernel goes on, as far as it knows all next hops
        self.restart()
        self.assert_state_agrees()
        for party in self.parties:
            if party.unsure:
                self.assertTrue(party.ask(), self.relay.text())
        self.assert_state_agrees()
        self.assert_clients_are_served()

    def test_killed_at_random_moments(self):
        self.relay.start()
        for number in range(ROUNDS):
            with self.subTest(round=number, seed=SEED, mode=MODE):
                self.one_round()
                continue
            break  # a later round says nothing new
        self.relay.stop()


if __name__ == "__main__":
    unittest.main()
