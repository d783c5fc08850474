# SPDX-License-Identifier: Apache-2.0
"""What is compared. A relay serves on the listening address, port 3478, relays from the relay address, and takes
the user `bench` with the password `bench`. None logs sessions, none limits requests."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from . import topology
from .processes import BenchError, Program, run

PORT = 3478
USER = PASSWORD = "bench"
TURNPIKE = {"turnpike-native": "native", "turnpike-generic": "generic", "turnpike-off": "off"}
# In the relay's place: the bare XDP forward of the goals (TTL, FIB look-up, redirect), and the ceiling, a redirect
# without any look-up. The generator attaches them.
FORWARDS = ("forward-fib", "forward")
SUBJECTS = (*TURNPIKE, "coturn", *FORWARDS)
# Their best is found below a flood, see rates.py.
USERSPACE = ("turnpike-off", "coturn")


class Place:
    """Where a relay runs: addresses, namespace (None: this one), CPUs, and the peer that it may reach."""

    def __init__(self, cpus, listen=topology.RELAY_CLIENT_ADDRESS, relay=topology.RELAY_PEER_ADDRESS,
                 peer=topology.PEER_ADDRESS, netns=topology.RELAY_NETNS):
        self.cpus, self.listen, self.relay, self.peer, self.netns = cpus, listen, relay, peer, netns

    def command(self, words):
        return topology.inside(self.netns, "taskset", "-c", ",".join(map(str, self.cpus)), *words)


class Relay:
    """Started until stopped. `tables`: room that the relay is made for, {"allocations", "bindings"}."""

    live = []

    def __init__(self, place, tables, cgroup=None):
        self.place, self.tables, self.cgroup = place, tables, cgroup
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tp-bench-"))
        self.program = None
        Relay.live.append(self)

    def start(self):
        self.program = Program(self.place.command(self.words()), cgroup=self.cgroup)
        self.program.wait_until(self.ready, type(self).__name__.lower())
        return self

    @property
    def pid(self):
        return self.program.pid

    def kill(self):
        self.program.end(signal.SIGKILL)

    def stop(self):
        if self.program:
            self.program.end()
        self.remove()

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        if self in Relay.live:
            Relay.live.remove(self)

    @classmethod
    def stop_all(cls):
        """Those that an interruption left."""
        for relay in list(cls.live):
            relay.stop()

    def describe(self):
        """For the report: how to start the same relay by hand."""
        return {"command": " ".join(map(str, self.place.command(self.words())))}


class Turnpike(Relay):
    def __init__(self, mode, binaries, place, tables, cgroup=None):
        super().__init__(place, tables, cgroup)
        self.binaries = binaries
        self.bpffs = self.directory / "bpf"
        self.config = self.directory / "turnpike.toml"
        self.config.write_text(self._text(mode), encoding="utf-8")
        # Of the host: one that the relay mounts itself inside `ip netns exec` would die with it.
        self.bpffs.mkdir()
        run("mount", "-t", "bpf", "bpf", self.bpffs)

    def _text(self, mode):
        return f"""realm = "bench"
state_dir = "{self.directory}/state"
workers = {len(self.place.cpus)}
[listen]
addresses = ["{self.place.listen}"]
port = {PORT}
[relay]
addresses = ["{self.place.relay}"]
[fastpath]
mode = "{mode}"
bpffs = "{self.bpffs}"
max_bindings = {self.tables["bindings"]}
[auth.users]
{USER} = "{PASSWORD}"
[peers]
allow = ["{self.place.peer}"]
[limits]
allocations = {self.tables["allocations"]}
channels = 4096
permissions = 4096
source_requests_per_second = 0
[admin]
socket = "{self.directory}/turnpike.sock"
"""

    def words(self):
        return [self.binaries / "turnpiked", "--config", self.config]

    def ready(self):
        return "ready:" in self.program.stderr() or "ready:" in self.program.stdout()

    def upgrade(self):
        """As an upgrade goes: media stays in the kernel, the next process takes over."""
        self.program.end(signal.SIGUSR1)
        self.start()

    def remove(self):
        run("umount", self.bpffs, check=False)
        super().remove()

    def describe(self):
        return {**super().describe(), "configuration": self.config.read_text(encoding="utf-8")}


class Coturn(Relay):
    def words(self):
        return ["turnserver", "-n", "--no-tls", "--no-dtls", "--no-tcp", "--lt-cred-mech", f"--user={USER}:{PASSWORD}",
                "--realm=bench", f"--listening-ip={self.place.listen}", f"--listening-port={PORT}",
                f"--relay-ip={self.place.relay}", f"--relay-threads={len(self.place.cpus)}", "--min-port=49152",
                "--max-port=65535", "--no-cli", "--no-stdout-log", f"--log-file={self.directory}/coturn.log",
                f"--pidfile={self.directory}/coturn.pid", f"--userdb={self.directory}/coturn.db", "--simple-log"]

    def ready(self):
        sockets = topology.inside(self.place.netns, "ss", "-Hlun", f"src {self.place.listen}:{PORT}")
        return bool(run(*sockets).stdout.strip())


class Nothing:
    """For the bare forwards: the generator puts its own program in the relay's place."""

    def start(self):
        return self

    def stop(self):
        pass

    def describe(self):
        return {"command": "none: turnpike-load attaches the program"}


class Remote:
    """Two hosts: started by the operator's command, which runs as long as the relay shall, or by the operator."""

    def __init__(self, subject, start_command, probe):
        self.subject, self.probe, self.program = subject, probe, None
        self.command = start_command.replace("%s", subject) if start_command else None

    def start(self):
        if not self.command:
            input(f"start {self.subject} on the relay host, then press Enter: ")
            return self
        self.program = Program(["sh", "-c", self.command], stdin=subprocess.PIPE)
        self.program.wait_until(lambda: self.probe() or not self.program.alive(), f"`{self.command}`", limit=60)
        if not self.program.alive():
            raise BenchError(f"`{self.command}` ended with status {self.program.process.returncode} at once; it must "
                             f"run as long as the relay shall\n{self.program.log()[-2000:]}")
        return self

    def stop(self):
        """The end of its standard input, then SIGTERM; done when the relay does not answer any more."""
        if not self.program:
            return
        self.program.process.stdin.close()
        self.program.end()
        deadline = time.monotonic() + 10
        while self.probe():
            if time.monotonic() > deadline:
                raise BenchError(f"{self.subject} still answers 10 s after `{self.command}` was ended; a relay must "
                                 "end with its start command (with ssh: `ssh -tt`)")
            time.sleep(0.2)

    def describe(self):
        return {"command": self.command or "by the operator"}


def make(subject, binaries, place, tables, cgroup=None):
    if subject in TURNPIKE:
        return Turnpike(TURNPIKE[subject], binaries, place, tables, cgroup)
    if subject == "coturn":
        return Coturn(place, tables, cgroup)
    return Nothing()


def require_programs(subjects, binaries):
    """Before anything runs: what is missing, and how to get it."""
    needed = [binaries / "turnpike-load"]
    if any(subject in TURNPIKE for subject in subjects):
        needed.append(binaries / "turnpiked")
    missing = [str(program) for program in needed if not os.access(program, os.X_OK)]
    if missing:
        raise BenchError(f"not there: {', '.join(missing)}\nbuild first (cmake --preset release && cmake --build "
                         "--preset release), or name the directory with --bin")
    if "coturn" in subjects and not shutil.which("turnserver"):
        raise BenchError("coturn is not installed (no `turnserver`): apt install coturn, or leave it out: "
                         "--subjects " + ",".join(subject for subject in subjects if subject != "coturn"))
