"""Requests to Partner Center: headers, retries, waits and errors, against the simulated service."""

from __future__ import annotations

import gzip
import json
import logging
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from fetch_line_items.fetch import _INVOCATION_SECONDS
from list_invoices.sync import _LIST_SECONDS
from local.simulated import SimulatedEntraId, SimulatedPartnerCenter, faults
from local.simulated.faults import Act, Answer
from shared.api.collection import Page, parse_page
from shared.api.exchange import RequestContext
from shared.api.partner_center import PartnerCenter
from shared.api.patience import Patience
from shared.auth.tokens import AppCredential, Tokens
from shared.errors import (
    ApiError,
    Fatal,
    NoAnswer,
    NotFound,
    Refused,
    Retriable,
    Throttled,
)
from shared.settings import Settings

SMALL = Patience(attempts=3, longest_wait=3.0, connect_timeout=2.0, read_timeout=5.0)
ONCE = replace(SMALL, attempts=1)


@pytest.fixture
def settings(
    entra_id: SimulatedEntraId,
    partner_center: SimulatedPartnerCenter,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(entra_id.ca_file))
    return Settings.from_environment(
        {
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
            "PARTNER_CENTER_TENANT_ID": entra_id.tenant_id,
            "PARTNER_CENTER_CLIENT_ID": entra_id.client_id,
            "PARTNER_CENTER_CLIENT_SECRET": entra_id.client_secret,
            "PARTNER_CENTER_URL": partner_center.url,
            "PARTNER_CENTER_AUTHORITY": entra_id.url,
        }
    )


@pytest.fixture
def client(settings: Settings) -> PartnerCenter:
    return PartnerCenter(settings, Tokens(AppCredential(settings), settings.scope))


def listed(client: PartnerCenter, patience: Patience = SMALL) -> Page:
    """Ask for the list of invoices."""
    return client.get("/invoices", parse_page, context=RequestContext(patience=patience))


# --- what is sent ---------------------------------------------------------------------------------


def test_every_request_carries_the_documented_headers(
    client: PartnerCenter, entra_id: SimulatedEntraId, partner_center: SimulatedPartnerCenter
) -> None:
    """A request has a token for this host, both ids as GUIDs, a locale and the contract's version."""
    listed(client)
    [request] = partner_center.requests
    headers = request.headers
    assert headers["accept"] == "application/json"
    assert headers["ms-contract-version"] == "v1"
    assert headers["x-locale"] == "en-US"
    assert uuid.UUID(headers["ms-requestid"]) != uuid.UUID(headers["ms-correlationid"])
    scheme, _, token = headers["authorization"].partition(" ")
    assert scheme == "Bearer"
    assert entra_id.is_valid(token, partner_center.url)


def test_the_request_id_stays_over_retries_and_changes_with_the_request(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter
) -> None:
    """MS-RequestId is one for a request and its retries, and another for the next request."""
    partner_center.faults.add(faults.server_error())
    context = RequestContext(patience=SMALL)
    for _ in range(2):
        client.get("/invoices", parse_page, context=context)
    first, retry, second = (request.headers["ms-requestid"] for request in partner_center.requests)
    assert first == retry != second


def test_the_correlation_id_is_the_contexts(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter
) -> None:
    """MS-CorrelationId is the same for all requests of an context, and another for the next one."""
    context, other = RequestContext(), RequestContext()
    for one in (context, context, other):
        client.get("/invoices", parse_page, context=one)
    sent = [request.headers["ms-correlationid"] for request in partner_center.requests]
    assert sent == [context.correlation_id, context.correlation_id, other.correlation_id]
    assert context.correlation_id != other.correlation_id


def test_parameters_and_headers_are_passed_on(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter
) -> None:
    """Query parameters and a continuation token arrive as they were given, below /v1."""
    client.get(
        "/invoices",
        parse_page,
        context=RequestContext(),
        params={"size": 2, "offset": 0},
        headers={"MS-ContinuationToken": "a-b,c_d/80/Og=,e"},
    )
    [request] = partner_center.requests
    assert request.path_and_query == "/v1/invoices?size=2&offset=0"
    assert request.headers["ms-continuationtoken"] == "a-b,c_d/80/Og=,e"


