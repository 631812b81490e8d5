"""What a log line is about stands at its end."""

from __future__ import annotations

import logging
from threading import Event

import pytest

from shared.log import about, also_about, get_logger
from shared.threads import InvocationThreads

_log = get_logger("tests.log")


@pytest.fixture(autouse=True)
def _at_info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_lines_end_with_what_they_are_about(caplog: pytest.LogCaptureFixture) -> None:
    """In one order, whichever is said first; what is not known is left out."""
    with about(correlation="c-1", invoice="G000024130"):
        _log.info("%d lines", 5)
        with about(type="billing_line_items", provider="one_time", source=None):
            _log.info("inside")
        _log.info("outside")
    _log.info("nothing")
    assert caplog.messages == [
        "5 lines invoice=G000024130 correlation=c-1",
        "inside invoice=G000024130 provider=one_time type=billing_line_items correlation=c-1",
        "outside invoice=G000024130 correlation=c-1",
        "nothing",
    ]


def test_what_becomes_known_later_counts_from_then_on(caplog: pytest.LogCaptureFixture) -> None:
    """To the end of the innermost `about`, and for nobody after it."""
    with about(invoice="G000024130"):
        with about():
            also_about(source="graph")
            _log.info("known")
        _log.info("gone")
    also_about(source="v1")
    _log.info("nothing")
    assert caplog.messages == [
        "known invoice=G000024130 source=graph",
        "gone invoice=G000024130",
        "nothing",
    ]


def test_threads_of_an_invocation_log_what_it_is_about(caplog: pytest.LogCaptureFixture) -> None:
    """Also what has become known since their work was given to them."""
    known = Event()

    def work() -> None:
        known.wait(5)
        _log.info("in a thread")

    with InvocationThreads(1) as threads, about(invoice="G000024130"):
        done = threads.submit(work)
        also_about(source="graph")
        known.set()
        done.result()
    assert caplog.messages == ["in a thread invoice=G000024130 source=graph"]


def test_a_value_from_outside_cannot_look_like_another_field(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Blanks, line breaks, `=` and `%` in a value become underscores."""
    with about(invoice="G1 source=v1\n%s"):
        _log.info("%s", "text")
    assert caplog.messages == ["text invoice=G1_source_v1__s"]


def test_the_fields_are_attributes_of_the_record(caplog: pytest.LogCaptureFixture) -> None:
    """OpenTelemetry takes them from there."""
    with about(invoice="G000024130", type="usage_line_items"):
        _log.warning("look")
    (record,) = caplog.records
    assert (vars(record)["invoice"], vars(record)["type"]) == ("G000024130", "usage_line_items")
