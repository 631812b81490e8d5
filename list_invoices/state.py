"""How far the invoices in storage are, in the figures that alerts read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.settling import SETTLED, SETTLING
from shared.storage.inventory import InvoiceBlobs


@dataclass(frozen=True)
class State:
    """How many invoices there are in each state, and for how many days the oldest has not settled."""

    invoices: int
    settled: int
    settling: int
    fetching: int
    oldest_unsettled_days: int

    def __str__(self) -> str:
        return " ".join(f"{name}={count}" for name, count in vars(self).items())


def state_of(stored: Mapping[str, InvoiceBlobs], at: datetime) -> State:
    """Count what a listing of the container has told."""
    invoices = [blobs for blobs in stored.values() if blobs.is_invoice]
    states = Counter(blobs.state for blobs in invoices)
    unsettled = [_since(blobs, at) for blobs in invoices if blobs.state != SETTLED]
    oldest = max((at - since for since in unsettled), default=None)
    return State(
        invoices=len(invoices),
        settled=states[SETTLED],
        settling=states[SETTLING],
        fetching=len(invoices) - states[SETTLED] - states[SETTLING],
        oldest_unsettled_days=max(oldest.days, 0) if oldest else 0,
    )


def _since(blobs: InvoiceBlobs, at: datetime) -> datetime:
    """Since when it has not settled: by the manifest, else since the invoice was stored."""
    noted = blobs.manifest.unsettled_since if blobs.manifest else None
    return noted or (blobs.invoice.stored_at if blobs.invoice else at)
