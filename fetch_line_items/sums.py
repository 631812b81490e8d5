"""What lines come to by type of charge, customer and subscription: it tells why an invoice does not add up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from fetch_line_items.fields import FieldNames, Fields
from shared.amounts import is_amount, subtract, total_of
from shared.keys import bare_customer_id
from shared.reconciliation import MOST, Group, Part

_AZURE_CATEGORY, _AZURE_SKU = "azure", "azure plan"


@dataclass(slots=True)
class Sums:
    """The sums of some lines; `add` those of others.

    `total` is None where this kind of line has no charge. `azure`: some are those of an Azure plan, of which the
    `subscriptions` are, before tax; of usage lines they are those of all. The empty text stands for none.
    Where not all lines were looked at `in_full`, or there are too many of them, tax, customers and
    subscriptions are not known.
    """

    total: Decimal | None = None
    tax: Decimal = Decimal(0)
    azure: bool = False
    charge_types: dict[str, Group] = field(default_factory=dict)
    customers: set[str] = field(default_factory=set)
    subscriptions: dict[str, Group] = field(default_factory=dict)
    in_full: bool = True

    @property
    def charged(self) -> int:
        """How many of the lines have a charge."""
        return sum(group.lines for group in (self.charge_types or self.subscriptions).values())

    def add(self, other: Sums) -> None:
        """Count other lines as well."""
        if other.total is not None:
            self.total = total_of((self.total or Decimal(0), other.total))
        self.tax = total_of((self.tax, other.tax))
        self.azure = self.azure or other.azure
        self.in_full = self.in_full and other.in_full
        self.customers |= other.customers
        _add(self.charge_types, other.charge_types)
        _add(self.subscriptions, other.subscriptions)
        self._bound()

    def _bound(self) -> None:
        """Hold no more than a few megabytes, whatever the lines have in these fields."""
        if len(self.customers) > MOST or len(self.subscriptions) > MOST:
            self.in_full = False
        if not self.in_full:
            self.customers, self.subscriptions = set(), {}
        if len(self.charge_types) > MOST:
            groups = self.charge_types.values()
            lines = sum(group.lines for group in groups)
            self.charge_types = {"": Group(lines, total_of(group.total for group in groups))}

    def part(self, run: str) -> Part:
        """Give what goes to storage beside the lines of this run."""
        return Part(
            run=run,
            charge_types=self.charge_types,
            tax=self.tax if self.in_full else None,
            customers=len(self.customers) if self.in_full else None,
            subscriptions=self.subscriptions if self.in_full else None,
        )


def sums_of(lines: Sequence[Fields], looked_at: FieldNames) -> Sums:
    """Sum up lines by the fields looked at; raises ArithmeticError for what is no amount of money."""
    if looked_at.is_usage:
        subscriptions = _grouped((line.subscription or "", line.charge) for line in lines)
        return Sums(_checked(subscriptions), subscriptions=subscriptions)
    charge_types = _grouped((line.charge_type or "", line.charge) for line in lines)
    sums, azure = Sums(_checked(charge_types), charge_types=charge_types), _of_azure_plans(lines)
    sums.azure, sums.in_full = bool(azure), looked_at.in_full
    if looked_at.in_full:
        sums.tax = total_of([line.tax for line in lines if line.tax is not None])
        if not is_amount(sums.tax):
            raise ArithmeticError("no amount of money")
        customers = {line.customer for line in lines if line.customer is not None}
        sums.customers = set(map(bare_customer_id, customers))
        sums.subscriptions = _grouped(
            (line.subscription or "", _before_tax(line)) for line in azure
        )
    return sums


def _checked(groups: dict[str, Group]) -> Decimal:
    total = total_of(group.total for group in groups.values())
    if not is_amount(total):
        raise ArithmeticError("no amount of money")
    return total


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
