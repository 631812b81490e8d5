"""How the app proves who it is: to Partner Center through Entra ID, to storage as itself."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.errors import NoAnswer, PartnerCenterError, Refused

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential
    from azure.core.exceptions import ClientAuthenticationError

    from shared.settings import Settings, StorageConnection

# The clouds whose authorities Entra ID vouches for, and the audience that each of them wants in the
# managed identity's token when it stands in for the app registration's secret.
_TOKEN_EXCHANGE = {
    "login.microsoftonline.com": "api://AzureADTokenExchange/.default",
    "login.microsoftonline.us": "api://AzureADTokenExchangeUSGov/.default",
    "login.partner.microsoftonline.cn": "api://AzureADTokenExchangeChina/.default",
    "login.chinacloudapi.cn": "api://AzureADTokenExchangeChina/.default",
}
_RENEW_BEFORE_SECONDS = 300

# Entra ID's codes for what passes: its own servers, a time-out, the tenant being throttled.
_PASSING_CODES = ("AADSTS90006", "AADSTS90012", "AADSTS90033", "AADSTS90055")
# Failures of Entra ID are retried like those of Partner Center, by whoever asks for a token.
_ENTRA_ID_ONCE = {"retry_total": 0, "connection_timeout": 5, "read_timeout": 10}

# It tells each token at INFO, and with a failure whatever was received, a token among it.
logging.getLogger("azure.identity").setLevel(logging.CRITICAL)


class Tokens:
    """Bearer tokens for Partner Center, one at a time for the whole process.

    Thread-safe. A token is used until five minutes before its end, or until `renew` says that
    Partner Center did not take it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._credential: TokenCredential | None = None
        self._token: AccessToken | None = None
        self._failure: PartnerCenterError | None = None
        self._failed_at = float("-inf")

    def get(self) -> str:
        """Give a valid token; raises Refused or NoAnswer when Entra ID gives none."""
        asked_at = time.monotonic()
        with self._lock:
            if self._token is None or self._token.expires_on - time.time() < _RENEW_BEFORE_SECONDS:
                self._token = self._acquire(asked_at)
            return self._token.token

    def renew(self, refused: str) -> str:
        """Give another token than `refused`, asking Entra ID once however many threads want one."""
        asked_at = time.monotonic()
        with self._lock:
            if self._token is None or self._token.token == refused:
                # A credential answers from its cache, so a fresh token needs a fresh credential.
                self._credential = None
                self._token = self._acquire(asked_at)
            return self._token.token

    def _acquire(self, asked_at: float) -> AccessToken:
        """Ask Entra ID; a failure counts for all who waited for it, so that none waits in turn."""
        if self._failure and self._failed_at >= asked_at:
            raise self._failure
        try:
            return self._ask_entra_id()
        except PartnerCenterError as error:
            self._failure, self._failed_at = error, time.monotonic()
            raise

    def _ask_entra_id(self) -> AccessToken:
        from azure.core.exceptions import AzureError, ClientAuthenticationError

        try:
            self._credential = self._credential or partner_center_credential(self._settings)
            return self._credential.get_token(self._settings.scope)
        except ClientAuthenticationError as error:
            raise self._no_token(error) from None
        except (AzureError, json.JSONDecodeError) as error:
            raise self._no_answer(error) from None
        except (ValueError, OSError) as error:
            # MSAL and cryptography: a certificate that cannot be read, an unusable authority.
            raise Refused(f"The Partner Center credential cannot be used: {error}") from None

    def _no_token(self, error: ClientAuthenticationError) -> PartnerCenterError:
        """Tell a refusal from a failure on the way, which azure-identity wraps into the same error."""
        from azure.identity import CredentialUnavailableError

        said = next((str(e) for e in _chain(error) if "AADSTS" in str(e)), "")
        unavailable = isinstance(error, CredentialUnavailableError)
        if any(code in said for code in _PASSING_CODES) or not (said or unavailable):
            return self._no_answer(error.__cause__ or error)
        return Refused(
            f"Entra ID gave no token for {self._settings.scope}: {said or error.message}; look at "
            "PARTNER_CENTER_TENANT_ID, PARTNER_CENTER_CLIENT_ID and the secret, certificate or "
            "federated managed identity"
        )

    def _no_answer(self, error: BaseException) -> NoAnswer:
        # The error's own text may hold what was received, so part of a token.
        kind = type(error).__name__
        return NoAnswer(f"Entra ID at {self._settings.authority} gave no usable answer ({kind})")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Give an error and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def partner_center_credential(settings: Settings) -> TokenCredential:
    """Make the credential that the settings ask for: secret, certificate or managed identity."""
    # Imported here because azure.identity is a third of a second of every cold start.
    from azure.identity import (
        CertificateCredential,
        ClientAssertionCredential,
        ClientSecretCredential,
    )

    authority_host = urlsplit(settings.authority).hostname or ""
    trusted_without_discovery = authority_host not in _TOKEN_EXCHANGE
    if settings.client_secret:
        return ClientSecretCredential(
            settings.tenant_id,
            settings.client_id,
            settings.client_secret.get_secret_value(),
            authority=settings.authority,
            disable_instance_discovery=trusted_without_discovery,
            **_ENTRA_ID_ONCE,
        )
    if settings.client_certificate_path:
        return CertificateCredential(
            settings.tenant_id,
            settings.client_id,
            str(settings.client_certificate_path),
            authority=settings.authority,
            disable_instance_discovery=trusted_without_discovery,
            **_ENTRA_ID_ONCE,
        )
    identity = managed_identity(settings.managed_identity_client_id)
    audience = _TOKEN_EXCHANGE.get(authority_host, _TOKEN_EXCHANGE["login.microsoftonline.com"])
    return ClientAssertionCredential(
        settings.tenant_id,
        settings.client_id,
        lambda: identity.get_token(audience).token,
        authority=settings.authority,
        disable_instance_discovery=trusted_without_discovery,
        **_ENTRA_ID_ONCE,
    )


def managed_identity(client_id: str | None) -> TokenCredential:
    """Give the app's own identity: user-assigned with a `client_id`, else system-assigned."""
    from azure.identity import ManagedIdentityCredential

    return ManagedIdentityCredential(client_id=client_id, connection_timeout=5, read_timeout=10)


def storage_credential(connection: StorageConnection) -> TokenCredential:
    """Give the identity for a storage account: as `__credential` says, else what is at hand."""
    if connection.credential == "managedidentity":
        return managed_identity(connection.client_id)
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential(managed_identity_client_id=connection.client_id)
