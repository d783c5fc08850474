# SPDX-License-Identifier: Apache-2.0
"""Two hosts: being a relay for a generator elsewhere, and asking whether one is there."""

import os
import pathlib
import select
import sys

from . import relays, topology
from .processes import BenchError, Interrupted, Program, ignore_signals, raise_on_signals, run
from .scenarios import BINDINGS

TABLES = {"allocations": 65_536, "bindings": 2 * max(BINDINGS)}
# A STUN Binding request, and whether an answer comes within half a second.
ASK = """
import os, socket, sys
address = sys.argv[1]
with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as asking:
    asking.settimeout(0.5)
    transaction = os.urandom(12)
    try:
        asking.connect((address, int(sys.argv[2])))
        asking.send(b"\\x00\\x01\\x00\\x00\\x21\\x12\\xa4\\x42" + transaction)
        sys.exit(asking.recv(1500)[8:20] != transaction)
    except OSError:
        sys.exit(1)
"""


def answers(address, netns):
    command = topology.inside(netns, sys.executable, "-c", ASK, address, str(relays.PORT))
    return run(*command, check=False).returncode == 0


def _until_told():
    """Until the end of standard input: the other side of an ssh that is gone."""
    while True:
        readable, _, _ = select.select([sys.stdin], [], [], 1)
        if readable and not os.read(sys.stdin.fileno(), 4096):
            return


def serve(arguments):
    if os.geteuid() != 0:
        raise BenchError("--serve needs root: run it with sudo")
    relays.require_programs([arguments.serve], arguments.bin)
    raise_on_signals()
    place = relays.Place(arguments.cpus, arguments.listen, arguments.relay_address or arguments.listen,
                         arguments.peer_address, None)
    try:
        relays.make(arguments.serve, pathlib.Path(arguments.bin), place, TABLES).start()
        print(f"{arguments.serve} is ready on {arguments.listen}; it ends with standard input, or by Ctrl-C",
              flush=True)
        _until_told()
    except Interrupted:
        pass
    finally:
        ignore_signals()
        relays.Relay.stop_all()
        Program.end_all()
    return 0
