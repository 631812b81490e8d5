"""Bearer tokens for the APIs: one credential of the app, one token at a time for each scope."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from shared.auth.credentials import app_registration
from shared.errors import ApiError, NoAnswer, Refused

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential
    from azure.core.exceptions import ClientAuthenticationError

    from shared.settings import Settings

_HEADER = re.compile(r"[\x21-\x7e]+")
_BUSY = re.compile(r"Token request error: \(\w+\) (?:429|5\d\d)\b")
_RENEW_BEFORE_SECONDS = 300
# Entra ID's codes for what passes: its own servers, a time-out, the tenant being throttled.
_PASSING_CODES = ("AADSTS90006", "AADSTS90012", "AADSTS90033", "AADSTS90055")


class AppCredential:
    """The app registration's credential, which gives tokens for any scope. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._credential: TokenCredential | None = None

    def token(self, scope: str) -> AccessToken:
        """Ask Entra ID, or the credential's cache; raises Refused or NoAnswer."""
        from azure.core.exceptions import AzureError, ClientAuthenticationError

        try:
            credential = self._credential = self._credential or app_registration(self._settings)
            token = credential.get_token(scope)
        except ClientAuthenticationError as error:
            raise self._no_token(error, scope) from None
        except (AzureError, json.JSONDecodeError) as error:
            raise self._no_answer(error) from None
        except (ValueError, OSError) as error:
            # MSAL and cryptography: a certificate that cannot be read, an unusable authority.
            raise Refused(f"The Partner Center credential cannot be used: {error}") from None
        if not _HEADER.fullmatch(token.token):
            # Whoever sends it would tell it in the error.
            raise self._no_answer(ValueError("a token that no header can carry"))
        return token

    def forget(self) -> None:
        """See to it that the next tokens are fresh: a credential answers from its cache."""
        self._credential = None

    def _no_token(self, error: ClientAuthenticationError, scope: str) -> ApiError:
        """Tell a refusal from a failure on the way, which azure-identity wraps into the same error."""
        from azure.identity import CredentialUnavailableError

        said = next((str(e) for e in _chain(error) if "AADSTS" in str(e)), "")
        # There is no such identity, unless its endpoint has only failed for now.
        unavailable = isinstance(error, CredentialUnavailableError) and not _BUSY.search(str(error))
        if any(code in said for code in _PASSING_CODES) or not (said or unavailable):
            return self._no_answer(error.__cause__ or error)
        return Refused(
            f"Entra ID gave no token for {scope}: {said or error.message}; look at "
            "PARTNER_CENTER_TENANT_ID, PARTNER_CENTER_CLIENT_ID and the secret, certificate or "
            "federated managed identity"
        )

    def _no_answer(self, error: BaseException) -> NoAnswer:
        # The error's own text may hold what was received, so part of a token.
        kind = type(error).__name__
        return NoAnswer(f"Entra ID at {self._settings.authority} gave no usable answer ({kind})")


class Tokens:
    """Bearer tokens of one scope, one at a time for the whole process.

    Thread-safe. A token is used until five minutes before its end, or until `renew` says that the
    API did not take it.
    """

    def __init__(self, credential: AppCredential, scope: str) -> None:
        self._credential = credential
        self._scope = scope
        self._lock = threading.Lock()
        self._token: AccessToken | None = None
        self._failure: ApiError | None = None
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
                self._credential.forget()
                self._token = self._acquire(asked_at)
            return self._token.token

    def _acquire(self, asked_at: float) -> AccessToken:
        """Ask Entra ID; a failure counts for all who waited for it, so that none waits in turn."""
        if self._failure and self._failed_at >= asked_at:
            raise self._failure
        try:
            return self._credential.token(self._scope)
        except ApiError as error:
            self._failure, self._failed_at = error, time.monotonic()
            raise


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Give an error and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
