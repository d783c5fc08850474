# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# Sourced: the Debian 12 packages that turnpike is built, run and tested with.
BUILD_PACKAGES=(
  cmake ninja-build g++ clang bpftool pkg-config linux-libc-dev ca-certificates git
  libbpf-dev libxdp-dev libelf-dev libmnl-dev libcap-dev libssl-dev libabsl-dev
  libspdlog-dev libcli11-dev nlohmann-json3-dev libexpected-dev libtomlplusplus-dev libgtest-dev
  iproute2 procps
)
# A standard client, to try the relay with; coturn is also what it is compared to.
TRY_PACKAGES=(coturn ethtool python3)
# bench/run.sh: coturn, interfaces and CPUs as a measurement needs them, and its pictures.
BENCH_PACKAGES=(coturn ethtool iproute2 util-linux python3 python3-matplotlib binutils libbenchmark-dev)
TEST_PACKAGES=(clang-19 clang-format clang-tidy shellcheck ccache libcap2-bin util-linux
  qemu-system-x86 busybox-static kmod cpio xz-utils xdp-tools)

# Installs what is missing. No service of a package is started: coturn's would take the relay's port.
install_packages() {
  local missing=() package policy=/usr/sbin/policy-rc.d made=
  for package in "$@"; do
    [ "$(dpkg-query -Wf '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "installing: ${missing[*]}"
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    made=yes
  fi
  local status=0
  {
    DEBIAN_FRONTEND=noninteractive apt-get -q update &&
      DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends "${missing[@]}"
  } || status=$?
  if [ -n "$made" ]; then rm -f "$policy"; fi
  return "$status"
}

require_root() {
  [ "$(id -u)" = 0 ] || { echo "$(basename "$0"): needs root: run it with sudo" >&2; exit 1; }
}
