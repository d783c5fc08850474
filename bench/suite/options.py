# SPDX-License-Identifier: Apache-2.0
"""The command line of bench/run.sh."""

import argparse
import datetime
import os
import pathlib

from .processes import BenchError
from .relays import FORWARDS, PASSWORD, PORT, SUBJECTS, USER
from .scenarios import all_scenarios

BENCH = pathlib.Path(__file__).resolve().parents[1]
QUICK_SUBJECTS = ("turnpike-native", "turnpike-off", "coturn", "forward-fib")
# In two-host mode: what needs to be on the relay's host itself.
ON_ONE_HOST = ("cores", "memory", "restart")
MAX_SECONDS = 200  # of turnpike-load: permissions live 300 s

EXAMPLES = """\
examples:
  sudo bench/run.sh --quick                                  a few minutes, to see that all works
  sudo bench/run.sh --rounds 5                               everything
  sudo bench/run.sh --scenarios sizes,delay,channel-to-peer --subjects turnpike-native,coturn,forward-fib
  bench/run.sh --report bench/results/run-….json             the report again, from its JSON alone
  sudo bench/run.sh --relay-host 192.0.2.1 --peer-address 198.51.100.2 --start 'ssh -tt relay …/run.sh --serve %s …'
two hosts: see bench/README.md
"""


def _count(lowest, highest):
    def parse(text):
        if not text.isdigit() or not lowest <= int(text) <= highest:
            raise argparse.ArgumentTypeError(f"expected a number from {lowest} to {highest}, got {text!r}")
        return int(text)
    return parse


def _names(known):
    def parse(text):
        names = [name for name in text.split(",") if name]
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            raise argparse.ArgumentTypeError(f"no such name: {', '.join(unknown) or repr(text)}; there are "
                                             f"{', '.join(known)}")
        return names
    return parse


def _cpus(text):
    allowed = sorted(os.sched_getaffinity(0))
    try:
        cpus = [int(word) for word in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected CPU numbers such as 0,1, got {text!r}") from None
    if not set(cpus) <= set(allowed):
        raise argparse.ArgumentTypeError(f"this host has the CPUs {','.join(map(str, allowed))}, got {text!r}")
    return cpus


def parser():
    names = list(all_scenarios(range(2)))
    made = argparse.ArgumentParser(prog="bench/run.sh", epilog=EXAMPLES, allow_abbrev=False,
                                   description="Compares turnpike, coturn and bare XDP forwards, and writes a report.",
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    add = made.add_argument
    add("--rounds", type=_count(1, 100), metavar="N", help="how often everything is measured (default 3)")
    add("--seconds", type=_count(1, MAX_SECONDS), metavar="N", help="length of one measurement (default 3)")
    add("--scenarios", type=_names(names), metavar="LIST", help=f"of {','.join(names)} (default: all)")
    add("--subjects", type=_names(SUBJECTS), metavar="LIST", help=f"of {','.join(SUBJECTS)} (default: all)")
    add("--cpus", type=_cpus, metavar="LIST", help="CPUs of generator and relay (default: all)")
    add("--quick", action="store_true", help="a smoke run: one round of 1 s, fewer points and subjects")
    add("--delay-rate", type=_count(1, 10_000_000), metavar="PPS",
        help="rate for the delay (default: half of what coturn carries in the same round)")
    add("--output", type=pathlib.Path, metavar="FILE.json", help="(default bench/results/run-DATE.json)")
    add("--markdown", type=pathlib.Path, metavar="FILE.md",
        help="the report; its pictures go into a directory of the same name (default: beside the JSON)")
    add("--bin", type=pathlib.Path, metavar="DIRECTORY", default=BENCH.parent / "build/release/bin",
        help="turnpike's programs (default build/release/bin)")
    add("--report", type=pathlib.Path, metavar="FILE.json", help="only make the report of an earlier run")
    add("--plan", action="store_true", help="only list the steps and the time that they would take")
    add("--no-install", action="store_true", help="the packages are there")
    hosts = made.add_argument_group("two hosts")
    hosts.add_argument("--relay-host", metavar="ADDRESS", help=f"the relay listens there, port {PORT}")
    hosts.add_argument("--peer-address", metavar="ADDRESS",
                       help="of this host, where peers are; with --serve: that peer")
    hosts.add_argument("--client-netns", metavar="NAME", help="namespace of the clients' interface")
    hosts.add_argument("--peer-netns", metavar="NAME", help="namespace of the peers' interface")
    hosts.add_argument("--start", metavar="COMMAND", help="runs as long as the relay shall; %%s is the subject "
                       "(default: asks you to start it)")
    hosts.add_argument("--user", default=USER)
    hosts.add_argument("--password", default=PASSWORD)
    hosts.add_argument("--serve", choices=[name for name in SUBJECTS if name not in FORWARDS],
                       help="on the relay host: be that relay until standard input ends")
    hosts.add_argument("--listen", metavar="ADDRESS", help="with --serve: towards the clients")
    hosts.add_argument("--relay-address", metavar="ADDRESS", help="with --serve: towards the peers (default: --listen)")
    return made


def _check_hosts(arguments):
    if arguments.serve and not (arguments.listen and arguments.peer_address):
        raise BenchError("--serve needs --listen ADDRESS and --peer-address ADDRESS, the peer that it may reach")
    if arguments.relay_host and not arguments.peer_address:
        raise BenchError("--relay-host needs --peer-address, an address of this host that the relay host can reach")
    if not arguments.relay_host:
        for name in ("start", "client_netns", "peer_netns"):
            if getattr(arguments, name):
                raise BenchError(f"--{name.replace('_', '-')} is for two hosts: give --relay-host too")


def parse(words=None):
    arguments = parser().parse_args(words)
    _check_hosts(arguments)
    quick = arguments.quick
    arguments.rounds = arguments.rounds or (1 if quick else 3)
    arguments.seconds = arguments.seconds or (1 if quick else 3)
    arguments.cpus = arguments.cpus or sorted(os.sched_getaffinity(0))
    chosen = arguments.subjects or list(QUICK_SUBJECTS if quick else SUBJECTS)
    scenarios = all_scenarios(arguments.cpus, quick)
    names = arguments.scenarios or list(scenarios)
    if arguments.relay_host:
        refused = [name for name in arguments.scenarios or () if name in ON_ONE_HOST]
        if refused:
            raise BenchError(f"{', '.join(refused)}: only with generator and relay on one host")
        names = [name for name in names if name not in ON_ONE_HOST]
        chosen = [name for name in chosen if name not in FORWARDS]
    # In the order of the list: delay needs what channel-to-peer found.
    arguments.scenarios = [scenarios[name] for name in scenarios if name in names]
    arguments.subjects = [name for name in SUBJECTS if name in chosen]
    if not arguments.subjects:
        raise BenchError("no subject is left: the bare forwards need generator and relay on one host")
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    arguments.output = (arguments.output or BENCH / f"results/run-{stamp}.json").absolute()
    arguments.bin = arguments.bin.absolute()
    return arguments
