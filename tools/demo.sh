#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A relay between two hosts that are network namespaces, and standard clients that talk through it; shows who
# carries the packets, the kernel or the relay's process: sudo tools/demo.sh
#
#    tp-demo-caller               tp-demo-relay             tp-demo-callee
#   +----------------+        +------------------+        +----------------+
#   |           veth0|--------|caller0    callee0|--------|veth0           |
#   +----------------+        +------------------+        +----------------+
#      192.0.2.2/24      192.0.2.1    198.51.100.1          198.51.100.2/24
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR
. tools/packages.sh

case ${1:-} in
  '') ;;
  *) echo "usage: sudo tools/demo.sh (builds the relay first when it is not built)"; [ "$1" = --help ]; exit ;;
esac
BIN=${TURNPIKE_BIN:-$PWD/build/release/bin}
RELAY=192.0.2.1
CALLEE=198.51.100.2
CALLEE_PORT=3480
USER_NAME=demo
PASSWORD=demo
MESSAGES=1500 # of each client, 5 ms apart

require_root
if [ ! -x "$BIN/turnpiked" ] || [ ! -x "$BIN/turnpikectl" ]; then tools/quickstart.sh --build-only; fi
for program in turnutils_uclient turnutils_peer ethtool python3; do
  command -v "$program" >/dev/null || { echo "no $program: apt-get install ${TRY_PACKAGES[*]}" >&2; exit 1; }
done

WORK=$(mktemp -d)
remove_namespaces() {
  local role pid
  for role in caller relay callee; do
    for pid in $(ip netns pids "tp-demo-$role" 2>/dev/null); do kill -9 "$pid" 2>/dev/null || true; done
    ip netns del "tp-demo-$role" 2>/dev/null || true
  done
}
finish() {
  if [ -n "${RELAY_PID:-}" ]; then
    kill "$RELAY_PID" 2>/dev/null || true
    wait "$RELAY_PID" 2>/dev/null || true
  fi
  remove_namespaces
  rm -rf "$WORK"
}
trap finish EXIT
trap 'exit 130' INT TERM

inside() { ip netns exec "tp-demo-$1" "${@:2}"; }

# connect ROLE ADDRESS RELAY_ADDRESS
connect() {
  ip link add veth0 netns "tp-demo-$1" type veth peer name "${1}0" netns tp-demo-relay
  ip -n "tp-demo-$1" address add "$2/24" dev veth0
  ip -n tp-demo-relay address add "$3/24" dev "${1}0"
  ip -n "tp-demo-$1" link set veth0 up
  ip -n tp-demo-relay link set "${1}0" up
  # A veth sender leaves the UDP checksum to hardware that is not there: the kernel path would decline. GRO
  # makes this end poll, without which native XDP cannot deliver to it.
  inside "$1" ethtool -K veth0 tx off gro on >/dev/null
  # A carrier is told of some time later; a relay that starts before finds a link that is down.
  until ip -n tp-demo-relay -o link show "${1}0" | grep -q 'state UP'; do sleep 0.02; done
}

start_relay() {
  cat >"$WORK/turnpike.toml" <<EOF
realm = "demo"
state_dir = "$WORK/state"
listen = { addresses = ["$RELAY"] }
relay = { addresses = ["198.51.100.1"] }
fastpath = { bpffs = "$WORK/bpf" }
auth = { users = { $USER_NAME = "$PASSWORD" } }
# A documentation address is no peer unless allowed.
peers = { allow = ["$CALLEE"] }
admin = { socket = "$WORK/turnpike.sock" }
EOF
  inside relay "$BIN/turnpiked" --config "$WORK/turnpike.toml" >"$WORK/relay.log" 2>&1 &
  RELAY_PID=$!
  local i
  for ((i = 0; i < 100; i++)); do
    if grep -q ready: "$WORK/relay.log"; then
      grep ready: "$WORK/relay.log"
      return
    fi
    kill -0 "$RELAY_PID" 2>/dev/null || break
    sleep 0.1
  done
  echo "the relay did not start:" >&2
  cat "$WORK/relay.log" >&2
  return 1
}

# Packets so far: "KERNEL PROCESS".
packets() {
  inside relay "$BIN/turnpikectl" --socket "$WORK/turnpike.sock" stats --json | python3 -c '
import json, sys
relayed = json.load(sys.stdin)["relayed"]
print(relayed["fast"]["packets"], relayed["slow"]["packets"])'
}

# talk TITLE UCLIENT_OPTION…: a run of two clients; once a second, how many packets went which way.
talk() {
  local title=$1 client kernel process
  shift
  printf '\n%s\n%28s %28s\n' "$title" "relayed by the kernel" "relayed by the process"
  inside caller turnutils_uclient -u "$USER_NAME" -w "$PASSWORD" -c -m 2 -n "$MESSAGES" -z 5 -l 160 "$@" "$RELAY" \
    >"$WORK/client.log" 2>&1 &
  client=$!
  while kill -0 "$client" 2>/dev/null; do
    read -r kernel process < <(packets)
    printf '%20d packets %20d packets\n' "$kernel" "$process"
    sleep 1
  done
  wait "$client"
  # It exits 0 however much was lost: only its counts tell.
  grep -o 'tot_send_bytes ~ [0-9]*, tot_recv_bytes ~ [0-9]*' "$WORK/client.log" | tail -1 |
    sed -E 's/[^0-9]+/ /g' | {
    read -r sent received
    echo "the clients sent $sent bytes and received $received"
    [ "$sent" -gt 0 ] && [ "$sent" = "$received" ]
  }
}

remove_namespaces
for role in caller relay callee; do
  ip netns add "tp-demo-$role"
  ip -n "tp-demo-$role" link set lo up
done
connect caller 192.0.2.2 "$RELAY"
connect callee "$CALLEE" 198.51.100.1
start_relay
inside callee turnutils_peer -L "$CALLEE" -p "$CALLEE_PORT" >/dev/null 2>&1 &

lost=
talk "Two clients of the relay, talking to each other:" -y || lost=yes
talk "Two clients of the relay, and an echo server in another network:" -e "$CALLEE" -r "$CALLEE_PORT" ||
  lost=yes

read -r kernel process < <(packets)
total=$((kernel + process))
share=$(awk -v k="$kernel" -v t="$total" 'BEGIN { printf "%.2f", t ? 100 * k / t : 0 }')
if [ -n "$lost" ]; then verdict="packets were lost"; else verdict="nothing was lost"; fi
printf '\n%s: the kernel carried %s %% of %d packets\n' "$verdict" "$share" "$total"
[ -z "$lost" ]
