#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Shows that the tests can fail: compiles copies of the BPF program with one fault of faults.txt each, and prints
# which tests find it. Needs root and a built bpf_tests.
#
#   tests/bpf/inject_faults.sh BPF_TESTS [NAME...]
set -euo pipefail
tests=$(realpath "$1")
shift
source=$(realpath "$(dirname "$0")/../../bpf")
list=$(realpath "$(dirname "$0")/faults.txt")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TURNPIKE_RELAY_OBJECT=$work/relay.o TURNPIKE_PACKETS=100000

compile() {
  clang -std=gnu11 -O2 -g -target bpf -mcpu=v3 -idirafter "/usr/include/$(uname -m)-linux-gnu" \
    -I"$work/bpf" -c "$work/bpf/relay.bpf.c" -o "$work/relay.o" 2>"$work/log"
}

# The tests of that filter that fail with the program in $work, by name; what else went wrong.
failing() {
  timeout 300 "$tests" --gtest_filter="$1" >"$work/log" 2>&1 && return
  if grep -q 'the relay program' "$work/log"; then
    echo "the verifier"
  elif ! grep -q '^\[==========\] .* ran' "$work/log"; then
    echo "a crash or a hang of the tests"
  else
    sed -n 's/^\[  FAILED  \] \([^ ,]*\).* (.*/\1/p' "$work/log" | sed 's/^Both\///' | sort -u | tr '\n' ' '
  fi
}

# Only a race shows some faults; its tests take their time, and come last.
find_fault() {
  compile || { echo "NOTHING: it does not compile"; return; }
  local found
  found=$(failing 'Relay*:Golden*:Both/Relay*:-RelayCost*')
  echo "${found:-$(failing '*RelaySlot*')}"
}

copy() {
  rm -rf "$work/bpf"
  mkdir "$work/bpf"
  cp "$source"/*.[ch] "$work/bpf"
}

copy
found=$(find_fault)
[ -z "$found" ] || { echo "without a fault there fail already: $found"; exit 1; }
missed=0
while IFS='|' read -r name file expression; do
  [[ $name == '#'* || -z $name ]] && continue
  [[ $# -gt 0 && " $* " != *" $name "* ]] && continue
  copy
  sed -i "$expression" "$work/bpf/$file"
  if cmp -s "$work/bpf/$file" "$source/$file"; then
    found="NOTHING: $file has no such line"
  else
    found=$(find_fault)
  fi
  printf '%-26s %s\n' "$name" "${found:-NOTHING}"
  [[ $found == NOTHING* || -z $found ]] && missed=$((missed + 1))
done <"$list"
echo "$missed not found"
[ "$missed" -eq 0 ]
