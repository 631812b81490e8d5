"""What the app has stored, and what the recipes have to find in it, worked out without them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from shared.amounts import total_of
from shared.models import LINE_ITEM_TYPES, Invoice, LineItem
from tests.running_app import RunningApp

type Totals = dict[tuple[str, str], Decimal]


class Line(NamedTuple):
    """A line of a settled invoice, as its documented type has it."""

    month: date
    manifest: dict[str, Any]
    item: LineItem

    @property
    def charge(self) -> Decimal:
        """What it charges; 0 where its type has no charge."""
        return _value(self.item, type(self.item).charge_field)

    @property
    def tax(self) -> Decimal:
        """The tax in it."""
        return _value(self.item, type(self.item).tax_field)

    @property
    def customer(self) -> str:
        """The customer's id as recipes give it."""
        return (self.item.customer_id or "").lower().removeprefix("org:")


def _value(item: LineItem, field: str | None) -> Decimal:
    names = {info.alias: name for name, info in type(item).model_fields.items()}
    value: Decimal | None = getattr(item, names[field]) if field else None
    return value or Decimal(0)


@dataclass(frozen=True)
class Stored:
    """A container that the app has filled, and the folder that it was downloaded to."""

    app: RunningApp
    connection: str
    folder: Path

    def manifests(self) -> list[dict[str, Any]]:
        """All manifests, their amounts as decimals."""
        texts = [path.read_text() for path in sorted(self.folder.glob("*/manifest.json"))]
        return [json.loads(text, parse_float=Decimal) for text in texts]

    def lines(self, type: str = "billing_line_items") -> Iterator[Line]:
        """The lines of this type on all settled invoices."""
        for manifest in self.manifests():
            if manifest["state"] != "settled":
                continue
            month = self.month(manifest["invoiceId"])
            for entry in manifest["lineItems"]:
                if entry["invoiceLineItemType"] == type:
                    yield from (Line(month, manifest, item) for item in self._items(entry))

    def _items(self, entry: dict[str, Any]) -> Iterator[LineItem]:
        kind = LINE_ITEM_TYPES[
            entry["source"], entry["billingProvider"], entry["invoiceLineItemType"]
        ]
        for line in (self.folder / entry["blob"]).read_bytes().split(b"\n")[:-1]:
            yield kind.from_json(line)

    def invoice(self, invoice_id: str) -> Invoice:
        """An invoice as it is stored."""
        return Invoice.from_json((self.folder / invoice_id / "invoice.json").read_bytes())

    def month(self, invoice_id: str) -> date:
        """The first day of the month that an invoice is for."""
        invoice = self.invoice(invoice_id)
        assert invoice.billing_period_start_date
        return invoice.billing_period_start_date.date().replace(day=1)

    def totals(self) -> Totals:
        """What the manifests of settled invoices say their lines come to, by month and currency."""
        found: dict[tuple[str, str], list[Decimal]] = {}
        for manifest in self.manifests():
            if manifest["state"] == "settled":
                month = self.month(manifest["invoiceId"])
                key = (month.isoformat(), manifest["currencyCode"])
                found.setdefault(key, []).append(manifest["lineTotal"])
        return {key: total_of(amounts) for key, amounts in found.items()}
