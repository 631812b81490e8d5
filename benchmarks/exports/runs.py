"""Runs of one peer after the other on the same export, each checked."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, replace

from benchmarks import workers
from benchmarks.exports.azurite import AzuriteOnDisk
from benchmarks.exports.content import files_of, written
from benchmarks.exports.file_host import FileHost
from benchmarks.exports.sink import Sink
from benchmarks.exports.sums import Text
from benchmarks.machine import progress
from benchmarks.peers.exports.job import ExportJob
from benchmarks.peers.job import Cost
from benchmarks.runs import APP, DLT, LIMIT, PLAIN
from benchmarks.simulated import Simulated, World, one_time
from benchmarks.venvs import python_with_dlt
from local.processes import Piece

FILES = (1, 8, 100)
_MODULES = {APP: "app", LIMIT: "limit", PLAIN: "plain", DLT: "dlt_pipeline"}
_CONTAINER = "run"
_FILES_IN_FLIGHT = 4
"""One more than the app has: they cost the limit no memory that counts."""

Storage = type[AzuriteOnDisk] | type[Sink]
"""Begun anew for each run: Azurite takes its time to forget what was deleted."""
NAMES = {AzuriteOnDisk: "Azurite", Sink: "sums"}


@dataclass(frozen=True)
class Stored:
    """What a peer has brought to storage, and what it says of that itself."""

    text: Text
    lines: str | None
    total: str | None


class ExportRuns(Piece):
    """The services with one export of `rows` rows in so many files, and the runs on them."""

    def __init__(
        self, rows: int, files: int, storage: Storage, *, sets: tuple[int, ...] = FILES
    ) -> None:
        self._rows, self._files, self._storage = rows, files, storage
        folder, self._content = written(rows, sets)
        self._host = FileHost(folder)

    def start(self) -> None:
        """Start the services."""
        self._host.start()
        world = World((self._rows,), files=self._files, files_url=self._host.url)
        self._simulated = Simulated(world)
        self._simulated.start()

    def stop(self) -> None:
        """Stop them."""
        self._simulated.stop()
        self._host.stop()

    def run(self, peer: str) -> Cost:
        """Let a peer fetch, and check what it has stored."""
        progress(f"{self._rows:,} rows, {self._files} files, {NAMES[self._storage]}: {peer}")
        with self._storage() as storage:
            settings = {
                "AzureWebJobsStorage": storage.connection_string,
                "INVOICES_CONTAINER": _CONTAINER,
            }
            cost = workers.run(
                f"benchmarks.peers.exports.{_MODULES[peer]}",
                json.dumps(asdict(self._job(storage))),
                self._simulated.settings | settings,
                python=python_with_dlt() if peer == DLT else sys.executable,
            )
            self._check(peer, _stored(storage.blobs(_CONTAINER)))
        return cost

    def _job(self, storage: AzuriteOnDisk | Sink) -> ExportJob:
        return ExportJob(
            invoice_id=one_time(self._rows).id,
            urls=[self._host.url + path for path in files_of(self._rows, self._files)],
            connections=min(_FILES_IN_FLIGHT, self._files),
            connection_string=storage.connection_string,
            container=_CONTAINER,
            upload_url=storage.upload_url(_CONTAINER),
        )

    def _check(self, peer: str, found: Stored) -> None:
        text = replace(self._content.text, lines=0)
        wanted = Stored(text, str(self._rows), self._content.total)
        if peer == LIMIT:
            wanted = Stored(text, None, None)  # it looks at nothing
        if peer == DLT:
            wanted = Stored(Text(self._rows), None, None)  # it spells rows its own way
        if wanted != found:
            raise RuntimeError(f"{peer}: expected {wanted}, but there is {found}")


def _stored(blobs: dict[str, tuple[Text, dict[str, str]]]) -> Stored:
    of_lines = {n: b for n, b in blobs.items() if "line_items" in n and "_dlt" not in n}
    if any("/line_items/" in name for name in of_lines):  # dlt: several, and child tables
        texts = [text for name, (text, _) in of_lines.items() if "/line_items/" in name]
        return Stored(Text(sum(text.lines for text in texts)), None, None)
    (text, about), *_ = of_lines.values()
    return Stored(replace(text, lines=0), about.get("lines"), about.get("total"))
