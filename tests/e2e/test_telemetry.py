"""OpenTelemetry, where the app setting asks for it: what arrives at Application Insights, and what never does."""

from __future__ import annotations

import gzip
import json
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from azure.storage.queue import QueueClient

from local.app_root import app_root
from local.simulated import Invoice, faults, small_world
from local.simulated.invoices import new_commerce
from local.stack import APP_ROOT, QUEUE, Stack, running
from shared.messages import LineItemsMessage
from tests.e2e.conftest import wait_until

INVOICE = "G098765430"
V1_INVOICE = "D0500033K3"
ON = {"PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": "true"}
_INSTRUMENT = """
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor

RequestsInstrumentor().instrument()
URLLib3Instrumentor().instrument()
"""
_HTTP_REQUEST = re.compile(r"Request URL|Response status")


class Ingestion:
    """An ingestion endpoint of Application Insights on this machine, and what has come to it."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.texts: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def settings(self) -> dict[str, str]:
        """The app settings that lead here, and have things sent soon."""
        url = f"http://127.0.0.1:{self.server.server_port}/"
        return {
            "APPLICATIONINSIGHTS_CONNECTION_STRING": (
                "InstrumentationKey=00000000-0000-4000-8000-000000000000;"
                f"IngestionEndpoint={url};LiveEndpoint={url}"
            ),
            "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
            "OTEL_BLRP_SCHEDULE_DELAY": "200",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
            "OTEL_TRACES_SAMPLER": "always_on",
        }

    def of_type(self, name: str) -> list[dict[str, Any]]:
        """The items of a type, each with its time and tags."""
        found = [item for item in list(self.items) if item["data"]["baseType"] == name]
        return [
            {**item["data"]["baseData"], "time": item["time"], "tags": item["tags"]}
            for item in found
        ]

    def metric(self, name: str) -> list[dict[str, Any]]:
        """What has come of a metric, export by export."""
        points = [point for data in self.of_type("MetricData") for point in data["metrics"]]
        return [point for point in points if point["name"] == name]

    def total(self, name: str) -> float:
        """What a counter has come to."""
        return sum(float(point["value"]) for point in self.metric(name))

    def messages(self, part: str) -> list[dict[str, Any]]:
        """The log records whose text has this part."""
        return [data for data in self.of_type("MessageData") if part in data["message"]]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        ingestion = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                answer = ingestion.take(self.path, body.decode())
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def take(self, path: str, text: str) -> bytes:
        """Take a post, and answer as the endpoint does."""
        self.texts.append(text)
        if not path.startswith("/v2.1/track"):
            return b"{}"
        came = (
            json.loads(text) if text.startswith("[") else list(map(json.loads, text.splitlines()))
        )
        self.items += came
        count = len(came)
        return json.dumps({"itemsReceived": count, "itemsAccepted": count, "errors": []}).encode()


@contextmanager
def listening() -> Iterator[Ingestion]:
    """Have an endpoint for the time of the block."""
    ingestion = Ingestion()
    thread = Thread(target=ingestion.server.serve_forever, daemon=True)
    thread.start()
    yield ingestion
    ingestion.server.shutdown()
    ingestion.server.server_close()
    thread.join()


def world() -> list[Invoice]:
    """An invoice whose lines come by Graph, as files, and one whose lines are pages of v1."""
    by_pages = [invoice for invoice in small_world() if invoice.id == V1_INVOICE]
    return [new_commerce(INVOICE, date(2026, 11, 8), billing=450, usage=1200), *by_pages]


def is_complete(stack: Stack) -> bool:
    """Whether every invoice has all of its lines."""
    return all(
        f"{invoice}/manifest.json" in stack.blobs()
        and json.loads(stack.container.download_blob(f"{invoice}/manifest.json").readall())[
            "complete"
        ]
        for invoice in stack.partner_center.invoices
    )


@pytest.fixture(scope="module")
def sent() -> Iterator[tuple[Stack, Ingestion]]:
    """A run of the timer with telemetry on, one request throttled, and all lines in storage."""
    with listening() as ingestion, running(world(), settings=ingestion.settings | ON) as stack:
        stack.graph.faults.add(faults.throttled(1), times=1)
        stack.host.run("list_invoices")
        wait_until(lambda: is_complete(stack), "all lines in storage")
        lines = sum(int(blob["lines"]) for blob in blobs(stack))
        wait_until(lambda: ingestion.total("invoices.lines") == lines, "the metric of lines")
        wait_until(lambda: ingestion.metric("invoices.link.seconds"), "the seconds of links")
        wait_until(lambda: len(ingestion.messages(", in storage")) == len(blobs(stack)), "the log")
        yield stack, ingestion


def blobs(stack: Stack) -> list[dict[str, Any]]:
    """The metadata of all lines in storage, each with the blob's size."""
    found = stack.container.list_blobs(include=["metadata"])
    return [{**b.metadata, "size": b.size} for b in found if b.name.endswith(".jsonl")]


