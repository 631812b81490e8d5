"""Lines that v1 was to give no more: those of new commerce from April 2025 on, which Graph exports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from local.simulated.line_items import LinesRequest, nothing
from local.simulated.refusals import not_found, not_valid

_RETIRED = date(2025, 4, 1)


@dataclass
class RetiredOptions:
    """Switches for what v1 gives of them; nobody has told."""

    new_commerce_lines: Literal["lines", "error", "empty", "404"] = "lines"


def answer_of_retired(asked: LinesRequest, options: RetiredOptions) -> bytes | None:
    """Give what v1 answers instead of these lines, if it doesn't give them any more."""
    invoice = asked.invoice
    if not invoice.id.startswith("G") or invoice.billing_period < _RETIRED:
        return None
    match options.new_commerce_lines:
        case "lines":
            return None
        case "empty":
            return nothing(asked)
        case "404":
            raise not_found()
        case "error":
            raise not_valid("The lines of this invoice are not available.")
