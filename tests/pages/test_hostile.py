"""Texts of others on the pages: shown as text or left out, never run, and never an error of the app."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from get_invoice.pages import money
from tests.pages.conftest import App
from tests.pages.world import EUROS, IMAGE, ODD, SCRIPT, WRITTEN_INTO

MANIFEST, LINES = f"{WRITTEN_INTO}/manifest.json", f"{WRITTEN_INTO}/one_time/usage_line_items.jsonl"


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Page]:
    """A browser that would run scripts, and from which every policy is taken that forbids them."""
    with browser.new_context(bypass_csp=True) as context:
        yield context.new_page()


def shows(page: Page, url: str, *texts: str) -> None:
    """A page comes, with these texts as text, and nothing of them is anything else."""
    answer = page.goto(url)
    assert answer
    assert answer.status == 200
    for text in texts:
        expect(page.get_by_text(text).first).to_be_visible()
    assert page.locator("script, img, iframe, [onerror], [onload]").count() == 0
    assert page.locator("[href^='javascript:'], [action^='javascript:']").count() == 0
    assert page.title() in ("Invoices", f"Invoice {ODD}", f"Invoice {WRITTEN_INTO}")


def test_the_head_of_an_invoice_is_text(app: App, open_page: Page) -> None:
    """Currency and type as Partner Center gives them; the list leaves out what is no word."""
    shows(open_page, app.address(ODD), IMAGE, f'"javascript:alert(1)//{SCRIPT}')
    shows(open_page, app.address(), ODD)
    expect(open_page.get_by_text("<img")).to_have_count(0)


def test_a_manifest_of_somebody_else_is_text(
    app: App, open_page: Page, manifest: dict[str, Any]
) -> None:
    """State, reason, currency, types of charges and providers may be anything."""
    charge = {"chargeType": SCRIPT, "lines": -1, "total": 1e30}
    billing = [{"billingProvider": f"'\"{IMAGE}", "chargeTypes": [charge]}]
    manifest |= {"state": f'"{SCRIPT}', "reason": IMAGE, "currencyCode": f"</style>{IMAGE}"}
    manifest |= {"reconciliation": {"billing": billing}, "nextCheckAt": SCRIPT}
    app.write(MANIFEST, json.dumps(manifest), state=f'"{SCRIPT}')
    shows(open_page, app.address(WRITTEN_INTO), IMAGE, f"'\"{IMAGE}", "</style>")
    shows(open_page, app.address())


def test_blobs_of_somebody_else_are_text(app: App, open_page: Page) -> None:
    """What blobs say of themselves is shown as it is; a folder that no invoice can have is none."""
    name = f'"{IMAGE}javascript:'
    metadata = {"source": IMAGE, "currency": IMAGE, "fetched_at": SCRIPT, "line_count": "-1"}
    blobs = [app.stack.container.get_blob_client(each) for each in (LINES, MANIFEST)]
    before = [blob.get_blob_properties().metadata for blob in blobs]
    app.write(f"{name}/invoice.json", "{}")
    for blob, said in zip(blobs, before, strict=True):
        blob.set_blob_metadata(said | metadata)
    try:
        shows(open_page, app.address(WRITTEN_INTO), IMAGE)
        shows(open_page, app.address(), IMAGE)
        expect(open_page.get_by_text(name)).to_have_count(0)
    finally:
        app.stack.container.delete_blob(f"{name}/invoice.json")
        for blob, said in zip(blobs, before, strict=True):
            blob.set_blob_metadata(said)


ODD_MEMBERS: list[dict[str, Any]] = [
    {"reason": None},
    {"reason": 5},
    {"state": ["settled"]},
    {"state": None, "reason": ""},
    {"checks": 1.5},
    {"checks": 10**30},
    {"difference": "<b>"},
    {"lineTotal": True},
    {"checkedAt": 17, "nextCheckAt": {}},
    {"checkedAt": "0001-01-01T00:00:00Z", "nextCheckAt": "9999-99-99"},
    {"reconciliation": []},
    {"reconciliation": {"billing": [{"billingProvider": None}]}},
    {"reconciliation": {"billing": [{"billingProvider": "x", "chargeTypes": [{}]}]}},
    {"reason": "long " * 20_000},
]
RAW = [
    "",
    "null",
    "[]",
    "{",
    "\ufeff{}",
    '{"difference": 1e9999999, "lineTotal": -1e-9999999}',
    '{"difference": -1e999999999999999999999}',
    '{"difference": 12345678901234567890123456789012345678901234567890.123, "reason": "\\ud83d"}',
    "[" * 5000,
]


@pytest.fixture
def manifest(app: App) -> Iterator[dict[str, Any]]:
    """The manifest of an invoice, which is as it was after the test."""
    blob = app.stack.container.get_blob_client(MANIFEST)
    text, metadata = blob.download_blob().readall(), blob.get_blob_properties().metadata
    yield json.loads(text)
    blob.upload_blob(text, overwrite=True, metadata=metadata)


def test_an_odd_manifest_is_no_error(app: App, page: Page, manifest: dict[str, Any]) -> None:
    """With members of wrong types, numbers out of bounds, or no JSON at all, both pages come."""
    for text in [*(json.dumps(manifest | members) for members in ODD_MEMBERS), *RAW]:
        odd = {"line_count": "-1", "line_total": "1e999", "source": "<b>", "earlier": "x"}
        app.write(MANIFEST, text, state="no\tstate", checks="x", next_check_at="tomorrow", **odd)
        for address in (app.address(WRITTEN_INTO), app.address()):
            answer = requests.get(address, headers={"Accept": "text/html"})
            assert (answer.status_code, text[:200]) == (200, text[:200])
    page.goto(app.address(WRITTEN_INTO))
    expect(page.get_by_role("rowheader", name="New commerce, billing")).to_be_visible()
    expect(page.get_by_text("Its manifest cannot be read.")).to_be_visible()


def test_an_odd_member_of_a_manifest_hides_no_other(
    app: App, page: Page, manifest: dict[str, Any]
) -> None:
    """What is not understood is not known; state, reason and sums stay in sight."""
    odd = {"checks": None, "reconciliation": None, "nextCheckAt": 5}
    app.write(MANIFEST, json.dumps(manifest | odd), state="settled")
    page.goto(app.address(WRITTEN_INTO))
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Invoice {WRITTEN_INTO} settled")
    expect(page.get_by_text("The lines add up to the invoice.")).to_be_visible()
    total = money(manifest["lineTotal"])
    expect(page.locator("dl").get_by_text(total).last).to_be_visible()


def test_an_odd_invoice_has_a_page(app: App, page: Page) -> None:
    """Half a surrogate pair, NaN, and members of Microsoft's own that the app has words for."""
    name = "G098120461"
    odd = rb'{"id": "G098120461", "invoiceType": "\ud83d", "totalCharges": NaN, "lineItems": 5}'
    for text in (odd, b"{", b"[]", b""):
        app.stack.container.upload_blob(f"{name}/invoice.json", text, overwrite=True)
        try:
            page.goto(app.address(name))
            expect(page.get_by_role("heading", level=1)).to_have_text(f"Invoice {name}")
            expect(page.get_by_text("Its lines are on their way.")).to_be_visible()
        finally:
            app.stack.container.delete_blob(f"{name}/invoice.json")


