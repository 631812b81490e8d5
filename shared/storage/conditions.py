"""Writes that hold only if a blob is what it was, and what they need of others' blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobClient, BlockState

from shared.errors import ArchiveError, Overtaken
from shared.log import get_logger
from shared.storage.failures import error_code

_log = get_logger(__name__)
# What a condition or a commit is answered where somebody else has written since. The status alone
# does not tell: archived, leased and immutable blobs answer 409 and 412 as well.
_OVERTAKEN = frozenset({"ConditionNotMet", "BlobAlreadyExists", "BlobNotFound", "InvalidBlockList"})
# What a block is answered where uncommitted ones keep it out: ids of another length, or 100,000 of them.
_IN_THE_WAY = frozenset({"InvalidBlobOrBlock", "BlockCountExceedsLimit"})


def only(replacing: str | None) -> dict[str, Any]:
    """Give the condition under which a write replaces this very blob, or (None) no blob at all."""
    if replacing is None:
        return {"match_condition": MatchConditions.IfMissing}
    return {"match_condition": MatchConditions.IfNotModified, "etag": replacing}


def _discard_uncommitted(blob: BlobClient) -> bool:
    """Commit once more what is committed, so that all other blocks go; say whether there was a blob.

    Raises ArchiveError where the blob did not come by blocks: they cannot be committed again.
    """
    try:
        there = blob.get_blob_properties()
    except ResourceNotFoundError:
        # There is no other way: for a moment, there is an empty blob without metadata.
        empty = blob.commit_block_list([], **only(None))
        blob.delete_blob(**only(str(empty["etag"])))
        return False
    committed, _ = blob.get_block_list("committed")
    if sum(block.size for block in committed) != there.size:
        raise ArchiveError(
            f"{blob.blob_name} was uploaded by another tool, which has also staged blocks: delete it"
        )
    blob.commit_block_list(
        [BlobBlock(block.id, state=BlockState.COMMITTED) for block in committed],
        content_settings=there.content_settings,
        metadata=there.metadata,
        **only(there.etag),
    )
    return True


@contextmanager
def told_as_overtaken(name: str) -> Iterator[None]:
    """Raise Overtaken where a write is refused because the blob is not what it was."""
    try:
        yield
    except HttpResponseError as error:
        if error_code(error) not in _OVERTAKEN:
            raise
        raise Overtaken(f"{name} has been written by somebody else since") from error


def is_kept_out(stage: Callable[[], None]) -> bool:
    """Stage a block; say whether others that are uncommitted have kept it out."""
    try:
        stage()
    except HttpResponseError as error:
        if error_code(error) not in _IN_THE_WAY:
            raise
        return True
    return False


def discard(blob: BlobClient) -> None:
    """Discard the blocks of others; raises Overtaken where that has written the blob."""
    _log.warning("%s: discarding blocks that others have staged", blob.blob_name)
    with told_as_overtaken(blob.blob_name):
        replaced = _discard_uncommitted(blob)
    if replaced:
        # It has another ETag now than who began with it has seen.
        raise Overtaken(f"Others had staged blocks of {blob.blob_name}")
