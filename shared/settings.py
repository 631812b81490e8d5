"""The app settings: read once, validated together, every problem told in one message."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from shared.connection_string import leads_to
from shared.errors import InvalidInput
from shared.setting_values import (
    Certificate,
    CertificatePath,
    ConnectionString,
    DirectoryName,
    HttpsUrl,
    Identity,
    NewCommerceSource,
    RootUrl,
    Scope,
    ServiceUrl,
    cleaned,
)

_KEY_VAULT_REFERENCE = "@Microsoft.KeyVault("
_PROOFS = tuple(
    f"PARTNER_CENTER_CLIENT_{proof}" for proof in ("SECRET", "CERTIFICATE", "CERTIFICATE_PATH")
)
_STORAGE_SETTINGS = ("AzureWebJobsStorage", "INVOICES_STORAGE")
_STORAGE_FIELDS = ("blobServiceUri", "queueServiceUri", "accountName", "credential", "clientId")


class _Frozen(BaseModel):
    # The input is hidden in errors because it may be a secret.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, populate_by_name=True)


class StorageConnection(_Frozen):
    """One storage account: a connection string, or the service addresses and an identity.

    The identity form is that of the Functions host: `{setting}__blobServiceUri`,
    `__queueServiceUri` (or `__accountName` for both), `__credential`, `__clientId`.
    """

    connection_string: ConnectionString | None = None
    blob_service_uri: ServiceUrl | None = Field(None, alias="blobServiceUri")
    queue_service_uri: ServiceUrl | None = Field(None, alias="queueServiceUri")
    account_name: str | None = Field(None, alias="accountName", pattern=r"^[a-z0-9]{3,24}$")
    credential: Identity | None = None
    client_id: DirectoryName | None = Field(None, alias="clientId")

    @property
    def blob_url(self) -> str | None:
        return self.blob_service_uri or self._of_account("blob")

    @property
    def queue_url(self) -> str | None:
        return self.queue_service_uri or self._of_account("queue")

    def _of_account(self, service: str) -> str | None:
        return self.account_name and f"https://{self.account_name}.{service}.core.windows.net"


class Settings(_Frozen):
    """Everything that can be set, as validated values; the aliases are the settings' names."""

    host_storage: StorageConnection = Field(alias="AzureWebJobsStorage")
    invoices_storage: StorageConnection = Field(alias="INVOICES_STORAGE")
    invoices_container: str = Field(
        "invoices",
        alias="INVOICES_CONTAINER",
        min_length=3,
        max_length=63,
        pattern=r"^[a-z0-9](-?[a-z0-9])*$",
    )
    tenant_id: DirectoryName = Field(alias="PARTNER_CENTER_TENANT_ID")
    client_id: DirectoryName = Field(alias="PARTNER_CENTER_CLIENT_ID")
    client_secret: SecretStr | None = Field(None, alias="PARTNER_CENTER_CLIENT_SECRET")
    client_certificate_path: CertificatePath | None = Field(
        None, alias="PARTNER_CENTER_CLIENT_CERTIFICATE_PATH"
    )
    client_certificate: Certificate | None = Field(None, alias="PARTNER_CENTER_CLIENT_CERTIFICATE")
    client_secret_expires: date | None = Field(None, alias="PARTNER_CENTER_CLIENT_SECRET_EXPIRES")
    managed_identity_client_id: DirectoryName | None = Field(None, alias="AZURE_CLIENT_ID")
    partner_center_url: RootUrl = Field(
        "https://api.partnercenter.microsoft.com", alias="PARTNER_CENTER_URL"
    )
    authority: HttpsUrl = Field(
        "https://login.microsoftonline.com", alias="PARTNER_CENTER_AUTHORITY"
    )
    scope: Scope = Field("", alias="PARTNER_CENTER_SCOPE")
    new_commerce_source: NewCommerceSource | None = Field(None, alias="NEW_COMMERCE_SOURCE")
    graph_url: ServiceUrl = Field("https://graph.microsoft.com/v1.0", alias="GRAPH_URL")
    settle_days: int = Field(10, alias="SETTLE_DAYS", ge=0, le=60)
    page_size: int = Field(2000, alias="LINE_ITEMS_PAGE_SIZE", ge=1, le=2000)
    concurrency: int = Field(4, alias="LINE_ITEMS_CONCURRENCY", ge=1, le=32)
    # The upper bound leaves three minutes of host.json's functionTimeout for the last pages.
    time_budget_seconds: float = Field(240, alias="FETCH_TIME_BUDGET_SECONDS", ge=0, le=420)

    @model_validator(mode="after")
    def _derive(self) -> Self:
        derived = {
            "scope": f"{self.partner_center_url}/.default",
            "new_commerce_source": "graph" if self._cloud_has_exports else "v1",
        }
        for name, value in derived.items():
            if not getattr(self, name):
                object.__setattr__(self, name, value)
        return self

    @property
    def graph_scope(self) -> str:
        """The scope of Microsoft Graph's tokens."""
        return f"https://{urlsplit(self.graph_url).netloc}/.default"

    @property
    def _cloud_has_exports(self) -> bool:
        """Whether Graph's export covers this cloud: not 21Vianet, nor US Gov, whose URL is the global one."""
        hosts = (urlsplit(url).hostname or "" for url in (self.partner_center_url, self.authority))
        return not any(host.endswith((".cn", ".us")) for host in hosts)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings of `environment`.

        Raises InvalidInput with a line for each setting that is missing or wrong.
        """
        values = _by_setting(environment)
        problems = _unresolved(values) | _unreachable_storage(values) | _two_proofs(values)
        try:
            settings = cls.model_validate(values)
            problems |= _without_service(settings)
        except ValidationError as error:
            problems = {_name(e["loc"]): _text(e["msg"]) for e in error.errors()} | problems
        if problems:
            lines = "\n".join(f"  {name}: {text}" for name, text in problems.items())
            raise InvalidInput(f"These app settings need attention:\n{lines}")
        return settings


@cache
def get_settings() -> Settings:
    """Give the process's settings, read once."""
    return Settings.from_environment(os.environ)


