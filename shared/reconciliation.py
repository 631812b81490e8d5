"""Why an invoice does not add up, as far as arithmetic can tell it: `{invoiceId}/invoice_reconciliation.json`.

Whoever commits lines writes first what they come to; a manifest tells the whole of it. A part counts
only beside the lines of the very run that has written it.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from decimal import Decimal

import msgspec

from shared.amounts import subtract, total_of, written
from shared.errors import Overtaken
from shared.keys import LineItemsKey
from shared.models import Invoice
from shared.storage.archive import Archive
from shared.storage.blobs import StoredLines

MOST = 20_000
"""Customers, or subscriptions, or types of charges of one kind of lines."""

_MOST_SHOWN = 100
_MOST_TRIES = 10
_ROUNDING = Decimal("0.01")
"""Of each billing line: usage is summed up, then rounded, for each of them."""


class Group(msgspec.Struct, frozen=True, gc=False):
    """Some lines, and what they come to."""

    lines: int
    total: Decimal


class Part(msgspec.Struct, rename="camel"):
    """What one kind of an invoice's lines comes to; `run` has stored them.

    `subscriptions` are those of Azure plans, before tax. Of very many lines only their types of charges
    are known.
    """

    run: str
    charge_types: dict[str, Group]
    tax: Decimal | None
    customers: int | None
    subscriptions: dict[str, Group] | None


Parts = dict[str, Part]
"""By kind of lines, such as `one_time/billing_line_items`."""

_decoder = msgspec.json.Decoder(Parts)
_encoder = msgspec.json.Encoder(decimal_format="number")


def read_parts(text: bytes | None) -> Parts:
    """Read what is stored; of what somebody has spoiled nothing is known."""
    with suppress(msgspec.MsgspecError):
        return _decoder.decode(text or b"{}")
    return {}


def write_parts(parts: Parts) -> bytes:
    """Write what is to be stored; amounts are JSON numbers with all their digits."""
    return _encoder.encode(parts)


def record(archive: Archive, key: LineItemsKey, part: Part) -> None:
    """Note what lines come to; raises TimeoutError where others come between again and again."""
    for _ in range(_MOST_TRIES):
        text, etag = archive.reconciliation(key.invoice_id)
        before = read_parts(text)
        parts = before | {key.kind: part}
        if parts == before:
            return
        with suppress(Overtaken):
            archive.put_reconciliation(key.invoice_id, write_parts(parts), replacing=etag)
            return
    raise TimeoutError(
        f"The reconciliation of {key.invoice_id} was changed {_MOST_TRIES} times in a row by others"
    )


class ChargeType(msgspec.Struct, rename="camel"):
    """What the billing lines of one type of charge come to."""

    charge_type: str
    lines: int
    total: msgspec.Raw


class Billing(msgspec.Struct, rename="camel"):
    """What the billing lines of one provider come to; the largest charges first."""

    billing_provider: str
    customers: int | None
    tax: msgspec.Raw | None
    charge_types: list[ChargeType]


class Subscription(msgspec.Struct, rename="camel"):
    """An Azure subscription whose usage is not what is billed for it, before tax."""

    subscription_id: str
    billed: msgspec.Raw
    usage: msgspec.Raw
    difference: msgspec.Raw


class AzurePlans(msgspec.Struct, rename="camel"):
    """What is billed for Azure plans beside their usage, before tax.

    `differing` subscriptions are further apart than by rounding; the largest of them are named.
    """

    billed: msgspec.Raw
    usage: msgspec.Raw
    difference: msgspec.Raw
    differing: int
    subscriptions: list[Subscription]


class Reconciliation(msgspec.Struct, rename="camel"):
    """Why an invoice does not add up, as far as arithmetic can tell it.

    `amendments` is what the invoices nested in this one charge, `azure_plans` None where there are none, or
    one side of them is not known. `unknown` are the kinds of lines of which no sums are known.
    """

    billing: list[Billing]
    amendments: msgspec.Raw | None
    azure_plans: AzurePlans | None
    unknown: list[str]


def reconciliation_of(
    invoice: Invoice | None, lines: Iterable[StoredLines], parts: Parts
) -> Reconciliation:
    """Put together what is known of these lines."""
    there = {each.key.kind: each for each in lines}
    known = {
        kind: parts[kind]
        for kind, each in there.items()
        if kind in parts and parts[kind].run == each.about.run
    }
    billing = [
        _billing(there[kind].key.billing_provider, part)
        for kind, part in known.items()
        if there[kind].key.invoice_line_item_type == "billing_line_items"
    ]
    charged = [each.total_charges for each in (invoice and invoice.amendments) or ()]
    return Reconciliation(
        billing=billing,
        amendments=_raw(total_of(each for each in charged if each is not None))
        if charged
        else None,
        azure_plans=_azure_plans(
            known.get("one_time/billing_line_items"), known.get("one_time/usage_line_items")
        ),
        unknown=[kind for kind in there if kind not in known],
    )


def _billing(provider: str, part: Part) -> Billing:
    by_size = sorted(part.charge_types.items(), key=lambda item: -abs(item[1].total))
    charge_types = [
        ChargeType(name, group.lines, _raw(group.total)) for name, group in by_size[:_MOST_SHOWN]
    ]
    tax = None if part.tax is None else _raw(part.tax)
    return Billing(provider, part.customers, tax, charge_types)


def _azure_plans(billing: Part | None, usage: Part | None) -> AzurePlans | None:
    billed_by = billing.subscriptions if billing else None
    used_by = usage.subscriptions if usage else None
    if billed_by is None or used_by is None or not (billed_by or used_by):
        return None
    none = Group(0, Decimal(0))
    apart: list[tuple[Decimal, Subscription]] = []
    for name in billed_by.keys() | used_by.keys():
        billed, used = billed_by.get(name, none), used_by.get(name, none)
        difference = subtract(billed.total, used.total)
        if abs(difference) > _ROUNDING * max(billed.lines, 1):
            shown = (_raw(billed.total), _raw(used.total), _raw(difference))
            apart.append((abs(difference), Subscription(name, *shown)))
    apart.sort(key=lambda pair: (-pair[0], pair[1].subscription_id))
    billed_total = total_of(group.total for group in billed_by.values())
    usage_total = total_of(group.total for group in used_by.values())
    return AzurePlans(
        billed=_raw(billed_total),
        usage=_raw(usage_total),
        difference=_raw(subtract(billed_total, usage_total)),
        differing=len(apart),
        subscriptions=[subscription for _, subscription in apart[:_MOST_SHOWN]],
    )


def _raw(amount: Decimal) -> msgspec.Raw:
    return msgspec.Raw(written(amount).encode())
