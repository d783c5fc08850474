# SPDX-License-Identifier: Apache-2.0
"""ICMP through the relay: what a host or router says about a relayed packet reaches the client as a Data
indication with an ICMP attribute (RFC 8656 §§11.5, 18.13), and who sends packets that are too big for the other
side learns the size that fits."""

import errno
import os
import socket
import struct
import time
import unittest

import stun
from case import FAMILY, EndToEndTest
from netns_socket import UdpSocket
from topology import PEER

CHANNEL = 0x4001
ICMP_ATTRIBUTE = 0x8004
PORT_UNREACHABLE = {4: (3, 3), 6: (1, 4)}[FAMILY]
IP_AND_UDP = {4: 28, 6: 48}[FAMILY]
SMALL_MTU = 1400

# linux/in.h, linux/in6.h; not in the socket module
MTU_DISCOVER, MTU_OPTION, DISCOVER_DO = {4: (10, 14, 2), 6: (23, 24, 2)}[FAMILY]
LEVEL = {4: socket.IPPROTO_IP, 6: socket.IPPROTO_IPV6}[FAMILY]


class Icmp(EndToEndTest):
    def setUp(self):
        self.relay = self.start_relay()
        self.client = self.allocate()

    def receive_icmp(self):
        """(peer, type, code, data) of the next Data indication, which is to have an ICMP attribute and no data."""
        received = self.client.socket.receive(2)
        self.assertIsNotNone(received, self.relay.text())
        message = stun.Message(received.data)
        self.assertEqual((message.method, message.message_class), (stun.DATA, stun.INDICATION))
        self.assertIsNone(message.get(stun.DATA_ATTRIBUTE))
        value = message.get(ICMP_ATTRIBUTE)
        self.assertEqual(len(value), 8)
        kind_and_code, data = struct.unpack_from(">HI", value, 2)
        return message.address(stun.XOR_PEER_ADDRESS), kind_and_code >> 9, kind_and_code & 0x1FF, data

    def test_a_closed_port_is_told_to_the_client(self):
        peer = UdpSocket(self.topology.peer, PEER[FAMILY])
        closed = peer.address
        peer.close()
        self.client.bind_channel(CHANNEL, closed)
        for send in (lambda: self.client.send_channel_data(CHANNEL, b"knock"),
                     lambda: self.client.send_indication(closed, b"knock")):
            send()
            self.assertEqual(self.receive_icmp(), (closed, *PORT_UNREACHABLE, 0))
            time.sleep(1.1)  # hosts tell of closed ports about once a second

    def path_mtu_of(self, end):
        return end.socket.getsockopt(LEVEL, MTU_OPTION)

    @staticmethod
    def pending_error(end):
        """What the next call would fail with, and no more does."""
        return end.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def narrow(self, end, interface):
        """Makes the wire between `end` and the relay narrow, at both of its ends."""
        for namespace, device in ((end, "veth0"), (self.topology.relay, interface)):
            namespace.ip("link", "set", device, "mtu", str(SMALL_MTU))
            self.addCleanup(namespace.ip, "link", "set", device, "mtu", "1500")
        time.sleep(0.5)

    def test_a_peer_learns_what_fits_the_clients_side(self):
        peer = UdpSocket(self.topology.peer, PEER[FAMILY])
        self.addCleanup(peer.close)
        self.client.bind_channel(CHANNEL, peer.address)
        self.narrow(self.topology.client, "client0")
        peer.socket.connect(self.client.relayed)
        peer.socket.setsockopt(LEVEL, MTU_DISCOVER, DISCOVER_DO)
        data = os.urandom(SMALL_MTU - IP_AND_UDP)  # fits, but for the ChannelData header
        peer.socket.send(data)
        self.assertEqual(self.client.receive_channel_data()[1], data, "the datagram itself is not lost")
        deadline = time.monotonic() + 2
        while self.path_mtu_of(peer) != SMALL_MTU - 4 and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertEqual(self.path_mtu_of(peer), SMALL_MTU - 4, self.relay.text())
        self.assertEqual(self.pending_error(peer), errno.EMSGSIZE)
        with self.assertRaises(OSError):
            peer.socket.send(data)
        peer.socket.send(data[:-4])
        self.assertEqual(self.client.receive_channel_data()[1], data[:-4])

    def test_a_client_learns_what_fits_the_peers_side(self):
        peer = UdpSocket(self.topology.peer, PEER[FAMILY])
        self.addCleanup(peer.close)
        self.client.bind_channel(CHANNEL, peer.address)
        self.narrow(self.topology.peer, "peer0")
        self.client.socket.socket.connect(self.client.server)
        self.client.socket.socket.setsockopt(LEVEL, MTU_DISCOVER, DISCOVER_DO)
        data = os.urandom(SMALL_MTU - IP_AND_UDP + 4)
        self.client.socket.socket.send(struct.pack(">HH", CHANNEL, len(data)) + data)
        self.assertEqual(peer.receive().data, data, "the datagram itself is not lost")
        deadline = time.monotonic() + 2
        while self.path_mtu_of(self.client.socket) != SMALL_MTU + 4 and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertEqual(self.path_mtu_of(self.client.socket), SMALL_MTU + 4, self.relay.text())


if __name__ == "__main__":
    unittest.main()
