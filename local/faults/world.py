"""The small world of a job: each source, each way of paging, several files, what is late, and what is restated."""

from __future__ import annotations

from datetime import date

from local.simulated import Detail, Invoice
from local.simulated.invoices import new_commerce
from local.simulated.model import AZURE, BILLING, NEW_COMMERCE, OFFICE, ONE_TIME, RECURRING, USAGE

PAGE_SIZE, FILES = 2, 3
BLOCK_BYTES = 2_500
"""Two rows are a block."""
_NOW = date(2026, 11, 8)
# No usage is stored as an empty blob.
_LEGACY = Invoice(
    "D000090001", RECURRING, _NOW, (Detail(OFFICE, BILLING, 5), Detail(AZURE, USAGE, 0))
)
# Older than the exports: Graph is asked, and then v1, which gives it by token.
_BY_TOKEN = Invoice(
    "G000090001", NEW_COMMERCE, date(2024, 1, 8), (Detail(ONE_TIME, BILLING, 5),), "EUR"
)
EXPORTED = new_commerce("G000090002", _NOW, billing=7, usage=7)
RESTATED = new_commerce(EXPORTED.id, _NOW, billing=7, usage=8)
"""What a look at it finds: other usage lines, and the same invoice as before."""
LATE = f"{EXPORTED.id}/{ONE_TIME}/{USAGE}"
"""An export that is not published yet when it is first looked at."""
STEP_BY_STEP = frozenset({f"{_BY_TOKEN.id}/{ONE_TIME}/{BILLING}", LATE})
"""Lines whose time is over after each page or file, or inside the file: they go on in a follow-up message."""


def world() -> list[Invoice]:
    """Give the invoices."""
    return [_LEGACY, _BY_TOKEN, EXPORTED]
