"""The container of the invoices: what is in it, and how it gets there whole.

    {invoiceId}/invoice.json                                   the invoice as listed
    {invoiceId}/{billingProvider}/{invoiceLineItemType}.jsonl  every line
    {invoiceId}/manifest.json                                  what is there, and whether it adds up

It knows nothing of Partner Center's paging. Thread-safe; one for the process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import (
    BlobBlock,
    BlobProperties,
    ContainerClient,
    ContentSettings,
)

from shared.errors import Overtaken
from shared.links import LineItems
from shared.stored import InvoiceMark, StoredInvoice, StoredLines, blob_name, items_of

_JSON = ContentSettings(content_type="application/json")
_JSON_LINES = ContentSettings(content_type="application/x-ndjson")
MOST_BLOCKS = 50_000
"""What one blob may consist of, so the most pages that a link may have."""


class Archive:
    """Reads and writes the container, which is created when it is missing."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container

    # -- invoices

    def put_invoice(self, invoice: str, text: bytes, mark: InvoiceMark) -> None:
        """Store an invoice as listed."""
        self._put(f"{invoice}/invoice.json", text, mark.metadata())

    def mark_invoice(self, invoice: str, mark: InvoiceMark) -> None:
        """Change what the metadata of a stored invoice says."""
        blob = self._container.get_blob_client(f"{invoice}/invoice.json")
        blob.set_blob_metadata(mark.metadata())

    def read_invoice(self, invoice: str) -> StoredInvoice | None:
        """Give the stored invoice, or None where there is none."""
        try:
            download = self._container.download_blob(f"{invoice}/invoice.json")
        except ResourceNotFoundError:
            return None
        mark = InvoiceMark.of(download.properties.metadata)
        # A new mark touches the blob, so the mark's own time comes first.
        stored_at = mark.stored_at if mark else download.properties.last_modified
        return StoredInvoice(download.readall(), stored_at, mark)

    # -- lines

    def stage_page(self, items: LineItems, part: str, page: int, lines: bytes) -> None:
        """Stage a page as a block of the final blob; nobody sees it before the commit."""
        blob = self._container.get_blob_client(blob_name(items))
        self._in_container(lambda: blob.stage_block(_block_id(part, page), lines, len(lines)))

    def commit_lines(
        self,
        items: LineItems,
        parts: Iterable[str],
        metadata: dict[str, str],
        *,
        over: StoredLines | None,
    ) -> None:
        """Make the blob of all staged pages appear at once, with its metadata.

        `parts` names the part that has staged each page, `over` is what stood there before the work
        began. Raises Overtaken where another run has committed since: it has removed the pages, and
        pages staged after it must not replace lines that may be newer.
        """
        blob = self._container.get_blob_client(blob_name(items))
        blocks = [BlobBlock(_block_id(part, page)) for page, part in enumerate(parts)]
        try:
            self._in_container(
                lambda: blob.commit_block_list(
                    blocks,
                    content_settings=_JSON_LINES,
                    metadata=metadata,
                    **_only_over(over.etag if over else None),
                )
            )
        except (ResourceModifiedError, ResourceExistsError) as error:
            raise Overtaken(f"The lines of {items} have been committed since") from error
        except HttpResponseError as error:
            if _code(error) != "InvalidBlockList":
                raise
            raise Overtaken(f"The staged pages of {items} are gone") from error

    def stored_lines(self, items: LineItems) -> StoredLines | None:
        """Tell what is known of a committed blob of lines, or None where there is none."""
        try:
            blob = self._container.get_blob_client(blob_name(items)).get_blob_properties()
        except ResourceNotFoundError:
            return None
        return StoredLines.of(items, blob)

    def all_stored_lines(self, invoice: str) -> list[StoredLines]:
        """Tell what is known of each committed blob of lines of an invoice, by name."""
        named = [(items_of(invoice, blob.name), blob) for blob in self.listed(f"{invoice}/")]
        return [StoredLines.of(items, blob) for items, blob in named if items]

    def staged_pages(self, items: LineItems) -> int:
        """Count the pages that are staged and not yet committed."""
        blob = self._container.get_blob_client(blob_name(items))
        try:
            _, uncommitted = blob.get_block_list("uncommitted")
        except ResourceNotFoundError:
            return 0
        return len({block.id.partition("-")[2] for block in uncommitted})

    # -- manifests

    def replace_manifest(
        self, invoice: str, make: Callable[[], tuple[bytes, bool]], *, tries: int = 10
    ) -> None:
        """Write what `make` gives (the text, and whether the invoice is complete).

        `make` reads the container; where another writer comes between, it is asked again, so that
        the last manifest written knows of every commit before it. The metadata remember when the
        invoice was last complete, also where it is not now.
        """
        name = f"{invoice}/manifest.json"
        for _ in range(tries):
            etag, known = self._manifest_before(name)
            text, complete = make()
            metadata = known | {"updated_at": now_text()}
            if complete:
                metadata["complete_at"] = metadata["updated_at"]
            with suppress(ResourceModifiedError, ResourceExistsError):
                self._put(name, text, metadata, **_only_over(etag))
                return
        raise TimeoutError(
            f"The manifest of {invoice} was changed {tries} times in a row by others"
        )

    def _manifest_before(self, name: str) -> tuple[str | None, dict[str, str]]:
        """Give the ETag of what a manifest replaces, and what the next one keeps of its metadata."""
        try:
            before = self._container.get_blob_client(name).get_blob_properties()
        except ResourceNotFoundError:
            return None, {}
        complete_at = (before.metadata or {}).get("complete_at")
        return before.etag, {"complete_at": complete_at} if complete_at else {}

    # -- the container

    def listed(self, prefix: str) -> Iterator[BlobProperties]:
        """List the committed blobs with their metadata, by name, 5,000 a request."""
        try:
            yield from self._container.list_blobs(prefix, include=["metadata"])
        except ResourceNotFoundError as error:
            if _code(error) != "ContainerNotFound":
                raise

    def _put(self, name: str, text: bytes, metadata: dict[str, str], **condition: Any) -> None:
        blob = self._container.get_blob_client(name)
        self._in_container(
            lambda: blob.upload_blob(
                text, overwrite=True, metadata=metadata, content_settings=_JSON, **condition
            )
        )

    def _in_container[T](self, operation: Callable[[], T]) -> T:
        """Do `operation`, after creating the container if that is what it lacks."""
        try:
            return operation()
        except ResourceNotFoundError as error:
            if _code(error) != "ContainerNotFound":
                raise
        with suppress(ResourceExistsError):
            self._container.create_container()
        return operation()


def now_text() -> str:
    """Give the moment as metadata and manifests carry it: UTC, ISO 8601."""
    return datetime.now(UTC).isoformat()


def _block_id(part: str, page: int) -> str:
    # All ids of a blob have to be of the same length.
    return f"{part}-{page:05d}"


def _only_over(etag: str | None) -> dict[str, Any]:
    """Give the condition under which a write replaces this very blob, or (None) no blob at all."""
    if etag is None:
        return {"match_condition": MatchConditions.IfMissing}
    return {"match_condition": MatchConditions.IfNotModified, "etag": etag}


def _code(error: HttpResponseError) -> object:
    return getattr(error, "error_code", None)  # set by the storage SDK, unknown to the type
