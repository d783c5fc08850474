# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced: three network namespaces for a measurement.
#
#    tp-bench-client            tp-bench-relay              tp-bench-peer
#   +----------------+        +------------------+        +----------------+
#   |           veth0|--------|client0      peer0|--------|veth0           |
#   +----------------+        +------------------+        +----------------+
#      198.18.1.2/24    198.18.1.1/24  198.18.2.1/24        198.18.2.2/24
#
# GRO on the ends lets a native XDP redirect into the veth be delivered before a sink is attached there;
# One queue for each CPU, as a NIC of a relay host has;
# checksum offload is off there since the fast path leaves packets without a complete checksum to the stack.
CLIENT_NETNS=tp-bench-client
RELAY_NETNS=tp-bench-relay
PEER_NETNS=tp-bench-peer
CLIENT_ADDRESS=198.18.1.2
RELAY_CLIENT_ADDRESS=198.18.1.1
RELAY_PEER_ADDRESS=198.18.2.1
PEER_ADDRESS=198.18.2.2

topology_down() {
  local netns pid
  for netns in "$CLIENT_NETNS" "$RELAY_NETNS" "$PEER_NETNS"; do
    for pid in $(ip netns pids "$netns" 2>/dev/null); do kill -9 "$pid" 2>/dev/null || true; done
    ip netns del "$netns" 2>/dev/null || true
  done
}

# connect_end NETNS ADDRESS RELAY_INTERFACE RELAY_ADDRESS
connect_end() {
  ip link add veth0 netns "$1" type veth peer name "$3" netns "$RELAY_NETNS"
  ip -n "$1" address add "$2/24" dev veth0
  ip -n "$RELAY_NETNS" address add "$4/24" dev "$3"
  ip -n "$1" link set veth0 up
  ip -n "$RELAY_NETNS" link set "$3" up
  ip netns exec "$1" ethtool -L veth0 rx "$(nproc)" tx "$(nproc)"
  ip netns exec "$RELAY_NETNS" ethtool -L "$3" rx "$(nproc)" tx "$(nproc)"
  ip netns exec "$1" ethtool -K veth0 gro on tx off >/dev/null
  ip netns exec "$RELAY_NETNS" ethtool -K "$3" gro on >/dev/null
  # A carrier is told of some time later; a relay that starts before finds a link that is down.
  until ip -n "$RELAY_NETNS" -o link show "$3" | grep -q 'state UP'; do sleep 0.02; done
}

topology_up() {
  local netns
  topology_down
  for netns in "$CLIENT_NETNS" "$RELAY_NETNS" "$PEER_NETNS"; do
    ip netns add "$netns"
    ip -n "$netns" link set lo up
  done
  connect_end "$CLIENT_NETNS" "$CLIENT_ADDRESS" client0 "$RELAY_CLIENT_ADDRESS"
  connect_end "$PEER_NETNS" "$PEER_ADDRESS" peer0 "$RELAY_PEER_ADDRESS"
}
