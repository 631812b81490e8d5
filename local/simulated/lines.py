"""Lines and their sums: each line a function of its position, rendered when it is asked for.

But for a serial number in each, lines repeat with a period, so what a million of them sum up to is
known without rendering one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal, localcontext
from functools import lru_cache
from zlib import crc32

from local.simulated.model import AZURE, BILLING, USAGE, Invoice, to_json
from local.simulated.rows import (
    CURRENCY,
    INVOICE,
    MAKERS,
    MONTH,
    PERIOD,
    SERIAL,
    TWIN,
    charge,
    with_oddities,
)


def total(invoice: Invoice, provider: str, type: str) -> Decimal | None:
    """Sum the charges of these lines exactly; None where the lines have no charge.

    Office and one_time: totalForCustomer. Azure: postTaxTotal. Usage of one_time:
    billingPreTaxTotal.
    """
    detail = invoice.detail(provider, type)
    if detail is None:
        raise KeyError(f"{invoice.id} has no {provider}/{type}")
    if (provider, type) == (AZURE, USAGE):
        return None
    sums = _running_sums(shift_of(invoice, provider, type))
    periods, rest = divmod(detail.line_count, PERIOD)
    with localcontext(prec=100):
        return periods * sums[PERIOD] + sums[rest]


def line_total(invoice: Invoice) -> Decimal:
    """Sum the billing lines, of whatever provider."""
    with localcontext(prec=100):
        billing = [d for d in invoice.details or () if d.type == BILLING]
        return sum((total(invoice, d.provider, d.type) or Decimal(0) for d in billing), Decimal(0))


def total_charges(invoice: Invoice) -> Decimal:
    """Give what the invoice says: its billing lines, and the adjustment that is on no line."""
    with localcontext(prec=100):
        return line_total(invoice) + invoice.adjustment


@lru_cache(maxsize=PERIOD)
def _running_sums(shift: int) -> tuple[Decimal, ...]:
    sums = [Decimal(0)]
    with localcontext(prec=100):
        for index in range(PERIOD):
            sums.append(sums[-1] + Decimal(charge(_position(index, shift))))
    return tuple(sums)


def shift_of(invoice: Invoice, provider: str, type: str) -> int:
    """Tell where in the period the lines begin: otherwise every invoice would have the same."""
    return crc32(f"{invoice.id}/{provider}/{type}/{invoice.revision}".encode()) % PERIOD


def _serial(index: int) -> int:
    return index - 1 if index % PERIOD == TWIN else index


def _position(index: int, shift: int) -> int:
    return (_serial(index) + shift) % PERIOD


def line(invoice: Invoice, provider: str, type: str, index: int) -> bytes:
    """Give the exact text of one line, compact."""
    return lines(invoice, provider, type, index, index + 1)[0]


def lines(invoice: Invoice, provider: str, type: str, start: int, stop: int) -> list[bytes]:
    """Give the exact texts of the lines from `start` to before `stop`."""
    shift = shift_of(invoice, provider, type)
    return rendered(_templates(invoice, provider, type), shift, start, stop)


def rendered(templates: list[list[bytes]], shift: int, start: int, stop: int) -> list[bytes]:
    """Put the serial numbers into the templates of these lines."""
    return [
        (b"%08x" % _serial(index)).join(templates[_position(index, shift)])
        for index in range(start, stop)
    ]


def pieces(invoice: Invoice, provider: str, type: str, start: int, stop: int) -> list[bytes]:
    """Give the same with commas between them, in pieces, so that a page has to be joined only once.

    To make and free each line of a page of megabytes would take most of the time.
    """
    shift = shift_of(invoice, provider, type)
    templates = _templates(invoice, provider, type)
    page: list[bytes] = []
    for index in range(start, stop):
        serial = b"%08x" % _serial(index)
        first, *others = templates[_position(index, shift)]
        page += (b",", first) if page else (first,)
        for other in others:
            page += (serial, other)
    return page


def jsonl(invoice: Invoice, provider: str, type: str) -> Iterator[bytes]:
    """Give what has to be in storage: every line and a newline."""
    detail = invoice.detail(provider, type)
    for start in range(0, detail.line_count if detail else 0, PERIOD):
        stop = min(start + PERIOD, detail.line_count if detail else 0)
        yield from (item + b"\n" for item in lines(invoice, provider, type, start, stop))


@lru_cache(maxsize=64)
def _templates(invoice: Invoice, provider: str, type: str) -> list[list[bytes]]:
    return filled(_texts(provider, type), invoice)


def filled(texts: Iterable[str], invoice: Invoice) -> list[list[bytes]]:
    """Give a period's lines, with what the invoice fills in, cut where serial numbers go."""
    month = f"{invoice.billing_period:%Y-%m}"
    marks = {INVOICE: invoice.id, CURRENCY: invoice.currency, MONTH: month}
    pieces = []
    for text in texts:
        for mark, value in marks.items():
            text = text.replace(mark, value)
        pieces.append([piece.encode() for piece in text.split(SERIAL)])
    return pieces


@lru_cache
def _texts(provider: str, type: str) -> list[str]:
    make = MAKERS[provider, type]
    return [to_json(with_oddities(make(position), position)) for position in range(PERIOD)]
