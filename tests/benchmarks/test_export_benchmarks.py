"""What the measurements of exports measure: everyone stores the same rows."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.exports.azurite import AzuriteOnDisk
from benchmarks.exports.runs import ExportRuns
from benchmarks.exports.sink import Sink
from benchmarks.exports.sums import Text, joined
from benchmarks.peers.exports.job import ExportJob
from benchmarks.runs import APP, LIMIT, PLAIN

ROWS = 4_100


@pytest.fixture(scope="module", params=[(1, AzuriteOnDisk), (3, Sink)])
def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ExportRuns]:
    """The services with one export."""
    with pytest.MonkeyPatch.context() as patch:
        folder: Path = tmp_path_factory.mktemp("exports")
        patch.setattr(tempfile, "tempdir", str(folder))
        with ExportRuns(ROWS, *request.param, sets=(1, 3)) as services:
            yield services


# dlt is installed by `make bench` only.
@pytest.mark.parametrize("peer", [APP, LIMIT, PLAIN])
def test_a_peer_stores_every_row_once_and_in_order(runs: ExportRuns, peer: str) -> None:
    """A run checks what has been stored, and fails if it is not what the export has."""
    cost = runs.run(peer)
    assert cost.seconds > 0
    assert cost.cpu_seconds > 0
    assert cost.peak_mib > 10


def test_a_peer_that_loses_a_file_is_found_out(
    runs: ExportRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check is not for show."""
    whole = runs._job

    def cut(*args: Any) -> ExportJob:
        job = whole(*args)
        return replace(job, urls=job.urls[:-1] + job.urls[:1] * 2)

    monkeypatch.setattr(runs, "_job", cut)
    with pytest.raises(RuntimeError, match="expected Stored"):
        runs.run(LIMIT)


def test_sums_of_parts_are_the_sums_of_the_whole() -> None:
    """Storage forgets the parts before it knows their order."""
    parts = [b"a line\n", b"", b"half a li", b"ne\n" * 70_000, b"\xff" * 100_000]
    texts = [Text(part.count(b"\n"), len(part), zlib.adler32(part)) for part in parts]
    whole = b"".join(parts)
    assert joined(texts) == Text(whole.count(b"\n"), len(whole), zlib.adler32(whole))
