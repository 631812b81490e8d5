"""How the app proves who it is, against the simulated Entra ID over TLS."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import azure.identity
import pytest
from azure.core.credentials import AccessToken
from pydantic import SecretStr

from local.simulated import (
    SimulatedEntraId,
    SimulatedManagedIdentity,
    SimulatedPartnerCenter,
    faults,
)
from shared.auth.credentials import app_registration, storage_credential
from shared.auth.tokens import AppCredential, Tokens
from shared.errors import Refused, Retriable
from shared.settings import Settings, StorageConnection

RESOURCE = "https://partner-center.example"


@pytest.fixture
def trusted(entra_id: SimulatedEntraId, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate of the simulated Entra ID is trusted."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(entra_id.ca_file))


@pytest.fixture
def settings(entra_id: SimulatedEntraId, trusted: None) -> Settings:  # noqa: ARG001
    return settings_of(entra_id, PARTNER_CENTER_CLIENT_SECRET=entra_id.client_secret)


def settings_of(entra_id: SimulatedEntraId, **more: str) -> Settings:
    """Settings for this Entra ID; `more` says how the app proves who it is."""
    return Settings.from_environment(
        {
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
            "PARTNER_CENTER_TENANT_ID": entra_id.tenant_id,
            "PARTNER_CENTER_CLIENT_ID": entra_id.client_id,
            "PARTNER_CENTER_URL": RESOURCE,
            "PARTNER_CENTER_AUTHORITY": entra_id.url,
            **more,
        }
    )


def tokens_of(settings: Settings) -> Tokens:
    """Tokens for Partner Center, by the credential that these settings ask for."""
    return Tokens(AppCredential(settings), settings.scope)


# --- the three proofs -----------------------------------------------------------------------------


def test_a_secret_gets_a_token_for_partner_center(
    settings: Settings, entra_id: SimulatedEntraId
) -> None:
    """With a client secret, Entra ID gives a token whose audience is Partner Center's URL."""
    assert entra_id.is_valid(tokens_of(settings).get(), RESOURCE)


@pytest.mark.usefixtures("trusted")
def test_a_certificate_gets_a_token(entra_id: SimulatedEntraId, tmp_path: Path) -> None:
    """A certificate with its private key, as PEM, is as good as a secret."""
    path = tmp_path / "app.pem"
    path.write_bytes(entra_id.new_certificate())
    settings = settings_of(entra_id, PARTNER_CENTER_CLIENT_CERTIFICATE_PATH=str(path))
    assert entra_id.is_valid(tokens_of(settings).get(), RESOURCE)


@pytest.mark.usefixtures("trusted")
def test_a_certificate_out_of_a_key_vault_gets_a_token(entra_id: SimulatedEntraId) -> None:
    """Its content as PEM text in the setting is as good as a file."""
    content = entra_id.new_certificate().decode()
    settings = settings_of(entra_id, PARTNER_CENTER_CLIENT_CERTIFICATE=content)
    assert entra_id.is_valid(tokens_of(settings).get(), RESOURCE)


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("client_id", [None, "3f1b2c4d-0000-4000-8000-00000000beef"])
def test_a_federated_managed_identity_gets_a_token(
    entra_id: SimulatedEntraId, monkeypatch: pytest.MonkeyPatch, client_id: str | None
) -> None:
    """With neither, the app's identity (system- or user-assigned) vouches for the app registration."""
    more = {"AZURE_CLIENT_ID": client_id} if client_id else {}
    with SimulatedManagedIdentity(entra_id, client_id=client_id) as identity:
        _set(monkeypatch, identity.environment)
        assert entra_id.is_valid(tokens_of(settings_of(entra_id, **more)).get(), RESOURCE)
        [asked] = identity.requests
    assert "resource=api://AzureADTokenExchange" in asked.query


