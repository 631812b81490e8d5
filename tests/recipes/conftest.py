"""A container that the real app has filled: several months, both sources, changed and unsettled invoices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from azure.core.exceptions import ResourceNotFoundError

from local.azurite import Azurite
from local.simulated import (
    GraphOptions,
    Invoice,
    SimulatedEntraId,
    SimulatedGraph,
    SimulatedPartnerCenter,
    current_world,
)
from local.simulated.invoices import legacy, new_commerce
from local.stack import settings_for
from shared.settings import Settings
from tests.recipes.stored import Stored
from tests.running_app import RunningApp

CHANGED = "G096500001"
"""Of the stored invoices the one whose lines Microsoft has replaced after they had settled."""
UNSETTLED = "D0560021K7"
"""The one that does not add up, and is looked at each day."""


def world() -> list[Invoice]:
    """Give the demo's invoices, and some that make two months complete."""
    july, august, september = date(2026, 8, 8), date(2026, 9, 8), date(2026, 10, 8)
    return [
        *current_world(),
        new_commerce(CHANGED, july, billing=300, usage=200, currency="EUR"),
        legacy("D0560001K7", august, office=230, azure=30, usage=20),
        new_commerce("G097500001", august, billing=1700, usage=400),
        legacy("D0560011K7", september, office=250, azure=31, usage=20),
    ]


@pytest.fixture(scope="session")
def stored(
    azurite: Azurite, entra_id: SimulatedEntraId, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stored]:
    """What the app stores of it, one invoice twice; downloaded, too."""
    with (
        SimulatedPartnerCenter(world(), check_token=entra_id.check) as partner_center,
        SimulatedGraph(
            partner_center.invoices,
            check_token=entra_id.check,
            options=GraphOptions(without_lines="empty"),
        ) as graph,
        pytest.MonkeyPatch.context() as patch,
    ):
        environment = settings_for(azurite, entra_id, partner_center, graph)
        environment["INVOICES_CONTAINER"] = "recipes"
        patch.setenv("REQUESTS_CA_BUNDLE", environment["REQUESTS_CA_BUNDLE"])
        app = RunningApp(Settings.from_environment(environment))
        fill(app)
        partner_center.put(replace(partner_center.invoices[CHANGED], revision=1))
        fill(app)
        folder = download(app, tmp_path_factory.mktemp("downloaded") / "invoices")
        yield Stored(app, azurite.connection_string, folder)
        with suppress(ResourceNotFoundError):
            app.container.delete_container()


def fill(app: RunningApp) -> None:
    """Bring what is new or changed."""
    app.list_invoices()
    app.drain()


def download(app: RunningApp, folder: Path) -> Path:
    """Download the container; give the folder."""
    for name in app.blobs():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(app.read(name))
    return folder


@pytest.fixture(scope="module")
def work(stored: Stored, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to work in, which has the downloaded container as `invoices`."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "invoices").symlink_to(stored.folder)
    return folder
