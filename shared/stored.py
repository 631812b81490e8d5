"""What stands in the container, as names and metadata of the blobs tell it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from azure.storage.blob import BlobProperties

from shared.errors import InvalidInput
from shared.links import LineItems


@dataclass(frozen=True)
class StoredLines:
    """A committed blob of lines; `total` is None where the type has no charge field.

    `etag` tells this commit from every other one.
    """

    items: LineItems
    blob: str
    size: int
    lines: int
    total: Decimal | None
    currency: str | None
    fetched_at: str | None
    version: str | None
    run: str | None
    etag: str | None = field(default=None, compare=False)

    @classmethod
    def of(cls, items: LineItems, blob: BlobProperties) -> StoredLines:
        """Read it from the blob's properties."""
        known = blob.metadata or {}
        total = known.get("total")
        return cls(
            items=items,
            blob=blob_name(items),
            size=blob.size,
            lines=int(known.get("lines", 0)),
            total=None if total is None else Decimal(total),
            currency=known.get("currency"),
            fetched_at=known.get("fetched_at"),
            version=known.get("version"),
            run=known.get("run"),
            etag=blob.etag,
        )


@dataclass(frozen=True)
class InvoiceMark:
    """What the metadata of an invoice.json says of it.

    `content` and `version` are hashes: of the text, and of what matters in it for the lines.
    `enqueued_at` is when lines that were missing at this version were last ordered.
    """

    content: str
    version: str
    stored_at: datetime
    enqueued_at: datetime | None = None

    @classmethod
    def of(cls, metadata: dict[str, str] | None) -> InvoiceMark | None:
        """Read it from metadata; None where that is not this app's."""
        try:
            known = metadata or {}
            enqueued = known.get("enqueued_at")
            return cls(
                content=known["content"],
                version=known["version"],
                stored_at=moment(known["stored_at"]),
                enqueued_at=moment(enqueued) if enqueued else None,
            )
        except (KeyError, ValueError):
            return None

    def metadata(self) -> dict[str, str]:
        """Write it as metadata."""
        values = {
            "content": self.content,
            "version": self.version,
            "stored_at": self.stored_at.isoformat(),
        }
        return values | ({"enqueued_at": self.enqueued_at.isoformat()} if self.enqueued_at else {})


@dataclass(frozen=True)
class StoredInvoice:
    """An invoice.json: its text, when it was stored, and its mark where this app has stored it."""

    text: bytes
    stored_at: datetime
    mark: InvoiceMark | None


def moment(text: str) -> datetime:
    """Read a moment as metadata has it; raises ValueError, also for one without a zone."""
    read = datetime.fromisoformat(text)
    if read.tzinfo is None:
        raise ValueError(f"{text} has no zone")
    return read


def blob_name(items: LineItems) -> str:
    """Give the name of the blob of these lines."""
    return f"{items.invoice_id}/{items.billing_provider}/{items.invoice_line_item_type}.jsonl"


def items_of(invoice: str, name: str) -> LineItems | None:
    """Say which lines a blob holds by its name; None for other blobs."""
    provider, _, rest = name.removeprefix(f"{invoice}/").partition("/")
    item_type, _, ending = rest.partition(".")
    if ending != "jsonl":
        return None
    with suppress(InvalidInput):
        return LineItems.of(invoice, provider, item_type)
    return None
