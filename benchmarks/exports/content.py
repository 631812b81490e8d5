"""The files of an export on disk: made once, the same each time, and kept for the next run."""

from __future__ import annotations

import json
import tempfile
import zlib
from collections.abc import Generator
from dataclasses import asdict, dataclass
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path

from benchmarks.exports.sums import Text
from benchmarks.machine import progress
from benchmarks.simulated import one_time
from local.simulated.data_sets import DataSet, ExportFile
from local.simulated.exports import export_lines, export_total
from local.simulated.model import BILLING, Invoice
from local.simulated.rows import PERIOD

_AT_ONCE = 10 * PERIOD
_HEADER = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
_LAST_BLOCK = b"\x03\x00"


@dataclass(frozen=True)
class Content:
    """What has to be in storage, and the sum of its charges."""

    text: Text
    total: str


def files_of(rows: int, files: int) -> list[str]:
    """Give the paths of the files, as Graph's manifest has them."""
    return [file.path for file in DataSet(one_time(rows), BILLING, files).files]


def written(rows: int, counts: tuple[int, ...]) -> tuple[Path, Content]:
    """Give the folder with an export of so many rows, once in each of these numbers of files."""
    invoice = one_time(rows)
    sample = blake2b(b"\n".join(export_lines(invoice, BILLING, 0, min(rows, PERIOD))))
    sample.update("\n".join(path for count in counts for path in files_of(rows, count)).encode())
    name = f"invoices-export-{rows}-{'-'.join(map(str, counts))}-{sample.hexdigest()[:16]}"
    folder = Path(tempfile.gettempdir()) / name
    about = folder / "content.json"
    if not about.exists():
        progress(f"making {rows:,} rows, once for all runs")
        text = _write(folder, invoice, rows, counts)
        content = Content(text, f"{export_total(invoice, BILLING):f}")
        about.write_text(json.dumps(asdict(content)))
    fields = json.loads(about.read_text())
    return folder, Content(Text(**fields["text"]), fields["total"])


def _files(folder: Path, files: list[ExportFile]) -> Generator[None, tuple[bytes, bytes, int]]:
    """Write files one after the other, of what is sent: text, the same deflated, the row behind it."""
    for file in files:
        path = folder / file.path.removeprefix("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as target:
            target.write(_HEADER)
            crc, size, stop = 0, 0, file.start
            while stop < file.stop:
                text, deflated, stop = yield
                crc, size = zlib.crc32(text, crc), size + len(text)
                target.write(deflated)
            target.write(_LAST_BLOCK + crc.to_bytes(4, "little"))
            target.write((size % (1 << 32)).to_bytes(4, "little"))
    yield


def _write(folder: Path, invoice: Invoice, rows: int, counts: tuple[int, ...]) -> Text:
    """Write all sets of files at once: to deflate the rows takes most of the time."""
    sets = [DataSet(invoice, BILLING, count).files for count in counts]
    edges = {file.stop for files in sets for file in files}
    targets = [_files(folder, files) for files in sets]
    for target in targets:
        next(target)
    deflate = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    size, adler = 0, 1
    for start, stop in pairwise(sorted({*edges, *range(0, rows, _AT_ONCE), rows})):
        text = b"".join(row + b"\n" for row in export_lines(invoice, BILLING, start, stop))
        deflated = deflate.compress(text)
        if stop in edges:
            deflated += deflate.flush(zlib.Z_FULL_FLUSH)  # what follows may begin another file
        for target in targets:
            target.send((text, deflated, stop))
        size, adler = size + len(text), zlib.adler32(text, adler)
    return Text(rows, size, adler)
