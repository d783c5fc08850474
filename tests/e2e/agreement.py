# SPDX-License-Identifier: Apache-2.0
"""What three places say of a relay's sessions, in one form each, to be compared: the relay's own state, the
records, the maps that its programs forward by."""

import pinned


def endpoint(text):
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), int(port)


def core(relay):
    """{client: (relayed, {permitted address}, {channel: peer})}"""
    state = {}
    for row in relay.ask("sessions"):
        session = relay.ask("show", id=row["id"])
        state[endpoint(session["client"])] = (
            endpoint(session["relayed"]), {permission["peer"] for permission in session["permissions"]},
            {int(channel["channel"], 16): endpoint(channel["peer"]) for channel in session["channels"]})
    return state


def recorded(records):
    """As core()."""
    state = {session.client: (session.relayed, set(), {}) for session in records.sessions.values()}
    for session, peer in records.permissions:
        state[records.sessions[session].client][1].add(peer)
    for (session, number), channel in records.channels.items():
        if not channel.resting:
            state[records.sessions[session].client][2][number] = channel.peer
    return state


def wanted_ports(relay, records):
    listening = {(address, relay.config["listen"]["port"]) for address in relay.config["listen"]["addresses"]}
    return listening | {session.relayed for session in records.sessions.values()}


def wanted_bindings(records):
    """[(kind, session, its expiry, channel, when that and the permission expire, client, server, relayed, peer)]"""
    def rows():
        for name, session in records.sessions.items():
            yield (pinned.CLIENT, name, session.expires, 0, pinned.NEVER, pinned.NEVER, *session[1:], ("::", 0))
        for (name, peer), expires in records.permissions.items():
            session = records.sessions[name]
            yield (pinned.PERMISSION, name, session.expires, 0, pinned.NEVER, expires, *session[1:], (peer, 0))
        for (name, number), channel in records.channels.items():
            session = records.sessions[name]
            if not channel.resting:
                yield (pinned.CHANNEL, name, session.expires, number, channel.expires,
                       records.permissions[name, channel.peer[0]], *session[1:], channel.peer)
    return sorted(rows())


def forwarded(directory):
    """As wanted_bindings()."""
    allocations = {allocation.slot: allocation for allocation in pinned.allocations(directory)}
    return sorted((binding.kind, *allocations[binding.allocation][1:], binding.channel, binding.channel_expires,
                   binding.permission_expires, binding.client, binding.server, binding.relayed, binding.peer)
                  for binding in pinned.bindings(directory))


def wanted_flows(directory):
    """Of the bindings that there are; as pinned.flows()."""
    flows = {}
    for binding in pinned.bindings(directory):
        slot = binding.slot, binding.generation
        if binding.kind != pinned.PERMISSION:
            flows[binding.client, binding.server, binding.channel] = slot
        if binding.kind != pinned.CLIENT:
            flows[binding.peer, binding.relayed, 0] = slot
    return flows
