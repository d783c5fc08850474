# SPDX-License-Identifier: Apache-2.0
"""tidy.py BUILD_DIRECTORY: clang-tidy over the repository's own sources, in parallel.

A file that was clean is not looked at again while neither it, nor what it includes, nor the rules changed:
its preprocessed text is the key of a mark under ~/.cache/turnpike-tidy (or TURNPIKE_TIDY_CACHE)."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("userspace", "tools", "bench")
CACHE = pathlib.Path(os.environ.get("TURNPIKE_TIDY_CACHE", pathlib.Path.home() / ".cache/turnpike-tidy"))


def rules():
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    return version + (SOURCE / ".clang-tidy").read_bytes()


def mark(entry, rules_text):
    """The file whose presence says that the source, as it is, was found clean."""
    words = shlex.split(entry["command"])
    if pathlib.Path(words[0]).name == "ccache":
        words = words[1:]
    command, skip = [], False
    for word in words:
        if skip or word in ("-c", "-MD"):
            skip = False
        elif word in ("-o", "-MF", "-MT"):
            skip = True
        else:
            command.append(word)
    done = subprocess.run([*command, "-E", "-P"], cwd=entry["directory"], capture_output=True, check=False)
    if done.returncode != 0:
        return None
    # NOLINT comments are not in preprocessed text.
    own_text = pathlib.Path(entry["file"]).read_bytes()
    return CACHE / hashlib.sha256(rules_text + own_text + done.stdout).hexdigest()


def check(entry, rules_text, build):
    clean = mark(entry, rules_text)
    if clean and clean.exists():
        return True, ""
    done = subprocess.run(["clang-tidy", "--quiet", "-p", build, entry["file"]], capture_output=True, text=True,
                          check=False)
    if done.returncode == 0 and clean:
        clean.touch()
    return done.returncode == 0, done.stdout + done.stderr


def main():
    build = sys.argv[1]
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(f"{build}/compile_commands.json", encoding="utf-8") as file:
        entries = [entry for entry in json.load(file)
                   if any(pathlib.Path(entry["file"]).is_relative_to(SOURCE / folder) for folder in FOLDERS)]
    rules_text = rules()
    failed = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for entry, (good, text) in zip(entries, pool.map(lambda e: check(e, rules_text, build), entries)):
            if not good:
                failed.append(entry["file"])
                print(text, flush=True)
    print(f"clang-tidy: {len(entries)} files, {len(failed)} with findings")
    for file in failed:
        print(f"  {file}")
    sys.exit(1 if failed or not entries else 0)


if __name__ == "__main__":
    main()
