"""Paging: every line once and in order, whatever the answers look like."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetch_line_items.lines import Lines
from fetch_line_items.paging import Pager
from fetch_line_items.source import Step
from fetch_line_items.sums import Sums
from shared.errors import Fatal, Retriable
from shared.messages import V1Position


def lines(
    numbers: range | list[int],
    *,
    total_count: int = 0,
    next_link: bool = False,
    token: str | None = None,
) -> Lines:
    """Make the answer with these lines; each charges its own number."""
    block = b"".join(b"%d\n" % number for number in numbers)
    total, link = Decimal(sum(numbers)), "/next" if next_link else None
    return Lines(block, len(numbers), Sums(total), total_count, link, token)


@dataclass
class Collection:
    """A service with `length` lines, paged as its switches say; remembers what was asked for."""

    length: int
    page_limit: int = 10**9
    whole_count: bool = False
    next_links: bool = False
    asked: list[V1Position] = field(default_factory=list)
    delivered: dict[int, bytes] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    at_once: int = 0
    most_at_once: int = 0

    def by_offset(self, position: V1Position, size: int) -> Lines:
        with self.lock:
            self.asked.append(position)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        end = min(position.lines + min(size, self.page_limit), self.length)
        numbers = range(position.lines, max(end, position.lines))
        count = self.length if self.whole_count else len(numbers)
        with self.lock:
            self.at_once -= 1
        return lines(numbers, total_count=count, next_link=self.next_links and end < self.length)

    def by_token(self, position: V1Position, size: int) -> Lines:
        self.asked.append(position)
        start = int(position.token or 0)
        end = min(start + size, self.length)
        token = str(end) if end < self.length else None
        return lines(range(start, end), total_count=end - start, token=token)

    def deliver(self, page: int, block: bytes) -> None:
        self.delivered[page] = block

    def content(self, pages: int) -> bytes:
        return b"".join(self.delivered[page] for page in range(pages))


def join_page_threads() -> None:
    for thread in threading.enumerate():
        if thread.name.startswith("page"):
            thread.join(10)


def all_lines(length: int) -> bytes:
    return b"".join(b"%d\n" % number for number in range(length))


def fetch_all(
    collection: Collection,
    *,
    size: int,
    width: int,
    pages_a_message: int | None = None,
    token: bool = False,
) -> V1Position:
    """Page to the end, in as many messages as `pages_a_message` makes of it."""
    position, last = V1Position(), False
    while not last:
        begun = [0]

        def has_time(begun: list[int] = begun) -> bool:
            begun[0] += 1
            return pages_a_message is None or begun[0] < pages_a_message

        ask = collection.by_token if token else collection.by_offset
        with Pager(ask, collection.deliver, width=width, has_time=has_time) as pager:
            steps = (pager.by_token if token else pager.by_offset)(position, size)
            for step in steps:
                position, last = step.position, step.last
    return position


@given(
    length=st.integers(0, 60),
    size=st.integers(1, 12),
    width=st.integers(1, 6),
    limit=st.integers(1, 15),
    pages_a_message=st.none() | st.integers(1, 4),
    whole_count=st.booleans(),
    next_links=st.booleans(),
)
def test_by_offset_every_line_is_there_once_and_in_order(
    length: int,
    size: int,
    width: int,
    limit: int,
    pages_a_message: int | None,
    whole_count: bool,
    next_links: bool,
) -> None:
    """With either meaning of totalCount, with and without next links, cut into messages anywhere.

    A server that gives shorter pages than asked for has to say that there is more in some way.
    """
    signs = whole_count or next_links
    collection = Collection(length, limit if signs else 10**9, whole_count, next_links)
    reached = fetch_all(collection, size=size, width=width, pages_a_message=pages_a_message)
    assert collection.content(reached.pages) == all_lines(length)
    assert reached.lines == length


@given(
    length=st.integers(0, 40), size=st.integers(1, 9), pages_a_message=st.none() | st.integers(1, 4)
)
def test_by_token_every_line_is_there_once_and_in_order(
    length: int, size: int, pages_a_message: int | None
) -> None:
    """Page after page by the token of the one before, cut into messages anywhere."""
    collection = Collection(length)
    reached = fetch_all(collection, size=size, width=4, pages_a_message=pages_a_message, token=True)
    assert collection.content(reached.pages) == all_lines(length)
    tokens = [position.token for position in collection.asked]
    assert len(tokens) == len(set(tokens)) == max(1, -(-length // size))


@pytest.mark.parametrize("whole_count", [True, False])
def test_a_page_is_asked_for_once(whole_count: bool) -> None:
    """Forty pages are forty requests, and no more than those in flight are asked for behind the end."""
    collection = Collection(395, whole_count=whole_count)
    fetch_all(collection, size=10, width=4)
    offsets = [position.lines for position in collection.asked]
    assert sorted(set(offsets)) == sorted(offsets)
    assert 40 <= len(offsets) <= (40 if whole_count else 43)


def test_a_short_link_takes_one_request() -> None:
    """A page that is not full, with no sign of more, is the end: nothing was asked for beside it."""
    collection = Collection(7)
    fetch_all(collection, size=10, width=8)
    assert len(collection.asked) == 1


def test_pages_are_in_flight_together_up_to_the_width() -> None:
    """Four pages at once where four are allowed, and never five."""
    barrier = threading.Barrier(4, timeout=10)
    collection = Collection(1000, whole_count=True)

    def ask(position: V1Position, size: int) -> Lines:
        if position.pages in (10, 11, 12, 13):
            barrier.wait()  # breaks unless four requests meet here
        return collection.by_offset(position, size)

    with Pager(ask, collection.deliver, width=4, has_time=lambda: True) as pager:
        assert sum(step.lines for step in pager.by_offset(V1Position(), 10)) == 1000
    assert collection.most_at_once <= 4


@pytest.mark.parametrize(
    ("start", "together"),
    [(V1Position(), range(10, 90, 10)), (V1Position("v1", 3, 30, 1000), range(30, 110, 10))],
    ids=["after the first page", "in a follow-up message"],
)
def test_where_the_whole_is_known_all_of_the_width_is_used_at_once(
    start: V1Position, together: range
) -> None:
    """No page has to arrive to show that there is another: eight are in flight as soon as it is known."""
    barrier = threading.Barrier(len(together), timeout=10)
    collection = Collection(1000, whole_count=True)

    def ask(position: V1Position, size: int) -> Lines:
        if position.lines in together:
            barrier.wait()  # breaks unless eight requests meet here
        return collection.by_offset(position, size)

    with Pager(ask, collection.deliver, width=8, has_time=lambda: True) as pager:
        reached = [step.position for step in pager.by_offset(start, 10)]
    assert reached[-1].lines == 1000
    assert len(collection.asked) == len({position.lines for position in collection.asked})


def test_what_is_behind_a_full_last_page_is_looked_for_beside_it() -> None:
    """A full page is a sign of more whatever the count says; looking costs a request, and no time."""
    barrier = threading.Barrier(2, timeout=10)
    collection = Collection(40, whole_count=True)

    def ask(position: V1Position, size: int) -> Lines:
        if position.lines in (30, 40):
            barrier.wait()  # breaks unless both requests meet here
        return collection.by_offset(position, size)

    with Pager(ask, collection.deliver, width=4, has_time=lambda: True) as pager:
        assert list(pager.by_offset(V1Position(), 10))[-1].position.lines == 40
    assert sorted(position.lines for position in collection.asked) == [0, 10, 20, 30, 40]


def steps_of(
    ask: Callable[[V1Position, int], Lines], *, token: bool, size: int = 2
) -> list[Step[V1Position]]:
    with Pager(ask, lambda *_: None, width=2, has_time=lambda: True) as pager:
        return list((pager.by_token if token else pager.by_offset)(V1Position(), size))


def test_nothing_is_asked_for_behind_a_page_that_has_come_short() -> None:
    """The end has arrived before the page in front of it: no more pages are sent for."""
    collection = Collection(25)
    the_end_is_there = threading.Event()

    def ask(position: V1Position, size: int) -> Lines:
        if position.lines == 10:
            assert the_end_is_there.wait(10)
        return collection.by_offset(position, size)

    def deliver(page: int, block: bytes) -> None:
        collection.deliver(page, block)
        if page == 2:
            the_end_is_there.set()

    with Pager(ask, deliver, width=8, has_time=lambda: True) as pager:
        assert list(pager.by_offset(V1Position(), 10))[-1].position.lines == 25
    # The fourth page, if at all, has been asked for before the third came short.
    assert {position.lines for position in collection.asked} - {30} == {0, 10, 20}


def test_answers_behind_the_end_are_not_waited_for() -> None:
    """A request that turns out to be needless holds nobody up, and what it brings is left alone."""
    asked_behind_the_end, answers = threading.Event(), threading.Event()
    delivered: list[int] = []

    def ask(position: V1Position, size: int) -> Lines:
        if position.lines == 20:
            assert asked_behind_the_end.wait(10)
            return lines(range(20, 25))
        if position.lines > 20:
            asked_behind_the_end.set()
            assert answers.wait(10)
        return lines(range(position.lines, position.lines + size))

    with Pager(
        ask, lambda page, _: delivered.append(page), width=4, has_time=lambda: True
    ) as pager:
        assert list(pager.by_offset(V1Position(), 10))[-1].position.lines == 25
    answers.set()
    join_page_threads()
    assert sorted(delivered) == [0, 1, 2]


def test_an_empty_page_with_a_token_is_not_the_end() -> None:
    """Only a missing token ends the lines."""
    pages = {None: lines([1, 2], token="a"), "a": lines([], token="b"), "b": lines([3])}
    steps = steps_of(lambda position, _: pages[position.token], token=True)
    assert [step.lines for step in steps] == [2, 0, 1]
    assert (steps[-1].position.pages, steps[-1].position.lines) == (2, 3)


def test_a_next_link_without_a_token_is_a_failure() -> None:
    """More is promised that cannot be asked for: that is no end."""
    with pytest.raises(Retriable, match="no token to follow it"):
        steps_of(lambda *_: lines([1, 2], next_link=True), token=True)


@pytest.mark.parametrize("tokens", [["a", "a"], ["a", "b", "a"]])
def test_a_token_that_repeats_is_an_error(tokens: list[str]) -> None:
    """A loop would double lines without end."""
    answers = iter(lines([number], token=token) for number, token in enumerate(tokens))
    with pytest.raises(Fatal, match="repeats a continuation token"):
        steps_of(lambda *_: next(answers), token=True)


def test_an_offset_that_is_ignored_is_an_error() -> None:
    """The same full page again and again is no collection of lines."""
    with pytest.raises(Fatal, match="ignores the offset"):
        steps_of(lambda *_: lines([1, 2]), token=False)


def test_equal_lines_are_real() -> None:
    """Two pages of one and the same line each are both there."""
    steps = steps_of(
        lambda position, _: lines([7] if position.lines < 3 else []), token=False, size=1
    )
    assert sum(step.lines for step in steps) == 3


def test_fewer_lines_than_told_are_not_taken_for_all() -> None:
    """An empty page where the count says that there is more is a failure, never an end."""
    answers = {0: lines([1, 2], total_count=5), 2: lines([3], total_count=5), 3: lines([])}
    with pytest.raises(Retriable, match="more than 3 lines"):
        steps_of(lambda position, _: answers[position.lines], token=False)


def test_a_page_larger_than_asked_for_is_taken_whole() -> None:
    """A server that ignores the size has given everything, unless it says otherwise."""
    steps = steps_of(lambda *_: lines(range(7)), token=False)
    assert [step.lines for step in steps] == [7]
    assert steps[0].last


def page_by_offset(
    ask: Callable[[V1Position, int], Lines],
    deliver: Callable[[int, bytes], None],
    reached: list[int],
) -> None:
    """Page to the end, noting how many lines were reached with each step."""
    with Pager(ask, deliver, width=4, has_time=lambda: True) as pager:
        reached.extend(step.position.lines for step in pager.by_offset(V1Position(), 2))


def test_a_failure_leaves_what_was_reached_before_it() -> None:
    """Pages before the failed one count, pages behind it do not, and none is delivered later."""
    delivered: list[int] = []

    def ask(position: V1Position, _: int) -> Lines:
        if position.lines == 6:
            raise Retriable("broken")
        return lines(range(position.lines, position.lines + 2), total_count=100)

    reached: list[int] = []
    with pytest.raises(Retriable, match="broken"):
        page_by_offset(ask, lambda page, _: delivered.append(page), reached)
    assert reached == [2, 4, 6]
    assert set(delivered) >= {0, 1, 2}
    there_at_the_end = list(delivered)
    join_page_threads()
    assert delivered == there_at_the_end


def test_a_page_that_cannot_be_delivered_is_not_reached() -> None:
    """What storage does not take is never counted."""

    def deliver(page: int, _: bytes) -> None:
        if page == 1:
            raise OSError("storage is full")

    reached: list[int] = []
    with pytest.raises(OSError, match="full"):
        page_by_offset(Collection(100).by_offset, deliver, reached)
    assert reached == [2]
