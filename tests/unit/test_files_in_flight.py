"""A file on its way: what comes of it is waited for in bounds."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fetch_line_items.files import FileFlight
from fetch_line_items.rows import RowReader
from shared.errors import NoAnswer
from shared.messages import FilePosition
from shared.models.export_line_items import BilledReconciliationLineItem


@pytest.mark.parametrize("began", [True, False])
def test_a_silent_file_is_not_waited_for_beyond_the_deadline(
    began: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever keeps its thread: a socket's time-out begins anew with each byte that comes."""
    monkeypatch.setattr("fetch_line_items.rows.BLOCK_BYTES", 1)
    over = threading.Event()

    @contextmanager
    def silent() -> Iterator[Iterator[bytes]]:
        def pieces() -> Iterator[bytes]:
            if began:
                yield b'{"Total":1}\n'
            over.wait()

        yield pieces()

    flight = FileFlight("part-1")
    thread = threading.Thread(
        target=flight.run, args=(silent(), RowReader(BilledReconciliationLineItem), FilePosition())
    )
    thread.start()
    try:
        rows = flight.rows(time.monotonic() + (60 if began else 0))
        if began:
            assert next(rows).lines == 1
            rows = flight.rows(time.monotonic())
        with pytest.raises(NoAnswer, match="part-1 did not come in time"):
            next(rows)
    finally:
        over.set()
        thread.join()


def test_a_file_without_a_deadline_is_waited_for() -> None:
    """As long as it takes: nobody has named an end."""
    flight = FileFlight("part-1")
    threading.Thread(
        target=flight.run,
        args=(_one_row(), RowReader(BilledReconciliationLineItem), FilePosition()),
    ).start()
    assert [rows.lines for rows in flight.rows(float("inf"))] == [1]


def test_a_file_that_is_not_wanted_any_more_has_not_failed() -> None:
    """Its download ends without an error, which its span would tell as a failure."""
    ends: list[BaseException | None] = []

    @contextmanager
    def told() -> Iterator[Iterator[bytes]]:
        try:
            yield iter([b'{"Total":1}\n'])
        except BaseException as error:
            ends.append(error)
            raise
        ends.append(None)

    flight = FileFlight("part-1")
    flight.cancel()
    flight.run(told(), RowReader(BilledReconciliationLineItem), FilePosition())
    assert ends == [None]


@contextmanager
def _one_row() -> Iterator[Iterator[bytes]]:
    yield iter([b'{"Total":1}\n'])
