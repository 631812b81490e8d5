"""Where an app that prefers Graph gets an invoice's lines from, and what they are."""

from __future__ import annotations

from collections.abc import Iterator

from local.simulated.exports import export_jsonl
from local.simulated.lines import jsonl
from local.simulated.model import ONE_TIME, Invoice
from local.simulated.publishing import HISTORY


def source_of(invoice: Invoice, provider: str, type: str) -> str:
    """Name the source: `graph` for new commerce of which there are exports, else `v1`."""
    is_new_commerce = provider == ONE_TIME and invoice.id.startswith("G")
    return "graph" if is_new_commerce and invoice.billing_period >= HISTORY[type] else "v1"


def stored_jsonl(invoice: Invoice, provider: str, type: str) -> Iterator[bytes]:
    """Give what has to be in storage: every line and a newline."""
    if source_of(invoice, provider, type) == "graph":
        return export_jsonl(invoice, type)
    return jsonl(invoice, provider, type)
