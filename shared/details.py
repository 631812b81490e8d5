"""Which lines an invoice says it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from shared.errors import InvalidInput
from shared.links import LineItems
from shared.models import Invoice
from shared.models.resource import loads


@dataclass(frozen=True)
class ReadInvoice:
    """An invoice as far as it can be read, and what is wrong with the rest.

    `lost_details`: lines may belong to it that nothing readable leads to.
    """

    invoice: Invoice
    problems: list[str]
    lost_details: bool = False


def read_invoice(text: bytes) -> ReadInvoice:
    """Read an invoice; a member that is not as documented counts as missing, a detail as lost.

    Raises ValueError for what is no invoice at all.
    """
    fields = loads(text)
    if not isinstance(fields, dict):
        raise ValueError("expected an object")
    try:
        return ReadInvoice(Invoice.model_validate(fields), [])
    except ValidationError as error:
        places = [e["loc"] for e in error.errors()]
        problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
    details = {place[1] for place in places if place[0] == "invoiceDetails" and len(place) > 1}
    broken = {place[0] for place in places if len(place) == 1 or place[0] != "invoiceDetails"}
    kept = {name: value for name, value in fields.items() if name not in broken}
    if details:
        listed = enumerate(fields["invoiceDetails"])
        kept["invoiceDetails"] = [detail for number, detail in listed if number not in details]
    lost = bool(details) or bool({("invoiceDetails",), ("amendments",)} & set(places))
    return ReadInvoice(Invoice.model_validate(kept), problems, lost)


@dataclass(frozen=True)
class Details:
    """The details of an invoice that can be followed, and what is wrong with the others.

    `links` maps the lines to the link that leads to them, in the invoice's order.
    """

    links: dict[LineItems, str]
    problems: list[str]


def details_of(invoice: Invoice) -> Details:
    """Take the details of an invoice apart; one that cannot be followed does not stop the others."""
    links: dict[LineItems, str] = {}
    problems = []
    for detail in invoice.invoice_details or []:
        try:
            items = LineItems.meant_by(
                detail.uri, invoice.id, detail.billing_provider, detail.invoice_line_item_type
            )
            links.setdefault(items, detail.uri or items.link)
        except InvalidInput as error:
            problems.append(str(error))
    return Details(links, problems)


def with_amendments(invoice: Invoice) -> Iterator[Invoice]:
    """Give the invoice and all that is nested in it."""
    yield invoice
    for amendment in invoice.amendments or []:
        yield from with_amendments(amendment)
