"""The host as a child process, for the demo and for tests."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests

from local.processes import Child, Piece

_PROJECT = Path(__file__).parents[2]
_INHERITED = ("PATH", "HOME", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


class FunctionsHost(Piece):
    """Runs an app in a host of its own, with these app settings and no other.

    with FunctionsHost(app_root, {"AzureWebJobsStorage": azurite.connection_string}) as host:
        requests.get(f"{host.url}/api/hello", headers={"x-functions-key": host.function_key})
    """

    def __init__(
        self,
        app_root: Path | str,
        settings: Mapping[str, str],
        *,
        port: int = 0,
        lease_seconds: int = 600,
        timer: bool = True,
        start_timeout: float = 60,
        log_file: Path | None = None,
    ) -> None:
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        command = [
            sys.executable,
            "-m",
            "local.functions_host",
            "--app-root",
            str(Path(app_root).resolve()),
        ]
        # No file: what a developer keeps in local.settings.json is none of a test's business.
        command += ["--port", str(port), "--settings", os.devnull]
        command += ["--lease-seconds", str(lease_seconds), *([] if timer else ["--no-timer"])]
        self._child = Child(
            command, env={**environment, **settings}, cwd=_PROJECT, log_file=log_file
        )
        self._start_timeout = start_timeout
        self.url = self.master_key = self.function_key = ""
        self.functions: list[str] = []

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    def start(self) -> None:
        """Start the host; RuntimeError with its log if it refuses."""
        self._child.start()
        announced = json.loads(self._child.first_line(self._start_timeout))
        self.url, self.functions = announced["url"], announced["functions"]
        self.master_key, self.function_key = announced["masterKey"], announced["functionKey"]

    def run(self, function: str, text: str = "") -> None:
        """Run a function by hand, as `POST /admin/functions/{name}` does; it is not waited for."""
        requests.post(
            f"{self.url}/admin/functions/{function}",
            json={"input": text},
            headers={"x-functions-key": self.master_key},
            timeout=10,
        ).raise_for_status()

    def log(self) -> str:
        """Return everything that host and functions have logged so far."""
        return self._child.log()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it stand still for the time of the block; then it goes on as if nothing had been."""
        self._child.pause()
        try:
            yield
        finally:
            self._child.resume()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._child.kill()

    def stop(self, timeout: float = 20) -> int:
        """Let it finish what it runs and return its exit code."""
        return self._child.stop(timeout)
