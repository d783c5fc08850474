# SPDX-License-Identifier: Apache-2.0
"""A small TURN client (RFC 8656 over UDP, long-term credentials), exact to the byte."""

import os
import struct
import time

import stun
from netns_socket import UdpSocket
from relay import PASSWORD, PORT, USER
from topology import CLIENT, RELAY_CLIENT_SIDE

FAMILY_NUMBER = {4: 1, 6: 2}
RETRANSMIT_AFTER = 0.5


class TurnError(Exception):
    def __init__(self, code):
        super().__init__(f"STUN error {code}")
        self.code = code


class TurnClient:
    def __init__(self, topology, family, *, user=USER, password=PASSWORD, **socket_options):
        self.family = family
        self.server = (RELAY_CLIENT_SIDE[family], PORT)
        self.socket = UdpSocket(topology.client, CLIENT[family], **socket_options)
        self.user, self.password = user, password
        self.realm = self.nonce = None
        self.relayed = None
        self.deliver = lambda datagram: self.socket.send(datagram, self.server)  # a request
        self.retransmissions = 3
        self.retransmit_after = RETRANSMIT_AFTER
        self.transaction = None  # of the signed requests that follow; None: each has one of its own
        self.asked = set()  # every transaction

    def allocate(self, lifetime=600):
        answer = self.request(stun.ALLOCATE, [
            (stun.REQUESTED_TRANSPORT, struct.pack(">I", 17 << 24)),
            (stun.REQUESTED_ADDRESS_FAMILY, struct.pack(">I", FAMILY_NUMBER[self.family] << 24)),
            (stun.LIFETIME, struct.pack(">I", lifetime))])
        self.relayed = answer.address(stun.XOR_RELAYED_ADDRESS)
        return self

    def refresh(self, lifetime):
        return self.request(stun.REFRESH, [(stun.LIFETIME, struct.pack(">I", lifetime))])

    def permit(self, peer):
        self.request(stun.CREATE_PERMISSION, [self._peer(peer)])

    def bind_channel(self, channel, peer):
        self.request(stun.CHANNEL_BIND, [(stun.CHANNEL_NUMBER, struct.pack(">HH", channel, 0)),
                                         self._peer(peer)])

    def _peer(self, peer):
        """XOR-PEER-ADDRESS depends on the transaction id, which encode() picks: resolved in request()."""
        return stun.XOR_PEER_ADDRESS, peer

    def request(self, method, attributes):
        for _ in range(3):
            answer = self._exchange(method, attributes)
            if answer.message_class == stun.SUCCESS:
                return answer
            if answer.error() not in (401, 438) or (self.nonce and answer.error() == 401):
                raise TurnError(answer.error())
            self.realm, self.nonce = answer.get(stun.REALM), answer.get(stun.NONCE)
        raise TurnError(answer.error())

    def _exchange(self, method, attributes):
        datagram = self._encode(method, stun.REQUEST, attributes, signed=self.nonce is not None)
        self.asked.add(datagram[8:20])
        for _ in range(1 + self.retransmissions):
            self.deliver(datagram)
            deadline = time.monotonic() + self.retransmit_after
            while (left := deadline - time.monotonic()) > 0:
                received = self.socket.receive(left)
                if received and received.data[8:20] == datagram[8:20]:
                    return stun.Message(received.data)
        raise AssertionError(f"no answer to STUN method {method}")

    def _encode(self, method, message_class, attributes, signed):
        transaction = (signed and self.transaction) or os.urandom(12)
        attributes = [(kind, stun.encode_address(value, transaction) if isinstance(value, tuple) else value)
                      for kind, value in attributes]
        key = None
        if signed:
            attributes += [(stun.USERNAME, self.user.encode()), (stun.REALM, self.realm),
                           (stun.NONCE, self.nonce)]
            key = stun.long_term_key(self.user, self.realm.decode(), self.password)
        return stun.encode(method, message_class, attributes, key, transaction)

    def send_channel_data(self, channel, data):
        self.socket.send(struct.pack(">HH", channel, len(data)) + data, self.server)

    def send_indication(self, peer, data):
        self.socket.send(self._encode(stun.SEND, stun.INDICATION,
                                      [self._peer(peer), (stun.DATA_ATTRIBUTE, data)], signed=False),
                         self.server)

    def _receive(self, limit):
        """What comes next, but for the second answer to a request that was repeated."""
        deadline = time.monotonic() + limit
        while (received := self.socket.receive(max(0, deadline - time.monotonic()))) is not None:
            if received.data[0] >> 6 != 0 or received.data[8:20] not in self.asked:
                return received
        return None

    def receive_channel_data(self, limit=2.0):
        """(channel, data, datagram), or None. Raises for anything but ChannelData."""
        received = self._receive(limit)
        if received is None:
            return None
        channel, size = struct.unpack_from(">HH", received.data)
        data = received.data[4:4 + size]
        if channel >> 14 != 1 or len(data) != size:
            raise AssertionError(f"expected ChannelData, got {received.data[:8].hex()}")
        return channel, data, received

    def receive_indication(self, limit=2.0):
        """(peer, data) of a Data indication, or None."""
        received = self._receive(limit)
        if received is None:
            return None
        message = stun.Message(received.data)
        if (message.method, message.message_class) != (stun.DATA, stun.INDICATION):
            raise AssertionError(f"expected a Data indication, got method {message.method}")
        return message.address(stun.XOR_PEER_ADDRESS), message.get(stun.DATA_ATTRIBUTE)

    def close(self):
        self.socket.close()
