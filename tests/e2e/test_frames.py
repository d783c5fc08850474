# SPDX-License-Identifier: Apache-2.0
"""Senders and frames that are out of the ordinary, whole way through: UDP GSO, fragments, IP options, padding,
runts, jumbo frames. (Senders that leave checksums to their device: test_offload.py.)"""

import os
import socket
import struct
import unittest

from case import FAMILY, FAST, MODE, EndToEndTest
from netns_socket import HOME, UdpSocket, enter
from topology import CLIENT, PEER

CHANNEL = 0x4001
UDP_SEGMENT = 103  # linux/udp.h; not in the socket module
SEGMENT = 164
ETHERTYPE = {4: 0x0800, 6: 0x86DD}[FAMILY]


def ones_sum(data):
    data += b"\0" * (len(data) % 2)
    return sum(struct.unpack(f">{len(data) // 2}H", data)) % 0xFFFF


class BoundChannel(EndToEndTest):
    """A client with a channel to a peer; the tests are in the classes below."""

    def setUp(self):
        self.relay = self.start_relay(mode=self.mode())
        self.peer = UdpSocket(self.topology.peer, PEER[FAMILY])
        self.addCleanup(self.peer.close)
        self.client = self.allocate()
        self.client.bind_channel(CHANNEL, self.peer.address)
        if FAST:
            self.relay.wait_until_fast()

    def mode(self):
        return MODE

    def carried(self):
        relayed = self.relay.relayed()
        return relayed["fast"]["packets"], relayed["slow"]["packets"]

    def channel_data(self, size):
        data = os.urandom(size)
        return struct.pack(">HH", CHANNEL, size) + data, data

    def assert_at_peer(self, data):
        received = self.peer.receive()
        self.assertIsNotNone(received, self.relay.control("drops").stdout)
        self.assertEqual((received.data, received.source), (data, self.client.relayed))

    def send_frame(self, payload, ip_length_more=0, trailing=b""):
        """As a frame of our own making from the client's device: padding and lies included."""
        source, destination = CLIENT[FAMILY], self.client.server[0]
        mac = self.topology.client.run("cat", "/sys/class/net/veth0/address").stdout.strip()
        relay_mac = self.topology.relay.run("cat", "/sys/class/net/client0/address").stdout.strip()
        ends = [socket.inet_pton({4: socket.AF_INET, 6: socket.AF_INET6}[FAMILY], each)
                for each in (source, destination)]
        port = self.client.socket.address[1]
        length = 8 + len(payload)
        udp = struct.pack(">HHHH", port, self.client.server[1], length, 0) + payload
        pseudo = b"".join(ends) + struct.pack(">HH", 17, length)
        udp = udp[:6] + struct.pack(">H", 0xFFFF - ones_sum(pseudo + udp)) + udp[8:]
        if FAMILY == 4:
            header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + length + ip_length_more, 1, 0, 64, 17, 0) + b"".join(ends)
            header = header[:10] + struct.pack(">H", 0xFFFF - ones_sum(header)) + header[12:]
        else:
            header = struct.pack(">IHBB", 6 << 28, length + ip_length_more, 17, 64) + b"".join(ends)
        frame = (bytes.fromhex(relay_mac.replace(":", "") + mac.replace(":", "")) + struct.pack(">H", ETHERTYPE) +
                 header + udp + trailing)
        fd = os.open(f"/run/netns/{self.topology.client.name}", os.O_RDONLY)
        try:
            enter(fd)
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
                raw.bind(("veth0", 0))
                raw.send(frame)
        finally:
            enter(HOME)
            os.close(fd)


class OrdinaryMtu(BoundChannel):
    def test_segments_of_a_gso_sender(self):
        """One send call, ten datagrams: the wire shows ten frames in native mode, one in generic mode."""
        messages = [self.channel_data(SEGMENT - 4) for _ in range(10)]
        self.client.socket.socket.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, SEGMENT)
        self.client.socket.send(b"".join(wire for wire, _ in messages), self.client.server)
        self.client.socket.socket.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 0)
        for _, data in messages:
            self.assert_at_peer(data)

    def test_fragments(self):
        wire, data = self.channel_data(4000)
        self.client.socket.send(wire, self.client.server)
        self.assert_at_peer(data)
        self.peer.send(data, self.client.relayed)
        self.assertEqual(self.client.receive_channel_data()[:2], (CHANNEL, data))
        self.assertEqual(self.carried(), (0, 2))

    @unittest.skipIf(FAMILY == 6, "IPv6 has no options in its header")
    def test_ip_options(self):
        self.client.socket.socket.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, b"\x01\x01\x01\x01")
        wire, data = self.channel_data(100)
        self.client.socket.send(wire, self.client.server)
        self.client.socket.socket.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, b"")
        self.assert_at_peer(data)
        self.assertEqual(self.carried(), (0, 1))

    def test_padded_frames(self):
        """Ethernet pads short frames; the padding is none of the datagram."""
        for size in (1, 2, 3, 4):
            wire, data = self.channel_data(size)
            self.send_frame(wire, trailing=b"\xAA" * 18)
            self.assert_at_peer(data)
        self.assertEqual(self.carried(), (4, 0) if FAST else (0, 4))

    def test_runts(self):
        """Frames that are shorter than their IP header says come to nobody."""
        wire, _ = self.channel_data(100)
        self.send_frame(wire, ip_length_more=20)
        wire, data = self.channel_data(50)
        self.client.socket.send(wire, self.client.server)
        self.assert_at_peer(data)


class JumboFrames(BoundChannel):
    """A veth takes no native XDP at such an MTU: `auto` finds that out."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for namespace, interface in ((cls.topology.client, "veth0"), (cls.topology.relay, "client0"),
                                     (cls.topology.relay, "peer0"), (cls.topology.peer, "veth0")):
            namespace.ip("link", "set", interface, "mtu", "9000")

    def mode(self):
        return "auto" if FAST else MODE

    def test_jumbo_frames(self):
        for size in (1500, 4000, 8900):
            wire, data = self.channel_data(size)
            self.client.socket.send(wire, self.client.server)
            self.assert_at_peer(data)
            self.peer.send(data, self.client.relayed)
            self.assertEqual(self.client.receive_channel_data()[:2], (CHANNEL, data))
        self.assertEqual(self.carried(), (6, 0) if FAST else (0, 6))


if __name__ == "__main__":
    unittest.main()
