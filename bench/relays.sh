# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced after topology.sh: start_NAME and stop_relay for each relay that is compared. WORK is a directory for
# their files, BIN that of turnpike's programs. All serve on RELAY_CLIENT_ADDRESS:3478, relay from
# RELAY_PEER_ADDRESS, and take the user `bench` with the password `bench`.
RELAY_PID=

# The first word of the command becomes RELAY_PID: `ip netns exec` replaces itself.
run_relay() {
  ip netns exec "$RELAY_NETNS" "$@" >"$WORK/relay.log" 2>&1 &
  RELAY_PID=$!
}

wait_until() {
  local what=$1 i
  shift
  for ((i = 0; i < 100; i++)); do
    "$@" && return 0
    kill -0 "$RELAY_PID" 2>/dev/null || break
    sleep 0.1
  done
  echo "$what did not start:" >&2
  cat "$WORK/relay.log" >&2
  return 1
}

stop_relay() {
  [ -n "$RELAY_PID" ] || return 0
  kill "$RELAY_PID" 2>/dev/null || true
  wait "$RELAY_PID" 2>/dev/null || true
  RELAY_PID=
}

# start_turnpike MODE
start_turnpike() {
  cat >"$WORK/turnpike.toml" <<EOF
realm = "bench"
state_dir = "$WORK/state"
[listen]
addresses = ["$RELAY_CLIENT_ADDRESS"]
[relay]
addresses = ["$RELAY_PEER_ADDRESS"]
[fastpath]
mode = "$1"
bpffs = "$WORK/bpf"
[auth.users]
bench = "bench"
[peers]
allow = ["$PEER_ADDRESS"]
[admin]
socket = "$WORK/turnpike.sock"
EOF
  run_relay "$BIN/turnpiked" --config "$WORK/turnpike.toml"
  wait_until turnpiked grep -q ready: "$WORK/relay.log"
}

coturn_listens() {
  ip netns exec "$RELAY_NETNS" ss -Hlun "src $RELAY_CLIENT_ADDRESS:3478" | grep -q .
}

# Two relay threads: one a core of the reference machine. No logging of sessions, as turnpike has none.
start_coturn() {
  run_relay turnserver -n --no-tls --no-dtls --no-tcp --lt-cred-mech --user=bench:bench --realm=bench \
    --listening-ip="$RELAY_CLIENT_ADDRESS" --relay-ip="$RELAY_PEER_ADDRESS" --relay-threads=2 \
    --min-port=49152 --max-port=65535 --no-cli --no-stdout-log --log-file="$WORK/coturn.log" \
    --pidfile="$WORK/coturn.pid" --userdb="$WORK/coturn.db" --simple-log
  wait_until turnserver coturn_listens
}
