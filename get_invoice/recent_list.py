"""The list of invoices, kept for some seconds: it is the only way to one invoice without a user."""

from __future__ import annotations

import threading
import time

from shared.api.exchange import RequestContext
from shared.api.invoice_list import ListedInvoice, invoices_by_id, listed_invoices
from shared.api.partner_center import PartnerCenter

_SECONDS = 10.0
"""Long enough that a burst of requests lists once, short enough that nobody notices."""


class RecentList:
    """Finds invoices in the list of Partner Center. Thread-safe: while one lists, others wait."""

    def __init__(self, partner_center: PartnerCenter) -> None:
        self._partner_center = partner_center
        self._lock = threading.Lock()
        self._invoices: dict[str, ListedInvoice] = {}
        self._listed_at = float("-inf")

    def find(self, invoice_id: str, context: RequestContext) -> ListedInvoice | None:
        """Give the invoice with this bare id, nested amendments included.

        Raises ApiError when the list is not at hand and cannot be had.
        """
        with self._lock:
            if time.monotonic() - self._listed_at > _SECONDS:
                listed = listed_invoices(self._partner_center, context)
                self._invoices, _ = invoices_by_id(listed)
                self._listed_at = time.monotonic()
            return self._invoices.get(invoice_id)
