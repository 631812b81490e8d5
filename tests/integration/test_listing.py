"""Listing a container gives what the SDK gives, and tells errors as the SDK does."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.core.exceptions import DecodeError, ResourceNotFoundError, ServiceResponseError
from azure.core.pipeline import PipelineResponse
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import ContainerClient

from local.azurite import Azurite
from shared.storage import listing
from shared.storage.listing import ListedBlob, ListedPrefix, list_blobs, walk_blobs

Found = list[tuple[str, int, str, dict[str, str], str | None]]


@pytest.fixture
def container(azurite: Azurite) -> Iterator[ContainerClient]:
    name = f"listing-{uuid.uuid4().hex[:12]}"
    with ContainerClient.from_connection_string(azurite.connection_string, name) as container:
        container.create_container()
        for number in range(7):
            container.upload_blob(
                f"G00000000{number}/a & <b>.json", b"x" * number, metadata={"lines": str(number)}
            )
        container.get_blob_client("G000000003/a & <b>.json").create_snapshot()
        yield container


def ours(container: ContainerClient, prefix: str = "", **options: Any) -> Found:
    return [told(each) for each in list_blobs(container, prefix, **options)]


def walked(container: ContainerClient) -> tuple[Found, list[str]]:
    """Walk with the delimiter `3/a`; give the blobs and the prefixes."""
    found = list(walk_blobs(container, "3/a"))
    return (
        [told(each) for each in found if isinstance(each, ListedBlob)],
        [each.name for each in found if isinstance(each, ListedPrefix)],
    )


def told(blob: ListedBlob) -> tuple[str, int, str, dict[str, str], str | None]:
    return blob.name, blob.size, blob.etag, blob.metadata, blob.snapshot


def the_sdks(container: ContainerClient, prefix: str = "", *, snapshots: bool = False) -> Found:
    include = ["metadata", "snapshots"] if snapshots else ["metadata"]
    found = container.list_blobs(prefix, include=include)
    return [
        (each.name, each.size, str(each.etag), each.metadata or {}, each.snapshot) for each in found
    ]


def ask_with(monkeypatch: pytest.MonkeyPatch, method: str, **changed: Any) -> None:
    """Have a method of the SDK that lists ask with other options than it is told."""
    real = getattr(ContainerClient, method)
    monkeypatch.setattr(
        ContainerClient,
        method,
        lambda self, prefix, **options: real(self, prefix, **options | changed),
    )


def lose(monkeypatch: pytest.MonkeyPatch, lost: int | None) -> list[str]:
    """Have the answer to a request get lost; give the addresses that will be asked."""
    send, sent = RequestsTransport.send, list[str]()

    def note(self: RequestsTransport, request: Any, **options: Any) -> Any:
        answer = send(self, request, **options)
        sent.append(request.url)
        if len(sent) == lost:
            raise ServiceResponseError("the answer was lost")
        return answer

    monkeypatch.setattr(RequestsTransport, "send", note)
    monkeypatch.setattr("azure.storage.blob.ExponentialRetry.get_backoff_time", lambda *_: 0)
    return sent


@pytest.mark.parametrize("prefix", ["", "G000000003/", "nothing"])
@pytest.mark.parametrize("snapshots", [False, True])
def test_a_listing_is_that_of_the_sdk(
    container: ContainerClient, prefix: str, snapshots: bool
) -> None:
    """Names, sizes, ETags, metadata and snapshots, in its order."""
    found = ours(container, prefix, snapshots=snapshots)
    assert found == the_sdks(container, prefix, snapshots=snapshots)
    assert len(found) == {"": 7, "G000000003/": 1, "nothing": 0}[prefix] + (
        snapshots and prefix != "nothing"
    )


def test_a_listing_of_several_pages_is_whole(
    container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page is asked for where the one before has ended."""
    ask_with(monkeypatch, "list_blobs", results_per_page=2)
    assert ours(container) == the_sdks(container)


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_listing_whose_answer_was_lost_is_whole(
    container: ContainerClient, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    """The SDK asks again, and forgets then who wanted to read: the page counts all the same."""
    expected = the_sdks(container)
    sent = lose(monkeypatch, lost)
    ask_with(monkeypatch, "list_blobs", results_per_page=3)
    assert ours(container) == expected
    assert len(sent) >= lost


def without_three(container: ContainerClient) -> Found:
    return [each for each in the_sdks(container) if "3/a" not in each[0]]


@pytest.mark.parametrize("page_size", [None, 1, 2, 3])
@pytest.mark.parametrize("lost", [None, 1, 2])
def test_blobs_of_some_names_are_one_prefix(
    container: ContainerClient,
    monkeypatch: pytest.MonkeyPatch,
    page_size: int | None,
    lost: int | None,
) -> None:
    """Storage gives all others, whole, on however many pages, also where an answer is lost."""
    container.upload_blob("G000000003/another", b"x")
    expected = without_three(container)
    sent = lose(monkeypatch, lost)
    ask_with(monkeypatch, "walk_blobs", results_per_page=page_size)
    blobs, prefixes = walked(container)
    assert blobs == expected
    # Azurite cuts it short, and forgets on the next page what it has given.
    assert set(prefixes) <= {"G000000003", "G000000003/", "G000000003/a"}
    assert prefixes
    assert all("delimiter=3%2Fa" in url for url in sent)


@pytest.mark.parametrize("status", [400, 409, 501])
@pytest.mark.parametrize("answer", [{"delimiter": "/"}, {"results_per_page": -1}])
def test_a_data_lake_gives_what_it_cannot_leave_out(
    container: ContainerClient,
    monkeypatch: pytest.MonkeyPatch,
    answer: dict[str, Any],
    status: int,
) -> None:
    """It knows folders alone, whether it gives these or refuses: then all is listed."""
    send = RequestsTransport.send

    def refuse(self: RequestsTransport, request: Any, **options: Any) -> Any:
        answer = send(self, request, **options)
        if answer.status_code == 400:
            answer.status_code = status
        return answer

    monkeypatch.setattr(RequestsTransport, "send", refuse)
    monkeypatch.setattr("azure.storage.blob.ExponentialRetry.get_backoff_time", lambda *_: 0)
    ask_with(monkeypatch, "walk_blobs", **answer)
    assert walked(container) == (the_sdks(container), [])


@pytest.mark.parametrize("listed", [ours, walked])
def test_a_container_that_is_not_there_is_told_as_the_sdk_does(
    azurite: Azurite, listed: Callable[[ContainerClient], object]
) -> None:
    """The answers that are no listing are the SDK's."""
    container = ContainerClient.from_connection_string(azurite.connection_string, "is-not-there")
    with container, pytest.raises(ResourceNotFoundError, match="ContainerNotFound"):
        listed(container)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda body: body[:-20], "cannot be read"),
        (lambda _: b"", "cannot be read"),
        (lambda _: b"<html><body>a proxy</body></html>", "was expected, not <html>"),
        (lambda body: body.replace(b"Name>", b"N>"), "without a name"),
    ],
    ids=["cut off", "empty", "of somebody else", "without names"],
)
def test_an_answer_that_is_no_whole_listing_is_an_error(
    container: ContainerClient,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[bytes], bytes],
    message: str,
) -> None:
    """Never a shorter listing."""

    def receive(response: PipelineResponse[Any, Any]) -> None:
        raise listing._Received(change(response.http_response.body()))

    monkeypatch.setattr(listing, "_receive", receive)
    with pytest.raises(DecodeError, match=message):
        ours(container)
