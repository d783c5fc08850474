#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# From a fresh Debian 12 to a running relay on this host: sudo tools/quickstart.sh
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR
. tools/packages.sh

usage() {
  cat <<'EOF'
usage: sudo tools/quickstart.sh [--no-install] [--build-only]
  --no-install  the packages are there
  --build-only  build, and do not start the relay
EOF
}

INSTALL=yes
RUN=yes
OPTIONS=$(getopt -n quickstart.sh -o h -l no-install,build-only,help -- "$@") || { usage >&2; exit 2; }
eval set -- "$OPTIONS"
while true; do
  case $1 in
    --no-install) INSTALL=; shift ;;
    --build-only) RUN=; shift ;;
    -h | --help) usage; exit 0 ;;
    --) break ;;
  esac
done

RELAY_PORTS=49152-65535 # turnpiked's default
RESERVED=net.ipv4.ip_local_reserved_ports

# Else the host might pick a relayed port as the source of a connection of its own, and lose the answers.
reserve_relay_ports() {
  local now
  now=$(sysctl -n "$RESERVED")
  case ",$now," in
    *",$RELAY_PORTS,"*) echo "$RESERVED has $RELAY_PORTS already" ;;
    *)
      sysctl -qw "$RESERVED=${now:+$now,}$RELAY_PORTS"
      echo "$RESERVED now has $RELAY_PORTS, until the next boot (before: '${now}')"
      ;;
  esac
}

# Passes the relay's output on; once it serves, says how to try the first URL that it gave.
follow() {
  local line host try='' family=''
  local url='^turn:(.+):([0-9]+)[?]transport=udp username ([^ ]+) password ([^ ]+)$'
  while IFS= read -r line; do
    printf '%s\n' "$line"
    if [ -z "$try" ] && [[ $line =~ $url ]]; then
      host=${BASH_REMATCH[1]#[}
      host=${host%]}
      [[ $host == *:* ]] && family='-x '
      try="turnutils_uclient $family-y -c -u '${BASH_REMATCH[3]}' -w '${BASH_REMATCH[4]}'"
      try+=" -p ${BASH_REMATCH[2]} $host"
    elif [ -n "$try" ] && [[ $line == *ready:* ]]; then
      echo "try it, in another terminal of this host: $try"
    fi
  done
}

if [ -n "$INSTALL" ]; then
  require_root
  install_packages "${BUILD_PACKAGES[@]}" "${TRY_PACKAGES[@]}"
fi
cmake --preset release >/dev/null
cmake --build --preset release --target turnpiked turnpikectl
[ -n "$RUN" ] || exit 0

require_root
reserve_relay_ports
echo "starting build/release/bin/turnpiked; Ctrl-C stops it"
# The relay is the shell's job, and `follow` its reader: Ctrl-C reaches both, and the relay ends first.
trap '' INT
status=0
(trap - INT; exec build/release/bin/turnpiked) > >(trap '' INT; follow) 2>&1 || status=$?
exit "$status"
