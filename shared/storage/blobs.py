"""What blobs say of themselves in their metadata: each record is read and written here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from azure.storage.blob import BlobProperties

from shared.amounts import amount_of, written
from shared.keys import LineItemsKey
from shared.storage.head import Head, Summary
from shared.storage.listing import ListedBlob
from shared.storage.metadata import Metadata, count, crc, known_values, moment, moments


@dataclass(frozen=True)
class LinesMetadata:
    """What a committed blob of lines says of itself.

    `total` is None where the type has no charge. `run` is the fetch that has committed it, `version`
    that of the invoice for which it was fetched, `crc` the CRC-32 of the lines; None stands for what is
    not known. `etag` and `operation` are those of an export; its `pages` are files. `azure`: some of
    the lines are those of an Azure plan, which has usage.
    """

    lines: int = 0
    pages: int = 0
    total: Decimal | None = None
    currency: str | None = None
    link: str | None = None
    source: str = "v1"  # what release 0.1 has committed does not say so
    fetched_at: str | None = None
    correlation_id: str | None = None
    run: str | None = None
    version: str | None = None
    etag: str | None = None
    operation: str | None = None
    crc: int | None = None
    azure: bool = False

    @classmethod
    def of(cls, metadata: Metadata | None) -> LinesMetadata:
        """Read it from a blob's metadata; what is missing or odd counts as unknown."""
        metadata = known_values(metadata)
        texts = (
            *("currency", "link", "fetched_at", "correlation_id"),
            *("run", "version", "etag", "operation"),
        )
        return cls(
            source=metadata.get("source") or cls.source,
            lines=count(metadata.get("lines")),
            pages=count(metadata.get("pages")),
            total=amount_of(metadata.get("total")),
            crc=crc(metadata.get("crc")),
            azure=metadata.get("azure") == "true",
            **{name: metadata.get(name) for name in texts},
        )

    def metadata(self) -> Metadata:
        """Write it as a blob's metadata."""
        values = {
            "lines": str(self.lines),
            "pages": str(self.pages),
            "total": None if self.total is None else written(self.total),
            "currency": self.currency,
            "link": self.link,
            "source": self.source,
            "fetched_at": self.fetched_at,
            "correlation_id": self.correlation_id,
            "run": self.run,
            "version": self.version,
            "etag": self.etag,
            "operation": self.operation,
            "crc": None if self.crc is None else f"{self.crc:08x}",
            "azure": "true" if self.azure else None,
        }
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True)
class StoredLines:
    """A committed blob of lines; `etag` tells this commit from every other one.

    `snapshot` names it where it is one that has been replaced since.
    """

    key: LineItemsKey
    size: int
    about: LinesMetadata
    etag: str | None = field(default=None, compare=False)
    snapshot: str | None = None

    @classmethod
    def of(cls, key: LineItemsKey, blob: BlobProperties | ListedBlob) -> StoredLines:
        """Read it from the blob's properties."""
        return cls(key, blob.size, LinesMetadata.of(blob.metadata), blob.etag, blob.snapshot)


class ReadLines(NamedTuple):
    """Lines as they are read: in pieces, all of the same commit."""

    stored: StoredLines
    pieces: Iterator[bytes]


@dataclass(frozen=True)
class InvoiceMetadata:
    """What an invoice.json says of itself.

    `content` and `version` are hashes: of the text, and of what matters in it for the lines.
    `enqueued_at` is when lines that were missing at this version were last enqueued. `waits` says of
    lines (`one_time/usage_line_items`) until when their message waits. `run` names the run of the
    timer that has written last. Both of these are no part of what the invoice is.
    """

    content: str
    version: str
    stored_at: datetime
    enqueued_at: datetime | None = None
    waits: Mapping[str, datetime] = field(default_factory=dict, compare=False)
    run: str | None = field(default=None, compare=False)

    @classmethod
    def of(cls, metadata: Metadata | None) -> InvoiceMetadata | None:
        """Read it from a blob's metadata; None where that is not this app's."""
        known = known_values(metadata)
        content, version = known.get("content"), known.get("version")
        stored_at = moment(known.get("stored_at"))
        if not content or not version or not stored_at:
            return None
        enqueued_at, waits = moment(known.get("enqueued_at")), moments(known.get("waits"))
        return cls(content, version, stored_at, enqueued_at, waits, known.get("run"))

    def metadata(self) -> Metadata:
        """Write it as a blob's metadata."""
        values = {
            "content": self.content,
            "version": self.version,
            "stored_at": self.stored_at.isoformat(),
            "enqueued_at": self.enqueued_at.isoformat() if self.enqueued_at else None,
            "waits": " ".join(f"{name}={at.isoformat()}" for name, at in self.waits.items()),
            "run": self.run,
        }
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True)
class StoredInvoice:
    """An invoice.json: its text, when it was stored, and what it says where this app has stored it."""

    text: bytes
    stored_at: datetime
    about: InvoiceMetadata | None

    @property
    def version(self) -> str | None:
        """The version of the stored invoice, where it is known."""
        return self.about.version if self.about else None


@dataclass(frozen=True)
class ManifestMetadata:
    """What a manifest.json says of itself.

    `complete_at` is when its invoice was last complete, `unsettled_since` when it was last new or settled;
    None where it is settled. The others are those of the manifest. `contents` tells what it is about from what it was before,
    `restated`: it has been looked at once more since it was settled, and nothing had changed. `failures` are the looks
    in a row, up to the last one, that have failed. `head` and `summary` are for lists.
    """

    updated_at: datetime | None = None
    complete_at: datetime | None = None
    state: str | None = None  # what release 0.1 has written has none
    checks: int = 0
    failures: int = 0
    checked_at: datetime | None = None
    next_check_at: datetime | None = None
    contents: str | None = None
    restated: bool = False
    unsettled_since: datetime | None = None
    head: Head = field(default_factory=Head)
    summary: Summary = field(default_factory=Summary)

    @classmethod
    def of(cls, metadata: Metadata | None) -> ManifestMetadata:
        """Read it from a blob's metadata; what is missing or odd counts as unknown."""
        known = known_values(metadata)
        moments = ("updated_at", "complete_at", "checked_at", "next_check_at", "unsettled_since")
        return cls(
            state=known.get("state"),
            checks=count(known.get("checks")),
            failures=count(known.get("failures")),
            contents=known.get("contents"),
            restated=known.get("restated") == "true",
            head=Head.of(known),
            summary=Summary.of(known),
            **{name: moment(known.get(name)) for name in moments},
        )

    def metadata(self) -> Metadata:
        """Write it as a blob's metadata."""
        moments = {
            "updated_at": self.updated_at,
            "complete_at": self.complete_at,
            "checked_at": self.checked_at,
            "next_check_at": self.next_check_at,
            "unsettled_since": self.unsettled_since,
        }
        texts = {
            "state": self.state,
            "checks": str(self.checks),
            "failures": str(self.failures) if self.failures else None,
            "contents": self.contents,
            "restated": "true" if self.restated else None,
            **self.head.metadata(),
            **self.summary.metadata(),
        }
        texts |= {name: value.isoformat() for name, value in moments.items() if value}
        return {name: value for name, value in texts.items() if value}
