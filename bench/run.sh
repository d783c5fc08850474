#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Compares turnpike with coturn and with bare XDP forwards, and writes JSON, a report and pictures: sudo bench/run.sh
# The suite is bench/suite; --help lists the options.
set -euo pipefail
BENCH=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$BENCH/../tools/packages.sh"

# Only what measures installs anything; who is not root is told so by the suite.
install=yes
for word in "$@"; do
  case $word in
    --no-install | --report | --report=* | --plan | -h | --help) install= ;;
  esac
done
if [ -n "$install" ] && [ "$(id -u)" = 0 ]; then
  if command -v apt-get >/dev/null; then
    install_packages "${BENCH_PACKAGES[@]}"
  else
    echo "run.sh: no apt-get here, going on with what is there; it needs: ${BENCH_PACKAGES[*]}" >&2
  fi
fi

# Debian's own interpreter, which has Debian's matplotlib.
PYTHON=/usr/bin/python3
[ -x "$PYTHON" ] || { echo "run.sh: no $PYTHON: apt install python3" >&2; exit 1; }
PYTHONPATH="$BENCH" exec "$PYTHON" -B -m suite "$@"
