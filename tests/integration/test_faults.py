"""Every request of the whole job may fail once, in each of four ways, and nothing is lost or doubled.

`make faults` tries all of them. Here it is a sample, by another seed each time.
"""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from local.faults import job as jobs
from local.faults.deliveries import Deliveries
from local.faults.pieces import Pieces, hastened
from local.faults.report import failures, table
from local.faults.trials import Requests, Usual, Verdict, tried, usual
from local.faults.wire import Fault, Kind, Request
from local.simulated import SimulatedEntraId

SEED = int(os.environ.get("FAULTS_SEED") or secrets.randbelow(1_000_000))
SAMPLE = 7
LINES = "D000090001/office/billing_line_items"


@pytest.fixture(scope="module")
def pieces(azurite: Azurite, entra_id: SimulatedEntraId) -> Iterator[Pieces]:
    with hastened():
        yield Pieces(azurite, entra_id)


@pytest.fixture(scope="module")
def known(pieces: Pieces) -> Usual:
    """What two faultless jobs ask for."""
    return usual(pieces, jobs=2)


def test_a_request_that_fails_once_does_no_harm(pieces: Pieces, known: Usual) -> None:
    """The same bytes, right manifests, no poison, nothing left to do, and not many more requests."""
    # What threads ask for by chance is left to `make faults`.
    steady = [fault for fault in known.faults if known.is_in_all(fault.request)]
    for fault in random.Random(SEED).sample(steady, SAMPLE):
        verdict = tried(pieces, fault, known)
        assert not verdict.problems, f"FAULTS_SEED={SEED}, {fault}"


def test_what_a_fault_does_is_found(
    pieces: Pieces, known: Usual, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the message is lost with the process that works on it."""
    monkeypatch.setattr(Deliveries, "abandoned", lambda *_: None)
    request = Request("container", LINES, f"PUT /invoices-*/{LINES}.jsonl?comp=blocklist", 1)
    verdict = tried(pieces, Fault(request, "dead before"), known)
    assert verdict.is_reached
    assert verdict.problems[0] == f"{LINES}.jsonl is missing"
    assert "the manifest of D000090001 is wrong" in verdict.problems[1]
    assert len(verdict.problems) == 2


def test_a_message_that_always_fails_is_found(
    pieces: Pieces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody takes what is wrong without any fault for what is usual."""

    def failing(*_: object) -> None:
        raise ValueError("no")

    monkeypatch.setattr(jobs, "fetch_lines", failing)
    with pytest.raises(RuntimeError, match=r"has failed: ValueError: no.*is missing.*poison: \{"):
        usual(pieces, jobs=1)


def test_the_report_names_what_failed() -> None:
    """It counts by place and kind, and says how to try a failure again."""

    def verdict(kind: Kind, *problems: str, is_reached: bool = True) -> Verdict:
        fault = Fault(Request("queue", "list_invoices", "POST /messages", 2), kind)
        return Verdict(fault, Requests(), list(problems), is_reached, is_healed=False)

    verdicts = [
        verdict("never delivered"),
        verdict("answer lost", is_reached=False),
        verdict("dead before", "a is missing"),
    ]
    header, queue, total = table(verdicts).splitlines()
    assert header.split("   ")[-1] == "all"
    assert "1 right" in queue
    assert "0 right, 1 FAILED" in queue
    assert total.endswith("1 right, 1 FAILED, 1 not reached")
    name = "dead before: queue: POST /messages #2 of list_invoices"
    assert list(failures(verdicts)) == [
        f"\nFAILED {name}",
        "  a is missing",
        f"  again: python -m local.faults --only '{name}'",
    ]
