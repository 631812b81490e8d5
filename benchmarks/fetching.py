"""Fetching one link: this app beside a plain script, dlt, and the limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from benchmarks import workers
from benchmarks.peers.job import Cost
from benchmarks.runs import APP, DLT, LIMIT, PLAIN, Peer, Runs
from benchmarks.table import table

# In the order in which they run.
_FAST = (
    Peer(APP, 4),
    Peer(LIMIT, 4),
    Peer(APP, 8),
    Peer(LIMIT, 8),
    Peer(APP, by_token=True),
    Peer(LIMIT, by_token=True),
)
_SLOW = (Peer(PLAIN), Peer(DLT))

_ABOUT = """\
Who fetches the lines of one link into blob storage, each run a process of its own that is warm
(imports and token are not counted), in turns, and checked at the end:

- *this app*: a message of the queue, run as the functions host calls it; every byte is compared
- *the limit*: the same pages moved as bytes over as many connections. Nothing is parsed, summed,
  signed or checked, and how many pages there are is known beforehand
- *plain script*: `requests` and `json`, page after page, one upload
- *dlt*: its REST source, offset paginator and filesystem destination, JSON lines, uncompressed

*All told*: each answer says how many lines there are in all; else that of its page, which does not
say how many pages there are. Figures are medians. Memory is the most of all runs. The services run on the same two cores as who
fetches, so at 0 ms the processor is the bound of all of them."""


@dataclass(frozen=True)
class Case:
    """So many lines, at so much time for each answer; measured so often, and the slow ones so often."""

    lines: int
    latency_seconds: float
    repeats: int
    slow_repeats: int
    whole_count: bool = False  # each answer tells how many lines there are in all


QUICK = (Case(10_000, 0, 3, 1), Case(100_000, 0, 3, 1), Case(10_000, 0.3, 1, 1))
FULL = (
    Case(10_000, 0, 5, 5),
    Case(100_000, 0, 5, 3),
    Case(1_000_000, 0, 3, 1),
    Case(10_000, 0.3, 3, 3),
    Case(100_000, 0.3, 3, 1),
    Case(1_000_000, 0.3, 1, 1),
    Case(240_000, 0.3, 3, 0, whole_count=True),
)


@dataclass(frozen=True)
class Figures:
    """What the peers cost in a case, and what the app costs from the queue on."""

    case: Case
    costs: dict[Peer, Cost]
    through_host: Cost


def report(cases: Iterable[Case]) -> str:
    """Measure all cases, and write the tables: each figure, then the ratios."""
    figures = [_measure(case) for case in cases]
    head = ["lines", "ms/answer", "who", "s", "lines/s", "CPU s per M lines", "peak MiB"]
    rows = (row for each in figures for row in _rows(each))
    ratios = table(["lines", "ms/answer", *_RATIOS], map(_ratios, figures))
    return (
        f"{_ABOUT}\n\n{table(head, rows)}\n\nHow many times as fast this app is; the number of "
        f"pages in flight in parentheses:\n\n{ratios}"
    )


def _measure(case: Case) -> Figures:
    runs: dict[Peer, list[Cost]] = {}
    with Runs(case.lines, case.latency_seconds, whole_count=case.whole_count) as services:
        for turn in range(max(case.repeats, case.slow_repeats)):
            # In turns, so that whatever else the machine does befalls everyone alike.
            fast = _FAST if turn < case.repeats else ()
            slow = _SLOW if turn < case.slow_repeats else ()
            for peer in (*fast, *slow):
                runs.setdefault(peer, []).append(services.run(peer))
        through_host = services.run_through_host(_FAST[0])
    return Figures(
        case, {peer: workers.median(costs) for peer, costs in runs.items()}, through_host
    )


def _rows(figures: Figures) -> Iterator[list[object]]:
    costs = {str(peer): cost for peer, cost in figures.costs.items()}
    costs[f"{_FAST[0]}, in the functions host"] = figures.through_host
    for name, cost in costs.items():
        yield [*_case(figures), name, *cost_cells(cost, figures.case.lines)]


def cost_cells(cost: Cost, lines: int) -> list[object]:
    """Seconds, lines a second, CPU seconds for a million lines, peak memory in MiB."""
    return [cost.seconds, lines / cost.seconds, cost.cpu_seconds / (lines / 1e6), cost.peak_mib]


_RATIOS = {
    "the limit (4)": (Peer(APP, 4), Peer(LIMIT, 4)),
    "the limit (8)": (Peer(APP, 8), Peer(LIMIT, 8)),
    "the limit, by token": (Peer(APP, by_token=True), Peer(LIMIT, by_token=True)),
    "plain script (4)": (Peer(APP, 4), Peer(PLAIN)),
    "plain script (8)": (Peer(APP, 8), Peer(PLAIN)),
    "dlt (4)": (Peer(APP, 4), Peer(DLT)),
    "dlt (8)": (Peer(APP, 8), Peer(DLT)),
}


def _ratios(figures: Figures) -> list[object]:
    seconds = {peer: cost.seconds for peer, cost in figures.costs.items()}
    return [
        *_case(figures),
        *(
            f"{seconds[other] / seconds[app]:.2f} ×" if other in seconds else "-"
            for app, other in _RATIOS.values()
        ),
    ]


def _case(figures: Figures) -> tuple[str, int]:
    told = ", all told" if figures.case.whole_count else ""
    return f"{figures.case.lines:,}{told}", round(figures.case.latency_seconds * 1000)
