"""Settings, host.json, code, Bicep and docs say the same."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import fetch_line_items
from fetch_line_items import fetch
from list_invoices import sync
from shared import telemetry
from shared.settings import Settings
from shared.storage.accounts import LINE_ITEMS_QUEUE
from tests.deploy import bicep

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
HOST = json.loads((ROOT / "host.json").read_text())
QUEUES = HOST["extensions"]["queues"]
MAIN = (INFRA / "main.bicep").read_text()
SITE = (INFRA / "app" / "function-app.bicep").read_text()
README = (ROOT / "README.md").read_text()
DEPLOY = (ROOT / "docs" / "deploy.md").read_text()

STORAGE = {"AzureWebJobsStorage", "INVOICES_STORAGE"}
OF_THE_APP = {field.alias or name for name, field in Settings.model_fields.items()} - STORAGE
OF_THE_PLATFORM = {
    "INVOICE_SCHEDULE",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "PYTHON_THREADPOOL_THREAD_COUNT",
    "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY",
    "OTEL_TRACES_SAMPLER",
}
# Flex Consumption has no place for a file: there it is the certificate itself.
NOT_ON_FLEX = {"PARTNER_CENTER_CLIENT_CERTIFICATE_PATH"}


def settings_in_bicep() -> set[str]:
    """The names of all app settings that the site gets."""
    names = re.findall(
        r"^\s+\{?\s*([A-Z][A-Za-z_]+): ", MAIN[MAIN.index("settings: union(") :], re.M
    )
    names += re.findall(r"\{ ([A-Z][A-Z_]+): ", MAIN)
    return {*names, *re.findall(r"^\s+([A-Z][A-Za-z_]+): ", SITE, re.M)}


def test_every_setting_of_the_app_is_in_bicep_and_no_other() -> None:
    """What the app reads is set, and what is set is read by the app or the platform."""
    found = {name for name in settings_in_bicep() if "__" not in name}
    assert found == (OF_THE_APP | OF_THE_PLATFORM) - NOT_ON_FLEX


@pytest.mark.parametrize("connection", sorted(STORAGE))
def test_storage_is_reached_by_identity(connection: str) -> None:
    """Its services and the identity stand in Bicep, and no key does."""
    services = {"blobServiceUri"} | ({"queueServiceUri"} if "Web" in connection else set())
    wanted = services | {"credential", "clientId"}
    assert {f"{connection}__{each}" for each in wanted} <= settings_in_bicep()
    assert connection not in settings_in_bicep()


@pytest.mark.parametrize("name", sorted(OF_THE_APP | STORAGE | {"INVOICE_SCHEDULE"}))
def test_every_setting_is_in_the_readme(name: str) -> None:
    """The table of settings has it."""
    assert f"`{name}`" in README[README.index("## Settings") :]


@pytest.mark.parametrize(
    "name", re.findall(r"\$\{(\w+)", (INFRA / "main.parameters.json").read_text())
)
def test_every_variable_of_the_deployment_is_in_its_docs(name: str) -> None:
    """docs/deploy.md says what may be set."""
    assert f"`{name}`" in DEPLOY or name in ("AZURE_ENV_NAME", "AZURE_LOCATION")


def test_the_sample_settings_are_enough() -> None:
    """With them the app starts; the ids in it are still those of nobody."""
    values = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    assert "INVOICE_SCHEDULE" in values
    ids = {name: "contoso" for name in values if name.endswith("_ID")}
    Settings.from_environment(values | ids)


def parameter(name: str) -> bicep.Parameter:
    return bicep.read(INFRA / "main.bicep").parameters[name]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("settleDays", "settle_days"),
        ("lineItemsPageSize", "page_size"),
        ("lineItemsConcurrency", "concurrency"),
        ("fetchTimeBudgetSeconds", "time_budget_seconds"),
        ("invoicesContainer", "invoices_container"),
    ],
)
def test_defaults_and_bounds_are_those_of_the_app(name: str, field: str) -> None:
    """What Bicep accepts is what the app accepts."""
    declared, setting = parameter(name), Settings.model_fields[field]
    assert declared.default == setting.default
    bounds: dict[str, Any] = {}
    for each in setting.metadata:
        bounds |= {k: getattr(each, k) for k in ("ge", "le") if hasattr(each, k)}
    for bound, decorator in (("ge", "minValue"), ("le", "maxValue")):
        assert declared.decorators.get(decorator, [None])[0] == bounds.get(bound)


def test_a_thread_waits_for_each_message_that_an_instance_takes() -> None:
    """Else messages wait for a thread while their lease runs."""
    site = bicep.read(INFRA / "app" / "function-app.bicep")
    at_once = QUEUES["batchSize"] + QUEUES["newBatchThreshold"]
    assert site.variables["messagesAtOnce"] == at_once
    assert "PYTHON_THREADPOOL_THREAD_COUNT: string(messagesAtOnce)" in SITE


def test_an_invocation_ends_before_the_host_ends_it() -> None:
    """The longest time budget and the list fit into functionTimeout, and leave minutes."""
    hours, minutes, seconds = map(int, HOST["functionTimeout"].split(":"))
    timeout = timedelta(hours=hours, minutes=minutes, seconds=seconds).total_seconds()
    (most,) = parameter("fetchTimeBudgetSeconds").decorators["maxValue"]
    assert most + 120 < fetch._INVOCATION_SECONDS + 60 <= timeout
    assert timeout >= sync._LIST_SECONDS + 120


def test_the_last_delivery_is_the_hosts_last() -> None:
    """The log says that a message is poison when the host makes it that."""
    assert QUEUES["maxDequeueCount"] == fetch_line_items._MOST_DELIVERIES


def test_the_poison_alert_watches_the_queue_of_the_app() -> None:
    """The host names the poison queue by the queue."""
    assert f"/{LINE_ITEMS_QUEUE}-poison/" in (INFRA / "alerts" / "poison.kql").read_text()


def test_python_is_the_same_everywhere() -> None:
    """In Bicep, for pyenv and uv, and in pyproject.toml."""
    version = (ROOT / ".python-version").read_text().strip()
    assert f"version: '{version}'" in SITE
    assert f'requires-python = ">={version}"' in (ROOT / "pyproject.toml").read_text()


def test_no_telemetry_is_left_out() -> None:
    """Alerts count lines of the log: sampling would drop some."""
    assert HOST["logging"]["applicationInsights"]["samplingSettings"]["isEnabled"] is False


def test_open_telemetry_is_switched_on_in_app_and_host() -> None:
    """Bicep sets what the app reads, and host.json's telemetryMode, which is not set by itself."""
    assert parameter("openTelemetry").default is False
    assert f"{telemetry._SETTING}: 'true'" in MAIN
    assert "AzureFunctionsJobHost__telemetryMode: 'OpenTelemetry'" in MAIN
    assert "telemetryMode" not in HOST
