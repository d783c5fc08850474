# SPDX-License-Identifier: Apache-2.0
"""What stands in a relay's pinned maps, unpacked as bpf/abi.h lays it out."""

import collections
import ctypes
import ipaddress
import mmap
import os
import struct

CHANNEL, PERMISSION, CLIENT = 1, 2, 3
NEVER = (1 << 64) - 1
BINDING_SIZE, ALLOCATION_SIZE = 128, 104

Binding = collections.namedtuple("Binding", "slot generation kind channel allocation channel_expires "
                                            "permission_expires client server relayed peer")
Allocation = collections.namedtuple("Allocation", "slot id expires")
Session = collections.namedtuple("Session", "expires client server relayed")
Channel = collections.namedtuple("Channel", "expires peer resting")

libbpf = ctypes.CDLL("libbpf.so.1", use_errno=True)


class Map:
    """A pinned map, open. bpftool would do, but takes seconds for an array that is not small."""

    def __init__(self, directory, name):
        self.fd = libbpf.bpf_obj_get(f"{directory}/map-{name}".encode())
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), f"map-{name}")
        info = ctypes.create_string_buffer(256)
        size = ctypes.c_uint32(len(info))
        if libbpf.bpf_obj_get_info_by_fd(self.fd, info, ctypes.byref(size)) != 0:
            raise OSError(ctypes.get_errno(), f"map-{name}")
        _, _, self.key_size, self.value_size, self.entries = struct.unpack_from("<5I", info.raw)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def items(self):
        """[(key, value)] of a hash map, as bytes."""
        found = []
        key, value = ctypes.create_string_buffer(self.key_size), ctypes.create_string_buffer(self.value_size)
        before = None
        while libbpf.bpf_map_get_next_key(self.fd, before, key) == 0:
            before = ctypes.create_string_buffer(key.raw, self.key_size)
            if libbpf.bpf_map_lookup_elem(self.fd, key, value) == 0:
                found.append((key.raw, value.raw))
        return found

    def slots(self):
        """[value] of an array that the relay maps into its memory; we do so too."""
        with mmap.mmap(self.fd, self.entries * self.value_size, prot=mmap.PROT_READ) as memory:
            return [memory[slot * self.value_size:(slot + 1) * self.value_size] for slot in range(self.entries)]


def items(directory, name):
    with Map(directory, name) as pinned:
        return pinned.items()


def slots(directory, name, value_size):
    with Map(directory, name) as pinned:
        assert pinned.value_size == value_size, f"{name}: {pinned.value_size} bytes a slot, bpf/abi.h has changed"
        return enumerate(pinned.slots())


def address(raw):
    parsed = ipaddress.IPv6Address(raw)
    return str(parsed.ipv4_mapped or parsed)


def endpoint(raw, offset=0):
    """struct tp_endpoint, as a socket names it."""
    return address(raw[offset:offset + 16]), struct.unpack_from(">H", raw, offset + 16)[0]


def name_of(session):
    """An AllocationId as the relay writes it."""
    return f"{session:016x}"


def bindings(directory):
    found = []
    for slot, value in slots(directory, "bindings", BINDING_SIZE):
        generation, kind = struct.unpack_from("<IB", value)
        if generation:
            (channel,), (channel_expires, permission_expires, allocation) = \
                struct.unpack_from(">H", value, 6), struct.unpack_from("<QQI", value, 8)
            found.append(Binding(slot, generation, kind, channel, allocation, channel_expires, permission_expires,
                                 *(endpoint(value, offset) for offset in (40, 60, 80, 100))))
    return found


def flows(directory):
    """{(remote, local, channel): (slot, generation)}"""
    return {(endpoint(key[:16] + key[32:34]), endpoint(key[16:32] + key[34:36]), struct.unpack_from(">H", key, 36)[0]):
            struct.unpack("<II", value) for key, value in items(directory, "flows")}


def allocations(directory):
    return [Allocation(slot, name_of(number), expires)
            for slot, value in slots(directory, "allocations", ALLOCATION_SIZE)
            for number, expires in [struct.unpack_from("<QQ", value)] if number]


def steered(directory):
    """{our end}, of all ports that the relay gets datagrams for."""
    return {(address(key[:16]), struct.unpack_from(">H", key, 16)[0]) for key, _ in items(directory, "steer")}


class Records:
    """The durable records: sessions {id: Session}, permissions {(session, address): expires}, channels
    {(session, number): Channel}."""

    def __init__(self, directory):
        self.sessions, self.permissions, self.channels = {}, {}, {}
        for key, value in items(directory, "sessions"):
            (expires,) = struct.unpack_from("<Q", value, 8)
            self.sessions[name_of(*struct.unpack("<Q", key))] = \
                Session(expires, *(endpoint(value, offset) for offset in (16, 36, 56)))
        for key, value in items(directory, "session_permissions"):
            self.permissions[name_of(*struct.unpack_from("<Q", key)), address(key[8:24])] = \
                struct.unpack("<Q", value)[0]
        for key, value in items(directory, "session_channels"):
            session, number = struct.unpack_from("<QH", key)
            self.channels[name_of(session), number] = \
                Channel(struct.unpack_from("<Q", value)[0], endpoint(value, 8), struct.unpack_from("<I", value, 28)[0])