def test_each_record_arrives_once_with_its_fields(sent: tuple[Stack, Ingestion]) -> None:
    """What the log says of an invoice is there once, and the fields are properties."""
    stack, ingestion = sent
    texts = Counter(data["message"] for data in ingestion.messages(f"invoice={INVOICE}"))
    assert texts
    for text, count in texts.items():
        assert count == stack.host.log().count(f"] {text}\n"), text
    for data in ingestion.messages(", in storage"):
        invoice = data["properties"]["invoice"]
        assert data["properties"]["source"] == ("graph" if invoice == INVOICE else "v1")
        assert data["properties"]["correlation"] in data["message"]


def test_the_trace_goes_from_the_timer_to_the_queue_to_the_file(
    sent: tuple[Stack, Ingestion],
) -> None:
    """The operation is one: of the run that has enqueued, of the fetch, and of what it asks for."""
    stack, ingestion = sent
    (listed,) = ingestion.messages("Listed: ")
    operation = listed["tags"]["ai.operation.id"]
    assert set(operation) != {"0"}
    for part in ("Enqueued ", ", in storage"):
        found = ingestion.messages(part)
        assert len(found) == len(blobs(stack))
        assert {data["tags"]["ai.operation.id"] for data in found} == {operation}
    wait_until(lambda: len(of_the_files(ingestion)) >= 2, "spans of files")
    assert {span["tags"]["ai.operation.id"] for span in of_the_files(ingestion)} == {operation}
    named = {span["name"]: span["tags"]["ai.operation.id"] for span in spans(ingestion)}
    for name in (
        "GET /v1/invoices",
        f"GET /v1/invoices/{V1_INVOICE}/lineitems/azure/usagelineitems",
    ):
        assert named[name] == operation


def test_follow_up_messages_are_of_the_same_trace() -> None:
    """Where the time budget is used up at once, each message of a link has the timer's operation."""
    settings = {**ON, "FETCH_TIME_BUDGET_SECONDS": "0"}
    with (
        listening() as ingestion,
        running(world(), settings=ingestion.settings | settings) as stack,
    ):
        stack.host.run("list_invoices")
        wait_until(lambda: is_complete(stack), "all lines in storage")
        count = len(blobs(stack))
        wait_until(lambda: len(ingestion.messages(", in storage")) == count, "the log")
        (listed,) = ingestion.messages("Listed: ")
        followed = ingestion.messages("continues in a follow-up")
        assert followed
        for data in [*followed, *ingestion.messages(", in storage")]:
            assert data["tags"]["ai.operation.id"] == listed["tags"]["ai.operation.id"]


def spans(ingestion: Ingestion) -> list[dict[str, Any]]:
    return ingestion.of_type("RemoteDependencyData")


def of_the_files(ingestion: Ingestion) -> list[dict[str, Any]]:
    return [span for span in spans(ingestion) if "files of an export" in json.dumps(span)]


def test_the_metrics_are_right(sent: tuple[Stack, Ingestion]) -> None:
    """Files, lines and bytes are those in storage; the throttled request counts once."""
    stack, ingestion = sent
    stored = blobs(stack)
    pages: Counter[str] = Counter()
    for blob in stored:
        pages[blob["source"]] += int(blob["pages"])
    assert pages["graph"]
    assert pages["v1"]
    for name, value in {
        "invoices.files": pages["graph"],
        "invoices.pages": pages["v1"],
        "invoices.lines": sum(int(blob["lines"]) for blob in stored),
        "invoices.bytes": sum(blob["size"] for blob in stored),
        "invoices.throttles": 1,
    }.items():
        wait_until(lambda n=name, v=value: ingestion.total(n) == v, f"{name}={value}")  # type: ignore[misc]
    took = ingestion.metric("invoices.link.seconds")
    assert sum(point["count"] for point in took) == len(stored)
    assert all(0 <= point["value"] < 120 for point in took)


