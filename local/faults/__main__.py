"""The command: `python -m local.faults`."""

from __future__ import annotations

import argparse
import logging
import os
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from local import faults as about
from local.faults.pieces import running
from local.faults.report import failures, not_reached, table
from local.faults.trials import Usual, Verdict, usual
from local.faults.wire import Fault
from local.faults.workers import tried_at_once

_TELL_EVERY_SECONDS = 10.0


def main() -> int:
    """Try the faults that are asked for; give 0 only if all is right after each of them."""
    arguments = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="invoices-faults-"))
    logging.basicConfig(filename=folder / "faultless.log", level=logging.INFO)
    try:
        with running() as pieces:
            known = usual(pieces)
    except RuntimeError as error:
        print(f"FAILED {error}\nIts log: {folder}")
        return 1
    chosen = _chosen(known, arguments)
    if not chosen:
        print(f"No fault of this job is called {arguments.only}")
        return 2
    print(
        f"A job is {known.requests.total()} requests. {len(chosen)} of {len(known.faults)} faults are "
        f"tried, in an order of seed {arguments.seed}; logs in {folder}",
        flush=True,
    )
    verdicts = _tried(chosen, known, arguments.workers, folder)
    print("", table(verdicts), *not_reached(verdicts), *failures(verdicts), sep="\n")
    if any(verdict.problems for verdict in verdicts):
        return 1
    shutil.rmtree(folder)
    most = max(verdict.requests.total() for verdict in verdicts)
    print(f"\nAfter every one that was reached all was right, with {most} requests at the most.")
    return 0


def _tried(chosen: Sequence[Fault], known: Usual, workers: int, folder: Path) -> list[Verdict]:
    verdicts: list[Verdict] = []
    tell = time.monotonic()
    for verdict in tried_at_once(chosen, known, workers=workers, folder=folder):
        verdicts.append(verdict)
        if time.monotonic() > tell:
            tell = time.monotonic() + _TELL_EVERY_SECONDS
            failed = sum(bool(verdict.problems) for verdict in verdicts)
            print(f"  {len(verdicts):4} of {len(chosen)} tried   {failed} failed", flush=True)
    return verdicts


def _chosen(known: Usual, arguments: argparse.Namespace) -> list[Fault]:
    """Choose by name, and draw a sample; the order spreads what takes long."""
    only, every = arguments.only, known.faults
    named = [fault for fault in every if only == str(fault)] or [
        fault for fault in every if only in str(fault)
    ]
    count = len(named) if arguments.sample is None else min(arguments.sample, len(named))
    return random.Random(arguments.seed).sample(named, count)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.faults", description=about.__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--sample", type=int, help="try so many, drawn by the seed; else all")
    parser.add_argument("--only", default="", help="try those that have this in their name")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
