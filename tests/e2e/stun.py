# SPDX-License-Identifier: Apache-2.0
"""STUN messages (RFC 8489), as far as a TURN client needs them; written from the RFC, so that the relay is
judged by other code than its own."""

import hashlib
import hmac
import ipaddress
import os
import struct

MAGIC_COOKIE = 0x2112A442
REQUEST, INDICATION, SUCCESS, ERROR = 0, 1, 2, 3
BINDING, ALLOCATE, REFRESH, SEND, DATA, CREATE_PERMISSION, CHANNEL_BIND = 1, 3, 4, 6, 7, 8, 9

USERNAME, MESSAGE_INTEGRITY, ERROR_CODE, CHANNEL_NUMBER, LIFETIME = 0x06, 0x08, 0x09, 0x0C, 0x0D
XOR_PEER_ADDRESS, DATA_ATTRIBUTE, REALM, NONCE = 0x12, 0x13, 0x14, 0x15
XOR_RELAYED_ADDRESS, REQUESTED_ADDRESS_FAMILY, REQUESTED_TRANSPORT = 0x16, 0x17, 0x19
XOR_MAPPED_ADDRESS = 0x20


def pack_type(method, message_class):
    return (method & 0xF) | (method & 0x70) << 1 | (method & 0xF80) << 2 | \
        (message_class & 1) << 4 | (message_class & 2) << 7


def unpack_type(number):
    method = (number & 0xF) | (number >> 1 & 0x70) | (number >> 2 & 0xF80)
    return method, (number >> 4 & 1) | (number >> 7 & 2)


def long_term_key(user, realm, password):
    return hashlib.md5(f"{user}:{realm}:{password}".encode()).digest()


def xor_mask(transaction, size):
    return (struct.pack(">I", MAGIC_COOKIE) + transaction)[:size]


def encode_address(address, transaction):
    host, port = address
    packed = ipaddress.ip_address(host).packed
    mixed = bytes(a ^ b for a, b in zip(packed, xor_mask(transaction, len(packed))))
    return struct.pack(">BBH", 0, 1 if len(packed) == 4 else 2, port ^ (MAGIC_COOKIE >> 16)) + mixed


def decode_address(value, transaction):
    port = struct.unpack_from(">H", value, 2)[0] ^ (MAGIC_COOKIE >> 16)
    mixed = value[4:]
    packed = bytes(a ^ b for a, b in zip(mixed, xor_mask(transaction, len(mixed))))
    return str(ipaddress.ip_address(packed)), port


def encode(method, message_class, attributes, key=None, transaction=None):
    """attributes: (type, bytes) pairs in their order. With `key`, MESSAGE-INTEGRITY closes the message."""
    transaction = transaction or os.urandom(12)
    body = b"".join(struct.pack(">HH", kind, len(value)) + value + bytes(-len(value) % 4)
                    for kind, value in attributes)

    def message(length):
        return struct.pack(">HHI", pack_type(method, message_class), length, MAGIC_COOKIE) + transaction + body

    if key:
        digest = hmac.new(key, message(len(body) + 24), hashlib.sha1).digest()
        body += struct.pack(">HH", MESSAGE_INTEGRITY, 20) + digest
    return message(len(body))


class Message:
    def __init__(self, datagram):
        kind, length, cookie = struct.unpack_from(">HHI", datagram)
        if cookie != MAGIC_COOKIE or length != len(datagram) - 20:
            raise ValueError("not a STUN message")
        self.method, self.message_class = unpack_type(kind)
        self.transaction = datagram[8:20]
        self.attributes = []
        position = 20
        while position < len(datagram):
            attribute, size = struct.unpack_from(">HH", datagram, position)
            self.attributes.append((attribute, datagram[position + 4:position + 4 + size]))
            position += 4 + size + -size % 4

    def get(self, kind):
        return next((value for attribute, value in self.attributes if attribute == kind), None)

    def address(self, kind):
        value = self.get(kind)
        return decode_address(value, self.transaction) if value else None

    def error(self):
        value = self.get(ERROR_CODE)
        return value[2] * 100 + value[3] if value else None
