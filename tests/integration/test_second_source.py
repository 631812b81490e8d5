"""The seam: a source that is asked, waited for and comes in files fits behind it like pages do."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass as plain_dataclass
from dataclasses import field, replace
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field
from pydantic.dataclasses import dataclass

from fetch_line_items import act_on
from fetch_line_items.result import Done, Failed, Later
from fetch_line_items.source import Deliver, Step
from shared.errors import StalePosition
from shared.keys import LineItemsKey
from shared.links import link_of
from shared.messages import CONFIG, LineItemsMessage, Progress, V1Position
from shared.storage.blocks import Count
from tests.running_app import RunningApp

KEY = LineItemsKey("G000024130", "one_time", "billing_line_items")
BLOB = f"{KEY}.jsonl"


# --- what a second source brings along ------------------------------------------------------------


@dataclass(frozen=True, config=CONFIG)
class ExportPosition:
    """Which operation was asked for, and how many of its files are there."""

    operation: str
    file: Count = 0
    source: Literal["export"] = "export"


EitherPosition = Annotated[V1Position | ExportPosition, Field(discriminator="source")]


@dataclass(frozen=True, config=CONFIG)
class TwoSourcesProgress(Progress):
    """A position of either source, told apart by its tag."""

    position: EitherPosition | None = None  # type: ignore[assignment]


@dataclass(frozen=True, config=CONFIG)
class TwoSourcesMessage(LineItemsMessage):
    """A message that may carry either."""

    progress: TwoSourcesProgress | None = None


@plain_dataclass
class Exports:
    """Who makes exports: an operation is ready after some looks, and may be gone later."""

    files: list[list[str]]
    looks_until_ready: int = 0
    asked: int = 0
    looked: int = 0
    gone: set[str] = field(default_factory=set)

    def ask(self) -> str:
        self.asked += 1
        return f"operation-{self.asked}"

    def look(self, operation: str) -> bool:
        if operation in self.gone:
            raise StalePosition(f"{operation} is gone", status=410)
        self.looked += 1
        return self.looked > self.looks_until_ready


@plain_dataclass
class ExportSource:
    """Asks, looks, waits, and brings file after file, each in a burst of blocks."""

    exports: Exports
    name: str = "export"

    def steps(
        self, position: Any, deliver: Deliver, has_time: Callable[[], bool]
    ) -> Generator[Step]:
        if position is None:
            position = ExportPosition(self.exports.ask())
            yield Step(position, end=0)
        if not self.exports.look(position.operation):
            yield Step(position, end=100 * position.file, wait=7)
            return
        files = self.exports.files
        for number in range(position.file, len(files)):
            rows = files[number]
            with ThreadPoolExecutor(4) as threads:
                blocks = range(100 * number, 100 * number + len(rows))
                list(threads.map(deliver, blocks, (f"{row}\n".encode() for row in rows)))
            yield Step(
                replace(position, file=number + 1),
                end=100 * (number + 1),
                blocks=len(rows),
                pages=1,
                lines=len(rows),
                total=Decimal(len(rows)),
                last=number + 1 == len(files),
            )
            if not has_time():
                return


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> Exports:
    """Three files, which the source of every message brings: the one `if` that chooses."""
    exports = Exports([[f'{{"file":{f},"row":{r}}}' for r in range(3)] for f in range(3)])
    source = ExportSource(exports)
    monkeypatch.setattr("fetch_line_items.job._source", lambda *_: source)
    monkeypatch.setattr("fetch_line_items.fetch.Progress", TwoSourcesProgress)
    return exports


def expected(exports: Exports) -> bytes:
    return "".join(f"{row}\n" for rows in exports.files for row in rows).encode()


def first_message() -> LineItemsMessage:
    return TwoSourcesMessage(link=link_of(KEY), currency_code="EUR", version="0" * 16)


def through_the_queue(app: RunningApp, later: Later) -> LineItemsMessage:
    """Send what goes on later, and take it off the queue as another process would."""
    act_on(replace(later, delay=0), app.services.queue)
    message = app.queue.receive_message()
    assert message
    app.queue.delete_message(message)
    return TwoSourcesMessage.validated(json.loads(message.content))


# --- what becomes of it ---------------------------------------------------------------------------


def test_a_source_that_is_not_ready_is_waited_for_in_the_queue(
    app: RunningApp, exports: Exports
) -> None:
    """The message comes back after as many seconds as the source says; that is no failed attempt."""
    exports.looks_until_ready = 20
    message = first_message()
    for _ in range(20):
        later = app.result(message)
        assert isinstance(later, Later)
        assert later.delay == 7
        message = through_the_queue(app, later)
    assert message.progress
    assert message.progress.attempt == 0
    assert app.result(message) == Done()
    assert exports.asked == 1, "the operation has travelled with the message"
    assert app.read(BLOB) == expected(exports)


def test_files_come_in_bursts_over_several_messages(app: RunningApp, exports: Exports) -> None:
    """Each message goes on with the next file; numbers of blocks may have gaps.

    Where the source is not ready in between, what has come so far counts all the same.
    """
    message = first_message()
    for file in (1, 2):
        later = app.result(message, time_budget_seconds=0)
        exports.looks_until_ready = exports.looked + 1
        assert isinstance(later, Later)
        waiting = app.result(through_the_queue(app, later))
        assert isinstance(waiting, Later)
        assert waiting.delay == 7
        later = waiting
        assert isinstance(later, Later)
        message = through_the_queue(app, later)
        assert message.progress
        assert (message.progress.pages, message.progress.lines) == (file, 3 * file)
    assert app.result(message) == Done()
    assert app.read(BLOB) == expected(exports)
    metadata = app.metadata(BLOB)
    assert (metadata["source"], metadata["pages"], metadata["lines"]) == ("export", "3", "9")
    assert metadata["total"] == "9"
    assert app.manifest(KEY.invoice_id)["lineItems"][0]["source"] == "export"


def test_a_position_that_is_stale_starts_over(app: RunningApp, exports: Exports) -> None:
    """Nothing of the version before is mixed into what is committed."""
    later = app.result(first_message(), time_budget_seconds=0)
    assert isinstance(later, Later)
    exports.gone.add("operation-1")
    exports.files = [['{"new":1}'], ['{"new":2}']]
    again = app.result(through_the_queue(app, later))
    assert isinstance(again, Later)
    assert (again.delay, again.message.progress and again.message.progress.position) == (0, None)
    assert app.result(through_the_queue(app, again)) == Done()
    assert app.read(BLOB) == expected(exports)
    assert app.metadata(BLOB)["lines"] == "2"


def test_starting_over_has_an_end(app: RunningApp, exports: Exports) -> None:
    """An operation that is always gone by the next message is a failure of the message."""
    exports.looks_until_ready = 100
    result: Any = app.result(first_message())
    restarts = 0
    while isinstance(result, Later):
        message = through_the_queue(app, result)
        assert message.progress
        restarts = message.progress.restarts
        exports.gone.add(f"operation-{exports.asked}")
        result = app.result(message)
    assert isinstance(result, Failed)
    assert "is gone" in str(result.error)
    assert (restarts, exports.asked) == (3, 4)


def test_a_message_that_is_worked_on_twice_mixes_nothing(app: RunningApp, exports: Exports) -> None:
    """Two that go on from the same file each count their own blocks, and one of them commits."""
    later = app.result(first_message(), time_budget_seconds=0)
    assert isinstance(later, Later)
    message = through_the_queue(app, later)
    left, right = (app.result(message, time_budget_seconds=0) for _ in range(2))
    assert isinstance(left, Later)
    assert isinstance(right, Later)
    assert app.result(through_the_queue(app, right)) == Done()
    assert app.result(through_the_queue(app, left)) == Done()
    assert app.read(BLOB) == expected(exports)
