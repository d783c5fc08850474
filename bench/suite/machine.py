# SPDX-License-Identifier: Apache-2.0
"""The machine, the versions and the revision that a run's figures are true of."""

import hashlib
import os
import pathlib
import platform
import re
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parents[2]


def _output(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return (done.stdout + done.stderr).strip() if done.returncode == 0 else None


def _first_line(*command):
    output = _output(*command)
    return output.splitlines()[0] if output else "not installed"


def _read(path):
    try:
        return pathlib.Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _field(text, name):
    found = re.search(rf"^{name}\s*[:=]\s*\"?([^\"\n]*)", text, re.M)
    return found.group(1).strip() if found else None


def _vulnerabilities():
    """What the kernel does against the processor's: it costs each packet something."""
    folder = pathlib.Path("/sys/devices/system/cpu/vulnerabilities")
    return {file.name: file.read_text().strip() for file in sorted(folder.glob("*"))} if folder.is_dir() else {}


def describe():
    cpuinfo = _read("/proc/cpuinfo")
    return {"cpu": _field(cpuinfo, "model name") or platform.machine(), "cpus": os.cpu_count(),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "virtual": "hypervisor" in (_field(cpuinfo, "flags") or ""),
            "distribution": _field(_read("/etc/os-release"), "PRETTY_NAME") or "unknown",
            "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip() or "none",
            "bpf_jit": _read("/proc/sys/net/core/bpf_jit_enable").strip(),
            "mitigations": _vulnerabilities()}


def _compiler_of(program):
    """As the program itself says, which may be another than the machine's of today."""
    comment = _output("readelf", "-p", ".comment", str(program)) or ""
    found = re.findall(r"\]\s+(.+)", comment)
    return "; ".join(found) or _first_line("c++", "--version")


def _sha256(program):
    with open(program, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions(binaries):
    turnpiked = binaries / "turnpiked"
    turnserver = _output("turnserver", "--version")
    return {"kernel": platform.release() + " " + platform.version(),
            "turnpike": _first_line(str(turnpiked), "--version"),
            "coturn": turnserver.splitlines()[-1] if turnserver else "not installed",
            "compiler": _compiler_of(turnpiked), "clang": _first_line("clang", "--version"),
            "libbpf": (_output("dpkg-query", "-Wf", "${Version}", "libbpf1") or "unknown"),
            "python": platform.python_version(),
            "sha256": {program.name: _sha256(program)
                       for program in (turnpiked, binaries / "turnpike-load") if program.exists()}}


def revision():
    git = ("git", "-c", "safe.directory=*", "-C", str(SOURCE))
    commit = _output(*git, "rev-parse", "HEAD")
    if not commit:
        return {"commit": "unknown: not a git checkout", "changed_files": []}
    changed = _output(*git, "status", "--porcelain") or ""
    return {"commit": commit, "changed_files": [line.split(maxsplit=1)[1] for line in changed.splitlines()]}
