# SPDX-License-Identifier: Apache-2.0
"""Another program's XDP program on an interface: two instructions, `return XDP_PASS`."""

import ctypes
import os
import struct

from netns_socket import HOME, enter, libc

SYS_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
BPF_PROG_LOAD, BPF_LINK_CREATE = 5, 28
BPF_PROG_TYPE_XDP, BPF_XDP = 6, 37
XDP_PASS = 2
# BPF_ALU64|BPF_MOV|BPF_K r0 = XDP_PASS; BPF_JMP|BPF_EXIT
PASS_ALL = struct.pack("<BBhiBBhi", 0xB7, 0, 0, XDP_PASS, 0x95, 0, 0, 0)


def bpf(command, attributes):
    attributes = ctypes.create_string_buffer(attributes, 128)
    fd = libc.syscall(SYS_BPF, command, attributes, len(attributes))
    if fd < 0:
        raise OSError(ctypes.get_errno(), f"bpf command {command}")
    return fd


class XdpGuest:
    """Attached while this lives."""

    def __init__(self, namespace, interface):
        instructions = ctypes.create_string_buffer(PASS_ALL, len(PASS_ALL))
        licence = ctypes.create_string_buffer(b"GPL")
        self.program = bpf(BPF_PROG_LOAD, struct.pack(
            "<IIQQ", BPF_PROG_TYPE_XDP, len(PASS_ALL) // 8, ctypes.addressof(instructions),
            ctypes.addressof(licence)))
        index = namespace.run("cat", f"/sys/class/net/{interface}/ifindex").stdout
        fd = os.open(f"/run/netns/{namespace.name}", os.O_RDONLY)
        try:
            enter(fd)
            self.link = bpf(BPF_LINK_CREATE, struct.pack("<IIII", self.program, int(index), BPF_XDP, 0))
        finally:
            enter(HOME)
            os.close(fd)

    def close(self):
        os.close(self.link)
        os.close(self.program)
