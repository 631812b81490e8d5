"""Whether Microsoft is finished with an invoice, and when it is to be looked at again.

Microsoft publishes late, in parts, and corrects. So lines that do not add up to the invoice are looked
at again each day, until they do or have stayed the same for some days; and all lines once more later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from shared.amounts import shown, subtract
from shared.models import Invoice
from shared.storage.blobs import ManifestMetadata, StoredLines

FETCHING, SETTLING, SETTLED = "fetching", "settling", "settled"
STATES = (FETCHING, SETTLING, SETTLED)

_DAY = timedelta(days=1)
_RESTATED_AFTER = timedelta(days=30)
_SOURCES = {"v1": "Partner Center", "graph": "Microsoft Graph"}


def doubts(invoice: Invoice, lines: Iterable[StoredLines], line_total: Decimal) -> list[str]:
    """Say, a sentence each, why these lines of an invoice may not be all of them, or not final."""
    lines = list(lines)
    billing = [each for each in lines if each.key.invoice_line_item_type == "billing_line_items"]
    usage = [each for each in lines if each.key.invoice_line_item_type == "usage_line_items"]
    found = [*_amounts(invoice, billing, line_total)]
    if any(each.about.azure for each in billing) and usage and not any(u.size for u in usage):
        found.append("no usage lines yet for an Azure plan")
    return found


def _amounts(invoice: Invoice, billing: list[StoredLines], line_total: Decimal) -> Iterable[str]:
    charges, currency = invoice.total_charges, invoice.currency_code or ""
    if charges is None:
        yield "the invoice does not say what it charges"
    elif charges and billing and not any(lines.size for lines in billing):
        sources = dict.fromkeys(_SOURCES.get(each.about.source, "Microsoft") for each in billing)
        charged = _money(charges, currency)
        yield f"{' and '.join(sources)} gives no lines though {charged} are charged"
    elif charges > line_total:
        missing = _money(subtract(charges, line_total), currency)
        yield f"{missing} of the invoice are on no line"
    elif charges < line_total:
        more = _money(subtract(line_total, charges), currency)
        yield f"the lines come to {more} more than the invoice"


def _money(amount: Decimal, currency: str) -> str:
    return f"{shown(amount)} {currency}".rstrip()


def settled_after(
    before: ManifestMetadata,
    contents: str,
    at: datetime,
    *,
    is_complete: bool,
    is_doubtful: bool,
    fetched_at: datetime | None,
    settle_days: int,
    looked: bool,
    failed: bool = False,
) -> ManifestMetadata:
    """Say in which state an invoice is, and when it is due to be looked at again.

    `before` is what its manifest has said, `contents` tells what is stored now from what was stored
    then, `fetched_at` is when the lines last changed. `looked`: all lines have been looked at since, or were
    to be, which has `failed`: that does not count, and is made anew each day, then each month. A look that
    comes is due; no clock is compared.
    """
    about = ManifestMetadata(
        at,
        at if is_complete else before.complete_at,
        contents=contents,
        unsettled_since=before.unsettled_since or at,
    )
    if not is_complete:
        return replace(about, state=FETCHING, checked_at=before.checked_at)
    is_same = before.contents == contents and before.state in (SETTLING, SETTLED)
    looked, failed = is_same and looked and not failed, is_same and looked and failed
    checks = before.checks + looked if is_same else 0
    failures = before.failures + failed if is_same and not looked else 0
    state = SETTLING if is_doubtful and checks < settle_days else SETTLED
    # Lines that another tool has put there may say that they are of the future.
    again_at = min(fetched_at or at, at) + _RESTATED_AFTER
    if is_same:
        restated = before.restated or (looked and before.state == SETTLED)
    else:
        restated = before.state is None and again_at < at  # release 0.1 has stored it, long ago
    if is_same and not looked and not failed and before.state == state:
        due = before.next_check_at  # it stays as it was ordered
    elif failed:
        due = at + (_DAY if failures < settle_days else _RESTATED_AFTER)
    elif state == SETTLING:
        due = at + _DAY
    else:
        due = None if restated else max(again_at, at + _DAY)
    return replace(
        about,
        state=state,
        checks=checks,
        failures=failures,
        checked_at=at if looked or not is_same else before.checked_at,
        next_check_at=due,
        restated=restated and state == SETTLED,
        unsettled_since=None if state == SETTLED else about.unsettled_since,
    )
