"""Traces and metrics, where the app setting asks for them; else nothing of OpenTelemetry is imported.

Microsoft's engine configures the exporter before it loads the app. What is here says what the app
knows better: of which trace an invocation is, what it asks for, and how much has come.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import azure.functions as func

    from shared.tracing import Trace

Answered = Callable[[int], None]
"""Notes the status of an answer, and counts it where it throttles."""

_SETTING = "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY"

IS_ON = os.environ.get(_SETTING, "").strip().lower() in ("1", "true", "t", "yes", "y")
"""As the engine reads it."""

if IS_ON:
    from shared import tracing


@contextmanager
def invocation(name: str, context: func.Context) -> Iterator[Trace | None]:
    """Let what is inside be of the host's trace: the engine does that for coroutines only.

    What it gives can `go_on` with another trace; None where telemetry is off.
    """
    if not IS_ON:
        yield None
        return
    host = context.trace_context
    with tracing.invocation(name, host.trace_parent, host.trace_state) as trace:
        yield trace


def traceparent() -> str | None:
    """Give what a message carries of the trace that it is sent in; None where there is none."""
    return tracing.traceparent() if IS_ON else None


@contextmanager
def request(api: str, method: str, url: str) -> Iterator[Answered]:
    """Make a span of a request to an API; of the URL it has scheme, host and path, never the query.

    An error inside is told by its type: what the libraries say of it has the whole URL, and so has
    what instruments them by itself, which is kept away.
    """
    if not IS_ON:
        yield _unnoted
        return
    with tracing.request(api, method, url) as answered:
        yield answered


def _unnoted(_status: int) -> None:
    """Note nothing."""


def count_lines(source: str, *, pages: int, lines: int, size: int) -> None:
    """Count what has come: pages of v1 or files of an export, lines, and their bytes."""
    if IS_ON:
        tracing.count_lines(source, pages, lines, size)


def link_took(seconds: float, source: str) -> None:
    """Note how many seconds an invocation has worked on a link."""
    if IS_ON:
        tracing.link_took(seconds, source)


def oldest_unsettled(days: int) -> None:
    """Note for how many days the oldest invoice that has not settled has not."""
    if IS_ON:
        tracing.oldest_unsettled(days)
