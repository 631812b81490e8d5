"""The figures of a timer's run, by which alerts tell what does not settle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from list_invoices.state import state_of
from shared.storage.blobs import InvoiceMetadata, ManifestMetadata
from shared.storage.inventory import InvoiceBlobs

NOW = datetime(2026, 11, 26, 6, tzinfo=UTC)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def blobs(state: str | None, *, since: datetime | None = None, stored: float = 0) -> InvoiceBlobs:
    invoice = InvoiceMetadata("c", "v", ago(stored))
    manifest = ManifestMetadata(state=state, unsettled_since=since) if state else None
    return InvoiceBlobs(invoice=invoice, etag="e", manifest=manifest)


def test_invoices_are_counted_by_their_state() -> None:
    """One without a manifest, or with one of release 0.1, is fetched still."""
    stored = {
        "G1": blobs("settled", stored=90),
        "G2": blobs("settling", since=ago(4.5), stored=60),
        "G3": blobs("fetching", since=ago(1)),
        "G4": blobs(None, stored=2),
        "not an invoice": InvoiceBlobs(),
    }
    assert str(state_of(stored, NOW)) == (
        "invoices=4 settled=1 settling=1 fetching=2 oldest_unsettled_days=4"
    )


def test_without_a_note_an_invoice_is_unsettled_since_it_was_stored() -> None:
    """A manifest that cannot be written does not keep its invoice out of the alert."""
    assert state_of({"G1": blobs(None, stored=8)}, NOW).oldest_unsettled_days == 8
    assert state_of({"G1": blobs("settling", stored=8)}, NOW).oldest_unsettled_days == 8


def test_nothing_stored_is_no_age() -> None:
    """Neither is a clock that was ahead."""
    assert state_of({}, NOW).oldest_unsettled_days == 0
    assert state_of({"G1": blobs("settling", since=ago(-2))}, NOW).oldest_unsettled_days == 0
