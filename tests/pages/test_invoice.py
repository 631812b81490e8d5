"""The page of one invoice."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from get_invoice.pages import money
from tests.pages.conftest import App
from tests.pages.world import DIFFERS, EUROS, ON_THE_WAY, REPLACED

NONE = "\u2013"


def cells(page: Page, table: str, row: str) -> list[str]:
    """The cells of a row, by the names of the table's region and of the row."""
    region = page.get_by_role("region", name=table, exact=True)
    found = region.get_by_role("row").filter(has_text=row).first
    texts: list[str] = found.get_by_role("cell").all_inner_texts()
    return texts


def test_an_invoice_that_does_not_add_up_says_why(app: App, page: Page) -> None:
    """Its head, the state and the reason, when it is looked at again, and what the lines come to."""
    page.goto(app.address(DIFFERS))
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Invoice {DIFFERS} settling")
    note = page.get_by_text("The lines come to 12.34 USD more than the invoice.")
    expect(note).to_have_text(re.compile(r"Next check: \d{4}-\d\d-\d\d \d\d:\d\d UTC"))
    head = page.locator("dl").inner_text()
    for text in ("2026-11-08", "2026-10-01 to 2026-10-31", "Type\nLegacy\n", "12.34 more on"):
        assert text in head
    assert cells(page, "Lines", "Office, billing")[:3] == ["in storage", "v1", "25"]
    assert cells(page, "Lines", "Azure, usage")[3] == NONE
    charges = page.get_by_role("region", name="What the billing lines come to")
    lines = [int(text) for text in charges.locator("tbody td:nth-child(3)").all_inner_texts()]
    assert sum(lines) == 25 + 3
    manifest = json.loads(app.stack.container.download_blob(f"{DIFFERS}/manifest.json").readall())
    for billing in manifest["reconciliation"]["billing"]:
        tax, customers = money(billing["tax"]), billing["customers"]
        text = f"lines of {customers} customers, with {tax} USD of tax."
        expect(page.get_by_text(text)).to_be_visible()


@pytest.mark.parametrize("source", ["v1", "graph"])
def test_lines_are_downloaded(app: App, page: Page, source: str) -> None:
    """As CSV, for the Excel of the browser's language, and as JSON lines: as many as the page says."""
    invoice_id, detail = {
        "v1": (DIFFERS, "Office, billing"),
        "graph": (EUROS, "New commerce, billing"),
    }[source]
    page.goto(app.address(invoice_id))
    count = int(cells(page, "Lines", detail)[2])
    for form, separator in (("CSV", ","), ("CSV for Excel (de-DE)", ";"), ("JSON lines", "")):
        with page.expect_download() as download:
            page.get_by_role("link", name=f"{detail}: {form}", exact=True).click()
        content = download.value.path().read_bytes().decode("utf-8-sig")
        name = download.value.suggested_filename
        if separator:
            header, *rows = csv.reader(io.StringIO(content, newline=""), delimiter=separator)
            assert "customername" in map(str.lower, header)
            assert {len(row) for row in rows} == {len(header)}
            assert name.startswith(invoice_id)
            assert name.endswith(".csv")
        else:
            rows = [json.loads(line) for line in content.split("\n")[:-1]]
            assert name.endswith(".jsonl")
        assert len(rows) == count


@pytest.mark.parametrize("source", ["v1", "graph"])
def test_lines_of_one_customer_are_downloaded(app: App, page: Page, source: str) -> None:
    """As CSV for the Excel of the browser's language: those of the customer whose id is given, and no others."""
    invoice_id, detail, blob, name = {
        "v1": (DIFFERS, "Office, billing", "office/billing_line_items", "customerId"),
        "graph": (EUROS, "New commerce, billing", "one_time/billing_line_items", "CustomerId"),
    }[source]
    stored = app.stack.container.download_blob(f"{invoice_id}/{blob}.jsonl").readall()
    ids = [json.loads(line)[name] for line in stored.split(b"\n")[:-1]]
    page.goto(app.address(invoice_id))
    page.get_by_label("Download the lines of one customer, by its id").fill(ids[2])
    with page.expect_download() as download:
        page.get_by_role("button", name=detail, exact=True).click()
    content = download.value.path().read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content, newline=""), delimiter=";"))
    assert [row[name] for row in rows] == [each for each in ids if each == ids[2]]
    assert len(rows) < len(ids)
    assert ids[2] in download.value.suggested_filename


