"""Real pieces for every test that wants them: Azurite, Entra ID over TLS, Partner Center, Graph."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from azure.core.exceptions import ResourceNotFoundError

from get_invoice import get_recent_list
from local.azurite import Azurite
from local.simulated import SimulatedEntraId, SimulatedGraph, SimulatedPartnerCenter, small_world
from local.stack import settings_for
from shared.services import get_services
from shared.settings import Settings, get_settings
from tests.running_app import RunningApp


def pytest_xdist_auto_num_workers() -> int:
    """Twice as many workers as processors: half of what tests do is to wait for others."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    with Azurite() as azurite:
        yield azurite


@pytest.fixture(scope="session")
def entra_id() -> Iterator[SimulatedEntraId]:
    with SimulatedEntraId() as entra_id:
        yield entra_id


@pytest.fixture
def partner_center(entra_id: SimulatedEntraId) -> Iterator[SimulatedPartnerCenter]:
    with SimulatedPartnerCenter(small_world(), check_token=entra_id.check) as partner_center:
        yield partner_center


@pytest.fixture
def graph(
    entra_id: SimulatedEntraId, partner_center: SimulatedPartnerCenter
) -> Iterator[SimulatedGraph]:
    with SimulatedGraph(partner_center.invoices, check_token=entra_id.check) as graph:
        yield graph


@pytest.fixture
def environment(
    azurite: Azurite, entra_id: SimulatedEntraId, partner_center: SimulatedPartnerCenter
) -> dict[str, str]:
    """The app settings, as a person would write them, with a container of the test's own."""
    return {
        **settings_for(azurite, entra_id, partner_center),
        "INVOICES_CONTAINER": f"invoices-{uuid.uuid4().hex[:12]}",
        # What is tested with it are v1's pages; new-commerce invoices are handy for that, too.
        "NEW_COMMERCE_SOURCE": "v1",
    }


@pytest.fixture
def graph_environment(environment: dict[str, str], graph: SimulatedGraph) -> dict[str, str]:
    """The same where the lines of new commerce come from Graph, as they do by default."""
    return {**environment, "GRAPH_URL": graph.root, "NEW_COMMERCE_SOURCE": "graph"}


@pytest.fixture
def app(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningApp]:
    """The app in this process; its queue is empty at first."""
    with _running(environment, monkeypatch) as app:
        yield app


@pytest.fixture
def graph_app(
    graph_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunningApp]:
    """The same where the lines of new commerce come from Graph."""
    with _running(graph_environment, monkeypatch) as app:
        yield app


@contextmanager
def _running(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningApp]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", environment["REQUESTS_CA_BUNDLE"])
    app = RunningApp(Settings.from_environment(environment))
    with suppress(ResourceNotFoundError):
        app.queue.clear_messages()
    yield app
    with suppress(ResourceNotFoundError):
        app.container.delete_container()


@pytest.fixture
def trigger(
    app: RunningApp, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.MonkeyPatch]:
    """The app settings are in the environment, and nothing is kept from another test."""
    assert app.services.settings.invoices_container == environment["INVOICES_CONTAINER"]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    _forget()
    yield monkeypatch
    _forget()


def _forget() -> None:
    for made in (get_settings, get_services, get_recent_list):
        made.cache_clear()


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are tried again at once."""
    monkeypatch.setattr("shared.api.patience._wait", lambda *_: 0.0)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of some hundred rows are many blocks."""
    monkeypatch.setattr("fetch_line_items.files._PIECE_BYTES", 40_000)
    monkeypatch.setattr("fetch_line_items.rows.BLOCK_BYTES", 40_000)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's own gets into a test."""
    own = ("PARTNER_CENTER_", "GRAPH_", "NEW_COMMERCE_", "SETTLE_", "AzureWebJobs", "INVOICE")
    for name in os.environ:
        if name.startswith((*own, "LINE_ITEMS_", "FETCH_")):
            monkeypatch.delenv(name)
