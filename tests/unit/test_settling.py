"""Whether Microsoft is finished with an invoice: in which state it is, why, and when it is looked at again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from shared.keys import LineItemsKey
from shared.models import Invoice
from shared.settling import FETCHING, SETTLED, SETTLING, doubts, settled_after
from shared.storage.blobs import LinesMetadata, ManifestMetadata, StoredLines
from shared.storage.manifest import MOST_EARLIER, entry_of

DAY = timedelta(days=1)
AT = datetime(2026, 11, 26, 6, tzinfo=UTC)
BILLING = LineItemsKey("G098765430", "one_time", "billing_line_items")
USAGE = LineItemsKey("G098765430", "one_time", "usage_line_items")


def judged(
    before: ManifestMetadata,
    at: datetime = AT,
    *,
    contents: str = "these",
    complete: bool = True,
    doubtful: bool = False,
    fetched_at: datetime = AT,
    days: int = 2,
    looked: bool = False,
    failed: bool = False,
) -> ManifestMetadata:
    return settled_after(
        before,
        contents,
        at,
        is_complete=complete,
        is_doubtful=doubtful,
        fetched_at=fetched_at,
        settle_days=days,
        looked=looked,
        failed=failed,
    )


def test_what_is_not_all_there_is_being_fetched() -> None:
    """No look is due: the lines have messages of their own."""
    about = judged(ManifestMetadata(), complete=False)
    assert (about.state, about.checks, about.next_check_at) == (FETCHING, 0, None)


def test_what_adds_up_is_settled_and_looked_at_once_more() -> None:
    """Microsoft restates: 30 days after the lines were fetched, and never again."""
    first = judged(ManifestMetadata())
    assert (first.state, first.checked_at, first.next_check_at) == (SETTLED, AT, AT + 30 * DAY)
    again = judged(first, AT + 30 * DAY, looked=True)
    assert (again.state, again.checks, again.next_check_at) == (SETTLED, 1, None)
    assert judged(again, AT + 31 * DAY).next_check_at is None


def test_what_does_not_add_up_is_looked_at_each_day() -> None:
    """After so many looks that have changed nothing it is settled as it is."""
    first = judged(ManifestMetadata(), doubtful=True)
    assert (first.state, first.checks, first.next_check_at) == (SETTLING, 0, AT + DAY)
    second = judged(first, AT + DAY, doubtful=True, looked=True)
    assert (second.state, second.checks, second.next_check_at) == (SETTLING, 1, AT + 2 * DAY)
    third = judged(second, AT + 2 * DAY, doubtful=True, looked=True)
    assert (third.state, third.checks, third.next_check_at) == (SETTLED, 2, AT + 30 * DAY)


def test_a_look_that_has_failed_does_not_count() -> None:
    """It is made anew the next day; one that has looked ends the row of those that have not."""
    about, failures = judged(ManifestMetadata(), doubtful=True, days=3), []
    for day, failed in enumerate((True, True, False, True, False, False), 1):
        assert (about.state, about.next_check_at) == (SETTLING, AT + day * DAY)
        about = judged(about, AT + day * DAY, doubtful=True, days=3, looked=True, failed=failed)
        failures.append(about.failures)
    assert failures == [1, 2, 0, 1, 0, 0]
    assert (about.state, about.checks, about.checked_at) == (SETTLED, 3, AT + 6 * DAY)


def test_looks_that_always_fail_settle_nothing() -> None:
    """After so many in a row they are made once a month: whoever has billed what is settled had it looked at."""
    first = judged(ManifestMetadata(), doubtful=True)
    second = judged(first, AT + DAY, doubtful=True, looked=True, failed=True)
    assert (second.state, second.next_check_at) == (SETTLING, AT + 2 * DAY)
    assert judged(second, AT + DAY, doubtful=True) == replace(second, updated_at=AT + DAY)
    third = judged(second, AT + 2 * DAY, doubtful=True, looked=True, failed=True)
    assert (third.state, third.checks, third.failures) == (SETTLING, 0, 2)
    assert (third.checked_at, third.next_check_at) == (AT, AT + 32 * DAY)
    assert judged(third, AT + 3 * DAY, contents="others", doubtful=True).failures == 0


@pytest.mark.parametrize("days", [0, 1, 2])
def test_the_look_at_a_settled_invoice_is_made_anew_where_it_fails(days: int) -> None:
    """Each day, then each month, until it has looked."""
    first = judged(ManifestMetadata(), days=days)
    second = judged(first, AT + 30 * DAY, days=days, looked=True, failed=True)
    tomorrow, next_month = AT + 31 * DAY, AT + 60 * DAY
    assert (second.state, second.restated) == (SETTLED, False)
    assert second.next_check_at == (tomorrow if days > 1 else next_month)
    third = judged(second, tomorrow, days=days, looked=True)
    assert (third.state, third.failures, third.next_check_at) == (SETTLED, 0, None)


def test_lines_that_say_they_are_of_the_future_are_of_today() -> None:
    """Another tool may have put them there: a look in thousands of years is none."""
    about = judged(ManifestMetadata(), fetched_at=datetime(9999, 12, 31, tzinfo=UTC))
    assert about.next_check_at == AT + 30 * DAY


def test_a_manifest_that_is_only_written_anew_orders_nothing() -> None:
    """What was ordered stays as it was, to the moment: it names the look."""
    for doubtful in (True, False):
        first = judged(ManifestMetadata(), doubtful=doubtful)
        later = judged(first, AT + timedelta(hours=5), doubtful=doubtful)
        assert later.next_check_at == first.next_check_at
        assert (later.checks, later.checked_at) == (0, AT)


def test_other_lines_settle_anew() -> None:
    """Looks are counted since the last change."""
    first = replace(judged(ManifestMetadata(), doubtful=True), checks=1)
    changed = judged(first, AT + DAY, contents="those", doubtful=True, looked=True)
    assert (changed.state, changed.checks, changed.next_check_at) == (SETTLING, 0, AT + 2 * DAY)
    restated = replace(judged(ManifestMetadata()), restated=True, next_check_at=None)
    changed = judged(restated, AT + 30 * DAY, contents="those", fetched_at=AT + 30 * DAY)
    assert (changed.restated, changed.next_check_at) == (False, AT + 60 * DAY)


def test_since_when_it_has_not_settled_is_noted() -> None:
    """Since it was new or settled, whatever comes in between; what has settled has no such moment."""
    first = judged(ManifestMetadata(), complete=False)
    late = judged(first, AT + DAY, doubtful=True)
    other = judged(late, AT + 2 * DAY, doubtful=True, contents="others")
    assert [about.unsettled_since for about in (first, late, other)] == [AT, AT, AT]
    settled = judged(other, AT + 3 * DAY, contents="others")
    assert (settled.state, settled.unsettled_since) == (SETTLED, None)
    anew = judged(settled, AT + 9 * DAY, doubtful=True, contents="corrected")
    assert (anew.state, anew.unsettled_since) == (SETTLING, AT + 9 * DAY)


def test_with_no_days_the_first_answer_decides() -> None:
    """It is settled as it is."""
    about = judged(ManifestMetadata(), doubtful=True, days=0)
    assert (about.state, about.next_check_at) == (SETTLED, AT + 30 * DAY)


def test_more_days_than_before_begin_the_looks_again() -> None:
    """The setting can be raised."""
    settled = replace(judged(ManifestMetadata(), doubtful=True, days=0), restated=True)
    about = judged(replace(settled, next_check_at=None), AT + DAY, doubtful=True, days=2)
    assert (about.state, about.next_check_at, about.restated) == (SETTLING, AT + 2 * DAY, False)


def test_what_release_0_1_has_stored_long_ago_is_not_looked_at_for_its_age_alone() -> None:
    """After an update, ten years of invoices would be fetched again; what does not add up is."""
    before = ManifestMetadata(AT - 90 * DAY, AT - 90 * DAY)
    old = AT - 90 * DAY
    assert judged(before, fetched_at=old).next_check_at is None
    assert judged(before, fetched_at=old, doubtful=True).next_check_at == AT + DAY
    assert judged(before, fetched_at=AT - 5 * DAY).next_check_at == AT + 25 * DAY


def lines(
    key: LineItemsKey = BILLING, *, size: int = 10, source: str = "graph", azure: bool = False
) -> StoredLines:
    return StoredLines(key, size, LinesMetadata(source=source, azure=azure))


@pytest.mark.parametrize(
    ("charges", "total", "stored", "sentence"),
    [
        ("10.00", "10", [lines()], []),
        ("22.34", "10", [lines()], ["12.34 USD of the invoice are on no line"]),
        ("10", "22.34", [lines()], ["the lines come to 12.34 USD more than the invoice"]),
        ("-10", "0", [], ["the lines come to 10.00 USD more than the invoice"]),
        (
            "22.00",
            "0",
            [lines(size=0, source="v1")],
            ["Partner Center gives no lines though 22.00 USD are charged"],
        ),
        (
            "22.00",
            "0",
            [lines(size=0)],
            ["Microsoft Graph gives no lines though 22.00 USD are charged"],
        ),
        ("0", "0", [lines(size=0)], []),
        (None, "0", [lines()], ["the invoice does not say what it charges"]),
        (
            "10",
            "10",
            [lines(azure=True), lines(USAGE, size=0)],
            ["no usage lines yet for an Azure plan"],
        ),
        ("10", "10", [lines(azure=True), lines(USAGE)], []),
        ("10", "10", [lines(), lines(USAGE, size=0)], []),
        ("10", "10", [lines(azure=True)], []),
        (
            "11",
            "10",
            [lines(azure=True), lines(USAGE, size=0)],
            ["1.00 USD of the invoice are on no line", "no usage lines yet for an Azure plan"],
        ),
    ],
)
def test_doubts_are_sentences(
    charges: str | None, total: str, stored: list[StoredLines], sentence: list[str]
) -> None:
    """People of finance read them; amounts have all their digits."""
    fields = {"id": "G098765430", "totalCharges": charges, "currencyCode": "USD"}
    invoice = Invoice.model_validate(fields)
    assert doubts(invoice, stored, Decimal(total)) == sentence


def test_a_manifest_names_the_newest_of_many_earlier_versions() -> None:
    """Lines that change each day for years would fill it."""

    def replaced(number: int) -> StoredLines:
        return replace(lines(), snapshot=f"2026-{number:05d}", about=LinesMetadata(lines=number))

    earlier = entry_of(lines(), [replaced(number) for number in range(1, 2_000)]).earlier
    assert [each.lines for each in earlier] == list(range(1_999, 1_999 - MOST_EARLIER, -1))


def test_a_manifest_names_earlier_lines_once_however_many_snapshots_there_are() -> None:
    """Where the answer to one was lost, the SDK has taken another."""

    def snapshot(number: int, run: str | None) -> StoredLines:
        return replace(lines(), snapshot=f"2026-{number}", about=LinesMetadata(run=run))

    now = replace(lines(), about=LinesMetadata(run="c"))
    taken = [*(snapshot(n, run) for n, run in enumerate(["a", "b", "a", None, None, "c"]))]
    names = [each.snapshot for each in entry_of(now, taken).earlier]
    assert names == ["2026-4", "2026-3", "2026-2", "2026-1"]
