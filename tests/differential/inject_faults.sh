#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# inject_faults.sh BUILD_DIRECTORY: shows that the differential test can fail. Each fault is put into a copy of the
# tree, in which the test is built anew with BUILD_DIRECTORY's settings, and must be found. Needs root; with ccache
# a fault takes half a minute.
set -euo pipefail
[ $# = 1 ] || { echo "usage: sudo $0 BUILD_DIRECTORY" >&2; exit 2; }
build=$(realpath "$1")
source=$(realpath "$(dirname "$0")/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
launcher=$(sed -n 's/^CMAKE_CXX_COMPILER_LAUNCHER:[A-Z]*=//p' "$build/CMakeCache.txt")

(cd "$source" && git -c safe.directory='*' ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$work")
cmake -S "$work" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo "-DCMAKE_CXX_COMPILER_LAUNCHER=$launcher" \
  >/dev/null

# name | file | sed expression
faults() {
  cat <<'LIST'
checksum carry lost|bpf/checksum.h|0,/sum = (sum \& 0xffff) + (sum >> 16);/s//sum \&= 0xffff;/
generation not checked|bpf/lookup.h|s/ || load_u32(&binding->generation) != generation)/)/; s/return load_u32(&binding->generation) == generation ? direction : -1;/return direction;/
DSCP not copied|bpf/rewrite.h|s/ip->tos = packet->traffic_class;/ip->tos = packet->traffic_class \& 3;/
LIST
}

missed=0
while IFS='|' read -r name file expression; do
  cp "$work/$file" "$work/kept"
  sed -i "$expression" "$work/$file"
  if cmp -s "$work/$file" "$work/kept"; then
    verdict="NOT INJECTED: its sed expression changes nothing in $file"
    missed=$((missed + 1))
  elif ! CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$work cmake --build "$work/build" --target differential_tests >"$work/log" 2>&1; then
    verdict="DOES NOT BUILD: $(tail -n 3 "$work/log")"
    missed=$((missed + 1))
  elif TURNPIKE_DIFFERENTIAL_PACKETS=4000000 "$work/build/bin/differential_tests" --gtest_brief=1 >"$work/log" 2>&1; then
    verdict="NOT FOUND in 4,000,000 packets"
    missed=$((missed + 1))
  else
    verdict="found at packet $(sed -n 's/^seed [0-9]*, packet \([0-9]*\),.*/\1/p' "$work/log" | head -n 1)"
  fi
  printf '%-24s %s\n' "$name" "$verdict"
  cp "$work/kept" "$work/$file"
done < <(faults)
[ "$missed" = 0 ]