def test_a_netrc_does_not_replace_the_token(
    client: PartnerCenter,
    partner_center: SimulatedPartnerCenter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Credentials for the host in a .netrc of the home folder are not sent."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    listed(client, ONCE)
    [request] = partner_center.requests
    assert request.headers["authorization"].startswith("Bearer ")


# --- what comes back ------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["byte_order_mark", "pretty", "gzip"])
def test_every_form_of_a_body_is_understood(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter, option: str
) -> None:
    """A byte order mark is taken off; indented and compressed bodies are read like others."""
    setattr(partner_center.options, option, True)
    body = client.get("/invoices", bytes, context=RequestContext(patience=ONCE))
    assert body.startswith(b"{")
    assert len(json.loads(body)["items"]) == len(partner_center.invoices)


def test_connections_are_used_again(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter
) -> None:
    """Requests one after the other share a connection; each thread at a time needs one of its own."""
    peers: set[tuple[str, int]] = set()
    partner_center.faults.add(_note_peer(peers), times=None)
    for _ in range(5):
        listed(client)
    assert len(peers) == 1
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: listed(client), range(20)))
    assert len(peers) <= 4


def _note_peer(peers: set[tuple[str, int]]) -> Act:
    async def act(request: web.Request, answer: Answer) -> web.StreamResponse:
        assert request.transport
        peers.add(request.transport.get_extra_info("peername"))
        return await answer()

    return act


# --- throttling -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "asked", "at_least"), [("seconds", 1, 1.0), ("date", 2, 0.9), ("absent", None, 0.5)]
)
def test_a_short_throttling_is_waited_for(
    client: PartnerCenter,
    partner_center: SimulatedPartnerCenter,
    form: str,
    asked: float | None,
    at_least: float,
) -> None:
    """After a 429 the request goes out again when Retry-After says so; without one, half a second on."""
    way: Literal["seconds", "date"] = "date" if form == "date" else "seconds"
    partner_center.faults.add(faults.throttled(asked, form=way))
    assert listed(client).items
    first, second = partner_center.requests
    # A date has whole seconds only, so up to one of them is lost.
    assert at_least <= second.started - first.started < at_least + 2


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_long_throttling_is_told_not_slept(
    client: PartnerCenter,
    partner_center: SimulatedPartnerCenter,
    form: Literal["seconds", "date"],
) -> None:
    """A Retry-After beyond the patience raises Throttled with the delay, at once and without a retry."""
    partner_center.faults.add(faults.throttled(57, form=form))
    listed_before = time.monotonic()
    with pytest.raises(Throttled) as caught:
        listed(client)
    assert time.monotonic() - listed_before < 2
    assert caught.value.delay == pytest.approx(57, abs=2)
    assert (caught.value.status, len(partner_center.requests)) == (429, 1)


def test_a_delay_beyond_six_hours_is_cut(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter
) -> None:
    """A Retry-After of hours is obeyed; one of days, from a wrong clock, is taken as six hours."""
    for said, taken in ((20_000, 20_000), (10_000_000, 21_600)):
        partner_center.faults.add(faults.throttled(said, form="date"))
        with pytest.raises(Throttled) as caught:
            listed(client)
        assert caught.value.delay == pytest.approx(taken, abs=5)


@pytest.mark.parametrize("value", ["soon", "-5", "0.5", "", "57, 58"])
def test_a_retry_after_that_means_nothing_is_passed_over(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter, value: str
) -> None:
    """A Retry-After that is neither seconds nor a date counts as none."""
    partner_center.faults.add(faults.status(429, headers={"Retry-After": value}))
    with pytest.raises(Throttled) as caught:
        listed(client, ONCE)
    assert caught.value.delay is None


