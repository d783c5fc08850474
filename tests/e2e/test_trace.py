# SPDX-License-Identifier: Apache-2.0
"""turnpikectl trace: one session's packets before and after the relay, read back from the pcapng."""

import collections
import ipaddress
import json
import os
import signal
import socket
import struct
import subprocess
import time
import unittest

import stun
from case import FAMILY, FAST, MODE, EndToEndTest
from netns_socket import UdpSocket
from relay import BIN, PORT
from topology import PEER, RELAY_CLIENT_SIDE

CHANNEL = 0x4001
SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6
IP_HEADER = {4: 20, 6: 40}[FAMILY]

Packet = collections.namedtuple("Packet", "interface time length data comment")
Udp = collections.namedtuple("Udp", "source destination payload")


def read_options(data):
    options, position = {}, 0
    while position < len(data):
        code, size = struct.unpack_from("<HH", data, position)
        if code == 0:
            break
        options[code] = data[position + 4:position + 4 + size]
        position += 4 + size + -size % 4
    return options


def read_pcapng(data):
    """The packets of a file as draft-ietf-opsawg-pcapng says, read by other code than wrote it."""
    interfaces, packets, position = [], [], 0
    while position < len(data):
        kind, size = struct.unpack_from("<II", data, position)
        block = data[position + 8:position + size - 4]
        if size % 4 or struct.unpack_from("<I", data, position + size - 4)[0] != size:
            raise ValueError(f"a block at {position} with lengths that disagree")
        if kind == SECTION:
            if position != 0 or struct.unpack_from("<IHH", block) != (0x1A2B3C4D, 1, 0):
                raise ValueError("not one section of version 1.0")
        elif kind == INTERFACE:
            options = read_options(block[8:])
            if struct.unpack_from("<H", block)[0] != 1 or options[9] != b"\x09":
                raise ValueError("not Ethernet with nanoseconds")
            interfaces.append(options[2].decode())
        elif kind == PACKET:
            number, high, low, captured, length = struct.unpack_from("<5I", block)
            options = read_options(block[20 + captured + -captured % 4:])
            packets.append(Packet(interfaces[number], high << 32 | low, length, block[20:20 + captured],
                                  options[1].decode()))
        position += size
    return packets


def read_udp(frame):
    start = 14
    addresses = {4: (12, 16, 4), 6: (8, 24, 16)}[FAMILY]
    source, destination = (str(ipaddress.ip_address(frame[start + at:start + at + addresses[2]]))
                           for at in addresses[:2])
    udp = start + IP_HEADER
    ports = struct.unpack_from(">HH", frame, udp)
    length = struct.unpack_from(">H", frame, udp + 4)[0]
    return Udp((source, ports[0]), (destination, ports[1]), frame[udp + 8:udp + length])


