"""Faults tried in several processes at once, each with pieces of its own."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator, Sequence
from itertools import batched
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path

from local.faults.pieces import running
from local.faults.trials import Usual, Verdict, tried
from local.faults.wire import Fault

# Azurite collects its garbage every ten minutes, and is silent for minutes where thousands of blobs were.
_MOST = 150


def tried_at_once(
    faults: Sequence[Fault], usual: Usual, *, workers: int, folder: Path
) -> Iterator[Verdict]:
    """Give verdicts as they come; the app's logs go into `folder`.

    Raises RuntimeError where a worker ends before its work.
    """
    spawn = get_context("spawn")  # what this process has patched or started is not theirs
    processes, receivers = [], []
    for number in range(workers):
        receiver, sender = spawn.Pipe(duplex=False)
        log = folder / f"worker-{number + 1}.log"
        share = faults[number::workers]
        process = spawn.Process(target=_work, args=(sender, share, usual, log), daemon=True)
        process.start()
        sender.close()
        processes.append(process)
        receivers.append(receiver)
    while receivers:
        ready = wait(receivers)
        for receiver in [each for each in receivers if each in ready]:
            try:
                yield receiver.recv()
            except EOFError:
                receivers.remove(receiver)
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError(f"a worker has ended before its work; the logs are in {folder}")


def _work(sender: Connection, faults: Sequence[Fault], usual: Usual, log: Path) -> None:
    logging.basicConfig(filename=log, level=logging.INFO)
    gc.freeze()  # all that is imported need not be looked through again and again
    for some in batched(faults, _MOST, strict=False):
        with running() as pieces:
            for fault in some:
                sender.send(tried(pieces, fault, usual))