def test_a_throttling_that_lasts_is_throttled_in_the_end(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter
) -> None:
    """When all attempts were throttled, Throttled says so; each of them was one request."""
    partner_center.faults.add(faults.throttled(None), times=None)
    with pytest.raises(Throttled, match="Rate limit is exceeded"):
        listed(client, replace(SMALL, attempts=2))
    assert len(partner_center.requests) == 2


# --- failures that pass ---------------------------------------------------------------------------

FAILURES: dict[str, Act] = {
    "500 in JSON": faults.server_error(),
    "502 in HTML": faults.status(502, faults.HTML),
    "503 with nothing": faults.status(503),
    "504 in HTML": faults.status(504, faults.HTML),
    "408": faults.status(408),
    "JSON that is no object": faults.status(500, "[1, 2]"),
    "cut off": faults.cut_body(),
    "broken, of the right length": faults.broken_body(),
    "not compressed as it says": faults.status(200, "{}", headers={"Content-Encoding": "gzip"}),
    "reset": faults.reset(),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_that_passes_is_retried(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter, failure: str
) -> None:
    """A 5xx, a 408, a broken or cut off body and a reset connection are asked for once more."""
    partner_center.faults.add(FAILURES[failure])
    page = listed(client)
    assert len(page.items) == len(partner_center.invoices)
    assert len(partner_center.requests) == 2


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        ("500 in JSON", 500, "800003"),
        ("502 in HTML", 502, None),
        ("503 with nothing", 503, None),
        ("broken, of the right length", 200, None),
    ],
)
def test_a_failure_that_stays_is_retriable_later(
    client: PartnerCenter,
    partner_center: SimulatedPartnerCenter,
    failure: str,
    status: int,
    code: str | None,
) -> None:
    """With patience at its end the error is Retriable, and knows status, code and the request's ids."""
    partner_center.faults.add(FAILURES[failure], times=None)
    with pytest.raises(Retriable) as caught:
        listed(client, ONCE)
    error = caught.value
    assert not isinstance(error, Throttled | NoAnswer)
    assert (error.status, error.code, error.delay) == (status, code, None)
    [request] = partner_center.requests
    assert error.ids["MS-RequestId"] == request.headers["ms-requestid"]
    assert error.ids["MS-CorrelationId"] == request.headers["ms-correlationid"]


def test_the_delay_that_a_503_asks_for_is_told(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter
) -> None:
    """A Retry-After counts on a 503 as on a 429."""
    partner_center.faults.add(faults.status(503, headers={"Retry-After": "90"}))
    with pytest.raises(Retriable) as caught:
        listed(client)
    assert (caught.value.delay, len(partner_center.requests)) == (90, 1)


@pytest.mark.parametrize("failure", ["cut off", "reset"])
def test_a_broken_connection_is_no_answer(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter, failure: str
) -> None:
    """What breaks on the way, and stays so, is NoAnswer with the request's ids."""
    partner_center.faults.add(FAILURES[failure], times=None)
    with pytest.raises(NoAnswer) as caught:
        listed(client, ONCE)
    assert caught.value.status is None
    assert caught.value.ids["MS-RequestId"] in str(caught.value)


def test_silence_ends_with_the_read_timeout(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter
) -> None:
    """A service that says nothing is asked again after the read timeout; in the end it is NoAnswer."""
    partner_center.faults.add(faults.no_answer(20))
    impatient = replace(SMALL, read_timeout=0.3)
    assert listed(client, impatient).items
    assert len(partner_center.requests) == 2
    partner_center.faults.add(faults.no_answer(20))
    began = time.monotonic()
    with pytest.raises(NoAnswer, match="in time"):
        listed(client, replace(impatient, attempts=1))
    assert time.monotonic() - began < 2


def test_a_closed_port_is_no_answer(settings: Settings) -> None:
    """Where nobody listens there is NoAnswer."""
    with SimulatedPartnerCenter() as gone:
        url = gone.url
    client = PartnerCenter(
        settings.model_copy(update={"partner_center_url": url}),
        Tokens(AppCredential(settings), settings.scope),
    )
    with pytest.raises(NoAnswer):
        listed(client, ONCE)


# --- time -----------------------------------------------------------------------------------------


