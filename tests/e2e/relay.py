# SPDX-License-Identifier: Apache-2.0
"""The relay under test: turnpiked with a configuration in a directory of its own, and turnpikectl."""

import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from topology import RELAY_CLIENT_SIDE, RELAY_INTERFACES, RELAY_PEER_SIDE, run

BIN = os.environ.get("TURNPIKE_BIN", os.path.join(os.path.dirname(__file__), "../../build/release/bin"))
USER = "user"
PASSWORD = "correct horse"
REALM = "example.org"
PORT = 3478
RELAY_PORTS = (50000, 50999)
READY_LIMIT = 10


def toml(value):
    """A value of JSON is a value of TOML, tables inside apart."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml(v) for v in value) + "]"
    return json.dumps(value)


def default_config(directory, mode="auto", families=(4, 6)):
    return {
        "realm": REALM,
        "state_dir": f"{directory}/state",
        "listen": {"addresses": [RELAY_CLIENT_SIDE[f] for f in families], "port": PORT},
        "relay": {"addresses": [RELAY_PEER_SIDE[f] for f in families],
                  "ports": f"{RELAY_PORTS[0]}-{RELAY_PORTS[1]}"},
        "fastpath": {"mode": mode, "bpffs": f"{directory}/bpf"},
        "auth": {"users": {USER: PASSWORD}},
        # The documentation prefixes of the topology are refused as peers unless allowed.
        "peers": {"allow": ["198.51.100.2/32", "2001:db8:2::2/128"]},
        "admin": {"socket": f"{directory}/turnpike.sock"},
    }


class Relay:
    """Runs until stopped. `change`: a function that edits the configuration; `prefix`: words before the
    command, such as setpriv's; `zero_config`: no --config at all."""

    def __init__(self, topology, mode="auto", families=(4, 6), change=None, prefix=(), zero_config=False):
        self.topology = topology
        self.directory = tempfile.mkdtemp(prefix="tp-e2e-")
        self.config = default_config(self.directory, mode, families)
        if change:
            change(self.config)
        self.config_file = f"{self.directory}/turnpike.toml"
        self.write_config()
        self.command = [*prefix, f"{BIN}/turnpiked"]
        if not zero_config:
            self.command += ["--config", self.config_file]
        self.socket = None if zero_config else self.config["admin"]["socket"]
        self.process = None
        self.log = []
        self._ready = threading.Event()
        self._readers = []

    def write_config(self):
        """For the next start."""
        with open(self.config_file, "w", encoding="utf-8") as file:
            for key, value in self.config.items():
                file.write(f"{key} = {toml(value)}\n")

    def mount_bpffs(self):
        """A bpffs that outlives the process: that of `ip netns exec` would go with it."""
        place = self.config["fastpath"]["bpffs"]
        os.makedirs(place)
        run("mount", "-t", "bpf", "bpf", place)
        return place

    def start(self):
        """Starts, and waits until it serves."""
        self.launch()
        if not self._ready.wait(READY_LIMIT) or "ready:" not in self.text():
            self.kill()
            raise AssertionError("the relay did not get ready:\n" + self.text())
        return self

    def launch(self):
        self._ready.clear()
        self.log = []
        self.process = self.topology.relay.popen(*self.command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                                 stderr=subprocess.PIPE, text=True)
        self._readers = [threading.Thread(target=self._read, args=(stream,), daemon=True)
                         for stream in (self.process.stdout, self.process.stderr)]
        for reader in self._readers:
            reader.start()

    def _read(self, stream):
        for line in stream:
            self.log.append(line)
            if "ready:" in line:
                self._ready.set()
        self._ready.set()

    def text(self):
        return "".join(self.log)

    def wait(self, limit=READY_LIMIT):
        """The exit status, once its output is read to the end."""
        try:
            status = self.process.wait(limit)
        except subprocess.TimeoutExpired as expired:
            self.process.kill()
            raise AssertionError(f"the relay did not end in {limit} s:\n{self.text()}") from expired
        for reader in self._readers:
            reader.join(limit)
        self.process.stdout.close()
        self.process.stderr.close()
        return status

    def refused(self):
        """Starts a relay that must refuse; gives exit status and output."""
        self.launch()
        return self.wait(), self.text()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.wait()
        assert status == 0, f"SIGTERM: exit status {status}, expected 0\n{self.text()}"

    def kill(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.kill()
        self.wait()

    def remove(self):
        """Takes its programs off the interfaces, too: of a relay that was killed the kernel does so some time later,
        and until then they are in the way of the next one."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.wait()
        self.kill()
        for link in glob.glob(f"{self.directory}/bpf/**/link-*", recursive=True):
            run("bpftool", "link", "detach", "pinned", link, check=False)
        run("umount", f"{self.directory}/bpf", check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def control(self, *verb, check=True):
        """turnpikectl VERB, in the relay's namespace."""
        place = ["--socket", self.socket] if self.socket else []
        return self.topology.relay.run(f"{BIN}/turnpikectl", *place, *verb, check=check)

    def json(self, *verb):
        return json.loads(self.control(*verb, "--json").stdout)

    def ask(self, verb, **args):
        """What turnpikectl would ask the admin socket, without a process for each question."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(READY_LIMIT)
            connection.connect(self.socket)
            with connection.makefile("rw", encoding="utf-8") as stream:
                stream.write(json.dumps({"verb": verb, "args": args}) + "\n")
                stream.flush()
                return json.loads(stream.readline())["ok"]

    def relayed(self):
        return self.json("stats")["relayed"]

    def wait_until_fast(self, limit=3):
        """Until the kernel carries every channel both ways: the first packets may find a next hop whose
        address is not known yet."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            channels = [channel for session in self.json("sessions")
                        for channel in self.json("show", session["id"])["channels"]]
            if all((channel["to_peer"], channel["to_client"]) == ("fast", "fast") for channel in channels):
                return
            time.sleep(0.05)
        raise AssertionError(f"not carried by the kernel after {limit} s: {channels}")

    def xdp_mode(self, interface):
        """'native', 'generic' or None, as the kernel sees it."""
        link = json.loads(self.topology.relay.ip("-j", "-d", "link", "show", interface).stdout)[0]
        return {1: "native", 2: "generic", 4: "multi"}.get(link.get("xdp", {}).get("mode"))

    def interfaces(self):
        return {name: self.xdp_mode(name) for name in RELAY_INTERFACES}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()
