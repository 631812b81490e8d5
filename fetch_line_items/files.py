"""The files of an export, several in flight: their rows come in the manifest's order, as blocks.

A file that has begun is downloaded, unpacked and read in a thread of its own, a block ahead of what
is wanted of it. Threads of their own deliver the blocks.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from decimal import Decimal
from queue import Empty, Queue, ShutDown
from threading import TIMEOUT_MAX

from fetch_line_items.rows import RowReader, Rows
from fetch_line_items.source import Deliver
from fetch_line_items.sums import Sums
from fetch_line_items.unzip import unzipped
from shared.api.exchange import RequestContext
from shared.api.export import Manifest
from shared.api.files import Files
from shared.api.patience import retried
from shared.content import NOTHING, Content
from shared.errors import BrokenFile, Fatal, NoAnswer
from shared.log import get_logger
from shared.messages import FilePosition
from shared.storage.blocks import BLOCK_NUMBERS
from shared.threads import InvocationThreads

_log = get_logger(__name__)

_MOST_FILES, _MOST_BLOCKS = 3, 4
"""In flight at once: files on their way, and blocks of the one whose turn it is."""
_PIECE_BYTES = 1 << 20
"""Unpacked at once: a block is in memory a second time only as far as its pieces."""
_THREADS = 32
"""More than are busy: one that was cancelled may still wait for its host."""
_LOG_EVERY_SECONDS = 10.0
_BEGINNING = FilePosition()

Opened = AbstractContextManager[Iterator[bytes]]
"""A file's bytes as they come; raises ApiError."""


@dataclass(frozen=True)
class Brought:
    """What has come of a file, and is delivered, in one go.

    `end` is above the numbers of all its blocks so far. `is_whole`: nothing is behind `reached`.
    """

    lines: int
    blocks: int
    sums: Sums
    content: Content
    end: int
    reached: FilePosition
    is_whole: bool


class FilesInFlight:
    """Brings the files of one export; a context manager."""

    def __init__(
        self,
        files: Files,
        manifest: Manifest,
        reader: RowReader,
        deliver: Deliver,
        context: RequestContext,
    ) -> None:
        self._files, self._manifest = files, manifest
        self._reader, self._deliver = reader, deliver
        self._context = context
        # The numbers that the blocks of each file may have, so that all are in the files' order.
        self._numbers = BLOCK_NUMBERS // max(len(manifest.names), 1)
        self._flights: dict[int, FileFlight] = {}
        self._threads = InvocationThreads(_THREADS, thread_name_prefix="file")
        self._logged = time.monotonic()

    def __enter__(self) -> FilesInFlight:
        return self

    def __exit__(self, *_: object) -> None:
        """Cancel what is in flight."""
        for flight in self._flights.values():
            flight.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def has_begun(self, file: int) -> bool:
        """Whether a file is on its way."""
        return file in self._flights

    def begin(self, file: int, start: FilePosition = _BEGINNING) -> bool:
        """Let a file be on its way from `start` on, unless too many are; say whether it is."""
        if file not in self._flights and len(self._flights) < _MOST_FILES:
            flight = self._flights[file] = FileFlight(self._manifest.names[file])
            opened = self._files.open(self._manifest, file, self._context)
            self._threads.submit(flight.run, opened, self._reader, start)
        return file in self._flights

    def bring(self, file: int, start: FilePosition, *, until: float) -> Brought:
        """Deliver a file from `start` on, to its end or, behind a block, `until` that moment.

        A file that fails on the way is brought again, as long as the context has patience. Raises
        ApiError, BrokenFile among them.
        """
        return retried(lambda: self._bring(file, start, until), self._context)

    def _bring(self, file: int, start: FilePosition, until: float) -> Brought:
        self.begin(file, start)
        flight = self._flights.pop(file)
        reached, is_whole = start, True
        sums, content = Sums(Decimal(0)), NOTHING
        pending: deque[Future[None]] = deque()
        try:
            for rows in flight.rows(self._context.deadline):
                if len(pending) == _MOST_BLOCKS:
                    pending.popleft().result()
                if rows.lines:
                    number = self._number(file, reached.blocks)
                    pending.append(self._threads.submit(self._deliver, number, rows.block))
                reached, content = rows.reached, content.then(rows.content)
                sums.add(rows.sums)
                self._tell(file, reached)
                if time.monotonic() >= until:
                    is_whole = False
                    break
            for delivered in pending:
                delivered.result()
        finally:
            flight.cancel()
            wait(pending)  # in another attempt blocks have the same numbers
        return Brought(
            lines=reached.lines - start.lines,
            blocks=reached.blocks - start.blocks,
            sums=sums,
            content=content,
            end=self._number(file, reached.blocks),
            reached=reached,
            is_whole=is_whole,
        )

    def _number(self, file: int, block: int) -> int:
        if block >= self._numbers:
            raise Fatal(f"{self._manifest.names[file]} has more than {self._numbers} blocks")
        return file * self._numbers + block

    def _tell(self, file: int, reached: FilePosition) -> None:
        if time.monotonic() - self._logged > _LOG_EVERY_SECONDS:
            self._logged = time.monotonic()
            text = "File %d of %d: %d lines so far"
            _log.info(text, file + 1, len(self._manifest.names), reached.lines)


class FileFlight:
    """A file on its way: its thread waits while a block of it is ready and nobody has taken it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._ready: Queue[Rows | BaseException | None] = Queue(maxsize=1)

    def run(self, opened: Opened, reader: RowReader, start: FilePosition) -> None:
        """Download, unpack and read the file; what goes wrong comes out of `rows`."""
        reached = start
        with suppress(ShutDown):
            try:
                with opened as pieces, suppress(ShutDown):  # that is no failure of the download
                    for rows in reader.rows(unzipped(pieces, most=_PIECE_BYTES), start):
                        reached = rows.reached
                        self._ready.put(rows)
                        self._ready.join()  # the next is not begun before
                self._ready.put(None)
            except ValueError as error:
                text = f"The file {self._name} is broken behind line {reached.lines}: {error}"
                self._ready.put(BrokenFile(text))
            except BaseException as error:  # whatever ends this thread, somebody waits for it
                # What has led to it holds the signed URL.
                error.__context__ = None
                self._ready.put(error.with_traceback(None))

    def rows(self, deadline: float) -> Iterator[Rows]:
        """Give the rows as they come, until the deadline; raises ApiError, BrokenFile among them.

        A thread may be kept by a silent host for longer than that: it is not waited for.
        """
        while (item := self._next(deadline - time.monotonic())) is not None:
            self._ready.task_done()
            if isinstance(item, BaseException):
                raise item
            yield item

    def _next(self, seconds: float) -> Rows | BaseException | None:
        try:
            return self._ready.get(timeout=max(min(seconds, TIMEOUT_MAX), 0))
        except Empty:
            raise NoAnswer(f"The file {self._name} did not come in time") from None

    def cancel(self) -> None:
        """See to it that the thread ends with its next block."""
        self._ready.shutdown(immediate=True)
