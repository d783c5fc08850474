#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The virtual machine's first process after the kernel's own: makes the machine fit for tests, runs the command
# and tells its exit status to boot.sh.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
echo "kernel $(uname -r)"
ip link set lo up
for module in virtio_net veth 8021q bridge sch_netem; do modprobe $module || echo "no module $module"; done
index=0
for address in 02:00:00:00:00:00 02:00:00:00:00:01; do
  for path in /sys/class/net/*; do
    [ "$(cat "$path/address")" = "$address" ] && ip link set "$(basename "$path")" name "net$index"
  done
  index=$((index + 1))
done
eval "$(cat /run/command)"
echo "turnpike-vm-status $?"
