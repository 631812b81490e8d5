"""Fetches that take long, are throttled for long, or got lost: never twice at once, never forgotten."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from azure.storage.queue import QueueClient

from local.functions_host.process import FunctionsHost
from local.simulated import Invoice, faults
from local.simulated.invoices import legacy, new_commerce
from local.soak.pieces import list_invoices
from local.stack import APP_ROOT, POISON, QUEUE, Stack, running, settings_for
from tests.e2e.conftest import wait_until
from tests.e2e.test_app import complete, stored
from tests.running_app import expected_blobs

DAY = date(2024, 1, 8)
LINKS, PAGES = 4, 7  # as many links as the host works on at once
# What is counted here are pages: all lines are v1's.
SETTINGS = {
    "LINE_ITEMS_PAGE_SIZE": "20",
    "LINE_ITEMS_CONCURRENCY": "1",
    "NEW_COMMERCE_SOURCE": "v1",
}


def both_kinds(number: int, *, lines: int = 20 * PAGES - 3) -> list[Invoice]:
    """Two invoices of two links with so many lines each, paged by offset and by token."""
    old = legacy(f"D08000000{number}", DAY, office=lines, azure=lines, usage=lines)
    new = new_commerce(f"G08000000{number}", DAY, billing=lines, usage=lines)
    return [replace(old, details=(old.details or ())[1:]), new]


def pages_asked_for(stack: Stack, invoices: Iterable[Invoice]) -> Counter[tuple[str, str]]:
    """How often each page was asked for: by its URL, and its token where it has one."""
    return Counter(
        (request.path_and_query, request.headers.get("ms-continuationtoken", ""))
        for invoice in invoices
        for request in stack.partner_center.requests.matching(f"{invoice.id}/lineitems")
    )


def asked_at_once(stack: Stack, invoices: Iterable[Invoice]) -> int:
    """The most requests for lines of one link that were in flight together."""
    requests = stack.partner_center.requests
    links = {
        link.partition("&size")[0].partition("?size")[0]
        for link, _ in pages_asked_for(stack, invoices)
    }
    return max(requests.most_at_once(link) for link in links)


def fetches(host: FunctionsHost) -> int:
    """How many fetches a host has begun."""
    return host.log().count("Executing 'Functions.fetch_line_items'")


def ended(host: FunctionsHost) -> int:
    """How many fetches of a host have ended."""
    return host.log().count("Executed 'Functions.fetch_line_items'")


def queue(stack: Stack) -> QueueClient:
    return QueueClient.from_connection_string(stack.azurite.connection_string, QUEUE)


@contextmanager
def second_host(stack: Stack, lease_seconds: int) -> Iterator[FunctionsHost]:
    """Run another host on the same queue; it takes whatever message can be seen."""
    settings = settings_for(stack.azurite, stack.entra_id, stack.partner_center) | SETTINGS
    with FunctionsHost(APP_ROOT, settings, lease_seconds=lease_seconds, timer=False) as host:
        yield host


def test_a_link_that_takes_longer_than_the_lease_is_fetched_once() -> None:
    """The lease is renewed: no other host gets the message, and each page is asked for once."""
    invoices = both_kinds(0)
    with (
        running(invoices, settings=SETTINGS, lease_seconds=3) as stack,
        second_host(stack, lease_seconds=3) as other,
    ):
        stack.partner_center.options.latency_seconds = 1
        stack.host.run("list_invoices")
        wait_until(lambda: complete(stack, invoices, other), "every manifest complete")
        assert stored(stack) == expected_blobs(invoices)
        assert fetches(stack.host) + fetches(other) == LINKS
        assert set(pages_asked_for(stack, invoices).values()) == {1}


def test_a_host_that_stood_still_beyond_its_lease_spoils_nothing() -> None:
    """Another host brings its lines meanwhile; when it goes on, it finds them and is done."""
    invoices = both_kinds(0)
    with running(invoices, settings=SETTINGS, lease_seconds=3) as stack:
        # So slow that none has ended yet. How many have begun depends on the host's first look at the queue.
        stack.partner_center.options.latency_seconds = 5
        assert list_invoices(stack.host) == LINKS
        wait_until(lambda: fetches(stack.host), "a fetch under way")
        with ExitStack() as hosts:
            with stack.host.frozen():
                assert ended(stack.host) == 0
                stack.partner_center.options.latency_seconds = 0
                other = hosts.enter_context(second_host(stack, lease_seconds=3))
                wait_until(lambda: complete(stack, invoices, other), "every manifest complete")
            wait_until(lambda: ended(stack.host) == fetches(stack.host), "no fetch under way")
            assert fetches(other) == LINKS
            assert complete(stack, invoices, other)
        assert stored(stack) == expected_blobs(invoices)
        assert stack.waiting(POISON) == 0


def test_a_link_beyond_the_time_budget_goes_on_in_follow_ups() -> None:
    """Several invocations, one after the other, ask for each page once."""
    invoices = both_kinds(0)
    settings = SETTINGS | {"FETCH_TIME_BUDGET_SECONDS": "1"}
    with running(invoices, settings=settings) as stack:
        stack.partner_center.options.latency_seconds = 0.4
        stack.host.run("list_invoices")
        wait_until(lambda: complete(stack, invoices), "every manifest complete")
        assert stored(stack) == expected_blobs(invoices)
        assert stack.host.log().count("continues in a follow-up message") >= LINKS
        assert set(pages_asked_for(stack, invoices).values()) == {1}
        assert asked_at_once(stack, invoices) == 1


def test_a_storm_of_throttling_delays_and_poisons_nothing() -> None:
    """Every link is throttled in more deliveries than make a message poison, and fails none of them."""
    invoices = both_kinds(0)
    with running(invoices, settings=SETTINGS) as stack:
        stack.partner_center.faults.add(faults.throttled(0), match="lineitems", times=None)
        stack.host.run("list_invoices")
        wait_until(lambda: fetches(stack.host) >= 6 * LINKS, "six deliveries of each link")
        assert stored(stack) == {}
        stack.partner_center.faults.clear()
        wait_until(lambda: complete(stack, invoices), "every manifest complete")
        assert stored(stack) == expected_blobs(invoices)
        assert "Failed, Id=" not in stack.host.log()
        assert stack.waiting(POISON) == 0


@pytest.fixture(scope="module")
def empty(impatient_app: Path) -> Iterator[Stack]:
    """A stack without invoices: each test adds its own, and leaves them complete."""
    with running([], settings=SETTINGS, app_root=impatient_app) as stack:
        yield stack


def add(stack: Stack, number: int) -> list[Invoice]:
    """Let Partner Center have two more invoices."""
    invoices = both_kinds(number)
    for invoice in invoices:
        stack.partner_center.put(invoice)
    return invoices


def let_hours_pass(stack: Stack, invoices: Iterable[Invoice]) -> None:
    """Make the note of the last order seven hours old, and let what waits have waited until then."""
    for invoice in invoices:
        blob = stack.container.get_blob_client(f"{invoice.id}/invoice.json")
        metadata = blob.get_blob_properties().metadata
        assert "enqueued_at" in metadata
        long_ago = (datetime.now(UTC) - timedelta(hours=7)).isoformat()
        waits = re.sub(r"=\S+", f"={long_ago}", metadata.get("waits", ""))
        blob.set_blob_metadata(metadata | {"enqueued_at": long_ago, "waits": waits})


def assert_arrived(stack: Stack, invoices: list[Invoice]) -> None:
    """Wait until these invoices are complete, and compare their bytes."""
    wait_until(lambda: complete(stack, invoices), "every manifest complete")
    assert expected_blobs(invoices).items() <= stored(stack).items()


def test_listing_while_fetches_are_under_way_adds_none(empty: Stack) -> None:
    """Runs by hand enqueue nothing, and no page is asked for twice."""
    invoices = add(empty, 1)
    empty.partner_center.options.latency_seconds = 0.5
    try:
        assert list_invoices(empty.host) == LINKS
        wait_until(lambda: len(pages_asked_for(empty, invoices)) >= LINKS, "fetches under way")
        assert [list_invoices(empty.host) for _ in range(3)] == [0, 0, 0]
        assert not complete(empty, invoices)
        assert_arrived(empty, invoices)
        assert set(pages_asked_for(empty, invoices).values()) == {1}
    finally:
        empty.partner_center.options.latency_seconds = 0


def test_links_whose_messages_were_lost_are_ordered_again_after_some_hours(empty: Stack) -> None:
    """Nothing is ordered before the documented time, and all of it afterwards."""
    invoices = add(empty, 2)
    empty.partner_center.faults.add(faults.throttled(600), match="lineitems", times=None)
    assert list_invoices(empty.host) == LINKS
    wait_until(
        lambda: empty.host.log().count("continues in a follow-up message after 6") == LINKS,
        "delayed messages",
    )
    wait_until(lambda: empty.at_work() == LINKS, "nothing under way")
    queue(empty).clear_messages()
    empty.partner_center.faults.clear()
    assert (list_invoices(empty.host), empty.at_work()) == (0, 0)
    let_hours_pass(empty, invoices)
    assert list_invoices(empty.host) == LINKS
    assert_arrived(empty, invoices)


def test_links_whose_messages_are_poison_are_ordered_again_after_some_hours(empty: Stack) -> None:
    """What has failed five times is not tried before the documented time, and then it is."""
    invoices = add(empty, 3)
    refused = faults.redirect("http://127.0.0.1:1/")
    empty.partner_center.faults.add(refused, match="lineitems", times=None)
    assert list_invoices(empty.host) == LINKS
    wait_until(lambda: empty.waiting(POISON) == LINKS and empty.at_work() == 0, "poison messages")
    empty.partner_center.faults.clear()
    assert (list_invoices(empty.host), empty.at_work()) == (0, 0)
    let_hours_pass(empty, invoices)
    assert list_invoices(empty.host) == LINKS
    assert_arrived(empty, invoices)


def test_a_blob_that_is_deleted_is_fetched_again_at_once(empty: Stack) -> None:
    """The manifest was complete since the order, so nobody else can be on the way."""
    invoices = add(empty, 4)
    assert list_invoices(empty.host) == LINKS
    assert_arrived(empty, invoices)
    for name in (
        f"{invoices[0].id}/azure/usage_line_items.jsonl",
        f"{invoices[1].id}/one_time/billing_line_items.jsonl",
    ):
        empty.container.delete_blob(name)
    assert list_invoices(empty.host) == 2
    assert_arrived(empty, invoices)