def test_no_retry_begins_after_the_deadline(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter
) -> None:
    """A wait that would end after the context's deadline is not begun."""
    listed(client)
    partner_center.requests.clear()
    partner_center.faults.add(faults.status(503, headers={"Retry-After": "2"}), times=None)
    began = time.monotonic()
    context = RequestContext(patience=SMALL, deadline=began + 1)
    with pytest.raises(Retriable):
        client.get("/invoices", parse_page, context=context)
    assert time.monotonic() - began < 1.5
    assert len(partner_center.requests) == 1


def test_nothing_is_asked_after_the_deadline(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter
) -> None:
    """A request of a context whose deadline is over is not sent."""
    context = RequestContext(deadline=time.monotonic() - 1)
    with pytest.raises(Retriable):
        client.get("/invoices", bytes, context=context)
    assert len(partner_center.requests) == 0


def test_a_silent_answer_is_not_waited_for_beyond_the_deadline(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter
) -> None:
    """What is left of the context's time bounds the wait, however patient it is otherwise."""
    listed(client)
    partner_center.faults.add(faults.no_answer(20))
    began = time.monotonic()
    with pytest.raises(NoAnswer):
        client.get("/invoices", parse_page, context=RequestContext(deadline=began + 1))
    assert time.monotonic() - began < 5


def test_nothing_is_asked_again_for_a_context_that_is_cancelled(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter
) -> None:
    """Where nobody waits for the answer any more, a failure is the end and no retry follows."""
    partner_center.faults.add(faults.throttled(4), times=None)
    context, began = RequestContext(), time.monotonic()
    context.cancelled.set()
    with pytest.raises(Throttled):
        client.get("/invoices", parse_page, context=context)
    assert time.monotonic() - began < 3
    assert len(partner_center.requests) == 1


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_refused_and_nothing_is_sent_there(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter, status: int
) -> None:
    """A redirect to another host, or on the same one, is Fatal; no request follows it."""
    with SimulatedPartnerCenter() as elsewhere:
        for target in (f"{elsewhere.url}/v1/invoices", "/v1/invoices/elsewhere"):
            partner_center.faults.add(faults.status(status, headers={"Location": target}))
            with pytest.raises(Fatal, match="redirect") as caught:
                listed(client)
            assert caught.value.status == status
        assert len(elsewhere.requests) == 0
    assert [request.path for request in partner_center.requests] == ["/v1/invoices"] * 2


@pytest.mark.parametrize(
    ("status", "kind", "code", "said"),
    [
        (403, Refused, "900329", "This resource doesn't support application-only authentication."),
        (404, NotFound, "1000", "Not found"),
        (400, Fatal, "3000", "Invalid property"),
        (409, Fatal, None, "The request is invalid."),
    ],
)
def test_what_will_not_pass_is_told_at_once(
    client: PartnerCenter,
    partner_center: SimulatedPartnerCenter,
    status: int,
    kind: type[ApiError],
    code: str | None,
    said: str,
) -> None:
    """Other errors are not retried; they have status and code, and their text what was said, and ids."""
    body = {"code": code, "description": said} if code else {"message": said}
    partner_center.faults.add(faults.status(status, json.dumps(body)))
    with pytest.raises(ApiError) as caught:
        listed(client)
    [request] = partner_center.requests
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.code) == (status, code)
    told = str(error)
    for part in (
        str(status),
        said,
        request.headers["ms-requestid"],
        request.headers["ms-correlationid"],
    ):
        assert part in told


def test_an_app_that_may_not_read_an_invoice_by_id_is_refused(client: PartnerCenter) -> None:
    """By id the simulated service refuses app-only callers as the real one does: Refused, 900329."""
    with pytest.raises(Refused) as caught:
        client.get("/invoices/G000024130", bytes, context=RequestContext(patience=SMALL))
    assert (caught.value.status, caught.value.code) == (403, "900329")


