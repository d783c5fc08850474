#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Everything that must hold before a change goes in, on a fresh Debian 12: sudo tools/test.sh
# Ends with ctest's summary; exits 0 only when every step went well.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR
. tools/packages.sh

usage() {
  cat <<'EOF'
usage: sudo tools/test.sh [--no-install] [--quick]
  --no-install  the packages are there
  --quick       release build and its tests only: no linters, no sanitizers
EOF
}

INSTALL=yes
QUICK=
OPTIONS=$(getopt -n test.sh -o h -l no-install,quick,help -- "$@") || { usage >&2; exit 2; }
eval set -- "$OPTIONS"
while true; do
  case $1 in
    --no-install) INSTALL=; shift ;;
    --quick) QUICK=yes; shift ;;
    -h | --help) usage; exit 0 ;;
    --) break ;;
  esac
done
require_root

step() { printf '\n=== %s (%d s so far)\n' "$*" "$SECONDS"; }

# build PRESET [TARGET…]
build() {
  local preset=$1
  shift
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset" ${1:+--target "$@"}
}

check_format() {
  git -c safe.directory='*' ls-files -co --exclude-standard -- '*.h' '*.cpp' '*.c' ':!bpf/' ':!bench/*.bpf.c' \
    ':!bench/**/load_abi.h' ':!bench/**/udp_payload.h' | while read -r file; do [ -f "$file" ] && printf '%s\0' "$file"; done |
    xargs -0 clang-format --dry-run --Werror
}

check_scripts() {
  git -c safe.directory='*' ls-files -co --exclude-standard -- '*.sh' .ci/run | xargs shellcheck -x
}

# The unit tests of rooms where threads meet.
THREADED=(unit_net unit_fastpath unit_admin unit_app)

# Those of THREADED that the configured build has.
threaded_targets() {
  local target targets
  targets=$(cmake --build --preset tsan --target help)
  for target in "${THREADED[@]}"; do
    if grep -q "^$target:" <<<"$targets"; then echo "$target"; fi
  done
}

if [ -n "$INSTALL" ]; then
  step "packages"
  install_packages "${BUILD_PACKAGES[@]}" "${TRY_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
fi
if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
fi

step "build (release)"
build release

if [ -z "$QUICK" ]; then
  step "clang-format, shellcheck"
  check_format
  check_scripts
  step "clang-tidy"
  python3 tools/tidy.py build/release
  step "unit tests under AddressSanitizer and UndefinedBehaviorSanitizer"
  build asan unit_tests
  ctest --preset asan -L unit -j "$(nproc)"
  step "unit tests of threaded rooms under ThreadSanitizer"
  cmake --preset tsan >/dev/null
  mapfile -t targets < <(threaded_targets)
  build tsan "${targets[@]}"
  for target in "${targets[@]}"; do "build/tsan/bin/$target" --gtest_brief=1; done
fi

step "all tests (release)"
ctest --preset release
