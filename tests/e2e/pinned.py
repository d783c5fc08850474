# SPDX-License-Identifier: Apache-2.0
"""What stands in a relay's pinned maps, read by bpftool and unpacked as bpf/abi.h lays it out."""

import collections
import ipaddress
import json
import struct

from topology import run

CHANNEL, PERMISSION, CLIENT = 1, 2, 3

Binding = collections.namedtuple("Binding", "slot generation kind channel allocation client server relayed peer")
Flow = collections.namedtuple("Flow", "remote local channel slot generation")
Allocation = collections.namedtuple("Allocation", "slot id expires")


def dump(directory, name):
    """[(key, value)] as bytes; for a per-CPU map the values of all CPUs one after the other."""
    entries = json.loads(run("bpftool", "-j", "map", "dump", "pinned", f"{directory}/map-{name}").stdout or "[]")

    def raw(words):
        return bytes(int(word, 16) for word in words)

    return [(raw(entry["key"]), raw(entry["value"])) for entry in entries if "value" in entry]


def address(raw):
    parsed = ipaddress.IPv6Address(raw)
    return str(parsed.ipv4_mapped or parsed)


def endpoint(raw, offset=0):
    """struct tp_endpoint, as a socket names it."""
    return address(raw[offset:offset + 16]), struct.unpack_from(">H", raw, offset + 16)[0]


def bindings(directory):
    found = []
    for key, value in dump(directory, "bindings"):
        generation, kind, _, channel = struct.unpack_from("<IBB", value) + struct.unpack_from(">H", value, 6)
        if generation:
            found.append(Binding(struct.unpack("<I", key)[0], generation, kind, channel,
                                 struct.unpack_from("<I", value, 24)[0],
                                 *(endpoint(value, offset) for offset in (40, 60, 80, 100))))
    return found


def flows(directory):
    return [Flow((address(key[:16]), struct.unpack_from(">H", key, 32)[0]),
                 (address(key[16:32]), struct.unpack_from(">H", key, 34)[0]),
                 struct.unpack_from(">H", key, 36)[0], *struct.unpack("<II", value))
            for key, value in dump(directory, "flows")]


def allocations(directory):
    return [Allocation(struct.unpack("<I", key)[0], f"{number:016x}", expires)
            for key, value in dump(directory, "allocations")
            for number, expires in [struct.unpack_from("<QQ", value)] if number and expires]


class Records:
    """The durable records: {session: (client, relayed)}, {(session, peer address)}, {(session, channel): (peer,
    resting)}."""

    def __init__(self, directory):
        self.sessions = {f"{struct.unpack('<Q', key)[0]:016x}": (endpoint(value, 16), endpoint(value, 56))
                         for key, value in dump(directory, "sessions")}
        self.permissions = {(f"{struct.unpack_from('<Q', key)[0]:016x}", address(key[8:24]))
                            for key, _ in dump(directory, "session_permissions")}
        self.channels = {(f"{session:016x}", channel): (endpoint(value, 8), bool(struct.unpack_from("<I", value, 28)[0]))
                         for key, value in dump(directory, "session_channels")
                         for session, channel in [struct.unpack_from("<QH", key)]}
