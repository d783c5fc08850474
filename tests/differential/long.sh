#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# long.sh [ROUNDS]: the differential test with a hundred million packets, a new seed each million, until a
# difference is found. Needs root and a release build.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=build/release/bin/differential_tests
[ -x "$program" ] || { echo "long.sh: build it first: cmake --preset release && cmake --build --preset release" >&2; exit 1; }
for ((round = 1; round <= ${1:-100}; round++)); do
  TURNPIKE_DIFFERENTIAL_SEED=$((round * 1000003 + $(date +%s))) "$program" --gtest_brief=1
done
