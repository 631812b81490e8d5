"""What was tried and what came of it: a table of places and kinds, and each failure by its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from local.faults.trials import Verdict
from local.faults.wire import KINDS, PLACES


def table(verdicts: Sequence[Verdict]) -> str:
    """Count what was tried of each kind at each place."""
    rows = [["", *KINDS, "all"]]
    for place in PLACES:
        here = [each for each in verdicts if each.fault and each.fault.request.place == place]
        if here:
            rows.append(_row(place, here))
    rows.append(_row("all", verdicts))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("   ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def failures(verdicts: Iterable[Verdict]) -> Iterator[str]:
    """Name each fault after which something was wrong, and say what, and how to try it again."""
    for verdict in verdicts:
        if verdict.problems:
            yield f"\nFAILED {verdict.fault}"
            yield from (f"  {problem}" for problem in verdict.problems)
            yield f"  again: python -m local.faults --only '{verdict.fault}'"


def not_reached(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Say what it means where a request was not made."""
    if count := sum(not verdict.is_reached for verdict in verdicts):
        yield f"\n{count} not reached: their requests are made only where threads take turns in that order."


def _row(name: str, verdicts: Sequence[Verdict]) -> list[str]:
    by_kind = [[each for each in verdicts if each.fault and each.fault.kind == k] for k in KINDS]
    return [name, *map(_cell, by_kind), _cell(verdicts)]


def _cell(verdicts: Sequence[Verdict]) -> str:
    counts = Counter(map(_what, verdicts))
    others = [
        f"{counts[what]} {what}" for what in ("FAILED", "healed", "not reached") if counts[what]
    ]
    return ", ".join([f"{counts['right']} right", *others])


def _what(verdict: Verdict) -> str:
    if verdict.problems:
        return "FAILED"
    if not verdict.is_reached:
        return "not reached"
    return "healed" if verdict.is_healed else "right"
