# SPDX-License-Identifier: Apache-2.0
"""turnpike-load: its command lines, and what it says."""

import json

from . import topology
from .processes import BenchError, Program
from .relays import FORWARDS, PASSWORD, PORT, USER

PEER_PORT = 3480
SET_UP_LIMIT = 120  # seconds for allocations and channels, besides the measurement itself
IN_FLIGHT = 64      # clients that allocate at a time


def parse_report(text, command):
    """The last line that is a JSON object."""
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            try:
                return json.loads(line)
            except json.JSONDecodeError as fault:
                raise BenchError(f"{' '.join(command)}: not JSON ({fault}): {line[:200]}") from fault
    raise BenchError(f"{' '.join(command)}: expected a JSON object on standard output, got: {text[-200:]!r}")


def failed(program, status):
    """Why comes first: it is what a line of the report has room for."""
    log = program.log()
    last = log.splitlines()[-1] if log else "it said nothing"
    return BenchError(f"turnpike-load ended with status {status}: {last}\n{' '.join(program.command)}\n{log[-2000:]}")


class Generator:
    """Clients and peers of one relay. In two-host mode `relay_netns` is None: the relay is elsewhere."""

    def __init__(self, binaries, relay=f"{topology.RELAY_CLIENT_ADDRESS}:{PORT}",
                 peer=f"{topology.PEER_ADDRESS}:{PEER_PORT}", user=USER, password=PASSWORD,
                 namespaces=(topology.CLIENT_NETNS, topology.RELAY_NETNS, topology.PEER_NETNS)):
        self.program = str(binaries / "turnpike-load")
        self.relay, self.peer, self.credentials = relay, peer, (user, password)
        self.client_netns, self.relay_netns, self.peer_netns = namespaces

    def _clients(self):
        words = ["--relay", self.relay, "--user", self.credentials[0], "--password", self.credentials[1]]
        return words + (["--client-netns", self.client_netns] if self.client_netns else [])

    def traffic_command(self, subject, load, cpus, seconds, rate, delay=False):
        """`load`: a point's options; for a bare forward its direction is that, and it has no framing."""
        options = {**load, "cpus": ",".join(map(str, cpus)), "seconds": int(seconds), "rate": int(rate)}
        if subject in FORWARDS:
            options["direction"] = subject
            options.pop("framing", None)
        command = [self.program, "relay", *self._clients(), "--peer", self.peer]
        for name, netns in (("--relay-netns", self.relay_netns), ("--peer-netns", self.peer_netns)):
            command += [name, netns] if netns else []
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        return [*command, *(["--delay"] if delay else []), "--json"]

    def allocate_command(self, cpus, seconds):
        return [self.program, "allocate", *self._clients(), "--seconds", str(int(seconds)), "--clients", str(IN_FLIGHT),
                "--threads", str(len(cpus)), "--json"]

    def hold_command(self, count):
        return [self.program, "hold", *self._clients(), "--allocations", str(count), "--json"]

    def run(self, command, seconds):
        """To its end; its report."""
        with Program(command) as program:
            status = program.wait(SET_UP_LIMIT + 2 * seconds)
        if status != 0:
            raise failed(program, status)
        return parse_report(program.stdout(), command)
