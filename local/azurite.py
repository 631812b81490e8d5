"""Azurite, Microsoft's storage emulator, as a child process."""

import os
import re
import shutil
import tempfile
import time
from pathlib import Path

from local.processes import Child, Piece

ACCOUNT = "devstoreaccount1"
# Published by Microsoft for the emulator, the same everywhere.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

_PROJECT = Path(__file__).parents[1]
_SCRIPT = _PROJECT / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
_LISTENING = re.compile(r"(Blob|Queue) service is successfully listening at http://[\d.]+:(\d+)")


class Azurite(Piece):
    """Blobs and queues on free ports of this machine.

    Everything is in memory and gone at the end. With `location` it is kept in that folder,
    and `stop()` and `start()` go on with it on the same ports.
    """

    def __init__(self, location: Path | None = None, *, start_timeout: float = 60) -> None:
        self.blob_port = self.queue_port = 0
        self._location = location
        self._start_timeout = start_timeout
        self._child: Child | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def connection_string(self) -> str:
        """What to put into `AzureWebJobsStorage`."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint={_endpoint(self.blob_port)};QueueEndpoint={_endpoint(self.queue_port)};"
        )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._started().pid

    def start(self) -> None:
        """Start it; RuntimeError with its own words if it does not come up."""
        if shutil.which("node") is None or not _SCRIPT.exists():
            raise RuntimeError(
                "Azurite needs Node.js and its package: install Node.js, run `make setup`"
            )
        # What it writes besides the data, into its home and working directory, goes with it.
        self._folder = tempfile.TemporaryDirectory(prefix="azurite-")
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": self._folder.name}
        folder = Path(self._folder.name)
        self._child = Child(self._command(), env=environment, cwd=folder, log_stdout=True)
        self._child.start()
        self._wait()

    def stop(self) -> None:
        """Stop it."""
        if self._folder is not None:
            self._started().stop(timeout=10)
            self._folder.cleanup()
            self._folder = None

    def _started(self) -> Child:
        if self._child is None:
            raise RuntimeError("Azurite is not started")
        return self._child

    def _command(self) -> list[str]:
        # Not through node_modules/.bin: this way there is one process to end.
        command = ["node", str(_SCRIPT), "--silent", "--disableTelemetry"]
        # The SDK speaks newer versions of the API than the emulator knows.
        command += ["--skipApiVersionCheck"]
        # Port 0: the system gives a free one, which Azurite tells.
        command += ["--blobPort", str(self.blob_port), "--queuePort", str(self.queue_port)]
        command += ["--tablePort", "0"]
        if self._location:
            return [*command, "--location", str(self._location.resolve())]
        return [*command, "--inMemoryPersistence"]

    def _wait(self) -> None:
        deadline = time.monotonic() + self._start_timeout
        while len(ports := dict(_LISTENING.findall(self._started().log()))) < 2:
            if not self._started().alive or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"Azurite does not come up:\n{self._started().log()}")
            time.sleep(0.05)
        self.blob_port, self.queue_port = int(ports["Blob"]), int(ports["Queue"])


def _endpoint(port: int) -> str:
    return f"http://127.0.0.1:{port}/{ACCOUNT}"
