"""Which lines an invoice says it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from shared.errors import InvalidInput
from shared.json_text import loads
from shared.keys import LineItemsKey
from shared.links import LONGEST_LINK, key_of, link_of
from shared.log import get_logger
from shared.models import Invoice

_log = get_logger(__name__)

LOST_LINES = "Invoice %s: some of its lines cannot be fetched: %s"
"""How the log tells the problems of an invoice's details."""
_MOST_PROBLEMS = 20
"""Of an invoice, in the log; the rest is counted."""


@dataclass(frozen=True)
class ParsedInvoice:
    """An invoice as far as it is as documented, and what is wrong with the rest.

    `fields` is the whole JSON object, decimals exact. `lost_details`: lines may belong to the invoice
    that nothing readable leads to.
    """

    fields: dict[str, Any]
    invoice: Invoice
    problems: list[str]
    lost_details: bool = False


def parse_invoice(text: bytes) -> ParsedInvoice:
    """Parse an invoice; a member that is not as documented counts as missing, a detail as lost.

    Raises ValueError for what is no invoice at all.
    """
    fields = loads(text)
    if not isinstance(fields, dict):
        raise ValueError("expected an object")
    try:
        return ParsedInvoice(fields, Invoice.model_validate(fields), [])
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
    return ParsedInvoice(fields, Invoice.model_validate(kept), problems, lost)


@dataclass(frozen=True)
class Details:
    """The details of an invoice that can be followed, and what is wrong with the others.

    `links` maps the key of the lines to the link that leads to them, in the invoice's order.
    """

    links: dict[LineItemsKey, str]
    problems: list[str]


def details_of(invoice: Invoice) -> Details:
    """Take the details of an invoice apart; one that cannot be followed does not stop the others."""
    links: dict[LineItemsKey, str] = {}
    problems = []
    for detail in invoice.invoice_details or []:
        names = detail.billing_provider, detail.invoice_line_item_type
        try:
            key = key_of(detail.uri or None, invoice.id, *names)
            short = detail.uri and len(detail.uri) <= LONGEST_LINK
            links.setdefault(key, detail.uri if detail.uri and short else link_of(key))
        except InvalidInput as error:
            problems.append(str(error))
    return Details(links, problems)


def log_problems(text: str, invoice_id: str, problems: list[str]) -> None:
    """Log what is wrong with an invoice, a line each; of very many the first, and their number."""
    for problem in problems[:_MOST_PROBLEMS]:
        _log.error(text, invoice_id, problem)
    if len(problems) > _MOST_PROBLEMS:
        _log.error(text, invoice_id, f"{len(problems)} problems in all")
