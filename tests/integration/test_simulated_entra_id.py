"""The simulated Entra ID gives tokens to azure-identity, as the real one does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    CertificateCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
)

from local.simulated import SimulatedEntraId, SimulatedManagedIdentity, TokenState

AUDIENCE = "http://127.0.0.1:7071"
SCOPE = f"{AUDIENCE}/.default"


@pytest.fixture
def entra_id() -> Iterator[SimulatedEntraId]:
    with SimulatedEntraId() as running:
        yield running


def here(entra_id: SimulatedEntraId) -> dict[str, Any]:
    """What a credential has to know to ask the simulated Entra ID."""
    return {
        "authority": entra_id.url,
        "disable_instance_discovery": True,
        "connection_verify": str(entra_id.ca_file),
    }


def with_secret(entra_id: SimulatedEntraId, **changed: str) -> ClientSecretCredential:
    of_app = {
        "tenant_id": entra_id.tenant_id,
        "client_id": entra_id.client_id,
        "client_secret": entra_id.client_secret,
    } | changed
    return ClientSecretCredential(**of_app, **here(entra_id))


def test_a_secret_is_worth_a_token(entra_id: SimulatedEntraId) -> None:
    """The app gets a token that is good for the audience of its scope, and for an hour."""
    with with_secret(entra_id) as credential:
        token = credential.get_token(SCOPE)
    assert entra_id.is_valid(token.token, AUDIENCE)
    assert entra_id.check(token.token, "https://graph.windows.net") is TokenState.WRONG_AUDIENCE
    assert entra_id.issue(AUDIENCE).expires - token.expires_on < 10


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"client_secret": "wrong"}, "AADSTS7000215"),
        ({"client_id": "00000000-0000-0000-0000-000000000000"}, "AADSTS700016"),
        ({"tenant_id": "00000000-0000-0000-0000-000000000000"}, "AADSTS90002"),
    ],
)
def test_who_is_not_the_app_gets_no_token(
    entra_id: SimulatedEntraId, changed: dict[str, str], code: str
) -> None:
    """A wrong secret, an unknown app and an unknown tenant are refused with Entra ID's codes."""
    with (
        with_secret(entra_id, **changed) as credential,
        pytest.raises(ClientAuthenticationError, match=code),
    ):
        credential.get_token(SCOPE)


@pytest.mark.parametrize("scope", [f"{AUDIENCE}/user_impersonation", "", "a/.default b/.default"])
def test_a_wrong_scope_is_a_bad_request(entra_id: SimulatedEntraId, scope: str) -> None:
    """An app may ask for everything of one resource, and for nothing else."""
    response = requests.post(
        f"{entra_id.url}/{entra_id.tenant_id}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": entra_id.client_id,
            "client_secret": entra_id.client_secret,
            "scope": scope,
        },
        verify=str(entra_id.ca_file),
        timeout=10,
    )
    assert (response.status_code, response.json()["error"]) == (400, "invalid_scope")


def test_a_wrong_secret_is_an_invalid_client(entra_id: SimulatedEntraId) -> None:
    """The refusal has the status and the error that OAuth demands."""
    response = requests.post(
        f"{entra_id.url}/{entra_id.tenant_id}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": entra_id.client_id,
            "client_secret": "wrong",
            "scope": SCOPE,
        },
        verify=str(entra_id.ca_file),
        timeout=10,
    )
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


def test_it_is_trusted_through_its_own_authority_only(entra_id: SimulatedEntraId) -> None:
    """Who doesn't have the CA file doesn't believe that this is Entra ID."""
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(entra_id.url, timeout=10)


def test_a_certificate_is_worth_a_token(entra_id: SimulatedEntraId) -> None:
    """The app may sign with the certificate that its registration has."""
    with CertificateCredential(
        entra_id.tenant_id,
        entra_id.client_id,
        certificate_data=entra_id.new_certificate(),
        **here(entra_id),
    ) as credential:
        assert entra_id.is_valid(credential.get_token(SCOPE).token, AUDIENCE)


def test_another_certificate_is_worth_nothing(entra_id: SimulatedEntraId) -> None:
    """A certificate that was replaced doesn't prove anything any more."""
    old = entra_id.new_certificate()
    entra_id.new_certificate()
    with (
        CertificateCredential(
            entra_id.tenant_id, entra_id.client_id, certificate_data=old, **here(entra_id)
        ) as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS700027"),
    ):
        credential.get_token(SCOPE)


