# SPDX-License-Identifier: Apache-2.0
"""Programs that the suite starts. Each is a process group of its own, so that Ctrl-C reaches only the suite,
which then ends them by their ids; none outlives it."""

import os
import signal
import subprocess
import tempfile
import time

STOP_LIMIT = 10  # seconds that a program may take to end after SIGTERM


class BenchError(Exception):
    """What went wrong, what was expected, and what to do, for people."""


class Interrupted(Exception):
    """SIGINT or SIGTERM reached the suite."""


def run(*command, check=True, timeout=60):
    """A command that ends by itself; its output is in the error when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode != 0:
        raise BenchError(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class Program:
    """Runs in the background; its output goes to a file."""

    running = []

    def __init__(self, command, stdin=subprocess.DEVNULL, cgroup=None):
        self.command = [str(word) for word in command]
        # Joined before the command runs, so that nothing it asks of the kernel escapes the account.
        wrapper = ["sh", "-c", 'echo $$ >"$0" && exec "$@"', f"{cgroup}/cgroup.procs"] if cgroup else []
        self.output = tempfile.TemporaryFile()
        self.errors = tempfile.TemporaryFile()
        try:
            self.process = subprocess.Popen([*wrapper, *self.command], stdin=stdin, stdout=self.output,
                                            stderr=self.errors, start_new_session=True)
        except FileNotFoundError as missing:
            raise BenchError(f"{missing.filename}: no such program") from missing
        Program.running.append(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    @staticmethod
    def _text(file):
        return os.pread(file.fileno(), 1 << 20, 0).decode(errors="replace")

    def stdout(self):
        return self._text(self.output)

    def stderr(self):
        return self._text(self.errors)

    def log(self):
        return (self.stdout() + self.stderr()).strip()

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process.poll() is None

    def wait(self, limit):
        """The exit status; a program that takes longer is killed."""
        try:
            status = self.process.wait(limit)
        except subprocess.TimeoutExpired as expired:
            self.end(signal.SIGKILL)
            raise BenchError(f"{' '.join(self.command)}: not at its end after {limit:.0f} s, killed\n"
                             f"{self.log()[-2000:]}") from expired
        self._forget()
        return status

    def wait_until(self, condition, what, limit=15):
        """Until condition() holds; an error with the log when it does not come to that."""
        deadline = time.monotonic() + limit
        while not condition():
            if not self.alive() or time.monotonic() > deadline:
                why = f"not within {limit} s" if self.alive() else f"ended with status {self.process.returncode}"
                log = self.log()[-2000:]
                self.end(signal.SIGKILL)
                raise BenchError(f"{what} did not get ready ({why}): {' '.join(self.command)}\n{log}")
            time.sleep(0.02)

    def end(self, number=signal.SIGTERM):
        """Ends it, and what it started."""
        if self.alive():
            self._signal(number)
            try:
                self.process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                self.process.wait()
        self._forget()

    def _signal(self, number):
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass

    def _forget(self):
        if self in Program.running:
            Program.running.remove(self)

    @classmethod
    def end_all(cls):
        for program in list(cls.running):
            program.end()


def on_signals(action):
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, action)


def ignore_signals():
    """While cleaning up, which one should not interrupt."""
    on_signals(signal.SIG_IGN)


def raise_on_signals():
    def interrupt(number, _frame):
        ignore_signals()  # once is enough: what follows is the way out
        raise Interrupted(signal.Signals(number).name)
    on_signals(interrupt)