class Trace(EndToEndTest):
    def setUp(self):
        self.relay = self.start_relay()
        self.peer = UdpSocket(self.topology.peer, PEER[FAMILY])
        self.addCleanup(self.peer.close)
        self.client = self.allocate()
        self.client.bind_channel(CHANNEL, self.peer.address)
        if FAST:
            self.relay.wait_until_fast()
        self.id = self.relay.json("sessions")[0]["id"]
        self.file = f"{self.relay.directory}/trace.pcapng"

    def start_trace(self, *options, out=None):
        """turnpikectl as a process; returns once the trace is on."""
        tracer = self.topology.relay.popen(
            f"{BIN}/turnpikectl", "--socket", self.relay.socket, "trace", self.id[:8], "-o", out or self.file,
            *options, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.end, tracer)
        if out is None:
            deadline = time.monotonic() + 5
            while not os.path.exists(self.file) or os.path.getsize(self.file) == 0:
                self.assertLess(time.monotonic(), deadline, "the trace does not start")
                time.sleep(0.02)
        return tracer

    def end(self, tracer):
        if tracer.poll() is None:
            tracer.kill()
        tracer.communicate()

    def finish(self, tracer, number=None):
        if number:
            tracer.send_signal(number)
        out, errors = tracer.communicate(timeout=10)
        self.assertEqual(tracer.returncode, 0, errors)
        return out, errors.decode()

    def packets(self):
        with open(self.file, "rb") as file:
            return read_pcapng(file.read())

    def send_both_ways(self, data):
        self.client.send_channel_data(CHANNEL, data)
        self.assertEqual(self.peer.receive().data, data)
        self.peer.send(data, self.client.relayed)
        self.assertEqual(self.client.receive_channel_data()[1], data)

    @unittest.skipUnless(FAST, "no kernel to trace")
    def test_before_and_after(self):
        before = time.time_ns()
        tracer = self.start_trace("--packets", "2")
        data = b"sixteen bytes it"
        self.send_both_ways(data)
        _, errors = self.finish(tracer)
        self.assertIn("2 packets traced", errors)
        to_peer_in, to_peer_out, to_client_in, to_client_out = self.packets()
        self.assertEqual([packet.interface for packet in self.packets()], ["client0", "peer0", "peer0", "client0"])
        client, server = self.client.socket.address, (RELAY_CLIENT_SIDE[FAMILY], PORT)
        framed = struct.pack(">HH", CHANNEL, len(data)) + data
        self.assertEqual(read_udp(to_peer_in.data), (client, server, framed))
        self.assertEqual(read_udp(to_peer_out.data), (self.client.relayed, self.peer.address, data))
        self.assertEqual(read_udp(to_client_in.data), (self.peer.address, self.client.relayed, data))
        self.assertEqual(read_udp(to_client_out.data), (server, client, framed))
        self.assertEqual(to_peer_in.comment, "in: client0")
        self.assertTrue(to_peer_out.comment.startswith("relayed_to_peer: "), to_peer_out.comment)
        self.assertTrue(to_peer_out.comment.endswith("; out of peer0"), to_peer_out.comment)
        self.assertTrue(to_client_out.comment.startswith("relayed_to_client: "), to_client_out.comment)
        for packet in self.packets():
            self.assertEqual(packet.length, len(packet.data))
            self.assertTrue(before < packet.time < time.time_ns(), packet.time)

    @unittest.skipUnless(FAST, "no kernel to trace")
    def test_indications(self):
        other = UdpSocket(self.topology.peer, PEER[FAMILY])
        self.addCleanup(other.close)
        tracer = self.start_trace("--packets", "2")
        self.client.send_indication(other.address, b"indicated")
        self.assertEqual(other.receive().data, b"indicated")
        other.send(b"answer", self.client.relayed)
        self.assertEqual(self.client.receive_indication(), (other.address, b"answer"))
        self.finish(tracer)
        send_in, send_out, data_in, data_out = self.packets()
        self.assertEqual(stun.Message(read_udp(send_in.data).payload).method, stun.SEND)
        self.assertEqual(read_udp(send_out.data).payload, b"indicated")
        self.assertTrue(send_out.comment.startswith("relayed_send: "))
        self.assertEqual(read_udp(data_in.data).payload, b"answer")
        message = stun.Message(read_udp(data_out.data).payload)
        self.assertEqual(message.get(stun.DATA_ATTRIBUTE), b"answer")
        self.assertTrue(data_out.comment.startswith("relayed_data: "))

    @unittest.skipUnless(FAST, "no kernel to trace")
    def test_what_is_passed_on_is_one_packet_with_the_reason(self):
        tracer = self.start_trace("--packets", "1")
        level, option = {4: (socket.IPPROTO_IP, socket.IP_TTL),
                         6: (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)}[FAMILY]
        self.client.socket.socket.setsockopt(level, option, 1)
        self.client.send_channel_data(CHANNEL, b"one hop too far")
        self.finish(tracer)
        (packet,) = self.packets()
        self.assertTrue(packet.comment.startswith("in: client0; passed: ttl: "), packet.comment)

    @unittest.skipUnless(FAST, "no kernel to trace")
    def test_other_sessions_are_not_in_it(self):
        other = self.allocate()
        other.bind_channel(CHANNEL, self.peer.address)
        self.relay.wait_until_fast()
        tracer = self.start_trace()
        other.send_channel_data(CHANNEL, b"not this")
        self.assertEqual(self.peer.receive().data, b"not this")
        self.send_both_ways(b"this")
        time.sleep(0.2)
        _, errors = self.finish(tracer, signal.SIGINT)
        self.assertIn("2 packets traced", errors)
        self.assertEqual(len(self.packets()), 4)

    @unittest.skipUnless(FAST, "no kernel to trace")
    def test_the_rate_limit_leaves_out_and_tells(self):
        tracer = self.start_trace("--rate", "10")
        for number in range(500):
            self.client.send_channel_data(CHANNEL, struct.pack(">I", number))
        for _ in range(500):
            self.assertIsNotNone(self.peer.receive())
        _, errors = self.finish(tracer, signal.SIGINT)
        self.assertIn("left out by the kernel", errors)
        self.assertLess(len(self.packets()), 600)

    @unittest.skipUnless(FAST, "no kernel to trace")
    def test_one_trace_at_a_time(self):
        first = self.start_trace()
        second = self.relay.control("trace", self.id, "-o", os.devnull, check=False)
        self.assertEqual(second.returncode, 1)
        self.assertIn("one trace at a time", second.stderr)
        self.assertIn(self.id, second.stderr)
        # One that is killed ends its trace too.
        first.kill()
        first.wait()
        time.sleep(0.2)
        self.finish(self.start_trace("--seconds", "1"))

    @unittest.skipUnless(FAST, "no kernel to trace")
    def test_it_ends_with_the_session(self):
        tracer = self.start_trace()
        self.client.refresh(0)
        _, errors = self.finish(tracer)
        self.assertIn("the session has ended", errors)

    @unittest.skipUnless(FAST, "no kernel to trace")
    def test_lines_of_json_to_standard_output(self):
        tracer = self.start_trace("--json", "--packets", "1", out="-")
        time.sleep(0.5)
        self.client.send_channel_data(CHANNEL, b"json")
        out, _ = self.finish(tracer)
        self.assertEqual(json.loads(out)["reason"], "relayed_to_peer")

    def test_an_unknown_session(self):
        done = self.relay.control("trace", "zzzz", "-o", self.file, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertFalse(os.path.exists(self.file), "made for nothing")

    @unittest.skipIf(FAST, "the kernel relays")
    def test_without_a_fast_path_it_says_why_not(self):
        done = self.relay.control("trace", self.id, "-o", self.file, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("fast path off", done.stderr, MODE)


if __name__ == "__main__":
    unittest.main()
