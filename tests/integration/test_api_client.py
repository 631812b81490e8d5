"""The client that all APIs share: what one API says in its own way is its dialect, and nothing else."""

from __future__ import annotations

import json
import logging

import pytest
from aiohttp import web

from local.simulated import SimulatedEntraId, SimulatedPartnerCenter, faults
from shared.api.client import Client
from shared.api.exchange import Answer, Dialect, Request, RequestContext
from shared.api.patience import Patience
from shared.auth.tokens import AppCredential, Tokens
from shared.errors import NotFound, Refused
from shared.settings import Settings

OTHER_API = "https://other-api.example/.default"
ONCE = Patience(attempts=1)


def error_of(body: bytes) -> tuple[str | None, str | None]:
    error = json.loads(body)["error"]
    return error["code"], error["message"]


DIALECT = Dialect(
    api="Other API",
    headers={"Accept": "application/json"},
    ids=lambda context, request_id: {
        "client-request-id": request_id,
        "trace": context.correlation_id,
    },
    error=error_of,
    advice="look at the permission Everything.Read",
)


@pytest.fixture
def credential(
    entra_id: SimulatedEntraId, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> AppCredential:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(entra_id.ca_file))
    return AppCredential(Settings.from_environment(environment))


@pytest.fixture
def client(credential: AppCredential, partner_center: SimulatedPartnerCenter) -> Client:
    return Client(f"{partner_center.url}/v9", Tokens(credential, OTHER_API), DIALECT)


def answering(status: int, body: str) -> faults.Act:
    async def act(*_: object) -> web.StreamResponse:
        return web.Response(status=status, text=body, headers={"Location": "/elsewhere"})

    return act


def test_an_api_gets_its_own_token_and_speaks_its_own_dialect(
    client: Client, entra_id: SimulatedEntraId, partner_center: SimulatedPartnerCenter
) -> None:
    """Method, headers and ids are the dialect's; the token is for this API and for no other."""
    partner_center.faults.add(answering(200, "{}"))
    context = RequestContext()

    def read(answer: Answer) -> tuple[str, bytes]:
        return answer.headers["location"], answer.body

    request = Request("/exports", method="POST", headers={"Prefer": "async"})
    assert client.send(request, read, context=context) == ("/elsewhere", b"{}")
    (received,) = partner_center.requests
    assert (received.method, received.path) == ("POST", "/v9/exports")
    assert received.headers["trace"] == context.correlation_id
    assert received.headers["prefer"] == "async"
    assert "ms-correlationid" not in received.headers
    token = received.headers["authorization"].removeprefix("Bearer ")
    assert entra_id.is_valid(token, OTHER_API.removesuffix("/.default"))
    assert not entra_id.is_valid(token, partner_center.url)


def test_one_credential_gives_tokens_for_each_scope(
    credential: AppCredential, entra_id: SimulatedEntraId, partner_center: SimulatedPartnerCenter
) -> None:
    """Each is asked for once, and is no good for the other API."""
    others = Tokens(credential, OTHER_API)
    partner_centers = Tokens(credential, f"{partner_center.url}/.default")
    assert entra_id.is_valid(others.get(), OTHER_API.removesuffix("/.default"))
    assert entra_id.is_valid(partner_centers.get(), partner_center.url)
    assert others.get() != partner_centers.get()
    asked = len(entra_id.requests.matching("token"))
    assert (others.get(), len(entra_id.requests.matching("token"))) == (others.get(), asked)


def test_a_refusal_says_what_to_look_at_and_what_support_asks_for(
    client: Client, partner_center: SimulatedPartnerCenter
) -> None:
    """Code and text are read the API's way; the ids stand under the API's names."""
    partner_center.faults.add(answering(403, '{"error":{"code":"Denied","message":"No."}}'))
    with pytest.raises(Refused) as caught:
        client.send(Request("/exports"), lambda a: a.body, context=RequestContext(patience=ONCE))
    assert caught.value.code == "Denied"
    text = str(caught.value)
    for part in ("Other API answered 403", "No. (code Denied)", "permission Everything.Read"):
        assert part in text
    assert set(caught.value.ids) == {"client-request-id", "trace"}
    assert f"trace {caught.value.ids['trace']}" in text


def test_a_retry_keeps_its_ids_and_the_log_tells_them(
    client: Client, partner_center: SimulatedPartnerCenter, caplog: pytest.LogCaptureFixture
) -> None:
    """A failure that passes is borne where it stands, for this API like for the other."""
    error = '{"error":{"code":"generalException","message":"later"}}'
    for status in (503, 404):
        partner_center.faults.add(answering(status, error))
    with caplog.at_level(logging.WARNING), pytest.raises(NotFound):
        client.send(Request("/exports"), lambda a: a.body, context=RequestContext())
    first, second = (r.headers["client-request-id"] for r in partner_center.requests)
    assert first == second
    assert f"client-request-id {first}" in caplog.text
