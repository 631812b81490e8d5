"""What lines come to by type of charge, customer and subscription: it tells why an invoice does not add up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from fetch_line_items.fields import Fields
from shared.amounts import is_amount, subtract, total_of
from shared.reconciliation import MOST, Group, Part

_AZURE_CATEGORY, _AZURE_SKU = "azure", "azure plan"


@dataclass(slots=True)
class Sums:
    """The sums of some lines; `add` those of others.

    `total` is None where this kind of line has no charge. `azure`: some are those of an Azure plan, of which the
    `subscriptions` are, before tax; of usage lines they are those of all. The empty text stands for none.
    """

    total: Decimal | None = None
    tax: Decimal = Decimal(0)
    azure: bool = False
    charge_types: dict[str, Group] = field(default_factory=dict)
    customers: set[str] = field(default_factory=set)
    subscriptions: dict[str, Group] = field(default_factory=dict)

    def add(self, other: Sums) -> None:
        """Count other lines as well."""
        if other.total is not None:
            self.total = total_of((self.total or Decimal(0), other.total))
        self.tax = total_of((self.tax, other.tax))
        self.azure = self.azure or other.azure
        self.customers |= other.customers
        _add(self.charge_types, other.charge_types)
        _add(self.subscriptions, other.subscriptions)

    def part(self, run: str) -> Part | None:
        """Give what goes to storage beside the lines of this run; None where it would be too much."""
        if max(map(len, (self.charge_types, self.customers, self.subscriptions))) > MOST:
            return None
        return Part(
            run=run,
            tax=self.tax,
            customers=len(self.customers),
            charge_types=self.charge_types,
            subscriptions=self.subscriptions,
        )


def sums_of(lines: Sequence[Fields], *, is_usage: bool) -> Sums:
    """Sum up lines; raises ArithmeticError where a charge or a tax is no amount of money."""
    charge_types = _grouped((line.charge_type or "", line.charge) for line in lines)
    total = total_of(group.total for group in charge_types.values())
    taxes = [] if is_usage else [line.tax for line in lines if line.tax is not None]
    tax = total_of(taxes)
    if not (is_amount(total) and is_amount(tax)):
        raise ArithmeticError("no amount of money")
    azure = [] if is_usage else _of_azure_plans(lines)
    if is_usage:
        charged = _grouped((line.subscription or "", line.charge) for line in lines)
    else:
        charged = _grouped((line.subscription or "", _before_tax(line)) for line in azure)
    customers = {line.customer for line in lines if line.customer is not None}
    return Sums(total, tax, bool(azure), charge_types, customers, charged)


def _of_azure_plans(lines: Sequence[Fields]) -> list[Fields]:
    """Find the lines of Azure plans, by the product's category or name in any case."""
    categories = {text for text in {line.category for line in lines} if _is(text, _AZURE_CATEGORY)}
    names = {text for text in {line.sku for line in lines} if _is(text, _AZURE_SKU)}
    if not categories and not names:
        return []
    return [line for line in lines if line.category in categories or line.sku in names]


def _is(text: str | None, wanted: str) -> bool:
    return text is not None and text.lower() == wanted


def _before_tax(line: Fields) -> Decimal | None:
    return line.charge and subtract(line.charge, line.tax or Decimal(0))


def _grouped(charges: Iterable[tuple[str, Decimal | None]]) -> dict[str, Group]:
    groups: defaultdict[str, list[Decimal]] = defaultdict(list)
    for name, charge in charges:
        if charge is not None:
            groups[name].append(charge)
    return {name: Group(len(found), total_of(found)) for name, found in groups.items()}


def _add(groups: dict[str, Group], others: dict[str, Group]) -> None:
    for name, other in others.items():
        group = groups.get(name)
        groups[name] = (
            Group(group.lines + other.lines, total_of((group.total, other.total)))
            if group
            else other
        )
