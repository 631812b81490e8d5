"""What goes wrong with single invoices: it stops no other."""

from __future__ import annotations

from collections.abc import Callable

from shared.errors import ArchiveError
from shared.log import about, get_logger

_log = get_logger(__name__)


class Failures:
    """What has gone wrong with single invoices: it stops no other, and fails the run at its end."""

    def __init__(self) -> None:
        self.by_invoice: dict[str, Exception] = {}

    def caught[T](self, invoice_id: str, work: Callable[[], T]) -> T | None:
        """Give what the work gives; None where it fails, which is noted."""
        with about(invoice=invoice_id):
            try:
                return work()
            except Exception as error:  # whoever is to blame, the other invoices are not
                _log.error("Invoice %s: %s: %s", invoice_id, type(error).__name__, error)
                self.by_invoice[invoice_id] = error
                return None

    def raise_for_any(self) -> None:
        """Raise ArchiveError that names the invoices and what was wrong with the first."""
        if self.by_invoice:
            names = ", ".join(list(self.by_invoice)[:20])
            first = next(iter(self.by_invoice.values()))
            raise ArchiveError(
                f"{len(self.by_invoice)} invoices failed, all others are done: {names}; the first with "
                f"{type(first).__name__}: {first}"
            ) from first
