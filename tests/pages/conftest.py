"""The app in the functions host, with invoices of each kind, and a browser that looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page

from local.browser import chromium
from local.simulated.model import USAGE
from local.stack import Stack, running
from tests.e2e.conftest import wait_until
from tests.pages.world import INVOICES, ON_THE_WAY, REPLACED, STATES, restated


@dataclass(frozen=True)
class App:
    """The app, as who has a key finds it."""

    stack: Stack

    @property
    def url(self) -> str:
        """Where the list is."""
        return f"{self.stack.host.url}/api/invoices"

    def address(self, *parts: str, **query: str) -> str:
        """Give the address of a page, the key included."""
        query |= {"code": self.stack.host.function_key}
        url = requests.Request("GET", "/".join([self.url, *parts]), params=query).prepare().url
        assert url
        return url

    def listed(self) -> dict[str, Any]:
        """What the list says to other apps, by id."""
        return {row["invoiceId"]: row for row in requests.get(self.address()).json()["value"]}

    def write(self, blob: str, text: str, **metadata: str) -> None:
        """Write into the storage, as somebody may."""
        self.stack.container.upload_blob(blob, text, overwrite=True, metadata=metadata)


@pytest.fixture(scope="session")
def app() -> Iterator[App]:
    with running(INVOICES) as stack:
        app = App(stack)
        stack.graph.options.unpublished.add((ON_THE_WAY, USAGE))
        stack.host.run("list_invoices")
        wait_until(lambda: _states(app) == STATES, "all invoices")
        stack.partner_center.put(restated())
        stack.host.run("list_invoices")
        wait_until(lambda: app.listed()[REPLACED]["earlierVersions"] == 3, "other lines")
        wait_until(lambda: _states(app) == STATES, "all invoices again")
        yield app


def _states(app: App) -> dict[str, str]:
    return {name: row["state"] for name, row in app.listed().items()}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that runs no script, as nothing may need one."""
    with browser.new_context(java_script_enabled=False, locale="de-DE") as context:
        context.set_default_timeout(10_000)
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page of that; the browser may have nothing to complain of."""
    complaints: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("requestfailed", lambda request: complaints.append(f"{request.failure} {request.url}"))
    yield page
    # So it calls a download.
    complaints = [text for text in complaints if not text.startswith("net::ERR_ABORTED")]
    assert complaints == []
