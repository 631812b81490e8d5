"""The list of invoices, kept for some seconds: it is the only way to one invoice without a user."""

from __future__ import annotations

import threading
import time

from shared.invoice_list import invoices_by_id, listed_invoices
from shared.partner_center import Operation, PartnerCenter

_SECONDS = 10.0
"""Long enough that a burst of requests lists once, short enough that nobody notices."""


class RecentList:
    """Finds invoices in the list of Partner Center. Thread-safe: while one lists, others wait."""

    def __init__(self, partner_center: PartnerCenter) -> None:
        self._partner_center = partner_center
        self._lock = threading.Lock()
        self._invoices: dict[str, bytes] = {}
        self._listed_at = float("-inf")

    def find(self, invoice_id: str, operation: Operation) -> bytes | None:
        """Give the JSON text of the invoice with this bare id, nested amendments included.

        Raises PartnerCenterError when the list is not at hand and cannot be had.
        """
        with self._lock:
            if time.monotonic() - self._listed_at > _SECONDS:
                listed = listed_invoices(self._partner_center, operation)
                self._invoices, _ = invoices_by_id(listed)
                self._listed_at = time.monotonic()
            return self._invoices.get(invoice_id)
