"""What was tried to make a fetch faster: each way beside the one that is used."""

from __future__ import annotations

from benchmarks import workers
from benchmarks.fetching import cost_cells
from benchmarks.peers.job import Cost
from benchmarks.runs import APP, Peer, Runs
from benchmarks.table import table

_USED = Peer(APP, 4)
_WAYS = {
    "as it is: four pages of 2,000 lines in flight": _USED,
    "one page in flight, while the one before is uploaded": Peer(APP, 1),
    "two pages in flight": Peer(APP, 2),
    "eight pages in flight": Peer(APP, 8),
    "sixteen pages in flight": Peer(APP, 16),
    "pages of 1,000 lines": Peer(APP, 4, page_size=1000),
    "pages of 500 lines": Peer(APP, 4, page_size=500),
    "gzip members as blocks (`.jsonl.gz`)": Peer(APP, 4, gzip_blocks=True),
}
_GZIP = "Partner Center answers with gzip"


def report(*, lines: int, repeats: int) -> str:
    """Measure every way, at 0 ms and at 300 ms for each answer."""
    rows: list[list[object]] = []
    for latency in (0.0, 0.3):
        measured = _measured(lines, latency, repeats)
        used = next(iter(measured.values())).seconds
        rows += [
            [round(latency * 1000), way, *cost_cells(cost, lines), f"{used / cost.seconds:.2f} ×"]
            for way, cost in measured.items()
        ]
    head = ["ms/answer", "way", "s", "lines/s", "CPU s per M lines", "peak MiB", "speed"]
    return f"One link of {lines:,} lines, by offset.\n\n{table(head, rows)}"


def _measured(lines: int, latency: float, repeats: int) -> dict[str, Cost]:
    runs: dict[str, list[Cost]] = {way: [] for way in (*_WAYS, _GZIP)}
    with Runs(lines, latency) as usual, Runs(lines, latency, gzip=True) as compressed:
        for _ in range(repeats):
            for way, peer in _WAYS.items():
                runs[way].append(usual.run(peer))
            runs[_GZIP].append(compressed.run(_USED))
    return {way: workers.median(costs) for way, costs in runs.items()}
