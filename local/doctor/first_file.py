"""The beginning of an export's first file: how it is sent, zipped and written."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from local.doctor.failures import REPORT
from local.doctor.invoices import column_findings
from local.doctor.report import Finding, detail, failed, well
from local.doctor.shapes import code, header, yes
from local.doctor.subject import NotAsked, Subject, within
from shared.errors import ApiError

_SECONDS = 40
_MOST = 64 << 10  # bytes that are read, and bytes that they are unpacked to
_MOST_ROWS = 50
_GZIP, _BYTE_ORDER_MARK = b"\x1f\x8b", b"\xef\xbb\xbf"


def first_file(subject: Subject) -> Iterator[Finding]:
    """Tell the headers, the first bytes and the columns of the first file."""
    if subject.manifest is None:
        raise NotAsked("no export is ready")
    if not subject.manifest.names:
        raise NotAsked("the export has no files")
    subject.answers.clear()
    try:
        start, is_all = _start(subject)
    except ApiError:
        yield from _headers(subject)
        raise
    yield from _headers(subject)
    yield detail(f"first bytes: {start[:3].hex(' ') or 'none'}")
    try:
        text, has_more = _unpacked(start)
    except zlib.error:
        yield failed("it begins like gzip and is corrupt", REPORT)
        return
    yield from _rows(text, is_all=is_all and not has_more)


def _start(subject: Subject) -> tuple[bytes, bool]:
    """Give the file's first bytes, and whether that is all of it."""
    assert subject.manifest  # noqa: S101 - was looked at before
    start = b""
    with subject.files.open(subject.manifest, 0, within(_SECONDS)) as pieces:
        for piece in pieces:
            start += piece
            if len(start) > _MOST:
                return start[:_MOST], False
    return start, True


def _headers(subject: Subject) -> Iterator[Finding]:
    for answer in subject.answers[-1:]:
        error = answer.headers.get("x-ms-error-code")
        yield detail(f"status: {answer.status}" + (f", code {code(error)}" if error else ""))
        names = ("Content-Encoding", "Content-Type", "Content-Length", "Accept-Ranges")
        values = (f"{name} {header(answer.headers.get(name))}" for name in names)
        yield detail(f"{', '.join(values)}, ETag {yes(answer.headers.get('ETag'))}")


def _unpacked(start: bytes) -> tuple[bytes, bool]:
    """Unpack the beginning of the beginning; say whether there is more behind it."""
    if not start.startswith(_GZIP):
        return start, False
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    text = unpacker.decompress(start, _MOST)
    return text, bool(unpacker.unconsumed_tail or unpacker.unused_data or not unpacker.eof)


def _rows(text: bytes, *, is_all: bool) -> Iterator[Finding]:
    mark = text.startswith(_BYTE_ORDER_MARK)
    *lines, rest = text.removeprefix(_BYTE_ORDER_MARK).split(b"\n")
    if is_all and rest:
        lines.append(rest)
    crlf = any(line.endswith(b"\r") for line in lines)
    blank = sum(not line.strip() for line in lines)
    end = f", the last line has an end {yes(not rest)}" if is_all else ""
    yield detail(f"byte order mark {yes(mark)}, lines end in {'CR LF' if crlf else 'LF'}{end}")
    rows = [line for line in lines if line.strip()][:_MOST_ROWS]
    if not rows:
        yield detail(f"no whole row in the first {_MOST >> 10} KiB")
        return
    try:
        columns = list(column_findings(rows))
    except ValueError:
        yield failed("a row is no JSON", REPORT)
        return
    yield well(f"rows that were looked at: {len(rows)}, blank lines: {blank}")
    yield from columns
