"""Writes that hold only if a blob is what it was, and what they need of others' blocks."""

from __future__ import annotations

from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobClient, BlockState

from shared.errors import ArchiveError


def only(replacing: str | None) -> dict[str, Any]:
    """Give the condition under which a write replaces this very blob, or (None) no blob at all."""
    if replacing is None:
        return {"match_condition": MatchConditions.IfMissing}
    return {"match_condition": MatchConditions.IfNotModified, "etag": replacing}


def discard_uncommitted(blob: BlobClient) -> bool:
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
