"""A simulated Entra ID: gives application-only tokens over TLS, as azure-identity asks for them."""

from __future__ import annotations

import secrets
import shutil
import ssl
import tempfile
import threading
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jwt
import trustme
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate

from local.simulated.access import TokenState
from local.simulated.server import HOST, ReceivedRequest, Service

TENANT_ID = "5a0f4d8e-6f3b-4c1d-9e58-0d8a7f2b6c11"
CLIENT_ID = "c9d3b1f0-2a47-4f0e-8b6d-71e5a4c0d922"
CLIENT_SECRET = "made-up.secret~of-the-simulated-app"
IDENTITY_HEADER = "made-up-identity-header"
TOKEN_EXCHANGE = "api://AzureADTokenExchange"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Form = dict[str, str]


@dataclass
class Token:
    """A token that was given away. Its text says nothing: it has to be looked up."""

    text: str
    audience: str
    expires: float

    @property
    def expires_in(self) -> int:
        """The seconds left."""
        return max(0, int(self.expires - time.time()))


class Refusal(Exception):
    """A token is not given: the status, the OAuth error, and Entra ID's own code and text."""

    def __init__(self, status: int, error: str, code: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.body = {
            "error": error,
            "error_description": f"AADSTS{code}: {text}",
            "error_codes": [code],
            "correlation_id": "8f0e2f0a-0000-4000-8000-000000000000",
        }


class SimulatedEntraId(Service):
    """One tenant with one app registration.

    The app proves who it is with its secret, with a certificate (see `new_certificate`), or with
    the assertion of someone it is federated to: the simulated managed identity, or any text in
    `trusted_assertions`. `ca_file` has the certificate to trust.
    """

    def __init__(
        self,
        *,
        tenant_id: str = TENANT_ID,
        client_id: str = CLIENT_ID,
        client_secret: str = CLIENT_SECRET,
        lifetime_seconds: float = 3600,
    ) -> None:
        super().__init__()
        self.tenant_id = tenant_id
        self.client_id = client_id
        self.client_secret = client_secret
        self.lifetime_seconds = lifetime_seconds
        self.trusted_assertions: set[str] = set()
        self._certificate_key: RSAPublicKey | None = None
        self._tokens: dict[str, Token] = {}
        self._lock = threading.Lock()
        self._authority = trustme.CA()
        # The file outlives a stop, so that the service can be started again.
        folder = tempfile.mkdtemp()
        weakref.finalize(self, shutil.rmtree, folder)
        self.ca_file = Path(folder, "simulated-entra-id-ca.pem")
        self._authority.cert_pem.write_to_path(str(self.ca_file))

    # --- what tests and other services ask of it ---

    @property
    def token_requests(self) -> list[ReceivedRequest]:
        """The requests for tokens so far."""
        return self.requests.matching("/oauth2/v2.0/token")

    def check(self, token: str, audience: str) -> TokenState:
        """Tell what a service with this audience finds out about a token."""
        with self._lock:
            known = self._tokens.get(token)
        if known is None:
            return TokenState.UNKNOWN
        if known.audience != audience:
            return TokenState.WRONG_AUDIENCE
        return TokenState.VALID if known.expires > time.time() else TokenState.EXPIRED

    def is_valid(self, token: str, audience: str) -> bool:
        """Tell whether a service with this audience accepts a token."""
        return self.check(token, audience) is TokenState.VALID

    def expire_all(self) -> None:
        """Let every token that was given so far expire now."""
        with self._lock:
            for token in self._tokens.values():
                token.expires = 0

    def revoke(self, token: str) -> None:
        """Forget a token."""
        with self._lock:
            self._tokens.pop(token, None)

    def issue(self, audience: str) -> Token:
        """Give a token for this audience, whoever asks."""
        token = Token(secrets.token_urlsafe(32), audience, time.time() + self.lifetime_seconds)
        with self._lock:
            self._tokens[token.text] = token
        return token

    def new_certificate(self) -> bytes:
        """Give the app registration a certificate; returns it with its private key, as PEM."""
        # MSAL signs with RSA.
        made = self._authority.issue_cert("simulated-app", key_type=trustme.KeyType.RSA)
        certificate = load_pem_x509_certificate(made.cert_chain_pems[0].bytes())
        key = certificate.public_key()
        assert isinstance(key, RSAPublicKey)  # noqa: S101 (tells mypy)
        self._certificate_key = key
        return made.private_key_and_cert_chain_pem.bytes()

    # --- what it does for those who ask over the wire ---

    def tls(self) -> ssl.SSLContext:
        """Give the TLS context of a certificate that `ca_file` vouches for."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._authority.issue_cert(HOST, "localhost").configure_cert(context)
        return context

    def application(self) -> web.Application:
        """Make the application."""
        application = web.Application()
        discovery = "/{tenant}/v2.0/.well-known/openid-configuration"
        application.router.add_get(discovery, self._openid_configuration)
        application.router.add_post("/{tenant}/oauth2/v2.0/token", self._token)
        return application

    async def _openid_configuration(self, request: web.Request) -> web.Response:
        root = f"https://{request.host}/{request.match_info['tenant']}"
        return web.json_response(
            {
                "issuer": f"{root}/v2.0",
                "token_endpoint": f"{root}/oauth2/v2.0/token",
                "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
                "jwks_uri": f"{root}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            }
        )

    async def _token(self, request: web.Request) -> web.Response:
        form = dict(parse_qsl(await request.text()))
        try:
            self._check_tenant(request.match_info["tenant"])
            self._check_client(form, f"https://{request.host}{request.path}")
            token = self.issue(_audience(form))
        except Refusal as refusal:
            return web.json_response(refusal.body, status=refusal.status)
        lifetime = token.expires_in
        return web.json_response(
            {
                "token_type": "Bearer",
                "expires_in": lifetime,
                "ext_expires_in": lifetime,
                "access_token": token.text,
            }
        )

    def _check_tenant(self, tenant: str) -> None:
        if tenant != self.tenant_id:
            raise Refusal(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")

    def _check_client(self, form: Form, token_url: str) -> None:
        if form.get("grant_type") != "client_credentials":
            raise Refusal(400, "unsupported_grant_type", 70003, "Only client_credentials is known.")
        if form.get("client_id") != self.client_id:
            text = f"Application with identifier '{form.get('client_id')}' was not found."
            raise Refusal(400, "unauthorized_client", 700016, text)
        if "client_assertion" in form:
            self._check_assertion(form, token_url)
        elif "client_secret" not in form:
            raise Refusal(401, "invalid_client", 7000218, "An assertion or secret is required.")
        elif form["client_secret"] != self.client_secret:
            raise Refusal(401, "invalid_client", 7000215, "Invalid client secret provided.")

    def _check_assertion(self, form: Form, token_url: str) -> None:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise Refusal(400, "invalid_request", 900144, "The client_assertion_type is not known.")
        assertion = form["client_assertion"]
        federated = assertion in self.trusted_assertions or self.is_valid(assertion, TOKEN_EXCHANGE)
        if not federated and not self._is_signed(assertion, token_url):
            raise Refusal(401, "invalid_client", 700027, "The client assertion is not valid.")

    def _is_signed(self, assertion: str, token_url: str) -> bool:
        if self._certificate_key is None:
            return False
        try:
            claims: dict[str, Any] = jwt.decode(
                assertion,
                self._certificate_key,
                algorithms=["RS256", "PS256"],
                audience=token_url,
                issuer=self.client_id,
                options={"require": ["exp", "iss", "sub", "aud"]},
            )
        except jwt.InvalidTokenError:
            return False
        return bool(claims["sub"] == self.client_id)


def _audience(form: Form) -> str:
    # For its own credentials an app asks for all it may do, with ".default"; MSAL adds nothing.
    scope = form.get("scope", "")
    audience, _, permission = scope.rpartition("/")
    if permission != ".default" or not audience or " " in scope:
        raise Refusal(400, "invalid_scope", 70011, f"The scope {scope} is not valid.")
    return audience


class SimulatedManagedIdentity(Service):
    """The managed identity of an app in App Service, which gives assertions for the simulated Entra ID.

    `environment` has what App Service sets for the app.
    """

    def __init__(self, entra_id: SimulatedEntraId, *, client_id: str | None = None) -> None:
        super().__init__()
        self._entra_id = entra_id
        self._client_id = client_id

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of the app."""
        return {"IDENTITY_ENDPOINT": f"{self.url}/msi/token", "IDENTITY_HEADER": IDENTITY_HEADER}

    def application(self) -> web.Application:
        """Make the application."""
        application = web.Application()
        application.router.add_get("/msi/token", self._token)
        return application

    async def _token(self, request: web.Request) -> web.Response:
        if request.headers.get("X-IDENTITY-HEADER") != IDENTITY_HEADER:
            return _identity_error(401, "The header X-IDENTITY-HEADER is missing or wrong.")
        if request.query.get("api-version") != "2019-08-01" or not request.query.get("resource"):
            return _identity_error(400, "The query needs api-version=2019-08-01 and a resource.")
        if request.query.get("client_id") != self._client_id:
            return _identity_error(400, "No managed identity has this client id.")
        token = self._entra_id.issue(request.query["resource"])
        return web.json_response(
            {
                "access_token": token.text,
                "expires_on": str(int(token.expires)),
                "resource": token.audience,
                "token_type": "Bearer",
            }
        )


def _identity_error(status: int, message: str) -> web.Response:
    return web.json_response({"statusCode": status, "message": message}, status=status)
