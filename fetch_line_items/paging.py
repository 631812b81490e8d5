"""Pages of lines in order, several in flight, with a position to go on from.

It knows nothing of storage: each page is handed to `deliver` in the thread that has fetched it, so
that downloads and deliveries overlap. And nothing of Partner Center's URLs: `ask` makes the request.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Set
from dataclasses import replace
from itertools import islice

from fetch_line_items.flight import Arrived, Ask, Flight, arrived
from fetch_line_items.source import Deliver, Step
from shared.errors import Fatal, Retriable
from shared.messages import V1Position
from shared.threads import InvocationThreads

_MOST_EMPTY = 100
"""Empty pages in a row, each with a token to go on."""
_FAR = 10**9
"""An offset behind the end of every link."""


class Pager:
    """Fetches and delivers pages with up to `width` of them in flight; a context manager."""

    def __init__(
        self, ask: Ask, deliver: Deliver, *, width: int, has_time: Callable[[], bool]
    ) -> None:
        self._ask = ask
        self._deliver = deliver
        self._width = width
        self._has_time = has_time
        self._offset_is_honoured = False
        self._flights: deque[Flight] = deque()
        # By token, one page arrives while the one before it is being delivered.
        self._threads = InvocationThreads(max(width, 2), thread_name_prefix="page")

    def __enter__(self) -> Pager:
        return self

    def __exit__(self, *_: object) -> None:
        """Cancel what is in flight: nothing is delivered any more after this."""
        self._cancel()
        # Nobody waits for answers that nobody needs, such as those behind the end.
        self._threads.shutdown(wait=False, cancel_futures=True)

    def by_offset(self, start: V1Position, size: int) -> Iterator[Step[V1Position]]:
        """Page by offset: there is more while any sign says so.

        The signs: a next link, a full page, fewer lines so far than a total count given. How many
        pages there are is mostly unknown: then the number in flight grows by two with each full page.
        A page that is shorter than asked for although there is more sets the size from there on.
        """
        position, width = start, 1
        self._launch(position, size)
        if _whole_is_known(start):
            width = self._width
            self._fill(start, size, width, arrived=0)
        while self._flights:
            flight = self._flights[0]
            page = flight.arrived.result()
            reached = _advanced(position, page)
            more = (
                page.next_link is not None
                or page.lines == flight.size
                or reached.lines < reached.total_count
            )
            self._check_offset(position, page, more=more, size=size)
            if more:
                if page.lines != flight.size:
                    # Those behind it were asked for at the wrong offset.
                    self._cancel(behind=1)
                    size = min(size, page.lines)
                width = self._width if _whole_is_known(reached) else min(width + 2, self._width)
                self._fill(reached, size, width, arrived=1)
            flight.delivered.result()
            self._flights.popleft()
            yield _step(page, reached, last=not more)
            if not more:
                return
            position = reached

    def by_token(self, start: V1Position, size: int) -> Iterator[Step[V1Position]]:
        """Page by continuation token: the end is where neither it nor a next link is, never an empty page.

        A token goes with the page size that it was given for: it may be no more than a page's number.
        """
        position, seen, size = start, {start.token}, start.size or size
        self._launch(position, size)
        while self._flights:
            page = self._flights[0].arrived.result()
            reached = replace(_advanced(position, page), size=size if page.token else None)
            _check_token(page, reached, seen)
            seen.add(page.token)
            if page.token and self._has_time():
                self._launch(reached, size)
            self._flights[0].delivered.result()
            self._flights.popleft()
            yield _step(page, reached, last=page.token is None)
            position = reached

    def _fill(self, position: V1Position, size: int, width: int, *, arrived: int) -> None:
        """Have `width` pages in flight from `position` on, as far as lines are to be expected.

        The first `arrived` of the flights have arrived: they lead to the position.
        """
        while (ahead := len(self._flights) - arrived) < width and self._has_time():
            offset = position.lines + ahead * size
            # A total count above a page's size is the whole's: nothing is behind it, as far as known.
            # A last page that will be full says that there is more: what is behind it is looked for at once.
            if ahead and size < position.total_count < offset:
                return
            # Nor is anything behind a page that is not full, and a failure is no time to ask for more.
            if any(flight.came_short() for flight in islice(self._flights, arrived, None)):
                return
            pages = position.pages + ahead
            self._launch(V1Position("v1", pages, offset, position.total_count), size)

    def _check_offset(self, position: V1Position, page: Arrived, *, more: bool, size: int) -> None:
        """Raise Retriable for an end that is none, and Fatal where the offset is ignored."""
        if page.lines == 0 and more:
            raise Retriable(
                f"Partner Center says that there are more than {position.lines} lines, but gives none"
            )
        if (
            page.lines
            and page.fingerprint == position.fingerprint
            and self._ignores_offset(page, size)
        ):
            raise Fatal(
                f"Partner Center gives the page before line {position.lines} twice: it ignores the offset"
            )

    def _ignores_offset(self, page: Arrived, size: int) -> bool:
        """Whether a page that came twice comes far behind every end, too; else its lines are real."""
        if self._offset_is_honoured:
            return False
        try:
            far = arrived(self._ask(V1Position(lines=_FAR), size))
        except Fatal as error:
            if error.status not in (400, 404, 416):
                raise
            self._offset_is_honoured = True  # it was looked at, and refused
        else:
            self._offset_is_honoured = far.fingerprint != page.fingerprint
        return not self._offset_is_honoured

    def _launch(self, position: V1Position, size: int) -> None:
        flight = Flight(position, size)
        self._flights.append(flight)
        self._threads.submit(flight.run, self._ask, self._deliver)

    def _cancel(self, *, behind: int = 0) -> None:
        """Forget the pages in flight, but for so many of the first."""
        while len(self._flights) > behind:
            self._flights.pop().cancel()


def _advanced(position: V1Position, page: Arrived) -> V1Position:
    return V1Position(
        pages=position.pages + (page.lines > 0),
        lines=position.lines + page.lines,
        total_count=max(position.total_count, page.total_count),
        token=page.token,
        empty=0 if page.lines else position.empty + 1,
        fingerprint=page.fingerprint if page.lines else position.fingerprint,
    )


def _step(page: Arrived, reached: V1Position, *, last: bool) -> Step[V1Position]:
    pages = int(page.lines > 0)
    return Step(
        position=reached,
        end=reached.pages,
        blocks=pages,
        pages=pages,
        lines=page.lines,
        sums=page.sums,
        content=page.content,
        last=last,
    )


def _whole_is_known(position: V1Position) -> bool:
    """Whether a total count of all lines was given, and some of them are still to come.

    The count of a page alone is never above the number of lines so far.
    """
    return position.total_count > position.lines


def _check_token(page: Arrived, reached: V1Position, seen: Set[str | None]) -> None:
    if page.token is None and page.next_link:
        raise Retriable("Partner Center gives a next link, but no token to follow it")
    if page.token is not None and page.token in seen:
        raise Fatal("Partner Center repeats a continuation token: there would be no end")
    if reached.empty > _MOST_EMPTY:
        raise Fatal(f"Partner Center gives more than {_MOST_EMPTY} empty pages in a row")
