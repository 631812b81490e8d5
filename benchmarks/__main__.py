"""Measures everything side by side, prints the tables and writes `benchmarks/results.md`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from benchmarks import cold_start, fetching, hosts, listing, serving, tuning
from benchmarks.exports import report as exports
from benchmarks.machine import description, progress
from benchmarks.venvs import dlt_version

_TITLES = {
    "fetching": "Fetching one link",
    "exports": "Fetching an export",
    "tuning": "What was tried",
    "listing": "`list_invoices` with ten years of invoices",
    "serving": "`get_invoice` under load",
    "cold_start": "Cold start",
    "hosts": "Two functions hosts on one queue",
}


def main() -> None:
    """Measure the sections that are wanted."""
    arguments = _arguments()
    quick: bool = arguments.quick
    measures: dict[str, Callable[[], str]] = {
        "fetching": lambda: fetching.report(fetching.QUICK if quick else fetching.FULL),
        "exports": lambda: exports.report(exports.QUICK if quick else exports.FULL),
        "tuning": lambda: tuning.report(
            lines=10_000 if quick else 100_000, repeats=1 if quick else 3
        ),
        "listing": lambda: listing.report(per_month=2 if quick else 17),
        "serving": lambda: serving.report(seconds=1 if quick else 5),
        "cold_start": lambda: cold_start.report(runs=3 if quick else 9),
        "hosts": lambda: hosts.report(links=8 if quick else 24),
    }
    mode = "quick" if quick else "full"
    about = description(mode=mode, dlt_version=dlt_version())
    sections = [f"# Measurements\n\n`make bench` writes this file.\n\n{about}"]
    print(sections[0], flush=True)
    for name, title in _TITLES.items():
        if name in (arguments.only or _TITLES):
            progress(title)
            sections.append(f"## {title}\n\n{measures[name]()}")
            print(f"\n{sections[-1]}", flush=True)
    arguments.output.write_text("\n\n".join(sections) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="some minutes, for developing")
    parser.add_argument("--only", nargs="+", choices=_TITLES, help="these sections alone")
    results = Path(__file__).with_name("results.md")
    parser.add_argument("--output", type=Path, default=results, help="the file to write")
    return parser.parse_args()


if __name__ == "__main__":
    main()
