"""`python -m local.rerun`: orders invoices, a month of them, or single links anew, by messages on the queue.

    python -m local.rerun G000024130 D0500033K3            every line of these invoices
    python -m local.rerun /invoices/…/lineitems/Azure/UsageLineItems
    python -m local.rerun --month 2026-10                  every invoice of that month
    python -m local.rerun --since 2026-07-01 --dry-run     say what would be ordered

The settings are those of the environment, else of local.settings.json. Months and dates are those of
the stored invoices. What is stored stands until its lines have come anew.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path

from local.functions_host.settings import apply_local_settings
from shared.details import parse_invoice
from shared.errors import InvalidInput
from shared.keys import invoice_id
from shared.links import key_of_link
from shared.messages import LineItemsMessage
from shared.services import Services
from shared.settings import Settings
from shared.storage.archive import Archive
from shared.storage.inventory import inventory


def main(arguments: list[str] | None = None) -> int:
    """Order what the arguments name; give the exit code."""
    options = _options(arguments)
    apply_local_settings(Path("local.settings.json"))
    try:
        services = Services(Settings.from_environment(os.environ))
        messages = [_message(name) for name in options.names]
        messages += _by_date(services.archive, options.month, options.since)
    except InvalidInput as error:
        print(error, file=sys.stderr)
        return 1
    for message in messages:
        print(message.link or message.invoice_id)
        if not options.dry_run:
            services.queue.send(message)
    print(f"{len(messages)} messages {'would be sent' if options.dry_run else 'sent'}")
    return 0


def _message(name: str) -> LineItemsMessage:
    if "/" in name:
        key_of_link(name)  # refuses what leads nowhere
        return LineItemsMessage(link=name)
    return LineItemsMessage(invoice_id=invoice_id(name))


def _by_date(archive: Archive, month: str | None, since: date | None) -> Iterator[LineItemsMessage]:
    """Name the stored invoices of a month, and those since a day."""
    if month is None and since is None:
        return
    for name in sorted(inventory(archive)):
        day = _day(archive, name)
        if day is None:
            print(f"{name} is left out: its date cannot be read", file=sys.stderr)
        elif (since and day.date() >= since) or (month and f"{day:%Y-%m}" == month):
            yield LineItemsMessage(invoice_id=name)


def _day(archive: Archive, name: str) -> datetime | None:
    """Read the date of a stored invoice; None where it has none."""
    with suppress(ValueError):
        stored = archive.invoice(name)
        return parse_invoice(stored.text).invoice.invoice_date if stored else None
    return None


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.rerun",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="invoice or link")
    parser.add_argument("--month", type=_month, metavar="2026-10")
    parser.add_argument("--since", type=date.fromisoformat, metavar="2026-07-01")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be sent")
    options = parser.parse_args(arguments)
    if not (options.names or options.month or options.since):
        parser.error("name invoices or links, a --month, or a date --since which")
    return options


def _month(text: str) -> str:
    return f"{date.fromisoformat(f'{text}-01'):%Y-%m}"


if __name__ == "__main__":
    sys.exit(main())