def _by_setting(environment: Mapping[str, str]) -> dict[str, Any]:
    # An empty setting is an unset one: that is how the portal and .env files leave them.
    known = {name: cleaned(value) for name, value in environment.items()}
    values: dict[str, Any] = {name: value for name, value in known.items() if value}
    host, invoices = (_storage(values, name) for name in _STORAGE_SETTINGS)
    return values | {"AzureWebJobsStorage": host, "INVOICES_STORAGE": invoices or host}


def _storage(values: Mapping[str, str], name: str) -> dict[str, str]:
    if name in values:
        return {"connection_string": values[name]}
    fields = {field: values.get(f"{name}__{field}") for field in _STORAGE_FIELDS}
    return {field: value for field, value in fields.items() if value}


def _unresolved(values: Mapping[str, Any]) -> dict[str, str]:
    known = {field.alias: values.get(field.alias or "") for field in Settings.model_fields.values()}
    for name in _STORAGE_SETTINGS:
        known |= {_name((name, field)): value for field, value in values[name].items()}
    return {
        name: "the Key Vault reference was not resolved: the app's identity needs the role Key Vault "
        "Secrets User on the vault, and the secret has to exist"
        for name, value in known.items()
        if name and isinstance(value, str) and value.startswith(_KEY_VAULT_REFERENCE)
    }


def _unreachable_storage(values: Mapping[str, Any]) -> dict[str, str]:
    # Which addresses an account must have depends on what it is for: queue and blobs, or blobs alone.
    needed = {
        "AzureWebJobsStorage": ("queueServiceUri", ""),
        "INVOICES_STORAGE": ("blobServiceUri", ", or the same of AzureWebJobsStorage"),
    }
    return {
        name: f"expected a connection string, or {name}__{uri} for an identity{or_else}"
        for name, (uri, or_else) in needed.items()
        if not values[name].keys() & {"connection_string", "accountName", uri}
    }


def _without_service(settings: Settings) -> dict[str, str]:
    needed = {
        "AzureWebJobsStorage": (settings.host_storage, "queue"),
        "INVOICES_STORAGE": (settings.invoices_storage, "blob"),
    }
    return {
        name: f"the connection string has neither AccountName nor {service.title()}Endpoint"
        for name, (storage, service) in needed.items()
        if storage.connection_string
        and not leads_to(storage.connection_string.get_secret_value(), service)
    }


def _two_proofs(values: Mapping[str, Any]) -> dict[str, str]:
    given = [name for name in _PROOFS if name in values]
    if len(given) < 2:
        return {}
    text = "expected one of them, or none (then the managed identity is used)"
    return {" and ".join(given): text}


def _name(location: tuple[int | str, ...]) -> str:
    parts = [str(part) for part in location if part != "connection_string"]
    return "__".join(parts)


def _text(message: str) -> str:
    return {"Field required": "required, but not set"}.get(
        message, message.removeprefix("Value error, ")
    )
