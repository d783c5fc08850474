# SPDX-License-Identifier: Apache-2.0
"""check_house.py: rules of the house that no compiler checks.

Rooms: a file of userspace/ROOM includes only headers of its own room and of rooms that ROOM depends on in
userspace/CMakeLists.txt. A header alone would not fail to link, so the includes themselves are read.
Files: a licence line at the top, 500 lines at the most."""

import pathlib
import re
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parent.parent
ROOMS = SOURCE / "userspace"
CODE = {".h", ".c", ".cpp", ".py", ".sh", ".cmake"}
MAX_LINES = 500


def declared_rooms():
    """{room: rooms it links}"""
    text = (ROOMS / "CMakeLists.txt").read_text()
    return {room: set(re.findall(r"turnpike_(\w+)", depends))
            for room, depends in re.findall(r"^turnpike_room\((\w+)\s+DEPENDS([^)]*)\)", text, re.M)}


def reachable(rooms, room):
    """Rooms that `room` sees: those it links, and theirs, which CMake passes on."""
    seen, queue = {room}, [room]
    while queue:
        for other in rooms.get(queue.pop(), ()):
            if other not in seen:
                seen.add(other)
                queue.append(other)
    return seen


def room_faults():
    rooms = declared_rooms()
    for folder in sorted(path for path in ROOMS.iterdir() if path.is_dir()):
        if folder.name not in rooms:
            yield f"{folder}: not a room of userspace/CMakeLists.txt"
            continue
        allowed = reachable(rooms, folder.name)
        for file in sorted(folder.rglob("*")):
            if file.suffix not in CODE:
                continue
            for number, line in enumerate(file.read_text().split("\n"), 1):
                found = re.match(r'#include "(\w+)/', line)
                target = found and found.group(1)
                if target in rooms and target not in allowed or target == "bpf" and "bpf" not in allowed:
                    yield f"{file}:{number}: {folder.name}/ may not include {target}/"


def repository_files():
    """Tracked files, and new ones that are not ignored."""
    done = subprocess.run(["git", "-c", "safe.directory=*", "-C", SOURCE, "ls-files", "-co", "--exclude-standard"],
                          capture_output=True, text=True, check=False)
    names = done.stdout.split("\n") if done.returncode == 0 else \
        [str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*") if "build" not in path.parts]
    return [SOURCE / name for name in names if pathlib.Path(name).suffix in CODE or
            name.endswith("CMakeLists.txt")]


def file_faults():
    for file in repository_files():
        if not file.is_file():
            continue
        lines = file.read_text().split("\n")
        if not any("SPDX-License-Identifier:" in line for line in lines[:2]):
            yield f"{file}:1: no SPDX-License-Identifier at the top"
        if len(lines) > MAX_LINES:
            yield f"{file}: {len(lines)} lines, at most {MAX_LINES}: a second noun wants its own file"


def main():
    faults = [*room_faults(), *file_faults()]
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
