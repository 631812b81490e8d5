"""What `shared.telemetry` does with OpenTelemetry's API; imported only where telemetry is on."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from azure.core.settings import settings as azure_settings
from opentelemetry import context as contexts
from opentelemetry import metrics, propagate, trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.urllib import URLLibInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.instrumentation.utils import suppress_http_instrumentation
from opentelemetry.trace import Link, Span, SpanKind, StatusCode

if TYPE_CHECKING:
    from shared.telemetry import Answered

_NAME = "partner_center_invoices"

_tracer = trace.get_tracer(_NAME)
_meter = metrics.get_meter(_NAME)
_pages = _meter.create_counter("invoices.pages", "{page}", "Pages of Partner Center v1 that came")
_files = _meter.create_counter("invoices.files", "{file}", "Files of exports that came, whole")
_lines = _meter.create_counter("invoices.lines", "{line}", "Lines that were staged")
_bytes = _meter.create_counter("invoices.bytes", "By", "Bytes of those lines")
_throttles = _meter.create_counter("invoices.throttles", "{answer}", "Answers with status 429")
_seconds = _meter.create_histogram("invoices.link.seconds", "s", "An invocation's work on a link")
_oldest = _meter.create_gauge("invoices.oldest_unsettled", "d", "Age of the oldest unsettled one")


def _silence() -> None:
    """Take away what would record whole URLs, with their signatures, and what tells of its own posts."""
    for instrumentor in (RequestsInstrumentor(), URLLib3Instrumentor(), URLLibInstrumentor()):
        if instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.uninstrument()
    # A connection string of storage may be a SAS, which the SDK's own spans would have.
    azure_settings.tracing_enabled = False
    # One line for each post of the exporter would be the next post.
    logging.getLogger("azure.core.pipeline.policies.http_logging_policy").setLevel(logging.WARNING)
    logging.getLogger("azure.monitor.opentelemetry").setLevel(logging.WARNING)


_silence()


class Trace:
    """The trace of an invocation; it ends with it."""

    def __init__(self, name: str, stack: ExitStack) -> None:
        self._name, self._stack = name, stack

    def go_on(self, traceparent: str | None) -> None:
        """Be of the trace that a message was sent in; the host's own one is linked to."""
        if traceparent is not None:
            host = trace.get_current_span().get_span_context()
            links = [Link(host)] if host.is_valid else []
            parent = _context_of(traceparent, None)
            self._stack.enter_context(_attached(parent))
            self._stack.enter_context(_span(self._name, SpanKind.INTERNAL, links=links))


@contextmanager
def invocation(name: str, traceparent: str | None, tracestate: str | None) -> Iterator[Trace]:
    """See `shared.telemetry`."""
    with ExitStack() as stack:
        stack.enter_context(_attached(_context_of(traceparent, tracestate)))
        yield Trace(name, stack)


def traceparent() -> str | None:
    """See `shared.telemetry`."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")


def _context_of(traceparent: str | None, tracestate: str | None) -> Context:
    carrier = {"traceparent": traceparent or "", "tracestate": tracestate or ""}
    # Into an empty context: what is not of this invocation is none of its business.
    return propagate.extract(carrier, Context())


@contextmanager
def _attached(context: Context) -> Iterator[None]:
    token = contexts.attach(context)
    try:
        yield
    finally:
        contexts.detach(token)


@contextmanager
def request(api: str, method: str, url: str) -> Iterator[Answered]:
    """See `shared.telemetry`."""
    parts = urlsplit(url)
    attributes: dict[str, str | int] = {
        "http.request.method": method,
        "url.full": f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}",
        "server.address": parts.hostname or "",
        "server.port": parts.port or (443 if parts.scheme == "https" else 80),
        "api": api,
    }
    with (
        _span(f"{method} {parts.path}", SpanKind.CLIENT, attributes) as span,
        suppress_http_instrumentation(),
    ):
        yield partial(_answered, span, api)


def _answered(span: Span, api: str, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= 400:
        span.set_status(StatusCode.ERROR)
    if status == 429:
        _throttles.add(1, {"api": api})


@contextmanager
def _span(
    name: str,
    kind: SpanKind,
    attributes: Mapping[str, str | int] | None = None,
    links: Sequence[Link] = (),
) -> Iterator[Span]:
    """Make a span that tells an error by its type alone: its text may have a whole URL."""
    with _tracer.start_as_current_span(
        name,
        kind=kind,
        attributes=attributes,
        links=links,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except BaseException as error:
            # Twice: Azure's exporter leaves out the conventions' own name.
            for name in ("error.type", "error"):
                span.set_attribute(name, type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise


def count_lines(source: str, pages: int, lines: int, size: int) -> None:
    """See `shared.telemetry`."""
    (_files if source == "graph" else _pages).add(pages)
    _lines.add(lines, {"source": source})
    _bytes.add(size, {"source": source})


def link_took(seconds: float, source: str) -> None:
    """See `shared.telemetry`."""
    _seconds.record(seconds, {"source": source})


def oldest_unsettled(days: int) -> None:
    """See `shared.telemetry`."""
    _oldest.set(days)