def test_a_redirect_to_nowhere_is_refused_like_others(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter
) -> None:
    """A redirect whose Location is no URL is Fatal, with the ids, as any redirect."""
    partner_center.faults.add(faults.redirect("http://[bad/"))
    with pytest.raises(Fatal, match="redirect"):
        client.get("/invoices", bytes, context=RequestContext(patience=ONCE))


def test_an_error_body_that_is_nested_deeply_is_passed_over(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter
) -> None:
    """An error body that cannot be parsed does not hide the status."""
    partner_center.faults.add(faults.status(400, "[" * 100_000))
    with pytest.raises(Fatal) as caught:
        client.get("/invoices", bytes, context=RequestContext(patience=ONCE))
    assert caught.value.status == 400


def test_the_text_of_an_error_has_its_code(client: PartnerCenter) -> None:
    """The code that Microsoft documents is in the error's text, and so in the log."""
    with pytest.raises(ApiError, match="900329"):
        client.get("/invoices/G000024135", bytes, context=RequestContext(patience=ONCE))


# --- tokens ---------------------------------------------------------------------------------------


def test_a_401_in_the_middle_gets_one_fresh_token(
    client: PartnerCenter, entra_id: SimulatedEntraId, partner_center: SimulatedPartnerCenter
) -> None:
    """A token that expired early is replaced, and the same request goes out again with the new one."""
    listed(client)
    entra_id.expire_all()
    before = len(entra_id.token_requests)
    assert listed(client, ONCE).items
    assert len(entra_id.token_requests) - before == 1
    _, refused, answered = partner_center.requests
    assert (refused.status, answered.status) == (401, 200)
    assert refused.headers["authorization"] != answered.headers["authorization"]
    assert refused.headers["ms-requestid"] == answered.headers["ms-requestid"]


def test_threads_that_get_a_401_together_share_one_fresh_token(
    client: PartnerCenter, entra_id: SimulatedEntraId, partner_center: SimulatedPartnerCenter
) -> None:
    """Four requests that all meet a 401 ask Entra ID for one token among them."""
    listed(client)
    entra_id.expire_all()
    before = len(entra_id.token_requests)
    # Each request is held back until all four are there, so that all carry the expired token.
    together = threading.Barrier(4)
    partner_center.faults.add(faults.call(lambda: together.wait(10)), times=4)
    with ThreadPoolExecutor(4) as threads:
        pages = list(threads.map(lambda _: listed(client, ONCE), range(4)))
    assert all(page.items for page in pages)
    assert [request.status for request in partner_center.requests].count(401) == 4
    assert len(entra_id.token_requests) - before == 1


def test_a_fresh_token_that_is_not_taken_either_is_refused(
    client: PartnerCenter, entra_id: SimulatedEntraId, partner_center: SimulatedPartnerCenter
) -> None:
    """A second 401 ends it with Refused, after two requests and one fresh token."""
    listed(client)
    partner_center.requests.clear()
    before = len(entra_id.token_requests)
    partner_center.faults.add(faults.unauthorized(), times=None)
    with pytest.raises(Refused, match=r"Access denied.*permissions") as caught:
        listed(client)
    assert caught.value.status == 401
    assert len(partner_center.requests) == 2
    assert len(entra_id.token_requests) - before == 1


def test_the_token_goes_to_no_host_but_the_configured_one(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter, settings: Settings
) -> None:
    """Whatever path is asked for, the request reaches the configured host."""
    for path in ("/invoices", "/@127.0.0.2/invoices", "//127.0.0.2/invoices"):
        with suppress(ApiError):
            client.get(path, bytes, context=RequestContext(patience=ONCE))
    hosts = {request.headers["host"] for request in partner_center.requests}
    assert hosts == {urlsplit(settings.partner_center_url).netloc}
    assert len(partner_center.requests) == 3


# --- silence about secrets ------------------------------------------------------------------------