def test_a_period_without_an_end_is_shown(app: App, page: Page) -> None:
    """The last day of the calendar is a day like others."""
    metadata = {"period_start": "2026-10-01", "period_end": "9999-12-31"}
    name = "G098120461/manifest.json"
    app.stack.container.upload_blob(name, b"{}", metadata=metadata)
    try:
        page.goto(app.address())
        expect(page.get_by_text("2026-10-01 to 9999-12-31")).to_be_visible()
        expect(page.get_by_text("charges of 1 not known")).to_be_visible()
    finally:
        app.stack.container.delete_blob(name)


@pytest.mark.usefixtures("manifest")
def test_a_difference_has_all_its_digits(app: App, page: Page) -> None:
    """Also where there are more than Python's decimals take by themselves."""
    text = '{"state": "settled", "difference": -12345678901234567890123456789.0123}'
    app.write(MANIFEST, text, state="settled")
    page.goto(app.address(WRITTEN_INTO))
    digits = money("12345678901234567890123456789.0123")
    expect(page.get_by_text(f"{digits} more on the lines")).to_be_visible()


def test_a_filter_comes_back_as_text(app: App, browser: Browser) -> None:
    """What is wrong with a query is said, with the text that it has, which is not run."""
    with browser.new_context(bypass_csp=True) as context:
        page = context.new_page()
        for name in ("state", "from", "to", "currency", "pageSize", "after", "format"):
            answer = page.goto(app.address(**{name: f'"{IMAGE}'}))
            assert answer
            assert answer.status == 400
            expect(page.get_by_text("<img src=x")).to_be_visible()
            assert page.locator("img").count() == 0
        page.goto(app.address(EUROS, expand=f'"{IMAGE}'))
        expect(page.get_by_role("heading", level=1)).to_have_text("Unknown expand")
