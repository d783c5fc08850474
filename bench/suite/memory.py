# SPDX-License-Identifier: Apache-2.0
"""The memory of one process, in the kernel and in userspace together.

Kernel: what the kernel has charged to the control group of the process: sockets and their buffers, files,
BPF maps (per-CPU ones included), page tables. Userspace: anonymous and shared memory of the process; pages of
files (its program text) are left out, since they are one copy for everybody, and since mapped BPF arrays appear
as such and are in the kernel's figure already. Both versions of control groups."""

import os
import pathlib
import time

from .processes import BenchError

GROUP = "tp-bench"
V1 = pathlib.Path("/sys/fs/cgroup/memory")
V2 = pathlib.Path("/sys/fs/cgroup")


def parse_keyed(text):
    """'Pss: 12 kB' and 'anon 4096' lines: {name: bytes}"""
    values = {}
    for line in text.splitlines():
        words = line.replace(":", " ").split()
        if len(words) >= 2 and words[1].isdigit():
            values[words[0]] = int(words[1]) * (1024 if words[-1] == "kB" else 1)
    return values


class Account:
    """A control group with one process."""

    def __init__(self):
        self.version = 1 if (V1 / "memory.kmem.usage_in_bytes").exists() else 2
        root = V1 if self.version == 1 else V2
        if self.version == 2:
            self._enable(root)
        self.path = root / f"{GROUP}-{os.getpid()}"
        self.path.mkdir(exist_ok=True)

    @staticmethod
    def _enable(root):
        try:
            if "memory" not in (root / "cgroup.subtree_control").read_text().split():
                (root / "cgroup.subtree_control").write_text("+memory")
        except OSError as failure:
            raise BenchError(f"{root}: idle memory needs the memory controller of control groups, version 1 or 2 "
                             f"({failure}); without it leave the scenario `memory` out (--scenarios)") from failure

    def _kernel(self):
        if self.version == 1:
            return int((self.path / "memory.kmem.usage_in_bytes").read_text())
        stat = parse_keyed((self.path / "memory.stat").read_text())
        if "kernel" not in stat:  # before Linux 5.18
            raise BenchError(f"{self.path}/memory.stat has no `kernel`: this needs Linux 5.18 or newer")
        return stat["kernel"] + stat.get("sock", 0)

    def read(self, pid):
        """Bytes: kernel, user, and the parts that they were made from."""
        process = parse_keyed(pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text())
        user = process["Pss_Anon"] + process["Pss_Shmem"]
        return {"kernel": self._kernel(), "user": user, "pss": process["Pss"], "pss_file": process["Pss_File"],
                "rss": process["Rss"], "cgroup_version": self.version}

    def remove(self):
        for _ in range(50):
            try:
                self.path.rmdir()
                return
            except FileNotFoundError:
                return
            except OSError:  # its last process is about to go
                time.sleep(0.1)


def per_allocation(small, large):
    """Bytes for each allocation more, of two relays made for, and holding, different numbers of them."""
    more = large["held"] - small["held"]
    parts = {part: (large[part] - small[part]) / more for part in ("kernel", "user")}
    return {**parts, "total": parts["kernel"] + parts["user"]}
