"""Fetching an export: this app beside a plain script, dlt, and the limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from benchmarks import workers
from benchmarks.exports.azurite import AzuriteOnDisk
from benchmarks.exports.runs import FILES, NAMES, ExportRuns, Storage
from benchmarks.exports.sink import Sink
from benchmarks.fetching import cost_cells
from benchmarks.peers.job import Cost
from benchmarks.runs import APP, DLT, LIMIT, PLAIN
from benchmarks.table import table

_ABOUT = """\
Who brings the rows of an export (47 columns, 1.5 KB each; the files are gzip, a fifteenth of that) into
storage, each run a process of its own that is warm (imports and token are not counted), in turns, and
checked at the end: number of lines, bytes and their checksum, and the sum of the charges.

- *this app*: a message of the queue, run as the functions host calls it: it asks Graph for the export,
  looks, and brings the files
- *the limit*: the same files, four at once, unpacked with `zlib` and staged as blocks.
  Nothing is parsed, summed, signed or checked, and where the files are is known beforehand
- *plain script*: `requests`, `gzip` and `json.loads`, file after file, one upload
- *dlt*: a resource that reads the files, filesystem destination, JSON lines, uncompressed

Figures are medians. Memory is the most of all runs. Storage is Azurite with a folder on disk, or keeps
sums in place of lines, which takes any number of them at next to no cost. The files' host and storage
run on the same two cores as who fetches. Plain script and dlt are left out where they would hold all
rows in memory, or take an hour."""


@dataclass(frozen=True)
class Case:
    """So many rows; measured so often, and the slow ones so often, with each number of files."""

    rows: int
    storage: Storage
    repeats: int
    slow_repeats: int


QUICK = (Case(10_000, AzuriteOnDisk, 3, 1), Case(300_000, Sink, 1, 0))
FULL = (
    Case(10_000, AzuriteOnDisk, 5, 3),
    Case(1_000_000, AzuriteOnDisk, 3, 1),
    Case(1_000_000, Sink, 5, 0),
    Case(10_000_000, Sink, 1, 0),
)


@dataclass(frozen=True)
class Figures:
    """What the peers cost in a case, with so many files."""

    case: Case
    files: int
    costs: dict[str, Cost]


def report(cases: Iterable[Case]) -> str:
    """Measure all cases, and write the tables: each figure, then the ratios."""
    figures = [_measure(case, files) for case in cases for files in FILES]
    head = ["rows", "files", "storage", "who", "s", "rows/s", "CPU s per M rows", "peak MiB"]
    rows = (row for each in figures for row in _rows(each))
    ratios = table(["rows", "files", "storage", *_OTHERS], map(_ratios, figures))
    return f"{_ABOUT}\n\n{table(head, rows)}\n\nHow many times as fast this app is:\n\n{ratios}"


_OTHERS = (LIMIT, PLAIN, DLT)


def _measure(case: Case, files: int) -> Figures:
    runs: dict[str, list[Cost]] = {}
    with ExportRuns(case.rows, files, case.storage) as services:
        for turn in range(max(case.repeats, case.slow_repeats)):
            # In turns, and back again: whatever else the machine does befalls everyone alike.
            fast = (APP, LIMIT)[:: -1 if turn % 2 else 1] if turn < case.repeats else ()
            slow = (PLAIN, DLT) if turn < case.slow_repeats else ()
            for peer in (*fast, *slow):
                runs.setdefault(peer, []).append(services.run(peer))
    return Figures(case, files, {peer: workers.median(costs) for peer, costs in runs.items()})


def _rows(figures: Figures) -> Iterator[list[object]]:
    for peer, cost in figures.costs.items():
        yield [*_what(figures), peer, *cost_cells(cost, figures.case.rows)]


def _ratios(figures: Figures) -> list[object]:
    seconds = {peer: cost.seconds for peer, cost in figures.costs.items()}
    ratios = (
        f"{seconds[other] / seconds[APP]:.2f} ×" if other in seconds else "–" for other in _OTHERS
    )
    return [*_what(figures), *ratios]


def _what(figures: Figures) -> list[object]:
    return [f"{figures.case.rows:,}", f"{figures.files}", NAMES[figures.case.storage]]
