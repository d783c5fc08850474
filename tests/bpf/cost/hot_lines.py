#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hot_lines.py: which source lines of the XDP program one path spends its instructions on.

    sudo tests/bpf/cost/hot_lines.py BUILD "ChannelData to peer, IPv4" [--top N]

BUILD is a build directory (build/release). turnpike-paths tells how often each instruction was executed,
llvm-objdump (Debian: llvm) from which line of which function the compiler made it."""

import argparse
import collections
import pathlib
import re
import subprocess
import sys

CALL, CONSTANT = 0x85, 0x18  # libbpf writes into these what they refer to


def parse_arguments():
    parser = argparse.ArgumentParser(description="Instructions of one path by source line.")
    parser.add_argument("build", type=pathlib.Path, help="build directory")
    parser.add_argument("path", help="a path that turnpike-paths lists")
    parser.add_argument("--top", type=int, default=40, help="lines to print (40)")
    return parser.parse_args()


def output_of(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        sys.exit(f"hot_lines.py: no {command[0]}: build turnpike-paths, and install llvm")
    if done.returncode != 0:
        sys.exit(f"hot_lines.py: {command[0]}: {done.stderr.strip()}")
    return done.stdout.split("\n")


def read_functions(lines):
    """[(name, [(bytes or None, (file, line))])] in the object's order; a 64-bit constant has a second word"""
    functions, place = [], ("?", 0)
    for line in lines:
        if label := re.match(r"^[0-9a-f]{16} <(\w+)>:", line):
            if not label[1].startswith("LBB"):
                functions.append((label[1], []))
        elif source := re.match(r"^; (\S+):(\d+)$", line):
            place = (source[1], int(source[2]))
        elif code := re.match(r"^\s+\d+:\s((?:[0-9a-f]{2}\s){8})", line):
            word = bytes.fromhex(code[1])
            functions[-1][1].append((word, place))
            if word[0] == CONSTANT:
                functions[-1][1].append((None, place))
    return [function for function in functions if function[1]]


def is_same(executed, compiled):
    if compiled is None or executed[0] in (CALL, CONSTANT):
        return compiled is None or executed[0] == compiled[0]
    return executed == compiled


def places_of(words, functions):
    """(function, (file, line)) of each word: libbpf puts whole functions one after the other"""
    places = []
    while len(places) < len(words):
        rest = words[len(places):]
        for name, code in functions:
            if len(code) <= len(rest) and all(is_same(word, made) for word, (made, _) in zip(rest, code)):
                places += [(name, place) for _, place in code]
                break
        else:
            sys.exit(f"hot_lines.py: instruction {len(places)} is not in the object: build it again")
    return places


def text_of(place):
    file, number = place
    try:
        return pathlib.Path(file).read_text(encoding="utf-8").split("\n")[number - 1].strip()
    except (OSError, IndexError):
        return ""


def main():
    given = parse_arguments()
    executed = [line.split() for line in output_of(given.build / "bin/turnpike-paths", "--profile", given.path)
                if line]
    words = [bytes.fromhex(word) for _, _, word in executed]
    functions = read_functions(output_of("llvm-objdump", "-d", "-l", given.build / "bpf/relay.bpf.o"))
    lines, rooms = collections.Counter(), collections.Counter()
    for (_, count, _), (function, place) in zip(executed, places_of(words, functions)):
        lines[function, place] += int(count)
        rooms[function] += int(count)
    print(f"{sum(rooms.values())} instructions: " +
          ", ".join(f"{function} {count}" for function, count in rooms.most_common() if count))
    for (function, place), count in lines.most_common(given.top):
        if count:
            print(f"{count:5} {function:20} {pathlib.Path(place[0]).name}:{place[1]}  {text_of(place)}")


if __name__ == "__main__":
    main()
