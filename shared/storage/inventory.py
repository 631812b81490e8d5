"""What the container holds of each invoice, as a listing tells it: no blob is read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import groupby

from shared.keys import LineItemsKey, is_invoice_id
from shared.settling import FETCHING, STATES
from shared.storage.archive import Archive
from shared.storage.blobs import InvoiceMetadata, ManifestMetadata, StoredLines
from shared.storage.listing import ListedBlob, ListedPrefix
from shared.storage.names import invoice_blob, key_of_blob, manifest_blob

ENQUEUE_AGAIN_AFTER = timedelta(hours=6)
"""How long lines that were enqueued and are not there count as under way; then a message was lost."""

_CLOCK_SKEW = timedelta(minutes=5)
_LONGEST_WAIT = timedelta(days=7)
"""A message cannot hide for longer."""


@dataclass
class InvoiceBlobs:
    """What is there of one invoice.

    `invoice` is what invoice.json says of itself, None also where that is not this app's; `etag` is
    None where there is no invoice.json, `manifest` where there is no manifest. `earlier` are lines that
    have been replaced since, where they were asked for.
    """

    invoice: InvoiceMetadata | None = None
    etag: str | None = None
    manifest: ManifestMetadata | None = None
    lines: dict[LineItemsKey, StoredLines] = field(default_factory=dict)
    earlier: dict[LineItemsKey, list[StoredLines]] = field(default_factory=dict)

    @property
    def version(self) -> str | None:
        """The version of the stored invoice, where it is known."""
        return self.invoice.version if self.invoice else None

    def contents(self, version: str | None) -> str:
        """Tell what is there for an invoice of this version from what was there before: 16 hexadecimal digits.

        What is of another version, or does not say since when it is there, is told apart as well.
        """
        current = self.current(version)
        lines = sorted(
            f"{key} {lines.about.fetched_at or lines.etag}{'' if key in current else ' old'}"
            for key, lines in self.lines.items()
        )
        text = "\n".join([version or "", *lines])
        return blake2b(text.encode(), digest_size=8).hexdigest()

    def is_in_manifest(self, version: str | None) -> bool:
        """Whether the manifest is about these lines and this version of the invoice, and sums them up.

        It is not after a crash behind a commit, if somebody has put or deleted blobs, or if release 0.1 wrote it.
        """
        manifest = self.manifest
        if manifest is None or manifest.summary.lines is None:
            return False
        return manifest.contents == self.contents(version)

    def current(self, version: str | None) -> set[LineItemsKey]:
        """Which lines are there for the invoice at this version."""
        return {key for key, lines in self.lines.items() if lines.about.version == version}

    @property
    def state(self) -> str:
        """Its state, see `known_state`."""
        return known_state(self.manifest or ManifestMetadata())

    @property
    def is_invoice(self) -> bool:
        """Whether it is more than what somebody else has put there."""
        return bool(self.etag or self.manifest)

    @property
    def has_anything(self) -> bool:
        """Whether there is something that a manifest has to be about."""
        return self.is_invoice or bool(self.lines)

    def under_way(self, key: LineItemsKey, version: str | None, now: datetime) -> bool:
        """Whether lines that are missing at this version may still arrive by themselves.

        They may if they were enqueued for it, or their message waits, and neither was over long ago. A
        manifest that has been complete since they were enqueued, or is not there at all, says that
        someone has deleted blobs: then they never will.
        """
        about = self.invoice
        if about is None or self.manifest is None:
            return False
        enqueued_at, complete_at = about.enqueued_at, self.manifest.complete_at
        if enqueued_at and complete_at and complete_at >= enqueued_at:
            return False
        # A clock that was ahead must not keep lines waiting until it is right.
        until = about.waits.get(key.kind)
        waits = until and -_LONGEST_WAIT <= now - until <= ENQUEUE_AGAIN_AFTER
        if until and waits and not self._fetched_since(key, until):
            return True
        if enqueued_at is None or about.version != version:
            return False
        return -_CLOCK_SKEW <= now - enqueued_at <= ENQUEUE_AGAIN_AFTER

    def lost_look(self, now: datetime) -> datetime | None:
        """When a look at the invoice was due that has not come, unless it waits for Microsoft.

        Then its message was lost: hours are more than one waits in the queue.
        """
        due = self.manifest.next_check_at if self.manifest else None
        waits = self.invoice.waits.values() if self.invoice else ()
        if due is None or any(now - until <= ENQUEUE_AGAIN_AFTER for until in waits):
            return None
        return due if now - due > ENQUEUE_AGAIN_AFTER else None

    def _fetched_since(self, key: LineItemsKey, moment: datetime) -> bool:
        fetched_at = self.lines[key].about.fetched_at if key in self.lines else None
        return fetched_at is not None and fetched_at >= moment.isoformat()


def known_state(manifest: ManifestMetadata) -> str:
    """Give the state that a manifest says; `fetching` where it says none that is known."""
    return manifest.state if manifest.state in STATES else FETCHING


def inventory(archive: Archive) -> dict[str, InvoiceBlobs]:
    """List the container and say what is there of every invoice in it, by bare id."""
    return _by_invoice(archive.listed(""))


def manifests(archive: Archive) -> dict[str, ManifestMetadata]:
    """Say of every invoice in the container what its manifest says of itself; nothing where it has none yet."""
    found: dict[str, ManifestMetadata] = {}
    for each in archive.listed_manifests():
        invoice_id = each.name.partition("/")[0]
        if isinstance(each, ListedPrefix) or each.name == invoice_blob(invoice_id):
            found.setdefault(invoice_id, ManifestMetadata())
        elif each.name == manifest_blob(invoice_id):
            found[invoice_id] = ManifestMetadata.of(each.metadata)
    return {name: manifest for name, manifest in found.items() if is_invoice_id(name)}


def inventory_of(archive: Archive, invoice_id: str) -> InvoiceBlobs:
    """Say what is there of one invoice, and what there was before."""
    there = _by_invoice(archive.listed(f"{invoice_id}/", snapshots=True))
    return there.get(invoice_id, InvoiceBlobs())


def _by_invoice(blobs: Iterable[ListedBlob]) -> dict[str, InvoiceBlobs]:
    invoices: dict[str, InvoiceBlobs] = defaultdict(InvoiceBlobs)
    for name, of_folder in groupby(blobs, lambda blob: blob.name.partition("/")[0]):
        if is_invoice_id(name):  # other folders are of somebody else
            for blob in of_folder:
                _add(invoices[name], name, blob)
    return invoices


def _add(blobs: InvoiceBlobs, invoice_id: str, blob: ListedBlob) -> None:
    if blob.snapshot:
        if key := key_of_blob(blob.name):
            blobs.earlier.setdefault(key, []).append(StoredLines.of(key, blob))
    elif blob.name == invoice_blob(invoice_id):
        blobs.invoice, blobs.etag = InvoiceMetadata.of(blob.metadata), blob.etag
    elif blob.name == manifest_blob(invoice_id):
        blobs.manifest = ManifestMetadata.of(blob.metadata)
    elif key := key_of_blob(blob.name):
        blobs.lines[key] = StoredLines.of(key, blob)
