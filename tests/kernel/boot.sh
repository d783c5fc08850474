#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# boot.sh KERNEL COMMAND…: runs COMMAND as root under the kernel in KERNEL (see fetch.sh), in a virtual machine
# that sees this host's file system through a writable layer in its memory. Output and exit status are the
# command's. Two virtio_net devices of the machine are one wire (net0 and net1), with their host's offloads
# off, so that they take native XDP.
#   TURNPIKE_VM_MEMORY  MiB (3072)     TURNPIKE_VM_CPUS  (2)     TURNPIKE_VM_SECONDS  limit (7200)
set -euo pipefail
KERNEL=$(realpath "$1")
shift
release=$(cat "$KERNEL/complete")
modules=$KERNEL/package/lib/modules/$release
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Modules that the root needs before it is there, in the order in which they depend on each other.
mkdir -p "$work/root"/{bin,proc,sys,dev,modules,host,layer,new}
cp /bin/busybox "$work/root/bin/"
number=100
for module in virtio_pci 9pnet_virtio 9p overlay; do
  while read -r verb file _; do
    [ "$verb" = insmod ] || continue
    found=("$work/root/modules"/*-"$(basename "$file" .xz)")
    [ ! -e "${found[0]}" ] || continue
    name=$((number++))-$(basename "$file" .xz)
    case $file in
      *.xz) xz -dc "$file" >"$work/root/modules/$name" ;;
      *) cp "$file" "$work/root/modules/$name" ;;
    esac
  done < <(modprobe -S "$release" -d "$KERNEL/package" --show-depends "$module")
done

printf '%q ' "$@" >"$work/root/command"
cat >"$work/root/init" <<INIT
#!/bin/busybox sh
PATH=/bin
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
for module in /modules/*; do /bin/busybox insmod \$module || echo "boot: \$module"; done
/bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,ro,cache=loose root /host
/bin/busybox mount -t tmpfs tmpfs /layer
/bin/busybox mkdir /layer/upper /layer/work
/bin/busybox mount -t overlay -o lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work overlay /new
for place in tmp run var/tmp; do /bin/busybox mount -t tmpfs tmpfs /new/\$place; done
/bin/busybox mount -t proc proc /new/proc
/bin/busybox mount -t sysfs sys /new/sys
/bin/busybox mount -t bpf bpf /new/sys/fs/bpf
/bin/busybox mount -t cgroup2 cgroup2 /new/sys/fs/cgroup
/bin/busybox mount -t devtmpfs dev /new/dev
/bin/busybox mkdir -p /new/dev/pts /new/dev/shm /new/lib/modules/$release
/bin/busybox mount -t devpts devpts /new/dev/pts
/bin/busybox mount -t tmpfs tmpfs /new/dev/shm
/bin/busybox mount --bind /new$modules /new/lib/modules/$release
/bin/busybox cp /command /new/run/command
/bin/busybox chroot /new /bin/sh $(printf '%q' "$(dirname "$(realpath "$0")")/inside.sh") </dev/null
/bin/busybox sync
/bin/busybox poweroff -f
INIT
chmod +x "$work/root/init"
(cd "$work/root" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/initrd"

offloads=guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off,csum=off
nic() { echo "virtio-net-pci,netdev=wire$1,mac=02:00:00:00:00:0$1,romfile=,$offloads"; }
status_file=$work/status
timeout --foreground "${TURNPIKE_VM_SECONDS:-7200}" qemu-system-x86_64 -accel tcg,thread=multi -cpu max \
  -m "${TURNPIKE_VM_MEMORY:-3072}" -smp "${TURNPIKE_VM_CPUS:-2}" -display none -no-reboot -monitor none \
  -kernel "$KERNEL/package/boot/vmlinuz-$release" -initrd "$work/initrd" \
  -append "console=ttyS0 quiet panic=-1 mitigations=off net.ifnames=0" \
  -virtfs local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap \
  -netdev hubport,id=wire0,hubid=1 -device "$(nic 0)" -netdev hubport,id=wire1,hubid=1 -device "$(nic 1)" \
  -serial stdio </dev/null 2> >(grep -v 'not connected to host network' >&2) |
  while IFS= read -r line; do
    line=${line%$'\r'}
    case $line in
      *"turnpike-vm-status "*) echo "${line##*turnpike-vm-status }" >"$status_file" ;;
      *) printf '%s\n' "$line" ;;
    esac
  done || true
[ -s "$status_file" ] || { echo "boot.sh: the machine ended before the command did" >&2; exit 125; }
exit "$(cat "$status_file")"
