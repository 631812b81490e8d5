"""What Blob Storage answers as XML, as far as the peers read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape

from benchmarks.exports.sums import Text

_HEAD = '<?xml version="1.0" encoding="utf-8"?>'


def error(code: str) -> str:
    """Say what is wrong."""
    return f"{_HEAD}<Error><Code>{code}</Code><Message>{code}</Message></Error>"


def block_list(staged: Mapping[str, Text]) -> str:
    """List the blocks that are not committed."""
    blocks = (
        f"<Block><Name>{block_id}</Name><Size>{text.size}</Size></Block>"
        for block_id, text in staged.items()
    )
    inside = f"<CommittedBlocks/><UncommittedBlocks>{''.join(blocks)}</UncommittedBlocks>"
    return f"{_HEAD}<BlockList>{inside}</BlockList>"


def listing(blobs: Mapping[str, tuple[int, Mapping[str, str]]], prefix: str, delimiter: str) -> str:
    """List blobs, each with its size and metadata, and what is common up to a delimiter once."""
    entries: dict[str, str] = {}
    for name in sorted(name for name in blobs if name.startswith(prefix)):
        rest = name.removeprefix(prefix)
        if delimiter and delimiter in rest:
            common = prefix + rest.partition(delimiter)[0] + delimiter
            entries[common] = f"<BlobPrefix><Name>{escape(common)}</Name></BlobPrefix>"
        else:
            entries[name] = _entry(name, *blobs[name])
    return _results(entries.values())


def _entry(name: str, size: int, metadata: Mapping[str, str]) -> str:
    about = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in metadata.items())
    properties = (
        "<Last-Modified>Fri, 08 Mar 2024 00:00:00 GMT</Last-Modified><Etag>0x1</Etag>"
        f"<Content-Length>{size}</Content-Length><BlobType>BlockBlob</BlobType>"
    )
    return (
        f"<Blob><Name>{escape(name)}</Name><Properties>{properties}</Properties>"
        f"<Metadata>{about}</Metadata></Blob>"
    )


def _results(entries: Iterable[str]) -> str:
    return (
        f"{_HEAD}<EnumerationResults><Blobs>{''.join(entries)}</Blobs><NextMarker/>"
        "</EnumerationResults>"
    )
