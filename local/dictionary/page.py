"""The page itself, in Markdown: two tables of lines, and what else is stored of an invoice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from local.dictionary.fields import Field, Owner, fields_of
from local.dictionary.meanings import meanings
from shared import reconciliation
from shared.models import LINE_ITEM_TYPES, Invoice, InvoiceDetail, LineItem, Link, Links
from shared.models.invoices import Header
from shared.storage import manifest

_BEGINNING = """\
# Data dictionary

Every field of what the app stores. `make dictionary` writes this page, from the types in `shared/` and the meanings in
[`local/dictionary/meanings.toml`](../local/dictionary/meanings.toml): change those. Which lines come from where:
[sources.md](sources.md). The meanings are those of Microsoft's articles and samples; none was seen on the live services.

- **A field may be missing, null or empty,** and some may come that are not here: lines are stored as they come.
  Over HTTP as CSV, those stand in the last column, `otherFields`, as a JSON object.
- **A line has no id.** Two equal lines can both be billed: drop none as a duplicate. Split lines on `\\n` only.
- **amount:** a decimal, in Microsoft's samples with up to 22 decimals, as a number, also with an exponent (`1.0E-4`), or in a string: never to be read as a
  float. Its currency or unit stands beside it. The *billing currency* is in the column that the first table of each part
  names, the *pricing currency* in `pricingCurrency`.
- **date:** ISO 8601, without zone, with `Z` or an offset, up to seven digits of a second, or the day alone. The year 1 stands for no date.
- *unverified*: Microsoft does not say it, or says two things.
- Meanings name fields as v1 does. `graph` is Microsoft Graph's export.
"""

STRUCTURES: dict[str, dict[str, Owner]] = {
    "`invoice.json`, as v1 lists it": {
        "the invoice, and each of `amendments`": Invoice,
        "each of `invoiceDetails`": InvoiceDetail,
        "`links`": Links,
        "`self`": Link,
        "each of `headers`": Header,
    },
    "`manifest.json`, by the app": {
        "the manifest": manifest.Manifest,
        "each of `lineItems`": manifest.Entry,
        "each of `earlier`": manifest.Earlier,
        "`reconciliation`": reconciliation.Reconciliation,
        "each of `billing`": reconciliation.Billing,
        "each of `chargeTypes`": reconciliation.ChargeType,
        "`azurePlans`": reconciliation.AzurePlans,
        "each of `subscriptions`": reconciliation.Subscription,
    },
    "`invoice_reconciliation.json`, by the app": {
        "each kind of lines, such as `one_time/billing_line_items`": reconciliation.Part,
        "each of `chargeTypes` and `subscriptions`": reconciliation.Group,
    },
}
"""What is stored beside the lines: parts of the page, and the classes that each tells of."""


@dataclass(frozen=True)
class Kind:
    """A kind of lines, and how its part of the page calls it."""

    source: str
    provider: str
    line_item_type: str
    called: str

    @property
    def model(self) -> type[LineItem]:
        """Its documented type."""
        return LINE_ITEM_TYPES[self.source, self.provider, self.line_item_type]

    @property
    def summary(self) -> list[str]:
        """Give its row in the first table of its part."""
        by_name = {field.name: field for field in fields_of(self.model)}
        currency = by_name.get("currency") or by_name.get("billing_currency")
        columns = self.model.charge_field, self.model.tax_field, currency and currency.spelled[0]
        blob = f"{self.provider}/{self.line_item_type}.jsonl"
        about = [_code(name) for name in (blob, self.source, self.model.__name__)]
        return [self.called, *about, *(_code(name) if name else "none" for name in columns)]

    def said_of(self, field: Field) -> tuple[str, str]:
        """Say of which type a field is, and what it means in these lines."""
        marks = {self.model.charge_field: "**Charge.** ", self.model.tax_field: "**Tax.** "}
        mark = next((marks[name] for name in field.spelled if name in marks), "")
        return _type(field), mark + field.meaning.text


_NEW_COMMERCE = [
    Kind("v1", "one_time", "billing_line_items", "billing"),
    Kind("v1", "one_time", "usage_line_items", "usage"),
    Kind("graph", "one_time", "billing_line_items", "billing"),
    Kind("graph", "one_time", "usage_line_items", "usage"),
]
_LEGACY = [
    Kind("v1", "office", "billing_line_items", "office"),
    Kind("v1", "azure", "billing_line_items", "azure"),
    Kind("v1", "azure", "usage_line_items", "azure usage"),
]


def page() -> str:
    """Write the whole page; raises LookupError for a field without a meaning."""
    parts = [
        _BEGINNING,
        *_lines("New commerce: lines of `G…` invoices", _NEW_COMMERCE),
        *_lines("Legacy: lines of `D…` invoices", _LEGACY),
    ]
    for title, structures in STRUCTURES.items():
        parts += [f"## {title}\n", _structures(structures)]
    return "\n".join(parts)


def _lines(title: str, kinds: list[Kind]) -> list[str]:
    summary = ["lines", "blob", "source", "documented type", "charge", "tax", "billing currency"]
    sources = list(dict.fromkeys(kind.source for kind in kinds))
    columns = [*map(_code, sources), "lines", "type", "meaning"]
    fields = [(kind, field) for kind in kinds for field in fields_of(kind.model)]
    rows = []
    for group, meant in meanings().groups.items():
        found = [
            row
            for names in meant
            for row in _rows(sources, [pair for pair in fields if pair[1].name in names])
        ]
        rows += [_heading(group, len(columns)), *found] if found else []
    return [
        f"## {title}\n",
        _table(summary, (kind.summary for kind in kinds)),
        _table(columns, rows),
    ]


def _rows(sources: list[str], fields: list[tuple[Kind, Field]]) -> list[list[str]]:
    """Give what is the same in several kinds of lines one row, with the sources side by side."""
    called: dict[tuple[tuple[str, str], str, str], list[str]] = {}
    for kind, field in fields:
        place = kind.said_of(field), kind.source, _names(field)
        called.setdefault(place, []).append(kind.called)
    rows: dict[tuple[str, tuple[str, str]], dict[str, str]] = {}
    for (said, source, names), kinds in called.items():
        rows.setdefault((", ".join(kinds), said), {})[source] = names
    return [
        [*(names.get(source, "") for source in sources), kinds, *said]
        for (kinds, said), names in rows.items()
    ]


def _structures(structures: dict[str, Owner]) -> str:
    columns = ["name", "type", "meaning"]
    rows = []
    for title, owner in structures.items():
        fields = [[_names(field), _type(field), field.meaning.text] for field in fields_of(owner)]
        rows += [_heading(title, len(columns)), *fields]
    return _table(columns, rows)


def _type(field: Field) -> str:
    return f"{field.type}: {field.meaning.unit}" if field.meaning.unit else field.type


def _names(field: Field) -> str:
    return " or ".join(map(_code, field.spelled))


def _code(text: str) -> str:
    return f"`{text}`"


def _heading(title: str, width: int) -> list[str]:
    return [f"**{title}**", *[""] * (width - 1)]


def _table(columns: list[str], rows: Iterable[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