@pytest.mark.usefixtures("trusted")
def test_an_identity_that_is_not_there_is_refused(
    entra_id: SimulatedEntraId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An identity endpoint that does not know the app's identity means Refused."""
    with SimulatedManagedIdentity(entra_id, client_id="another") as identity:
        _set(monkeypatch, identity.environment)
        with pytest.raises(Refused, match="managed identity"):
            tokens_of(settings_of(entra_id)).get()


def _set(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


# --- one token for the process --------------------------------------------------------------------


def test_many_gets_from_many_threads_ask_once(
    settings: Settings, entra_id: SimulatedEntraId
) -> None:
    """However many threads want a token at once and after another, Entra ID is asked once."""
    tokens = tokens_of(settings)
    before = len(entra_id.token_requests)
    with ThreadPoolExecutor(8) as threads:
        given = set(threads.map(lambda _: tokens.get(), range(80)))
    assert len(given) == 1
    assert len(entra_id.token_requests) - before == 1


def test_renew_gives_another_token_than_the_refused_one(
    settings: Settings, entra_id: SimulatedEntraId
) -> None:
    """A refused token is replaced by one from Entra ID, not from a cache, and stays replaced."""
    tokens = tokens_of(settings)
    refused = tokens.get()
    entra_id.revoke(refused)
    fresh = tokens.renew(refused)
    assert fresh != refused
    assert entra_id.is_valid(fresh, RESOURCE)
    assert tokens.get() == fresh


def test_threads_that_renew_the_same_token_ask_once(
    settings: Settings, entra_id: SimulatedEntraId
) -> None:
    """Eight threads whose one token was refused get the same new one by a single request."""
    tokens = tokens_of(settings)
    refused = tokens.get()
    before = len(entra_id.token_requests)
    with ThreadPoolExecutor(8) as threads:
        fresh = set(threads.map(lambda _: tokens.renew(refused), range(8)))
    assert len(fresh) == 1
    assert refused not in fresh
    assert len(entra_id.token_requests) - before == 1


def test_a_token_is_replaced_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token with less than five minutes left is not given away any more."""
    with SimulatedEntraId(lifetime_seconds=299) as entra_id:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(entra_id.ca_file))
        secret = entra_id.client_secret
        tokens = tokens_of(settings_of(entra_id, PARTNER_CENTER_CLIENT_SECRET=secret))
        assert tokens.get() != tokens.get()


# --- when there is none ---------------------------------------------------------------------------


def test_a_wrong_secret_is_refused_and_not_told(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """The error names the settings to look at and Entra ID's reason; the secret is nowhere in it."""
    caplog.set_level(logging.DEBUG)
    secret = "a-secret~that.is-wrong"
    settings = settings.model_copy(update={"client_secret": SecretStr(secret)})
    with pytest.raises(Refused, match="AADSTS7000215") as caught:
        tokens_of(settings).get()
    for setting in ("PARTNER_CENTER_TENANT_ID", "PARTNER_CENTER_CLIENT_ID"):
        assert setting in str(caught.value)
    assert secret not in "".join(traceback.format_exception(caught.value))
    assert secret not in caplog.text
    assert secret not in repr(settings)


@pytest.mark.parametrize("setting", ["tenant_id", "client_id"])
def test_an_unknown_tenant_or_app_is_refused(settings: Settings, setting: str) -> None:
    """A tenant or client id that Entra ID does not know means Refused."""
    wrong = settings.model_copy(update={setting: "11111111-2222-4333-8444-555555555555"})
    with pytest.raises(Refused, match="AADSTS"):
        tokens_of(wrong).get()


def test_a_refusal_is_not_remembered(settings: Settings, entra_id: SimulatedEntraId) -> None:
    """After a refusal the next get asks again: a secret that was put right at Entra ID works at once."""
    tokens = tokens_of(settings)
    secret, entra_id.client_secret = entra_id.client_secret, "rotated"
    try:
        with pytest.raises(Refused):
            tokens.get()
    finally:
        entra_id.client_secret = secret
    assert entra_id.is_valid(tokens.get(), RESOURCE)


NO_KEY = b"-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n"


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("content", [b"", b"no certificate", NO_KEY])
def test_an_unusable_certificate_is_refused(
    entra_id: SimulatedEntraId, tmp_path: Path, content: bytes
) -> None:
    """A file that is no certificate with a private key means Refused, not a crash."""
    path = tmp_path / "app.pem"
    path.write_bytes(content)
    settings = settings_of(entra_id, PARTNER_CENTER_CLIENT_CERTIFICATE_PATH=str(path))
    with pytest.raises(Refused, match="cannot be used"):
        tokens_of(settings).get()


@pytest.mark.usefixtures("trusted")
def test_a_certificate_of_another_app_is_refused(
    entra_id: SimulatedEntraId, tmp_path: Path
) -> None:
    """A certificate that Entra ID does not know for this app means Refused."""
    path = tmp_path / "app.pem"
    path.write_bytes(entra_id.new_certificate())
    entra_id.new_certificate()
    settings = settings_of(entra_id, PARTNER_CENTER_CLIENT_CERTIFICATE_PATH=str(path))
    with pytest.raises(Refused, match="AADSTS700027"):
        tokens_of(settings).get()


@pytest.mark.usefixtures("trusted")
def test_a_certificate_that_cannot_be_opened_is_refused(
    entra_id: SimulatedEntraId, tmp_path: Path
) -> None:
    """A certificate that has gone since the settings were read, or may not be read, means Refused."""
    path = tmp_path / "app.pem"
    path.write_bytes(entra_id.new_certificate())
    settings = settings_of(entra_id, PARTNER_CENTER_CLIENT_CERTIFICATE_PATH=str(path))
    path.unlink()
    with pytest.raises(Refused):
        tokens_of(settings).get()


# --- failures of Entra ID that pass ------------------------------------------------------------------


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What azure-core would sleep between its retries; it is noted, not slept."""
    seconds: list[float] = []
    sleep = "azure.core.pipeline.transport.RequestsTransport.sleep"
    monkeypatch.setattr(sleep, lambda _, duration: seconds.append(duration))
    return seconds


@contextmanager
def own_entra_id(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedEntraId]:
    """An Entra ID of the test's own, to be treated badly."""
    with SimulatedEntraId() as entra_id:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(entra_id.ca_file))
        yield entra_id


@pytest.mark.usefixtures("slept")
def test_entra_id_down_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """When nobody listens at Entra ID's address, the failure is one that passes."""
    with SimulatedEntraId() as gone:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(gone.ca_file))
        settings = settings_of(gone, PARTNER_CENTER_CLIENT_SECRET=gone.client_secret)
    with pytest.raises(Retriable):
        tokens_of(settings).get()