def test_no_secret_and_no_token_is_told(
    client: PartnerCenter,
    entra_id: SimulatedEntraId,
    partner_center: SimulatedPartnerCenter,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither the logs nor the texts of errors have the secret or a token, whatever goes wrong."""
    caplog.set_level(logging.DEBUG, logger="shared")
    told = [str(_failure(client, partner_center, act)) for act in FAILURES.values()]
    for act in (faults.unauthorized(), faults.status(403), faults.redirect("/v1/elsewhere")):
        told.append(str(_failure(client, partner_center, act)))
    partner_center.faults.clear()
    partner_center.faults.add(faults.server_error())
    listed(client)
    assert any("attempt 1" in record.getMessage() for record in caplog.records)
    told += [caplog.text, *(str(vars(record)) for record in caplog.records)]
    sent = {request.headers["authorization"].split()[1] for request in partner_center.requests}
    for secret in {entra_id.client_secret, *sent}:
        assert not any(secret in text for text in told)


def _failure(client: PartnerCenter, partner_center: SimulatedPartnerCenter, act: Act) -> ApiError:
    partner_center.faults.clear()
    partner_center.faults.add(act, times=None)
    with pytest.raises(ApiError) as caught:
        listed(client, ONCE)
    return caught.value


def test_a_retry_is_logged_with_the_ids_that_support_asks_for(
    client: PartnerCenter,
    partner_center: SimulatedPartnerCenter,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A warning tells of each retry: what was asked, what came, and both ids."""
    partner_center.faults.add(faults.server_error())
    context = RequestContext(patience=SMALL)
    client.get("/invoices", parse_page, context=context)
    [record] = [record for record in caplog.records if record.name == "shared.api.patience"]
    message = record.getMessage()
    assert record.levelno == logging.WARNING
    request_id = next(iter(partner_center.requests)).headers["ms-requestid"]
    for part in ("/v1/invoices", "500", context.correlation_id, request_id):
        assert part in message


def test_a_parser_that_is_broken_itself_is_not_retried(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter
) -> None:
    """Only ValueError means a broken body; a mistake in the app's own code comes through."""

    def parse(_body: bytes) -> object:
        raise KeyError("items")

    with pytest.raises(KeyError):
        client.get("/invoices", parse, context=RequestContext(patience=SMALL))
    assert len(partner_center.requests) == 1


# --- answers that nobody means ---------------------------------------------------------------------


def test_an_answer_that_is_too_large_for_memory_is_refused(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unpacked, too: a megabyte of gzip can be a gigabyte."""
    monkeypatch.setattr("shared.api.client._MOST_BYTES", 1 << 20)
    packed = gzip.compress(b" " * (8 << 20))

    async def bomb(*_: object) -> web.StreamResponse:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    partner_center.faults.add(bomb)
    with pytest.raises(Fatal, match="larger than 1 MiB"):
        listed(client)
    assert len(partner_center.requests) == 1


def test_a_body_that_is_not_what_its_header_says_is_no_answer(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter
) -> None:
    """Content-Encoding: gzip before a body that is none is a broken connection, not a crash."""
    gzipped = {"Content-Encoding": "gzip"}
    partner_center.faults.add(faults.status(200, '{"items":[]}', headers=gzipped))
    with pytest.raises(NoAnswer):
        listed(client, ONCE)


def test_headers_without_end_are_no_answer(
    client: PartnerCenter, partner_center: SimulatedPartnerCenter
) -> None:
    """More headers than any client reads, or one that is too long."""
    for headers in ({f"X-{n}": "x" for n in range(200)}, {"X-Long": "x" * 100_000}):
        partner_center.faults.add(faults.status(200, "{}", headers=headers))
        with pytest.raises(NoAnswer):
            listed(client, ONCE)


def test_the_timer_and_the_queue_wait_for_minutes_and_within_an_invocation() -> None:
    """Partner Center itself takes more than a minute at times; host.json ends an invocation at ten."""
    host = json.loads((Path(__file__).parents[2] / "host.json").read_text())
    assert host["functionTimeout"] == "00:10:00"
    patience = Patience()
    assert patience.read_timeout >= 180
    assert patience.read_timeout <= patience.answer_timeout < _INVOCATION_SECONDS < 600
    assert patience.answer_timeout < _LIST_SECONDS < 600
