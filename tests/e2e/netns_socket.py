# SPDX-License-Identifier: Apache-2.0
"""UDP sockets of this process in other network namespaces, which tell TTL and traffic class of what comes."""

import collections
import ctypes
import os
import socket
import struct

CLONE_NEWNET = 0x40000000
SO_RCVBUFFORCE = 33  # asm-generic/socket.h; not in the socket module
RECEIVE_BUFFER = 4 << 20  # a burst waits in it until the test reads
IP_RECVTTL = 12  # linux/in.h; not in the socket module
HOME = os.open("/proc/self/ns/net", os.O_RDONLY)
libc = ctypes.CDLL(None, use_errno=True)

Datagram = collections.namedtuple("Datagram", "data source ttl traffic_class")


def enter(fd):
    if libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def socket_in(namespace, family):
    fd = os.open(f"/run/netns/{namespace.name}", os.O_RDONLY)
    try:
        enter(fd)
        return socket.socket(family, socket.SOCK_DGRAM)
    finally:
        enter(HOME)
        os.close(fd)


class UdpSocket:
    def __init__(self, namespace, address, port=0, *, traffic_class=0, ttl=64):
        v6 = ":" in address
        self.socket = socket_in(namespace, socket.AF_INET6 if v6 else socket.AF_INET)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
        self.socket.bind((address, port))
        self.address = self.socket.getsockname()[:2]
        if v6:
            options = ((socket.IPV6_TCLASS, traffic_class), (socket.IPV6_UNICAST_HOPS, ttl),
                       (socket.IPV6_RECVTCLASS, 1), (socket.IPV6_RECVHOPLIMIT, 1))
        else:
            options = ((socket.IP_TOS, traffic_class), (socket.IP_TTL, ttl), (socket.IP_RECVTOS, 1),
                       (IP_RECVTTL, 1))
        for name, value in options:
            self.socket.setsockopt(socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP, name, value)

    def send(self, data, to):
        self.socket.sendto(data, to)

    def receive(self, limit=2.0):
        """A Datagram, or None when none came in `limit` seconds."""
        self.socket.settimeout(limit)
        try:
            data, ancillary, _, source = self.socket.recvmsg(65535, 256)
        except (socket.timeout, BlockingIOError, ConnectionRefusedError):
            return None
        ttl = traffic_class = None
        for level, kind, value in ancillary:
            number = struct.unpack("i", value)[0] if len(value) == 4 else value[0]
            if (level, kind) in ((socket.IPPROTO_IP, socket.IP_TTL),
                                 (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT)):
                ttl = number
            elif (level, kind) in ((socket.IPPROTO_IP, socket.IP_TOS),
                                   (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)):
                traffic_class = number
        return Datagram(data, source[:2], ttl, traffic_class)

    def close(self):
        self.socket.close()