def test_the_age_of_the_oldest_unsettled_invoice_is_told(sent: tuple[Stack, Ingestion]) -> None:
    """In days, at each run of the timer."""
    stack, ingestion = sent
    manifest = stack.container.get_blob_client(f"{INVOICE}/manifest.json")
    since = (datetime.now(UTC) - timedelta(days=3, hours=1)).isoformat()
    about = manifest.get_blob_properties().metadata
    manifest.set_blob_metadata({**about, "state": "settling", "unsettled_since": since})
    stack.host.run("list_invoices")
    oldest = "invoices.oldest_unsettled"
    wait_until(lambda: 3 in [point["value"] for point in ingestion.metric(oldest)], "three days")


def assert_no_secret(stack: Stack, ingestion: Ingestion) -> None:
    everything = "\n".join(ingestion.texts)
    for secret in ("sig=", "skoid", "eyJ", "Bearer", "AccountKey", stack.entra_id.client_secret):
        assert secret not in everything, secret


def test_no_secret_is_sent(sent: tuple[Stack, Ingestion]) -> None:
    """Neither a signature of a file nor a token nor a secret; no span has a query."""
    stack, ingestion = sent
    assert of_the_files(ingestion)
    assert_no_secret(stack, ingestion)
    assert "?" not in json.dumps([{**s, "tags": None} for s in spans(ingestion)])


def test_no_signature_is_sent_whatever_is_instrumented(tmp_path: Path) -> None:
    """Where somebody instruments requests and urllib3, which record URLs, a file's is not among them.

    What went wrong on the way is told by its type.
    """
    instrumented = app_root(tmp_path / "app")
    module = instrumented / "function_app.py"
    text = module.read_text()
    module.unlink()  # a link to the app's own
    module.write_text(text + _INSTRUMENT)
    with (
        listening() as ingestion,
        running(world(), settings=ingestion.settings | ON, app_root=instrumented) as stack,
    ):
        stack.graph.files.faults.add(faults.reset())
        stack.host.run("list_invoices")
        wait_until(lambda: is_complete(stack), "all lines in storage")
        wait_until(lambda: len(of_the_files(ingestion)) >= 3, "spans of files")
        failed = [span for span in of_the_files(ingestion) if not span["success"]]
        assert {span["properties"]["error"] for span in failed} == {"NoAnswer"}
        by_hand = [span for span in spans(ingestion) if "api" not in span["properties"]]
        assert "comp=block" in json.dumps(by_hand)  # so they do record queries, of others
        assert_no_secret(stack, ingestion)


def test_the_exporter_does_not_tell_of_itself(sent: tuple[Stack, Ingestion]) -> None:
    """A record for each of its posts would be the reason for the next one.

    The engine begins before it loads the app, which then has it say no more.
    """
    _, ingestion = sent
    began = min(data["time"] for data in ingestion.messages("State: "))
    since = [data for data in ingestion.of_type("MessageData") if data["time"] > began]
    assert since
    assert not [data for data in since if "/v2.1/track" in data["message"]]
    assert not [data for data in since if _HTTP_REQUEST.match(data["message"])]


def test_an_endpoint_that_is_silent_stops_nothing() -> None:
    """It takes connections and never answers: the lines arrive, and the host leaves when it is told to."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        key = "InstrumentationKey=00000000-0000-4000-8000-000000000001"
        connection = {
            "APPLICATIONINSIGHTS_CONNECTION_STRING": f"{key};IngestionEndpoint={url};LiveEndpoint={url}"
        }
        with running(world(), settings=ON | connection) as stack:
            stack.host.run("list_invoices")
            wait_until(lambda: is_complete(stack), "all lines in storage")
            silent.settimeout(10)
            silent.accept()[0].close()  # so it was asked
            assert stack.host.stop() == 0


def test_nothing_is_sent_where_it_is_off() -> None:
    """Without the setting no post is made, and messages have no trace."""
    with listening() as ingestion, running(world(), settings=ingestion.settings) as stack:
        queue = QueueClient.from_connection_string(stack.azurite.connection_string, QUEUE)
        stack.host.run("list_invoices")
        wait_until(lambda: is_complete(stack), "all lines in storage")
        assert ingestion.texts == []
        wait_until(lambda: stack.waiting() > 0 or "settled" in stack.host.log(), "a look")
        assert all("traceparent" not in str(message.content) for message in queue.peek_messages(32))
        assert "traceparent" not in LineItemsMessage(invoice_id=INVOICE).encode()


def test_nothing_is_imported_where_it_is_off() -> None:
    """A cold start does not wait for what nobody asked for."""
    code = "import sys, function_app; print([m for m in sys.modules if 'opentelemetry' in m])"
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, cwd=APP_ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
