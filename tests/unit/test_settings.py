"""The app settings: read together, wrong ones named together."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import InvalidInput
from shared.settings import Settings

ENOUGH = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "PARTNER_CENTER_TENANT_ID": "contoso.onmicrosoft.com",
    "PARTNER_CENTER_CLIENT_ID": "11111111-2222-3333-4444-555555555555",
}


def test_the_defaults_are_the_documented_ones() -> None:
    """Three settings are enough; the rest has defaults, and the scope follows the URL."""
    settings = Settings.from_environment(ENOUGH)
    assert settings.partner_center_url == "https://api.partnercenter.microsoft.com"
    assert settings.scope == "https://api.partnercenter.microsoft.com/.default"
    assert settings.authority == "https://login.microsoftonline.com"
    assert settings.invoices_container == "invoices"
    assert (settings.page_size, settings.concurrency, settings.time_budget_seconds) == (
        2000,
        4,
        240,
    )
    assert settings.invoices_storage == settings.host_storage


def test_every_problem_is_told_in_one_message() -> None:
    """The error has a line for each setting that is missing or wrong."""
    with pytest.raises(InvalidInput) as error:
        Settings.from_environment(
            {
                "PARTNER_CENTER_CLIENT_ID": "not an id",
                "PARTNER_CENTER_URL": "http://api.example",
                "LINE_ITEMS_PAGE_SIZE": "2001",
                "INVOICES_CONTAINER": "In",
            }
        )
    told = {line.split(":")[0].strip() for line in str(error.value).splitlines()[1:]}
    assert told >= {
        "AzureWebJobsStorage",
        "PARTNER_CENTER_TENANT_ID",
        "PARTNER_CENTER_CLIENT_ID",
        "PARTNER_CENTER_URL",
        "LINE_ITEMS_PAGE_SIZE",
        "INVOICES_CONTAINER",
    }


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PARTNER_CENTER_URL", "https://api.example/v1", "without a path"),
        ("PARTNER_CENTER_URL", "http://api.example", "expected https"),
        ("PARTNER_CENTER_URL", "https://user:pw@api.example", "the root alone"),
        ("PARTNER_CENTER_URL", "api.example", "expected a URL"),
        ("PARTNER_CENTER_AUTHORITY", "http://127.0.0.1:1", "expected https"),
        ("PARTNER_CENTER_TENANT_ID", "a/b", "match pattern"),
        ("PARTNER_CENTER_CLIENT_CERTIFICATE_PATH", "/nowhere.pem", "that exists"),
        ("INVOICES_CONTAINER", "a--b", "match pattern"),
        ("INVOICES_CONTAINER", "a-" * 32, "at most 63 characters"),
        ("LINE_ITEMS_PAGE_SIZE", "many", "valid integer"),
        ("LINE_ITEMS_CONCURRENCY", "0", "greater than or equal to 1"),
        ("FETCH_TIME_BUDGET_SECONDS", "-1", "greater than or equal to 0"),
        ("INVOICES_STORAGE__blobServiceUri", "http://account.example", "expected https"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(
    name: str, value: str, expected: str
) -> None:
    """The message has the setting's name and what it has to be."""
    with pytest.raises(InvalidInput, match=f"{name}: .*{expected}"):
        Settings.from_environment(ENOUGH | {name: value})


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:80"])
def test_plain_http_is_for_loopback_hosts(url: str) -> None:
    """A simulated Partner Center on this machine needs no TLS."""
    assert (
        Settings.from_environment(ENOUGH | {"PARTNER_CENTER_URL": f"{url}/"}).partner_center_url
        == url
    )


def test_secrets_are_never_shown() -> None:
    """Neither repr nor error has the secret or the connection string."""
    secret = "s3cr3t-value"
    environment = ENOUGH | {
        "PARTNER_CENTER_CLIENT_SECRET": secret,
        "AzureWebJobsStorage": f"AccountName=a;AccountKey={secret}",
    }
    assert secret not in repr(Settings.from_environment(environment))
    with pytest.raises(InvalidInput) as error:
        Settings.from_environment(environment | {"LINE_ITEMS_PAGE_SIZE": "x"})
    assert secret not in str(error.value)


@pytest.mark.parametrize(
    "name", ["PARTNER_CENTER_CLIENT_SECRET", "AzureWebJobsStorage", "INVOICES_STORAGE"]
)
def test_an_unresolved_key_vault_reference_is_told_as_one(name: str) -> None:
    """The literal reference is not taken for the value."""
    reference = "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s/)"
    with pytest.raises(InvalidInput, match=f"{name}: the Key Vault reference was not resolved"):
        Settings.from_environment(ENOUGH | {name: reference})


def test_secret_and_certificate_exclude_each_other(tmp_path: Path) -> None:
    """With both set it is not clear which one is meant."""
    certificate = tmp_path / "app.pem"
    certificate.touch()
    with pytest.raises(InvalidInput, match="expected one of them"):
        Settings.from_environment(
            ENOUGH
            | {
                "PARTNER_CENTER_CLIENT_SECRET": "x",
                "PARTNER_CENTER_CLIENT_CERTIFICATE_PATH": str(certificate),
            }
        )


def test_empty_settings_count_as_unset() -> None:
    """The portal and .env files leave unset things empty."""
    settings = Settings.from_environment(
        ENOUGH | {"INVOICES_CONTAINER": "", "PARTNER_CENTER_SCOPE": " "}
    )
    assert settings.invoices_container == "invoices"
    assert settings.scope == "https://api.partnercenter.microsoft.com/.default"


def test_storage_by_identity() -> None:
    """The host's own form of settings works: service addresses, credential and client id."""
    settings = Settings.from_environment(
        {
            **{name: value for name, value in ENOUGH.items() if name != "AzureWebJobsStorage"},
            "AzureWebJobsStorage__blobServiceUri": "https://acct.blob.core.windows.net",
            "AzureWebJobsStorage__queueServiceUri": "https://acct.queue.core.windows.net/",
            "AzureWebJobsStorage__credential": "managedidentity",
            "AzureWebJobsStorage__clientId": "11111111-0000-0000-0000-000000000000",
            "INVOICES_STORAGE__accountName": "finance",
        }
    )
    assert settings.host_storage.queue_url == "https://acct.queue.core.windows.net"
    assert settings.host_storage.credential == "managedidentity"
    assert settings.invoices_storage.blob_url == "https://finance.blob.core.windows.net"