@pytest.mark.usefixtures("slept")
def test_entra_id_failing_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """When Entra ID answers 503, the failure is one that passes."""
    with own_entra_id(monkeypatch) as entra_id:
        entra_id.faults.add(faults.status(503), match="token", times=None)
        with pytest.raises(Retriable):
            tokens_of(
                settings_of(entra_id, PARTNER_CENTER_CLIENT_SECRET=entra_id.client_secret)
            ).get()


@pytest.mark.usefixtures("slept")
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, ""),
        (500, "busy"),
        (500, '{"statusCode":500,"message":"busy"}'),
        (429, '{"statusCode":429,"message":"too many"}'),
    ],
)
def test_a_managed_identity_that_does_not_answer_is_no_refusal(
    monkeypatch: pytest.MonkeyPatch, status: int, body: str
) -> None:
    """When the identity endpoint of the platform fails, the failure is one that passes."""
    with own_entra_id(monkeypatch) as entra_id, SimulatedPartnerCenter() as broken:
        broken.faults.add(faults.status(status, body), times=None)
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{broken.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "made-up")
        with pytest.raises(Retriable):
            tokens_of(settings_of(entra_id)).get()


def test_a_throttling_entra_id_is_not_slept_for(
    monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    """A Retry-After of a minute from Entra ID is told, not slept in a billed invocation."""
    with own_entra_id(monkeypatch) as entra_id:
        entra_id.faults.add(faults.throttled(57), match="token", times=None)
        with pytest.raises(Retriable):
            tokens_of(
                settings_of(entra_id, PARTNER_CENTER_CLIENT_SECRET=entra_id.client_secret)
            ).get()
    assert sum(slept) < 10


@pytest.mark.usefixtures("slept")
def test_a_failure_counts_for_all_who_waited_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that want a token while Entra ID is silent do not wait for it one after the other."""
    with own_entra_id(monkeypatch) as entra_id, ThreadPoolExecutor(8) as threads:
        entra_id.faults.add(faults.no_answer(1), match="/token", times=None)
        tokens = tokens_of(
            settings_of(entra_id, PARTNER_CENTER_CLIENT_SECRET=entra_id.client_secret)
        )
        asked = [threads.submit(tokens.get) for _ in range(8)]
        assert all(isinstance(each.exception(), Retriable) for each in asked)
        assert len(entra_id.requests.matching("/token")) <= 2
        entra_id.faults.clear()
        assert tokens.get()


@pytest.mark.usefixtures("slept")
def test_a_silent_entra_id_is_not_waited_for_for_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """An Entra ID that takes the connection and says nothing is given up within seconds."""
    with ThreadPoolExecutor(1) as threads, own_entra_id(monkeypatch) as entra_id:
        entra_id.faults.add(faults.no_answer(300), match="token", times=None)
        asked = threads.submit(
            tokens_of(
                settings_of(entra_id, PARTNER_CENTER_CLIENT_SECRET=entra_id.client_secret)
            ).get
        )
        with pytest.raises(Retriable):
            asked.result(12)


# --- which credential, by which authority (nothing is asked of anyone) ----------------------------


class Chosen:
    """Stands in for a credential class, and keeps what it was made with."""

    made: list[Chosen]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args, self.kwargs = args, kwargs
        self.scopes: list[str] = []
        type(self).made.append(self)

    def get_token(self, scope: str) -> AccessToken:
        self.scopes.append(scope)
        return AccessToken("an assertion", 0)


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], type[Chosen]]:
    """Puts a stand-in in the place of one of azure.identity's classes."""

    def stand_in(name: str) -> type[Chosen]:
        kind = type(name, (Chosen,), {"made": []})
        monkeypatch.setattr(azure.identity, name, kind)
        return kind

    return stand_in


CLOUDS = {
    "https://login.microsoftonline.com": "api://AzureADTokenExchange/.default",
    "https://login.microsoftonline.us": "api://AzureADTokenExchangeUSGov/.default",
    "https://login.partner.microsoftonline.cn": "api://AzureADTokenExchangeChina/.default",
}
OTHERS = ["https://127.0.0.1:8443", "https://login.microsoftonline.com.example.org"]


def _at(authority: str, **more: str) -> Settings:
    return Settings.from_environment(
        {
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
            "PARTNER_CENTER_TENANT_ID": "contoso.example",
            "PARTNER_CENTER_CLIENT_ID": "an-app",
            "PARTNER_CENTER_AUTHORITY": authority,
            **more,
        }
    )


@pytest.mark.parametrize(
    ("authority", "discovery_off"),
    [*((cloud, False) for cloud in CLOUDS), *((other, True) for other in OTHERS)],
)
@pytest.mark.parametrize("proof", ["secret", "certificate", "identity"])
def test_instance_discovery_is_for_microsofts_authorities_alone(
    chosen: Callable[[str], type[Chosen]],
    authority: str,
    discovery_off: bool,
    proof: str,
    tmp_path: Path,
) -> None:
    """Microsoft's clouds vouch for their authorities; another one is used without asking them."""
    path = tmp_path / "app.pem"
    path.touch()
    name, more = {
        "secret": ("ClientSecretCredential", {"PARTNER_CENTER_CLIENT_SECRET": "made-up"}),
        "certificate": (
            "CertificateCredential",
            {"PARTNER_CENTER_CLIENT_CERTIFICATE_PATH": str(path)},
        ),
        "identity": ("ClientAssertionCredential", {}),
    }[proof]
    kind = chosen(name)
    app_registration(_at(authority, **more))
    [made] = kind.made
    assert made.args[:2] == ("contoso.example", "an-app")
    assert made.kwargs["authority"] == authority
    assert made.kwargs["disable_instance_discovery"] is discovery_off


@pytest.mark.parametrize(("authority", "audience"), CLOUDS.items())
def test_each_cloud_wants_its_own_audience_of_the_identity(
    chosen: Callable[[str], type[Chosen]], authority: str, audience: str
) -> None:
    """The managed identity's token, which stands in for the secret, is for the cloud's token exchange."""
    identities, assertions = (
        chosen("ManagedIdentityCredential"),
        chosen("ClientAssertionCredential"),
    )
    app_registration(_at(authority, AZURE_CLIENT_ID="user-assigned"))
    [identity], [assertion] = identities.made, assertions.made
    assert identity.kwargs["client_id"] == "user-assigned"
    assert assertion.args[2]() == "an assertion"
    assert identity.scopes == [audience]


@pytest.mark.parametrize(
    ("fields", "name", "arguments"),
    [
        (
            {"credential": "managedidentity", "client_id": "one-of-several"},
            "ManagedIdentityCredential",
            {"client_id": "one-of-several"},
        ),
        ({"credential": "managedidentity"}, "ManagedIdentityCredential", {"client_id": None}),
        (
            {"client_id": "one-of-several"},
            "DefaultAzureCredential",
            {"managed_identity_client_id": "one-of-several"},
        ),
        ({}, "DefaultAzureCredential", {"managed_identity_client_id": None}),
    ],
)
def test_storage_is_reached_as_its_setting_says(
    chosen: Callable[[str], type[Chosen]],
    fields: dict[str, str],
    name: str,
    arguments: dict[str, str | None],
) -> None:
    """`__credential` managedidentity means that and nothing else; without it, what is at hand."""
    kind = chosen(name)
    storage_credential(StorageConnection(account_name="invoices", **fields))
    [made] = kind.made
    assert made.kwargs.items() >= arguments.items()


def test_a_tenant_that_discovery_does_not_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong tenant id is a refusal that names the setting, not a failure that passes."""
    body = '{"error":"invalid_tenant","error_description":"AADSTS90002: Tenant not found."}'
    with own_entra_id(monkeypatch) as entra_id:
        entra_id.faults.add(faults.status(400, body), match="openid-configuration", times=None)
        with pytest.raises(Refused, match="PARTNER_CENTER_TENANT_ID"):
            tokens_of(
                settings_of(entra_id, PARTNER_CENTER_CLIENT_SECRET=entra_id.client_secret)
            ).get()


def test_a_throttled_tenant_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A code that says that too many ask passes."""
    body = '{"error":"temporarily_unavailable","error_description":"AADSTS90055: Too many."}'
    with own_entra_id(monkeypatch) as entra_id:
        entra_id.faults.add(faults.status(429, body), match="/token", times=None)
        with pytest.raises(Retriable):
            tokens_of(
                settings_of(entra_id, PARTNER_CENTER_CLIENT_SECRET=entra_id.client_secret)
            ).get()


@pytest.mark.parametrize(
    "token", ["", "s3cr3t\r\nHost: evil.example", "s3cr3t\u2028", "s3cr3t two"]
)
def test_a_token_that_no_header_can_carry_is_no_answer_and_not_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """Whoever tried to send it would tell it in the error."""

    class Odd:
        def get_token(self, *_: object) -> AccessToken:
            return AccessToken(token, 2**31)

    monkeypatch.setattr("shared.auth.tokens.app_registration", lambda _: Odd())
    with pytest.raises(Retriable, match="gave no usable answer") as caught:
        tokens_of(settings).get()
    assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))
