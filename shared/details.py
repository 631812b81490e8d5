"""Which lines an invoice says it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shared.errors import InvalidInput
from shared.links import LineItems
from shared.models import Invoice


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