def test_a_customer_has_to_be_given(app: App, page: Page) -> None:
    """The browser says so; the lines of all are another link."""
    page.goto(app.address(DIFFERS))
    page.get_by_role("button", name="Office, billing", exact=True).click()
    field = page.get_by_label("Download the lines of one customer, by its id")
    expect(field).to_be_focused()
    assert field.evaluate("field => field.validity.valueMissing")


def test_progress_is_shown_while_lines_are_fetched(app: App, page: Page) -> None:
    """What is there has its numbers and links; of what is on its way, how much has been staged."""
    blob = app.stack.container.get_blob_client(f"{ON_THE_WAY}/one_time/usage_line_items.jsonl")
    page.goto(app.address(ON_THE_WAY))
    assert cells(page, "Lines", "New commerce, usage")[0] == "on the way"
    for number in range(3):
        blob.stage_block(f"block{number}", b"{}\n")
    page.reload()
    expect(page.get_by_text("The usage lines of one_time are not there yet.")).to_be_visible()
    way, *others = cells(page, "Lines", "New commerce, usage")
    assert way == "on the way, 3 pages or blocks so far"
    assert set(others) == {NONE}
    assert cells(page, "Lines", "New commerce, billing")[:3] == ["in storage", "graph", "6"]


def test_earlier_versions_are_shown_and_downloaded(app: App, page: Page) -> None:
    """Lines that Microsoft has replaced have a table of their own, and are what they were."""
    page.goto(app.address(REPLACED))
    assert cells(page, "Earlier versions of the lines", "Office, billing")[1] == "5"
    link = page.get_by_role("link", name=re.compile(r"^Office, billing of .*: CSV$"))
    with page.expect_download() as download:
        link.click()
    earlier = download.value.path().read_bytes()
    with page.expect_download() as download:
        page.get_by_role("link", name="Office, billing: CSV", exact=True).click()
    now = download.value.path().read_bytes()
    assert earlier != now
    assert earlier.count(b"\n") == now.count(b"\n") == 6
    with page.expect_download() as download:
        page.get_by_role(
            "link", name=re.compile(r"^Office, billing of .*: CSV for Excel \(de-DE\)$")
        ).click()
    assert download.value.path().read_bytes().count(b";") > 5


def test_what_is_voided_is_in_sight(app: App, page: Page) -> None:
    """In the list and on its page, which leads to what corrects it, and from there back."""
    page.goto(app.address())
    expect(page.get_by_text("1 voided")).to_be_visible()
    expect(
        page.get_by_role("row").filter(has_text=" G098120460 ").get_by_text("voided")
    ).to_be_visible()
    page.goto(app.address("G098120460"))
    expect(page.get_by_text("Microsoft has voided this invoice")).to_be_visible()
    page.get_by_role("link", name="GV98120460").click()
    expect(page.get_by_text("It corrects G098120460, which Microsoft has voided.")).to_be_visible()
    page.get_by_role("link", name="G098120460").click()
    expect(page).to_have_url(app.address("G098120460"))


def test_a_page_is_of_what_is_stored(app: App, page: Page) -> None:
    """Partner Center is not asked; the page says since when it is so listed."""
    port = urlsplit(app.stack.partner_center.url).port
    assert port
    app.stack.partner_center.stop()
    try:
        page.goto(app.address(EUROS))
        today = datetime.now(UTC).date().isoformat()
        assert f"Invoice data as of\n{today}" in page.locator("dl").inner_text()
        assert cells(page, "Lines", "New commerce, billing")[:3] == ["in storage", "graph", "4"]
    finally:
        app.stack.partner_center.start(port)
