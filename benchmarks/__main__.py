"""Measures side by side, prints the tables and writes them into `benchmarks/results.md`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from benchmarks import answers, cold_start, fetching, hosts, listing, serving, tuning
from benchmarks.exports import endurance
from benchmarks.exports import report as exports
from benchmarks.machine import description, progress
from benchmarks.venvs import dlt_version

_HEAD = """\
# Measurements

`make bench` writes this file, section by section; each says where and when it was measured."""
_TITLES = {
    "fetching": "Fetching one link",
    "exports": "Fetching an export",
    "endurance": "Exports of very many files",
    "tuning": "What was tried",
    "listing": "`list_invoices` with ten years of invoices",
    "serving": "`get_invoice` under load",
    "answers": "What is answered from storage",
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
        "endurance": lambda: endurance.report(endurance.QUICK if quick else endurance.FULL),
        "tuning": lambda: tuning.report(
            lines=10_000 if quick else 100_000, repeats=1 if quick else 3
        ),
        "listing": lambda: listing.report(per_month=2 if quick else 17),
        "serving": lambda: serving.report(seconds=1 if quick else 5),
        "answers": lambda: answers.report(
            per_month=2 if quick else 17, lines=(10_000,) if quick else (100_000, 1_000_000)
        ),
        "cold_start": lambda: cold_start.report(runs=3 if quick else 9),
        "hosts": lambda: hosts.report(links=8 if quick else 24),
    }
    about = description(mode="quick" if quick else "full", dlt_version=dlt_version())
    print(about, flush=True)
    for name, title in _TITLES.items():
        if name in (arguments.only or _TITLES):
            progress(title)
            section = f"## {title}\n\n{about}\n\n{measures[name]()}"
            print(f"\n{section}", flush=True)
            _write(arguments.output, title, section)


def _write(output: Path, title: str, section: str) -> None:
    """Write a section into the results, which keep what was measured of the others before."""
    known = {} if not output.exists() else _sections(output.read_text())
    known[title] = section
    sections = [known[each] for each in _TITLES.values() if each in known]
    output.write_text("\n\n".join([_HEAD, *sections]) + "\n")


def _sections(text: str) -> dict[str, str]:
    _, *sections = text.split("\n## ")
    return {each.partition("\n")[0]: f"## {each.rstrip()}" for each in sections}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="some minutes, for developing")
    parser.add_argument("--only", nargs="+", choices=_TITLES, help="these sections alone")
    results = Path(__file__).with_name("results.md")
    parser.add_argument("--output", type=Path, default=results, help="the file to write")
    return parser.parse_args()


if __name__ == "__main__":
    main()
