"""The HTTP triggers answer, whatever goes wrong: with a problem for programs, with a page for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import urlencode

import azure.functions as func
import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError

from get_invoice import get_invoice, get_invoices, get_line_items
from local.simulated import SimulatedPartnerCenter
from tests.running_app import RunningApp

ID = "G000024140"
BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
Trigger = Callable[[func.HttpRequest, func.Context], func.HttpResponse]


def call(
    trigger: Trigger,
    path: str = "",
    params: Mapping[str, str] | None = None,
    accept: str = "*/*",
    **route_params: str,
) -> func.HttpResponse:
    """Call a decorated function as the host does, which leaves out parameters that are empty."""
    request = func.HttpRequest(
        method="GET",
        url=f"http://localhost/api/invoices{path}?{urlencode(params or {})}",
        params={name: text for name, text in (params or {}).items() if text},
        headers={"accept": accept, "accept-language": "de-DE, en;q=0.5"},
        route_params=route_params,
        body=b"",
    )
    return trigger(request, cast(func.Context, None))  # only telemetry looks at it


def lines_of(provider: str = "one_time", **others: Any) -> func.HttpResponse:
    path = f"/{ID}/lineItems/{provider}/billing_line_items"
    others |= {"billingProvider": provider, "invoiceLineItemType": "billing_line_items"}
    return call(get_line_items, path, invoiceId=ID, **others)


@pytest.fixture
def stored(
    app: RunningApp, partner_center: SimulatedPartnerCenter, trigger: pytest.MonkeyPatch
) -> pytest.MonkeyPatch:
    """Everything is in storage, but the largest invoices."""
    for large in ("D0500033K3", "G000024130"):
        del partner_center.invoices[large]
    app.list_invoices()
    app.drain()
    return trigger


@pytest.mark.usefixtures("stored")
def test_the_triggers_decode_routes_and_queries() -> None:
    """And give the answers on."""
    assert json.loads(call(get_invoices, params={"currency": "EUR"}).get_body())["totalCount"] > 0
    assert call(get_invoices).headers["cache-control"] == "no-store"
    assert call(get_invoices).headers["vary"] == "Accept"
    answer = lines_of("OneTime", params={"format": "csv"})
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    assert answer.status_code == 200
    assert answer.get_body().startswith(b"partnerId,")


@pytest.mark.usefixtures("stored")
def test_a_browser_gets_pages() -> None:
    """With a policy that lets nothing run, and every link with the key that it came with."""
    for answer in (
        call(get_invoices, params={"code": "the-key"}, accept=BROWSER),
        call(get_invoice, f"/{ID}", {"code": "the-key"}, BROWSER, invoiceId=ID),
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        text = answer.get_body().decode()
        assert "<script" not in text
        assert text.count('href="') + text.count('action="/api/invoices/') == text.count(
            "code=the-key"
        )
        assert 'href="' in text
        assert ID in text


@pytest.mark.usefixtures("stored")
def test_without_a_key_in_the_address_links_have_none() -> None:
    """Where it came in a header, whoever put it there does so again."""
    text = call(get_invoices, accept=BROWSER).get_body().decode()
    assert f'href="/api/invoices/{ID}"' in text
    assert "code" not in text


def refusal(code: str) -> HttpResponseError:
    error = HttpResponseError(code)
    error.status_code = 403
    return error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (refusal("AuthorizationPermissionMismatch"), 500),
        (ServiceRequestError("no connection"), 504),
    ],
)
def test_a_failure_of_storage_is_told(
    stored: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    """As what it is, by both functions that only read storage."""

    def fails(*_: object, **__: object) -> None:
        raise error

    stored.setattr("shared.storage.archive.Archive.listed_manifests", fails)
    stored.setattr("shared.storage.archive.Archive.read_lines", fails)
    for answer in (call(get_invoices), lines_of()):
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
    page = call(get_invoices, accept=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")


@pytest.mark.usefixtures("trigger")
def test_a_parameter_that_is_empty_is_there() -> None:
    """The variable of a script that was not set must not bring the lines of all customers."""
    for name in ("customerId", "snapshot"):
        answer = lines_of(params={name: ""})
        assert answer.status_code == 400
        assert name in json.loads(answer.get_body())["detail"]


@pytest.mark.usefixtures("trigger")
@pytest.mark.parametrize("accept", ["*/*", BROWSER])
def test_a_request_that_is_not_understood_is_told(accept: str) -> None:
    """400, to a person as a page; what was asked stands in it as text."""
    params = {"state": "<script>alert(1)</script>"}
    for answer in (
        call(get_invoices, params=params, accept=accept),
        lines_of("<b>", accept=accept),
        lines_of(params={"locale": "<b>"}, accept=accept),
        call(get_invoice, "/<b>", accept=accept, invoiceId="<b>"),
    ):
        assert answer.status_code == 400
        if accept == BROWSER:
            text = answer.get_body().decode()
            assert "&lt;" in text
            assert "<script>" not in text
            assert "<b>" not in text


@pytest.mark.parametrize(
    ("accept", "kind"), [("*/*", "application/problem+json"), (BROWSER, "text/html")]
)
def test_what_nobody_has_foreseen_is_told(
    trigger: pytest.MonkeyPatch, accept: str, kind: str
) -> None:
    """As an error of the app, to a person as a page; what it was is in the log alone."""

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("the reactor")

    trigger.setattr("shared.storage.archive.Archive.listed_manifests", fails)
    answer = call(get_invoices, accept=accept)
    assert answer.status_code == 500
    assert answer.headers["content-type"].startswith(kind)
    assert b"Internal error" in answer.get_body()
    assert b"reactor" not in answer.get_body()


def test_storage_that_does_not_answer_in_time_is_told(trigger: pytest.MonkeyPatch) -> None:
    """504, by each function."""

    def late(*_: object, **__: object) -> None:
        raise TimeoutError

    trigger.setattr("shared.storage.archive.Archive.listed_manifests", late)
    trigger.setattr("shared.storage.archive.Archive.read_lines", late)
    trigger.setattr("shared.storage.archive.Archive.invoice", late)
    for answer in (
        call(get_invoices),
        lines_of(),
        call(get_invoice, f"/{ID}", accept=BROWSER, invoiceId=ID),
    ):
        assert answer.status_code == 504


@pytest.mark.usefixtures("stored")
def test_an_invoice_that_is_stored_has_a_page_whatever_microsoft_says(
    partner_center: SimulatedPartnerCenter,
) -> None:
    """One that Partner Center no longer knows, or refuses; and lines that are on no detail any more."""
    del partner_center.invoices[ID]
    answer = call(get_invoice, f"/{ID}", accept=BROWSER, invoiceId=ID)
    assert answer.status_code == 200
    assert "New commerce, billing: CSV" in answer.get_body().decode()
    assert call(get_invoice, f"/{ID}", invoiceId=ID).status_code == 404


def test_an_invoice_that_is_not_stored_has_a_page_of_what_microsoft_says(
    trigger: pytest.MonkeyPatch,
) -> None:
    """It says that nothing is stored yet."""
    assert trigger
    answer = call(get_invoice, f"/{ID}", accept=BROWSER, invoiceId=ID)
    assert answer.status_code == 200
    assert b"Nothing of it is stored yet" in answer.get_body()


def test_settings_that_are_missing_are_told_to_a_person_too(trigger: pytest.MonkeyPatch) -> None:
    """As a page that names them."""
    trigger.delenv("PARTNER_CENTER_TENANT_ID")
    answer = call(get_invoices, accept=BROWSER)
    assert answer.status_code == 500
    assert b"PARTNER_CENTER_TENANT_ID" in answer.get_body()