def test_a_trusted_assertion_is_worth_a_token(entra_id: SimulatedEntraId) -> None:
    """Who the app is federated to may speak for it; nobody else."""
    entra_id.trusted_assertions.add("somebody trusted")

    def asks(assertion: str) -> str:
        with ClientAssertionCredential(
            entra_id.tenant_id, entra_id.client_id, lambda: assertion, **here(entra_id)
        ) as credential:
            return credential.get_token(SCOPE).token

    assert entra_id.is_valid(asks("somebody trusted"), AUDIENCE)
    with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
        asks("somebody else")


def test_an_assertion_has_to_say_what_it_is(entra_id: SimulatedEntraId) -> None:
    """An assertion of an unknown type is a bad request."""
    entra_id.trusted_assertions.add("somebody trusted")
    response = requests.post(
        f"{entra_id.url}/{entra_id.tenant_id}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": entra_id.client_id,
            "client_assertion": "somebody trusted",
            "client_assertion_type": "urn:something:else",
            "scope": SCOPE,
        },
        verify=str(entra_id.ca_file),
        timeout=10,
    )
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("client_id", [None, "11111111-2222-3333-4444-555555555555"])
def test_the_managed_identity_speaks_for_the_app(
    entra_id: SimulatedEntraId, monkeypatch: pytest.MonkeyPatch, client_id: str | None
) -> None:
    """A system- or user-assigned identity's token is the assertion that the app gets its token for."""
    with SimulatedManagedIdentity(entra_id, client_id=client_id) as identity:
        for name, value in identity.environment.items():
            monkeypatch.setenv(name, value)
        with (
            ManagedIdentityCredential(client_id=client_id) as managed,
            ClientAssertionCredential(
                entra_id.tenant_id,
                entra_id.client_id,
                lambda: managed.get_token("api://AzureADTokenExchange/.default").token,
                **here(entra_id),
            ) as credential,
        ):
            assert entra_id.is_valid(credential.get_token(SCOPE).token, AUDIENCE)


def test_the_managed_identity_speaks_to_the_app_only(entra_id: SimulatedEntraId) -> None:
    """Without the header that only the app knows there is no token."""
    with SimulatedManagedIdentity(entra_id) as identity:
        url = identity.environment["IDENTITY_ENDPOINT"]
        query = "?resource=api://AzureADTokenExchange&api-version=2019-08-01"
        assert requests.get(url + query, timeout=10).status_code == 401


def test_tokens_end(entra_id: SimulatedEntraId) -> None:
    """A token is expired after its lifetime or when all are, and unknown once it is revoked."""
    token = entra_id.issue(AUDIENCE).text
    assert entra_id.check(token, AUDIENCE) is TokenState.VALID
    entra_id.expire_all()
    assert entra_id.check(token, AUDIENCE) is TokenState.EXPIRED
    entra_id.revoke(token)
    assert entra_id.check(token, AUDIENCE) is TokenState.UNKNOWN
    entra_id.lifetime_seconds = 0
    assert entra_id.check(entra_id.issue(AUDIENCE).text, AUDIENCE) is TokenState.EXPIRED


def test_token_requests_are_recorded(entra_id: SimulatedEntraId) -> None:
    """A test can tell how often a token was asked for."""
    with with_secret(entra_id) as credential:
        credential.get_token(SCOPE)
        credential.get_token(SCOPE)  # from the credential's own cache
    assert [request.method for request in entra_id.token_requests] == ["POST"]


def test_it_outlives_a_restart(entra_id: SimulatedEntraId, tmp_path: Path) -> None:
    """Started again, it has the same authority, and the tokens it gave are still good."""
    token, authority = entra_id.issue(AUDIENCE).text, entra_id.ca_file.read_bytes()
    kept = tmp_path / "ca.pem"
    kept.write_bytes(authority)
    entra_id.stop()
    entra_id.start()
    discovery = f"{entra_id.url}/{entra_id.tenant_id}/v2.0/.well-known/openid-configuration"
    assert requests.get(discovery, verify=str(kept), timeout=10).status_code == 200
    assert entra_id.is_valid(token, AUDIENCE)
