"""`make pictures`: the pictures of the pages in docs/, from the invoices of the demo."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import requests

from local.browser import chromium
from local.simulated.invoices import PUBLISHED_LATE, current_world
from local.simulated.model import USAGE
from local.stack import Stack, running

_DOCS = Path(__file__).parents[1] / "docs" / "pages"
_WIDTH = 1240
_SECONDS = 60


@dataclass(frozen=True)
class _Picture:
    name: str
    height: int
    scheme: Literal["light", "dark"] = "light"
    invoice: str = ""


_PICTURES = (
    _Picture("list", 535),
    _Picture("invoice", 735, invoice="D0560021K7"),
    _Picture("invoice-dark", 655, "dark", PUBLISHED_LATE),
)


def main() -> None:
    """Bring the invoices, all but some lines that are published late, and take the pictures."""
    with running(current_world()) as stack, chromium() as browser:
        stack.graph.options.unpublished.add((PUBLISHED_LATE, USAGE))
        stack.host.run("list_invoices")
        _wait(stack)
        for picture in _PICTURES:
            with browser.new_context(color_scheme=picture.scheme, locale="de-DE") as context:
                page = context.new_page()
                page.set_viewport_size({"width": _WIDTH, "height": picture.height})
                page.goto(f"{_address(stack)}/{picture.invoice}?code={stack.host.function_key}")
                path = _DOCS / f"{picture.name}.png"
                page.screenshot(path=path)
                print(f"{path}: {path.stat().st_size:,} bytes")


def _wait(stack: Stack) -> None:
    """Wait until only what is published late is missing."""
    count = sum(1 + len(invoice.amendments) for invoice in current_world())
    key = {"x-functions-key": stack.host.function_key}
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        rows = requests.get(_address(stack), headers=key, timeout=30).json()["value"]
        fetching = [row["invoiceId"] for row in rows if row["state"] == "fetching"]
        if len(rows) == count and fetching == [PUBLISHED_LATE]:
            return
        time.sleep(0.2)
    raise TimeoutError(f"not everything arrived within {_SECONDS} s")


def _address(stack: Stack) -> str:
    return f"{stack.host.url}/api/invoices"


if __name__ == "__main__":
    main()
