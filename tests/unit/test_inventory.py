"""What a listing tells: which blobs are manifests, and which missing lines may still arrive by themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.keys import LineItemsKey
from shared.storage.blobs import InvoiceMetadata, LinesMetadata, ManifestMetadata, StoredLines
from shared.storage.inventory import InvoiceBlobs
from shared.storage.names import (
    ALL_BUT_MANIFESTS,
    invoice_blob,
    lines_blob,
    manifest_blob,
    reconciliation_blob,
)

NOW = datetime(2026, 11, 26, 6, tzinfo=UTC)
KEY = LineItemsKey("G098765430", "one_time", "usage_line_items")
HOUR = timedelta(hours=1)


def blobs(
    *, waits_until: datetime | None = None, fetched_at: datetime | None = None
) -> InvoiceBlobs:
    waits = {KEY.kind: waits_until} if waits_until else {}
    about = InvoiceMetadata("0" * 16, "old", NOW, enqueued_at=NOW - 24 * HOUR, waits=waits)
    lines = {}
    if fetched_at:
        lines[KEY] = StoredLines(KEY, 1, LinesMetadata(fetched_at=fetched_at.isoformat()))
    return InvoiceBlobs(about, "etag", ManifestMetadata(), lines)


@pytest.mark.parametrize(
    ("until", "is_under_way"),
    [
        (NOW + 6 * HOUR, True),
        (NOW - 5 * HOUR, True),
        (NOW - 7 * HOUR, False),
        (NOW + 200 * HOUR, False),
        (None, False),
    ],
    ids=["waits", "was over lately", "was lost", "longer than a message hides", "no wait"],
)
def test_what_waits_is_under_way_for_whatever_version(
    until: datetime | None, is_under_way: bool
) -> None:
    """Until some hours after its wait, and no longer than a message can hide."""
    assert blobs(waits_until=until).under_way(KEY, "new", NOW) is is_under_way


def test_a_wait_is_over_when_the_lines_have_come_since() -> None:
    """Nobody is on the way any more, so another version of the invoice is enqueued at once."""
    until = NOW - HOUR
    assert blobs(waits_until=until, fetched_at=until - HOUR).under_way(KEY, "new", NOW)
    assert not blobs(waits_until=until, fetched_at=until + HOUR).under_way(KEY, "new", NOW)


def test_a_wait_of_other_lines_keeps_none_away() -> None:
    """Each wait is that of one kind of an invoice's lines."""
    billing = LineItemsKey(KEY.invoice_id, "one_time", "billing_line_items")
    assert not blobs(waits_until=NOW + HOUR).under_way(billing, "new", NOW)


@pytest.mark.parametrize("invoice_id", ["G098765430", "D0500033K3", "H1-IN0IN0IN"])
def test_a_manifest_is_told_from_other_blobs_by_a_part_of_its_name(invoice_id: str) -> None:
    """Names of blobs are in lower case, and invoice ids in upper case."""
    others = [invoice_blob(invoice_id), reconciliation_blob(invoice_id)]
    for provider in ("office", "azure", "one_time"):
        for kind in ("billing_line_items", "usage_line_items"):
            others.append(lines_blob(LineItemsKey.of(invoice_id, provider, kind)))
    assert all(ALL_BUT_MANIFESTS in name for name in others)
    assert ALL_BUT_MANIFESTS not in manifest_blob(invoice_id)
