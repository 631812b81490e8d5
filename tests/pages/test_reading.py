"""Whoever reads the pages, and on whatever: by axe, in the dark, on a phone, by keyboard, on paper."""

from __future__ import annotations

from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.pages.conftest import App
from tests.pages.world import DIFFERS, ON_THE_WAY, REPLACED

LIST = ""
UNKNOWN = "G000099999"
PAGES = pytest.mark.parametrize("name", [LIST, DIFFERS, ON_THE_WAY, REPLACED])


def address(app: App, name: str) -> str:
    """Where a page is: that of an invoice by its id."""
    return app.address(*[name] if name else [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [LIST, DIFFERS, ON_THE_WAY, REPLACED, UNKNOWN])
def test_axe_finds_nothing(
    app: App, browser: Browser, scheme: Literal["light", "dark"], name: str
) -> None:
    """No rule of axe-core is broken, that of contrast included, in either scheme and on a phone."""
    for width in (1280, 360):
        with browser.new_context(color_scheme=scheme) as context:
            page = context.new_page()
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(address(app, name))
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()


def test_the_schemes_differ(app: App, page: Page) -> None:
    """Dark where the reader wants it dark."""
    page.goto(app.address())
    backgrounds = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        backgrounds.append(style(page, "body", "backgroundColor"))
    assert backgrounds == ["rgb(255, 255, 255)", "rgb(20, 23, 28)"]


@PAGES
def test_a_page_is_text_and_one_style_that_its_policy_lets_through(
    app: App, page: Page, name: str
) -> None:
    """No script, nothing from elsewhere, no attribute that runs; and the style applies."""
    answer = page.goto(address(app, name))
    assert answer
    assert answer.headers["content-security-policy"].startswith(
        "default-src 'none'; style-src 'sha"
    )
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert page.locator("script, link, img, iframe, object, [style], [onclick]").count() == 0
    assert page.locator("style").count() == 1
    assert style(page, ".state >> nth=0", "borderRadius") != "0px"
    targets = page.locator("a, form").evaluate_all(
        "all => all.map(each => each.getAttribute('href') ?? each.getAttribute('action'))"
    )
    assert targets
    assert [target for target in targets if not target.startswith("/api/invoices")] == []


@PAGES
def test_a_narrow_page_does_not_move_sideways(app: App, page: Page, name: str) -> None:
    """At 360 pixels tables scroll by themselves, the page does not."""
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(address(app, name))
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width == 360


@PAGES
def test_everything_is_reached_by_keyboard(app: App, page: Page, name: str) -> None:
    """Each link, field and table that scrolls gets the focus in turn, and shows that it has it."""
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(address(app, name))
    wanted = page.locator("a, input:not([type=hidden]), select, button, .wide")
    for _ in range(4 * wanted.count()):  # a day has parts of its own
        page.keyboard.press("Tab")
        focused = page.locator("body").evaluate(
            "body => { const at = document.activeElement; at.dataset.seen = '';"
            " return at === body ? null : getComputedStyle(at).outlineStyle }"
        )
        assert focused in (None, "solid")
    assert page.locator("[data-seen]:not(body)").count() == wanted.count()


def test_on_paper_there_is_no_form_and_no_link_of_the_screen(app: App, page: Page) -> None:
    """What can only be clicked is left out; all else is there, black on white."""
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(app.address())
    expect(page.locator("form")).to_be_hidden()
    expect(page.get_by_role("link", name="This list: CSV", exact=True)).to_be_hidden()
    expect(page.get_by_text("12.34 more on the lines")).to_be_visible()
    assert style(page, "body", "backgroundColor") == "rgb(255, 255, 255)"
    page.goto(app.address(REPLACED))
    for text in ("All invoices", "Download", "CSV"):
        for found in page.get_by_text(text, exact=True).all():
            expect(found).to_be_hidden()
    expect(page.get_by_role("heading", name="Earlier versions of the lines")).to_be_visible()


@PAGES
@pytest.mark.parametrize("paper", [(1123, 794), (1056, 816)], ids=["A4", "Letter"])
def test_tables_fit_on_paper(app: App, page: Page, name: str, paper: tuple[int, int]) -> None:
    """Landscape, with 1.2 cm on each side that are the page's own: no table is wider than what is printed."""
    width = paper[0] - round(2 * 1.2 / 2.54 * 96)
    page.set_viewport_size({"width": paper[0], "height": paper[1]})
    page.emulate_media(media="print")
    page.goto(address(app, name))
    widths = page.locator("table").evaluate_all("all => all.map(each => each.scrollWidth)")
    assert widths
    assert max(widths) <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= paper[0]


def style(page: Page, selector: str, name: str) -> str:
    """How an element looks in one respect."""
    value: str = page.locator(selector).evaluate(
        "(element, name) => getComputedStyle(element)[name]", name
    )
    return value
