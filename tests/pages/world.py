"""Some invoices of each kind that the pages show differently."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from local.simulated import Invoice
from local.simulated.invoices import legacy, new_commerce, voided
from local.simulated.model import NEW_COMMERCE

_OCTOBER, _NOVEMBER = date(2026, 10, 8), date(2026, 11, 8)

DIFFERS, ON_THE_WAY, REPLACED = "D0560021K7", "G098765431", "D0560021K6"
EUROS, WRITTEN_INTO, ODD = "G098765430", "G098120459", "G098765439"

SCRIPT = "<script>document.title = 'run'</script>"
IMAGE = "<img src=x onerror=\"document.title = 'run'\">"

INVOICES = [
    legacy(DIFFERS, _NOVEMBER, office=25, azure=3, usage=12, adjustment=Decimal("-12.34")),
    new_commerce(ON_THE_WAY, _NOVEMBER, billing=6, usage=20),
    new_commerce(EUROS, _NOVEMBER, billing=4, usage=5, currency="EUR"),
    Invoice(
        ODD,
        NEW_COMMERCE,
        _NOVEMBER,
        None,
        currency=IMAGE,
        document_type=f'"javascript:alert(1)//{SCRIPT}',
        state=SCRIPT,
    ),
    legacy(REPLACED, _OCTOBER, office=5, azure=1, usage=2),
    new_commerce(WRITTEN_INTO, _OCTOBER, billing=4, usage=1),
    voided(new_commerce("G098120460", _OCTOBER, billing=6, usage=2)),
]

STATES = {
    DIFFERS: "settling",
    ON_THE_WAY: "fetching",
    EUROS: "settled",
    ODD: "settled",
    REPLACED: "settled",
    WRITTEN_INTO: "settled",
    "G098120460": "settled",
    "GV98120460": "settled",
}


def restated() -> Invoice:
    """Give one of them as Microsoft has it later, with other lines."""
    return replace(next(each for each in INVOICES if each.id == REPLACED), revision=1)
