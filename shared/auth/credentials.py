"""Who the app is: the credentials for Entra ID and for storage, as the settings ask for them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from shared.settings import Settings, StorageConnection

# The clouds whose authorities Entra ID vouches for, and the audience that each of them wants in the
# managed identity's token when it stands in for the app registration's secret.
_TOKEN_EXCHANGE = {
    "login.microsoftonline.com": "api://AzureADTokenExchange/.default",
    "login.microsoftonline.us": "api://AzureADTokenExchangeUSGov/.default",
    "login.partner.microsoftonline.cn": "api://AzureADTokenExchangeChina/.default",
    "login.chinacloudapi.cn": "api://AzureADTokenExchangeChina/.default",
}
# Failures of Entra ID are retried like those of the API, by whoever asks for a token.
_ENTRA_ID_ONCE = {"retry_total": 0, "connection_timeout": 5, "read_timeout": 10}

# It logs each token at INFO, and with a failure whatever was received, a token among it.
logging.getLogger("azure.identity").setLevel(logging.CRITICAL)


def app_registration(settings: Settings) -> TokenCredential:
    """Make the app registration's credential: by secret, certificate or federated identity."""
    # Imported here because azure.identity is a third of a second of every cold start.
    from azure.identity import (
        CertificateCredential,
        ClientAssertionCredential,
        ClientSecretCredential,
    )

    authority_host = urlsplit(settings.authority).hostname or ""
    app = (settings.tenant_id, settings.client_id)
    entra_id: dict[str, Any] = {
        "authority": settings.authority,
        "disable_instance_discovery": authority_host not in _TOKEN_EXCHANGE,
        **_ENTRA_ID_ONCE,
    }
    if settings.client_secret:
        secret = settings.client_secret.get_secret_value()
        return ClientSecretCredential(*app, secret, **entra_id)
    if settings.client_certificate:
        content = settings.client_certificate.get_secret_value()
        return CertificateCredential(*app, certificate_data=content, **entra_id)
    if settings.client_certificate_path:
        return CertificateCredential(*app, str(settings.client_certificate_path), **entra_id)
    identity = managed_identity(settings.managed_identity_client_id)
    audience = _TOKEN_EXCHANGE.get(authority_host, _TOKEN_EXCHANGE["login.microsoftonline.com"])
    return ClientAssertionCredential(*app, lambda: identity.get_token(audience).token, **entra_id)


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
