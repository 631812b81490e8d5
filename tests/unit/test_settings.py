"""The app settings: read together, wrong ones named together."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from shared.errors import InvalidInput
from shared.settings import Settings
from shared.storage.accounts import invoices_container, line_items_queue

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
    assert (settings.new_commerce_source, settings.settle_days) == ("graph", 10)
    assert settings.graph_url == "https://graph.microsoft.com/v1.0"
    assert settings.graph_scope == "https://graph.microsoft.com/.default"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PARTNER_CENTER_AUTHORITY", "https://login.partner.microsoftonline.cn"),
        ("PARTNER_CENTER_URL", "https://partner.partnercenterapi.microsoftonline.cn"),
        ("PARTNER_CENTER_AUTHORITY", "https://login.microsoftonline.us"),
    ],
)
def test_a_cloud_without_exports_has_all_lines_from_v1(name: str, value: str) -> None:
    """Unless somebody says that it has them by now."""
    cloud = ENOUGH | {name: value}
    assert Settings.from_environment(cloud).new_commerce_source == "v1"
    said = Settings.from_environment(cloud | {"NEW_COMMERCE_SOURCE": "graph"})
    assert said.new_commerce_source == "graph"


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
        ("GRAPH_URL", "http://graph.example/v1.0", "expected https"),
        ("GRAPH_URL", "https://user:pw@graph.example/v1.0", "the root alone"),
        ("GRAPH_URL", "https://graph.example/v1.0?x=1", "the root alone"),
        ("GRAPH_URL", "graph.example/v1.0", "expected a URL"),
        ("GRAPH_URL", "https://graph.example/v1.0/../beta", "a path of plain names"),
        ("GRAPH_URL", "https://graph.example/v1 .0", "a path of plain names"),
        ("GRAPH_URL", "https://graph.example//v1.0", "a path of plain names"),
        ("NEW_COMMERCE_SOURCE", "both", "'graph' or 'v1'"),
        ("SETTLE_DAYS", "61", "less than or equal to 60"),
        ("SETTLE_DAYS", "-1", "greater than or equal to 0"),
        ("SETTLE_DAYS", "ten", "valid integer"),
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
    secret = "czNjcjN0LXZhbHVl"
    environment = ENOUGH | {
        "PARTNER_CENTER_CLIENT_SECRET": secret,
        "AzureWebJobsStorage": f"AccountName=acct;AccountKey={secret}",
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


PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"


@pytest.mark.parametrize(
    ("value", "content"), [(PEM, PEM.encode()), ("AAEC", b"\x00\x01\x02")], ids=["PEM", "PFX"]
)
def test_a_certificate_may_be_the_setting_itself(value: str, content: bytes) -> None:
    """As PEM text, or as a PFX in base64; it is as secret as a secret."""
    settings = Settings.from_environment(ENOUGH | {"PARTNER_CENTER_CLIENT_CERTIFICATE": value})
    assert settings.client_certificate
    assert settings.client_certificate.get_secret_value() == content
    assert value not in repr(settings)


def test_what_is_no_certificate_is_told_and_not_shown() -> None:
    """The error says what was expected."""
    with pytest.raises(InvalidInput, match="PARTNER_CENTER_CLIENT_CERTIFICATE: expected a") as told:
        Settings.from_environment(ENOUGH | {"PARTNER_CENTER_CLIENT_CERTIFICATE": "a path/x.pem"})
    assert "x.pem" not in str(told.value)


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


# --- what looks right and is not -------------------------------------------------------------------

ACCOUNT = "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=a2V5"


def works(text: str) -> bool:
    """Whether the SDK takes it for both services, as the account `acct` or the emulator."""
    settings = Settings.from_environment(ENOUGH | {"AzureWebJobsStorage": text})
    container, queue = invoices_container(settings), line_items_queue(settings)
    hosts = ("https://acct.blob.core.windows.net/", "http://127.0.0.1:")
    assert base64.b64decode(container.credential.account_key, validate=True)
    return container.url.startswith(hosts) and "queue" in queue.url.replace("10001", "queue")


@pytest.mark.parametrize(
    "text",
    [
        ACCOUNT,
        f"{ACCOUNT};EndpointSuffix=core.windows.net;\n",
        f" {ACCOUNT};EndpointSuffix=core.windows.net ",
        f'"{ACCOUNT};EndpointSuffix=core.windows.net"',
        f"\u201c{ACCOUNT}\u201d",
        f"'{ACCOUNT}'\r\n",
        f"\ufeff{ACCOUNT}\u200b",
        ACCOUNT.replace(";", "; "),
        ACCOUNT.replace(";", ";\n"),
        ACCOUNT.replace("=a", " = a"),
        f"{ACCOUNT};;EndpointSuffix=core.windows.net",
        ACCOUNT.lower().replace("a2v5", "a2V5"),
        ACCOUNT.replace("=acct", "=ACCT"),
        "UseDevelopmentStorage=true",
        "UseDevelopmentStorage=True",
        "usedevelopmentstorage=TRUE;",
    ],
)
def test_a_connection_string_is_taken_as_it_is_certainly_meant(text: str) -> None:
    """Quotes, blanks, line breaks, invisible characters and case do not matter: it works."""
    assert works(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("hello", "expected a connection string"),
        ("AccountName", "expected a connection string"),
        ("=;=", "expected a connection string"),
        ("DefaultEndpointsProtocol=https;AccountName=acct", "AccountKey"),
        ("DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=", "AccountKey"),
        ("DefaultEndpointsProtocol=https;AccountKey=a2V5", "AccountKey"),
        ("AccountName=acct;AccountKey=no base64", "AccountKey is not base64"),
        ("AccountName=acct;AccountKey=a2V5x", "AccountKey is not base64"),
        ("AccountName=my-account;AccountKey=a2V5", "AccountName is not one"),
        (f"{ACCOUNT};AccountName=other", "AccountName is there twice"),
        (f"{ACCOUNT};BlobEndpoint=acct.blob", "BlobEndpoint is not an address"),
        (f"{ACCOUNT};EndpointSuffix=core windows/net", "EndpointSuffix is not one"),
        (ACCOUNT.replace("https", "ftp"), "DefaultEndpointsProtocol has to be"),
        ("SharedAccessSignature=sv=1&sig=x", "expected a connection string"),
        (
            "BlobEndpoint=https://acct.blob.core.windows.net;SharedAccessSignature=sv=1",
            "QueueEndpoint",
        ),
        ("UseDevelopmentStorage=false", "expected a connection string"),
    ],
)
def test_a_connection_string_that_cannot_work_is_named(text: str, told: str) -> None:
    """It is told at the start by the setting's name, and no value of it is shown."""
    with pytest.raises(InvalidInput, match=f"AzureWebJobsStorage: .*{told}") as error:
        Settings.from_environment(ENOUGH | {"AzureWebJobsStorage": text})
    assert "a2V5" not in str(error.value)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["AccountName", "accountkey", "BlobEndpoint", "QueueEndpoint", "X", ""]
            ),
            st.sampled_from(["acct", "a2V5", "https://acct.blob.core.windows.net", "", " ", "a=b"]),
        ),
        max_size=6,
    )
)
def test_what_the_check_lets_through_works(parts: list[tuple[str, str]]) -> None:
    """Whatever is pasted: either it is named, or the SDK makes clients of it."""
    text = ";".join(f"{name}={value}" for name, value in parts)
    try:
        settings = Settings.from_environment(ENOUGH | {"AzureWebJobsStorage": text})
    except InvalidInput:
        return
    assert invoices_container(settings).url
    assert line_items_queue(settings).url


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("PARTNER_CENTER_CLIENT_SECRET", ' "s3cr3t"\n', "client_secret", SecretStr("s3cr3t")),
        ("PARTNER_CENTER_CLIENT_ID", "{11111111-2222}", "client_id", "11111111-2222"),
        ("PARTNER_CENTER_TENANT_ID", "\u200bcontoso.example\ufeff", "tenant_id", "contoso.example"),
        (
            "PARTNER_CENTER_URL",
            " HTTPS://API.Example/ ",
            "partner_center_url",
            "https://api.example",
        ),
        (
            "PARTNER_CENTER_AUTHORITY",
            "'https://login.example'",
            "authority",
            "https://login.example",
        ),
        ("LINE_ITEMS_PAGE_SIZE", '"500"', "page_size", 500),
        ("INVOICES_CONTAINER", "invoices\r\n", "invoices_container", "invoices"),
        ("AZURE_CLIENT_ID", "{1111-2222}", "managed_identity_client_id", "1111-2222"),
        ("GRAPH_URL", "HTTPS://GRAPH.Example/v1.0/", "graph_url", "https://graph.example/v1.0"),
        ("NEW_COMMERCE_SOURCE", " V1\n", "new_commerce_source", "v1"),
        ("SETTLE_DAYS", "", "settle_days", 10),
    ],
)
def test_a_value_is_cleaned_up_where_that_is_certainly_meant(
    name: str, value: str, field: str, expected: object
) -> None:
    """Blanks, line breaks, quotes, braces around a GUID, invisible characters, the case of a host."""
    assert getattr(Settings.from_environment(ENOUGH | {name: value}), field) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PARTNER_CENTER_URL", "https://api.example:port"),
        ("PARTNER_CENTER_URL", "https://api example"),
        ("PARTNER_CENTER_URL", "https://[::1"),
        ("PARTNER_CENTER_SCOPE", "https://api.example"),
        ("PARTNER_CENTER_SCOPE", "https://api.example /.default"),
        ("AZURE_CLIENT_ID", "my identity"),
        ("PARTNER_CENTER_CLIENT_ID", "1111\n2222"),
        ("INVOICES_STORAGE__credential", "secret"),
        ("LINE_ITEMS_PAGE_SIZE", "2,000"),
        ("FETCH_TIME_BUDGET_SECONDS", "nan"),
        ("FETCH_TIME_BUDGET_SECONDS", "inf"),
    ],
)
def test_a_value_that_cannot_work_is_named(name: str, value: str) -> None:
    """Rather at the start than with the first request."""
    with pytest.raises(InvalidInput, match=name):
        Settings.from_environment(
            ENOUGH | {"INVOICES_STORAGE__accountName": "finance", name: value}
        )
