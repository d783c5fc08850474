#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Measures turnpike and coturn in turn (A B A B …) in the same three network namespaces with the same
# generator, and prints packets per second, medians and ratios. Needs root, turnpike built, coturn installed.
set -euo pipefail
cd "$(dirname "$0")"

usage() {
  cat <<'EOF'
usage: sudo bench/compare.sh [options]
  --rounds N        how often each relay is measured (default 3)
  --seconds N       length of one measurement (default 3)
  --size BYTES      application data in a datagram (default 160)
  --cpus LIST       CPUs that make the frames (default: all); the interfaces get a queue for each CPU
  --flows N         allocations with one channel each (default 4)
  --directions LIST comma separated: to-peer,to-client,hairpin (default: all three)
  --subjects LIST   comma separated: turnpike,turnpike-generic,turnpike-off,coturn,forward
                    (default turnpike,coturn,forward; forward is a bare XDP redirect in the relay's place)
  --output FILE     JSON (default bench/results/compare-DATE.json)
  --bin DIRECTORY   turnpike's programs (default build/release/bin)
EOF
}

ROUNDS=3 SECONDS_EACH=3 SIZE=160 FLOWS=4 CPUS=$(seq -s, 0 $(($(nproc) - 1)))
DIRECTIONS=to-peer,to-client,hairpin
SUBJECTS=turnpike,coturn,forward
OUTPUT=results/compare-$(date -u +%Y%m%dT%H%M%SZ).json
BIN=../build/release/bin
OPTIONS=$(getopt -n compare.sh -o h \
  -l rounds:,seconds:,size:,flows:,cpus:,directions:,subjects:,output:,bin:,help -- "$@") || { usage >&2; exit 2; }
eval set -- "$OPTIONS"
while true; do
  case $1 in
    --rounds) ROUNDS=$2; shift 2 ;;
    --seconds) SECONDS_EACH=$2; shift 2 ;;
    --size) SIZE=$2; shift 2 ;;
    --flows) FLOWS=$2; shift 2 ;;
    --cpus) CPUS=$2; shift 2 ;;
    --directions) DIRECTIONS=$2; shift 2 ;;
    --subjects) SUBJECTS=$2; shift 2 ;;
    --output) OUTPUT=$2; shift 2 ;;
    --bin) BIN=$2; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    --) break ;;
  esac
done
BIN=$(realpath "$BIN")
OUTPUT=$(realpath -m "$OUTPUT")
[ "$(id -u)" = 0 ] || { echo "compare.sh makes network namespaces: run it with sudo" >&2; exit 1; }

# shellcheck source-path=SCRIPTDIR
. ./topology.sh
# shellcheck source-path=SCRIPTDIR
. ./relays.sh
WORK=$(mktemp -d)
finish() {
  stop_relay
  topology_down
  rm -rf "$WORK"
}
trap finish EXIT
trap 'exit 130' INT TERM

start_subject() {
  case $1 in
    turnpike) start_turnpike native ;;
    turnpike-generic) start_turnpike generic ;;
    turnpike-off) start_turnpike off ;;
    coturn) start_coturn ;;
    forward) ;;
    *) echo "no such subject: $1" >&2; exit 2 ;;
  esac
}

# measure SUBJECT DIRECTION RATE -> the generator's JSON
measure() {
  "$BIN/turnpike-load" --relay "$RELAY_CLIENT_ADDRESS:3478" --peer "$PEER_ADDRESS:3480" --user bench \
    --password bench --client-netns "$CLIENT_NETNS" --relay-netns "$RELAY_NETNS" --peer-netns "$PEER_NETNS" \
    --direction "$2" --size "$SIZE" --flows "$FLOWS" --seconds "$SECONDS_EACH" --cpus "$CPUS" --rate "$3" --json
}

# A userspace relay under a flood spends its time on packets that it then drops, so that its best is found
# at a lower rate: those are tried too, and the best counts.
rates_for() {
  case $1 in
    coturn | turnpike-off) echo 0 400000 200000 150000 ;;
    *) echo 0 ;;
  esac
}

run_subject() {
  local round=$1 subject=$2 direction rate
  start_subject "$subject"
  for direction in ${DIRECTIONS//,/ }; do
    [ "$subject" = forward ] && direction=forward
    for rate in $(rates_for "$subject"); do
      echo "round $round/$ROUNDS: $subject $direction${rate/#/ at rate }" >&2
      measure "$subject" "$direction" "$rate" |
        sed "s/^{/{\"subject\":\"$subject\",\"round\":$round,\"rate\":$rate,/" >>"$WORK/lines"
    done
    [ "$subject" = forward ] && break
  done
  stop_relay
}

for ((round = 1; round <= ROUNDS; round++)); do
  for subject in ${SUBJECTS//,/ }; do
    topology_up
    run_subject "$round" "$subject"
  done
done
mkdir -p "$(dirname "$OUTPUT")"
python3 ./summarise.py "$WORK/lines" "$OUTPUT"
