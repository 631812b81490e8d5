"""Which lines an invoice says it has, and what is said of details that cannot be followed."""

from __future__ import annotations

from shared.details import details_of
from shared.keys import LineItemsKey
from shared.links import link_of
from shared.models import Invoice


def invoice(*details: dict[str, object], **fields: object) -> Invoice:
    return Invoice.model_validate({"id": "G000000001", "invoiceDetails": details, **fields})


def detail(
    provider: str | None, item_type: str | None, uri: str | None = None
) -> dict[str, object]:
    links = {"links": {"self": {"uri": uri}}} if uri else {}
    return {"billingProvider": provider, "invoiceLineItemType": item_type, **links}


LINK = "/invoices/OneTime-G000000001/lineitems/OneTime/BillingLineItems"
KEY = LineItemsKey("G000000001", "one_time", "billing_line_items")


def test_a_detail_leads_to_its_link() -> None:
    """The link is kept as the invoice has it."""
    assert details_of(invoice(detail("one_time", "billing_line_items", LINK))).links == {KEY: LINK}


def test_an_amendments_detail_needs_no_link() -> None:
    """Without a link, provider and type say what to ask for."""
    assert details_of(invoice(detail("one_time", "billing_line_items"))).links == {
        KEY: link_of(KEY)
    }


def test_a_link_alone_is_enough() -> None:
    """A detail that does not say provider and type is known by its link."""
    assert list(details_of(invoice(detail(None, None, LINK))).links) == [KEY]


def test_one_bad_detail_does_not_stop_the_others() -> None:
    """Unknown providers, missing fields and hostile links are told, and the rest is followed."""
    details = details_of(
        invoice(
            detail("quantum", "billing_line_items"),
            detail(None, None),
            detail("one_time", "billing_line_items", f"https://evil.example{LINK}"),
            detail("one_time", "usage_line_items", LINK),
            detail("one_time", "billing_line_items", LINK.replace("1/", "2/")),
            detail("one_time", "billing_line_items", LINK),
        )
    )
    assert list(details.links) == [KEY]
    assert len(details.problems) == 5
    assert "quantum" in details.problems[0]


def test_no_details_are_no_lines() -> None:
    """Null and missing details are an invoice without lines."""
    assert details_of(Invoice(id="G000000001")).links == {}
