"""Listing a container: what it says of each blob, and no more than is asked for.

The SDK makes some sixty attributes of each blob: a third of a millisecond, which is seconds for the
invoices of years. It still sends, signs and repeats the requests; what comes is read here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import unquote
from xml.etree import ElementTree

from azure.core.exceptions import DecodeError, HttpResponseError
from azure.core.pipeline import PipelineResponse
from azure.storage.blob import BlobPrefix, BlobProperties, ContainerClient

from shared.storage.metadata import Metadata
from shared.threads import InvocationThreads

if TYPE_CHECKING:
    from azure.core.paging import PageIterator


@dataclass(frozen=True, slots=True)
class ListedBlob:
    """A committed blob; `snapshot` names it where it is one that has been replaced since."""

    name: str
    size: int
    etag: str
    metadata: Metadata
    snapshot: str | None = None


@dataclass(frozen=True, slots=True)
class ListedPrefix:
    """What the names of some blobs begin with, instead of these blobs."""

    name: str


def list_blobs(
    container: ContainerClient, prefix: str, *, snapshots: bool = False
) -> Iterator[ListedBlob]:
    """List the committed blobs by name, 5,000 a request; with `snapshots` theirs, too, in no order of theirs.

    Raises AzureError where storage refuses, or gives what is no listing.
    """
    include = ["metadata", "snapshots"] if snapshots else ["metadata"]
    for page in _pages(partial(_page, container, prefix, include, None)):
        yield from page.blobs


def walk_blobs(container: ContainerClient, delimiter: str) -> Iterator[ListedBlob | ListedPrefix]:
    """List the committed blobs without `delimiter` in their names, and what the names of the others begin with.

    A data lake gives all as blobs (Known issues with Azure Data Lake Storage: the only delimiter that it
    supports is a slash). Raises AzureError as `list_blobs` does.
    """
    try:
        for page in _pages(partial(_page, container, "", ["metadata"], delimiter)):
            yield from page.blobs
            yield from map(ListedPrefix, page.prefixes)
    except _Folders:
        yield from list_blobs(container, "")


class _Page(NamedTuple):
    """`following` is where the next page begins; None after the last one."""

    blobs: Iterable[ListedBlob]
    prefixes: list[str]
    following: str | None


def _pages(page_at: Callable[[str | None], _Page]) -> Iterator[_Page]:
    """Give page after page; while one is read, storage works on the next one."""
    page = page_at(None)
    with InvocationThreads(1, thread_name_prefix="listing") as ahead:
        while page.following:
            asked = ahead.submit(page_at, page.following)
            yield page
            page = asked.result()
    yield page


class _Received(Exception):
    """An answer has come: nothing more is wanted of the SDK."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.body = body


class _Folders(Exception):
    """A data lake: no delimiter but a slash."""


# Which of them a data lake gives is documented nowhere.
_NOT_SUPPORTED = (400, 409, 501)


def _receive(response: PipelineResponse[Any, Any]) -> None:
    # Called for each attempt, inside of what repeats those that fail.
    if response.http_response.status_code == 200:
        raise _Received(response.http_response.body())


def _page(
    container: ContainerClient,
    prefix: str,
    include: list[str],
    delimiter: str | None,
    marker: str | None,
) -> _Page:
    options: dict[str, Any] = {"include": include, "raw_response_hook": _receive}
    listing = (
        container.walk_blobs(prefix, delimiter=delimiter, **options)
        if delimiter
        else container.list_blobs(prefix, **options)
    )
    pages = cast("PageIterator[BlobProperties | BlobPrefix]", listing.by_page(marker))
    try:
        # Where an attempt was lost the SDK has lost the hook with it, and reads what comes itself.
        found = list(next(pages))
    except _Received as received:
        page = _parsed(received.body)
        prefixes = [name.text or "" for name in page.iterfind("Blobs/BlobPrefix/Name")]
        blobs: Iterable[ListedBlob] = map(_listed, page.iterfind("Blobs/Blob"))
        following = page.findtext("NextMarker")
    except HttpResponseError as error:
        if delimiter and error.status_code in _NOT_SUPPORTED:
            raise _Folders from error
        raise
    else:
        prefixes = [each.name for each in found if isinstance(each, BlobPrefix)]
        blobs = [_of_sdk(each) for each in found if isinstance(each, BlobProperties)]
        following = pages.continuation_token
    if delimiter and any(prefix.endswith("/") for prefix in prefixes):
        raise _Folders
    return _Page(blobs, prefixes, following or None)


def _parsed(body: bytes) -> ElementTree.Element:
    try:
        page = ElementTree.fromstring(body)  # noqa: S314 - as the SDK does
    except ElementTree.ParseError as error:
        raise DecodeError(f"A listing of blobs cannot be read: {error}") from error
    if page.find("Blobs") is None:
        raise DecodeError(f"A listing of blobs was expected, not <{page.tag}>")
    return page


def _of_sdk(blob: BlobProperties) -> ListedBlob:
    return ListedBlob(blob.name, blob.size, str(blob.etag), blob.metadata or {}, blob.snapshot)


def _listed(blob: ElementTree.Element) -> ListedBlob:
    # By one name at a time: a path of names is ten times as slow.
    name, properties = blob.find("Name"), blob.find("Properties")
    if name is None or properties is None:
        raise DecodeError("A listing of blobs has one without a name or properties")
    text = name.text or ""
    metadata = blob.find("Metadata")
    return ListedBlob(
        name=unquote(text) if name.get("Encoded") == "true" else text,
        size=int(properties.findtext("Content-Length") or 0),
        etag=properties.findtext("Etag") or "",
        metadata={} if metadata is None else {each.tag: each.text or "" for each in metadata},
        snapshot=blob.findtext("Snapshot") or None,
    )
