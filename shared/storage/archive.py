"""The container of the invoices: what is in it, and how it gets there whole.

    {invoiceId}/invoice.json                                   the invoice as listed
    {invoiceId}/{billingProvider}/{invoiceLineItemType}.jsonl  every line
    {invoiceId}/manifest.json                                  what is there, and whether it adds up
    {invoiceId}/invoice_reconciliation.json                    what the lines come to

It knows nothing of where lines come from. Thread-safe; one for the process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import reduce

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobProperties, ContainerClient, ContentSettings

from shared.content import NOTHING, Content
from shared.keys import LineItemsKey
from shared.storage.blobs import (
    InvoiceMetadata,
    LinesMetadata,
    ManifestMetadata,
    ReadLines,
    StoredInvoice,
    StoredLines,
)
from shared.storage.blocks import Part, Staged, ids_of, number_of
from shared.storage.conditions import discard, is_kept_out, only, told_as_overtaken
from shared.storage.failures import error_code
from shared.storage.listing import ListedBlob, ListedPrefix, list_blobs, walk_blobs
from shared.storage.metadata import Metadata
from shared.storage.names import (
    ALL_BUT_MANIFESTS,
    invoice_blob,
    lines_blob,
    manifest_blob,
    reconciliation_blob,
)

_JSON = ContentSettings(content_type="application/json")
# The service itself takes up to a minute for a list of 50,000 blocks.
_COMMIT_SECONDS = 90
_JSON_LINES = ContentSettings(content_type="application/x-ndjson")


class Archive:
    """Reads and writes the container, which is created when it is missing.

    A write names what it replaces by its ETag, None for nothing at all. It raises Overtaken where
    that is not what is there any more.
    """

    def __init__(self, container: ContainerClient) -> None:
        self._container = container
        self._discarding = threading.Lock()

    # -- invoices

    def put_invoice(
        self, invoice_id: str, text: bytes, about: InvoiceMetadata, *, replacing: str | None
    ) -> str:
        """Store an invoice as listed; give its ETag."""
        return self._put(invoice_blob(invoice_id), text, about.metadata(), replacing)

    def set_invoice_metadata(
        self, invoice_id: str, about: InvoiceMetadata, *, replacing: str
    ) -> str:
        """Change what a stored invoice says of itself; give its new ETag."""
        name = invoice_blob(invoice_id)
        blob = self._container.get_blob_client(name)
        with told_as_overtaken(name):
            return str(blob.set_blob_metadata(about.metadata(), **only(replacing))["etag"])

    def invoice_metadata(self, invoice_id: str) -> tuple[InvoiceMetadata | None, str | None]:
        """Give what a stored invoice says of itself, and its ETag (None where there is none)."""
        properties = self._properties(invoice_blob(invoice_id))
        return (
            (InvoiceMetadata.of(properties.metadata), properties.etag)
            if properties
            else (None, None)
        )

    def invoice(self, invoice_id: str) -> StoredInvoice | None:
        """Give the stored invoice, or None where there is none."""
        try:
            download = self._container.download_blob(invoice_blob(invoice_id))
        except ResourceNotFoundError:
            return None
        about = InvoiceMetadata.of(download.properties.metadata)
        # New metadata touch the blob, so the time that they tell comes first.
        stored_at = about.stored_at if about else download.properties.last_modified
        return StoredInvoice(download.readall(), stored_at, about)

    # -- lines

    def stage_block(self, key: LineItemsKey, part: Part, number: int, lines: bytes) -> None:
        """Stage lines as a block of the final blob; nobody sees it before the commit.

        Blocks that keep it out, such as another tool's with ids of another length, are discarded first.
        """
        blob = self._container.get_blob_client(lines_blob(key))

        def stage() -> None:
            self._in_container(lambda: blob.stage_block(part.block_id(number), lines, len(lines)))

        if is_kept_out(stage):
            with self._discarding:  # once for all threads: their own blocks must not go as well
                if is_kept_out(stage):
                    discard(blob)
                    stage()

    def commit_lines(
        self, key: LineItemsKey, staged: Staged, about: LinesMetadata, *, replacing: str | None
    ) -> None:
        """Make the blob of all that is staged appear at once, with its metadata.

        Raises Overtaken where another run has committed since: it has removed the blocks, and blocks
        staged after it must not replace lines that may be newer.
        """
        blob = self._container.get_blob_client(lines_blob(key))
        uncommitted = self._uncommitted(key) if staged.blocks else []
        blocks = [BlobBlock(block_id) for block_id in ids_of(staged, uncommitted)]
        with told_as_overtaken(lines_blob(key)):
            self._in_container(
                lambda: blob.commit_block_list(
                    blocks,
                    content_settings=_JSON_LINES,
                    metadata=about.metadata(),
                    read_timeout=_COMMIT_SECONDS,
                    **only(replacing),
                )
            )

    def keep_lines(self, stored: StoredLines) -> None:
        """Take a snapshot of lines that are about to be replaced, unless there is one already.

        Raises Overtaken where they are not what is there any more.
        """
        name, run = lines_blob(stored.key), stored.about.run
        kept = (blob for blob in self.listed(name, snapshots=True) if blob.snapshot)
        if run and any(LinesMetadata.of(blob.metadata).run == run for blob in kept):
            return  # of an attempt that has come no further
        with told_as_overtaken(name):
            self._container.get_blob_client(name).create_snapshot(**only(stored.etag))

    def set_lines_metadata(self, stored: StoredLines, about: LinesMetadata) -> None:
        """Change what lines say of themselves; raises Overtaken where they have been replaced."""
        blob = self._container.get_blob_client(lines_blob(stored.key))
        with told_as_overtaken(blob.blob_name):
            blob.set_blob_metadata(about.metadata(), **only(stored.etag))

    def content(self, stored: StoredLines) -> Content:
        """Sum up stored lines: as they say themselves, else (they are of an old release) by reading them."""
        if stored.about.crc is not None:
            return Content(stored.size, stored.about.crc)
        name = lines_blob(stored.key)
        download = self._container.download_blob(name, **only(stored.etag))
        return reduce(Content.then, map(Content.of, download.chunks()), NOTHING)

    def lines(self, key: LineItemsKey) -> StoredLines | None:
        """Say what is known of a committed blob of lines, or None where there is none."""
        properties = self._properties(lines_blob(key))
        return StoredLines.of(key, properties) if properties else None

    def read_lines(self, key: LineItemsKey, snapshot: str | None = None) -> ReadLines | None:
        """Read a committed blob of lines, or a `snapshot` of it; None where there is none."""
        blob = self._container.get_blob_client(lines_blob(key), snapshot=snapshot)
        try:
            download = blob.download_blob()
        except ResourceNotFoundError:
            return None
        return ReadLines(StoredLines.of(key, download.properties), download.chunks())

    def staged_pages(self, key: LineItemsKey) -> int:
        """Count the pages that are staged and not yet committed, each once."""
        return len({number_of(block_id) for block_id in self._uncommitted(key)})

    def _uncommitted(self, key: LineItemsKey) -> list[str]:
        blob = self._container.get_blob_client(lines_blob(key))
        with suppress(ResourceNotFoundError):
            return [block.id for block in blob.get_block_list("uncommitted")[1]]
        return []

    # -- manifests

    def manifest(self, invoice_id: str) -> tuple[ManifestMetadata, str | None]:
        """Give what the manifest says of itself, and its ETag (None where there is none)."""
        properties = self._properties(manifest_blob(invoice_id))
        if properties is None:
            return ManifestMetadata(), None
        return ManifestMetadata.of(properties.metadata), properties.etag

    def manifest_text(self, invoice_id: str) -> bytes | None:
        """Give a manifest, or None where there is none."""
        with suppress(ResourceNotFoundError):
            return self._container.download_blob(manifest_blob(invoice_id)).readall()
        return None

    def put_manifest(
        self, invoice_id: str, text: bytes, about: ManifestMetadata, *, replacing: str | None
    ) -> None:
        """Write a manifest."""
        self._put(manifest_blob(invoice_id), text, about.metadata(), replacing)

    def reconciliation(self, invoice_id: str) -> tuple[bytes | None, str | None]:
        """Give what the lines of an invoice come to, and its ETag (None where there is none)."""
        try:
            download = self._container.download_blob(reconciliation_blob(invoice_id))
        except ResourceNotFoundError:
            return None, None
        return download.readall(), download.properties.etag

    def put_reconciliation(self, invoice_id: str, text: bytes, *, replacing: str | None) -> None:
        """Write what the lines of an invoice come to."""
        self._put(reconciliation_blob(invoice_id), text, {}, replacing)

    # -- the container

    def listed(self, prefix: str, *, snapshots: bool = False) -> Iterator[ListedBlob]:
        """List the committed blobs with their metadata, see `list_blobs`; none where there is no container."""
        return _if_there(list_blobs(self._container, prefix, snapshots=snapshots))

    def listed_manifests(self) -> Iterator[ListedBlob | ListedPrefix]:
        """List the manifests, and what the names of other blobs begin with; none where there is no container."""
        return _if_there(walk_blobs(self._container, ALL_BUT_MANIFESTS))

    def _properties(self, name: str) -> BlobProperties | None:
        with suppress(ResourceNotFoundError):
            return self._container.get_blob_client(name).get_blob_properties()
        return None

    def _put(self, name: str, text: bytes, metadata: Metadata, replacing: str | None) -> str:
        blob = self._container.get_blob_client(name)
        with told_as_overtaken(name):
            written = self._in_container(
                lambda: blob.upload_blob(
                    text,
                    overwrite=True,
                    metadata=metadata,
                    content_settings=_JSON,
                    **only(replacing),
                )
            )
        return str(written["etag"])

    def _in_container[T](self, operation: Callable[[], T]) -> T:
        """Do `operation`, after creating the container if that is what it lacks."""
        try:
            return operation()
        except ResourceNotFoundError as error:
            if error_code(error) != "ContainerNotFound":
                raise
        with suppress(ResourceExistsError):
            self._container.create_container()
        return operation()


def _if_there[T](listing: Iterator[T]) -> Iterator[T]:
    """Give what a container holds; nothing where there is no container."""
    try:
        yield from listing
    except ResourceNotFoundError as error:
        if error_code(error) != "ContainerNotFound":
            raise
