#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The BPF programs and the relay on Debian's kernels: sudo tests/kernel/matrix.sh
# Prints a line for each kernel, compiler and suite; exits 0 when all of them passed.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source-path=SCRIPTDIR/../..
. tools/packages.sh

usage() {
  cat <<'EOT'
usage: sudo tests/kernel/matrix.sh [--kernel SERIES]... [--compiler CLANG]... [--suite SUITE]...
                                    [--build DIR] [--installed]
  --kernel    6.1 or 6.12; all of them by default
  --compiler  of the BPF programs: clang-14, clang-19, …; by default clang-14 and the newest that is installed
  --suite     by default all of them:
                bpf       the tests of tests/bpf: the programs load, each row, random packets
                rows      the same without the random packets
                units     the unit tests of the fast path, on Debian's veth and VLAN devices
                e2e       the end-to-end tests, in every mode and family
                devices   VLAN devices, netem's loss and reordering, virtio_net's native XDP, libxdp's dispatcher
  --build DIR use the programs built there, with whatever compiler that was, and build nothing
  --installed the packages are there
EOT
}

KERNELS=() COMPILERS=() SUITES=() BUILD='' INSTALLED=''
OPTIONS=$(getopt -n matrix.sh -o h -l kernel:,compiler:,suite:,build:,installed,help -- "$@") || { usage >&2; exit 2; }
eval set -- "$OPTIONS"
while true; do
  case $1 in
    --kernel) KERNELS+=("$2"); shift 2 ;;
    --compiler) COMPILERS+=("$2"); shift 2 ;;
    --suite) SUITES+=("$2"); shift 2 ;;
    --build) BUILD=$2; shift 2 ;;
    --installed) INSTALLED=yes; shift ;;
    -h | --help) usage; exit 0 ;;
    --) break ;;
  esac
done
require_root
[ -n "$INSTALLED" ] || install_packages "${BUILD_PACKAGES[@]}" "${TRY_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
newest_clang() { compgen -c clang- | grep -E '^clang-[0-9]+$' | sort -t- -k2n | tail -n 1; }
[ ${#KERNELS[@]} -gt 0 ] || KERNELS=(6.1 6.12)
[ ${#SUITES[@]} -gt 0 ] || SUITES=(bpf units e2e devices)
[ ${#COMPILERS[@]} -gt 0 ] || mapfile -t COMPILERS < <(printf '%s\n' clang-14 "$(newest_clang)" | sort -u)
[ -z "$BUILD" ] || COMPILERS=(as-built)
WORK=build/kernels
mkdir -p "$WORK"

# suite_command SUITE BUILD: what runs in the machine.
suite_command() {
  case $1 in
    bpf) echo "$2/bin/bpf_tests --gtest_brief=1" ;;
    rows) echo "$2/bin/bpf_tests --gtest_brief=1 --gtest_filter=-*Random*:*Cost*" ;;
    units | e2e) echo "python3 -B tests/kernel/run_ctest.py $2/$1.json" ;;
    devices) echo "python3 -B tests/kernel/run_devices.py $2" ;;
    *) echo "matrix.sh: no suite '$1'" >&2; exit 2 ;;
  esac
}

# list_tests SUITE BUILD: the tests of ctest that run_ctest.py runs.
list_tests() {
  case $1 in
    units) ctest --test-dir "$2" -R '^unit\.(Attach|Takeover|ChangingInterfaces|Defence|Dispatcher|NextHops|PathMtu|ManyPaths|MixedModes|Vlan)' \
      --show-only=json-v1 >"$2/units.json" ;;
    e2e) ctest --test-dir "$2" -L e2e --show-only=json-v1 >"$2/e2e.json" ;;
  esac
}

failed=0
for compiler in "${COMPILERS[@]}"; do
  build=${BUILD:-build/kernel-$compiler}
  if [ -z "$BUILD" ]; then
    cmake --preset release -B "$build" -DTURNPIKE_BPF_CLANG="$(command -v "$compiler")" >/dev/null
    cmake --build "$build" >"$build/build.log" 2>&1 || { tail -n 30 "$build/build.log"; exit 1; }
  fi
  build=$(realpath "$build")
  case $build/ in
    /tmp/* | /var/tmp/* | /run/*)
      echo "matrix.sh: $build: the machines have a /tmp, /var/tmp and /run of their own" >&2
      exit 2
      ;;
  esac
  for kernel in "${KERNELS[@]}"; do
    tests/kernel/fetch.sh "$kernel" "$WORK"
    for suite in "${SUITES[@]}"; do
      list_tests "$suite" "$build"
      log=$build/kernel-$kernel-$suite.log
      started=$SECONDS status=passed
      command=$(suite_command "$suite" "$build")
      tests/kernel/boot.sh "$WORK/$kernel" sh -c "cd '$PWD' && $command" >"$log" 2>&1 || status=FAILED
      printf '%-8s %-22s %-10s %-8s %4d s\n' "$status" "$(cat "$WORK/$kernel/complete")" "$compiler" "$suite" \
        $((SECONDS - started))
      if [ "$status" = FAILED ]; then
        failed=1
        tail -n 40 "$log" | sed 's/^/    /'
      fi
    done
  done
done
exit "$failed"
