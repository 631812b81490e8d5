"""What it means that an export has no data (code 5000): never, too old, or not published yet.

Nothing tells these apart but the invoice's age, and patience.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from fetch_line_items.source import Step
from fetch_line_items.sums import Sums
from shared.errors import Fatal
from shared.keys import LineItemsKey
from shared.messages import GraphPosition, V1Position

CODE = "5000"
_FIRST_WAIT = 600.0
_LONGEST_WAIT = 6 * 3600.0


def step_without_data(
    key: LineItemsKey, position: GraphPosition, *, is_before_history: bool, settle_days: int
) -> Step:
    """Say how a fetch goes on whose export has no data.

    For what is older than the export's history Partner Center is asked. Else the data count as late
    for so many days, counted in messages. Then usage lines are none: an invoice without usage is
    normal. Billing lines are none never: raises Fatal.
    """
    if is_before_history:
        reason = "it is older than what Graph's export has, so Partner Center is asked"
        return Step(V1Position(), wait=0, reason=reason)
    late = replace(position.without_operation(), again=0, no_data=position.no_data + 1)
    waits = _waits(settle_days)
    if late.no_data <= len(waits):
        reason = f"not published yet (Graph's export has no data, for the {late.no_data}. time)"
        return Step(late, wait=waits[position.no_data], reason=reason)
    if key.invoice_line_item_type == "usage_line_items":
        return Step(replace(position, no_data=late.no_data), sums=Sums(Decimal(0)), last=True)
    raise Fatal(
        f"Microsoft has not published {key} in {settle_days} days: Graph's export has no data",
        code=CODE,
    )


def _waits(settle_days: int) -> list[float]:
    """Seconds before each further question: 10 minutes, doubled up to 6 hours, then every 6 hours."""
    if not settle_days:
        return []
    waits = [_FIRST_WAIT]
    while waits[-1] * 2 < _LONGEST_WAIT:
        waits.append(waits[-1] * 2)
    return waits + [_LONGEST_WAIT] * 4 * settle_days
