"""What the measurements measure: everyone stores the same lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.peers.job import Job
from benchmarks.runs import APP, LIMIT, PLAIN, Peer, Runs

LINES = 4_100  # more than two pages


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    """The services with one link."""
    with Runs(LINES) as services:
        yield services


# dlt is installed by `make bench` only.
@pytest.mark.parametrize(
    "peer",
    [
        Peer(APP, 4),
        Peer(APP, 4, page_size=1000),
        Peer(APP, 4, gzip_blocks=True),
        Peer(APP, by_token=True),
        Peer(LIMIT, 4),
        Peer(LIMIT, by_token=True),
        Peer(PLAIN),
    ],
    ids=str,
)
def test_a_peer_stores_every_line_once_and_in_order(runs: Runs, peer: Peer) -> None:
    """A run checks what has been stored, and fails if it is not what Partner Center has."""
    cost = runs.run(peer)
    assert cost.seconds > 0
    assert cost.cpu_seconds > 0
    assert cost.peak_mib > 10


def test_a_peer_that_loses_lines_is_found_out(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check is not for show."""
    whole = runs._job

    def cut(*args: Any) -> Job:
        return replace(whole(*args), lines=2_000)

    monkeypatch.setattr(runs, "_job", cut)
    with pytest.raises(RuntimeError, match="expected Content"):
        runs.run(Peer(LIMIT, 4))
