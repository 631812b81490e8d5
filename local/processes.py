"""Child processes that are started here and ended here, by their own id."""

import os
import selectors
import signal
import subprocess
import tempfile
import threading
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self


class Piece(ABC):
    """Something that runs while its context is open."""

    def __enter__(self) -> Self:
        """Start it, and wait until it answers."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    @abstractmethod
    def start(self) -> None:
        """Start it; RuntimeError with its own words if it does not come up."""

    @abstractmethod
    def stop(self) -> object:
        """Stop it."""


class Child:
    """A process in a group of its own, whose stderr (and stdout, on request) becomes its log."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        log_file: Path | None = None,
        log_stdout: bool = False,
    ) -> None:
        self._command = list(command)
        self._env = dict(env)
        self._cwd = cwd
        self._log_stdout = log_stdout
        self._log = _open_log(log_file)
        # The log can be read as long as there is someone to ask for it.
        weakref.finalize(self, os.close, self._log)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; its log goes on where it was."""
        _end_as_by_ctrl_c()
        self._process = subprocess.Popen(
            self._command,
            env=self._env,
            cwd=self._cwd,
            stdin=subprocess.DEVNULL,
            stdout=self._log if self._log_stdout else subprocess.PIPE,
            stderr=self._log,
            # Ctrl-C in a terminal is for the parent, who then stops its children in order.
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._started.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def first_line(self, timeout: float) -> str:
        """Return the first line of stdout; RuntimeError with the log if none comes."""
        stdout = self._started.stdout
        if stdout is None:
            raise RuntimeError("stdout is part of the log")
        deadline = time.monotonic() + timeout
        line = _read_line(stdout.fileno(), deadline)
        if not line.endswith(b"\n"):
            reason = f"says nothing for {timeout} s" if time.monotonic() > deadline else "has ended"
            self.kill()
            raise RuntimeError(f"{' '.join(self._command)} {reason}:\n{self.log()}")
        return line.decode()

    def log(self) -> str:
        """Return what it has logged so far."""
        size = os.fstat(self._log).st_size
        # By position: the file's offset is the child's, who goes on writing.
        return os.pread(self._log, size, 0).decode(errors="replace")

    def pause(self) -> None:
        """Let it stand still, as a machine that is short of everything does."""
        self._started.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._started.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._end(self._process)

    def stop(self, timeout: float) -> int:
        """Ask it to end, insist after `timeout` seconds, and return its exit code."""
        process = self._started
        process.terminate()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
        return self._end(process)

    @property
    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError(f"{self._command[0]} is not started")
        return self._process

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> int:
        if process.stdout:
            process.stdout.close()
        return process.wait()


def _end_as_by_ctrl_c() -> None:
    """Have SIGTERM, too, leave the contexts in which children run: they would outlive this process."""
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def _open_log(path: Path | None) -> int:
    """Return a file descriptor, of a nameless file if there is no path."""
    with path.open("w+b") if path else tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _read_line(descriptor: int, deadline: float) -> bytes:
    """Read byte by byte what a pipe gives until a line is complete, its end or the deadline."""
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while not line.endswith(b"\n") and selector.select(max(0, deadline - time.monotonic())):
            byte = os.read(descriptor, 1)
            if not byte:
                break
            line += byte
    return line
