"""Exports of as many files as there may be: each is a block, and a blob has no more than 50,000."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from benchmarks.exports.runs import ExportRuns
from benchmarks.exports.sink import Sink
from benchmarks.peers.exports.job import ExportJob
from benchmarks.runs import APP
from benchmarks.table import table

_ABOUT = """\
This app alone, with one row in each file: so there are as many blocks, and as many requests to the files'
host and to storage. Storage keeps sums in place of lines. Lines, bytes, checksum and sum are checked at the end."""

QUICK = (1_000,)
FULL = (1_000, 10_000, 50_000)


class _ManyFiles(ExportRuns):
    """The app asks Graph for the files; their list would be too long for its command line."""

    def _job(self, storage: object) -> ExportJob:
        return replace(super()._job(storage), urls=[])  # type: ignore[arg-type]


def report(counts: Iterable[int]) -> str:
    """Fetch an export of each of these numbers of files, and write the table."""
    rows = []
    for count in counts:
        with _ManyFiles(count, count, Sink, sets=(count,)) as services:
            cost = services.run(APP)
        per_file = 1000 * cost.seconds / count
        rows.append([count, cost.seconds, per_file, cost.peak_mib])
    return f"{_ABOUT}\n\n{table(['files', 's', 'ms a file', 'peak MiB'], rows)}"
