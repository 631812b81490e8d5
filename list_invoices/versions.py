"""The version of an invoice: a hash of what matters for its lines."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any

from shared.amounts import plain

# What a payment changes (`paidAmount`, `state`), what expires by itself, and how things are linked.
# Everything else may touch the charges or the details, also a field that is not known yet.
_WITHOUT = frozenset(
    {"paidAmount", "state", "amountDue", "pdfDownloadLink", "taxReceipts", "links", "attributes"}
)


def invoice_version(invoice: dict[str, Any]) -> str:
    """Give 16 hexadecimal digits that change when the invoice's lines may have changed.

    `invoice` is the parsed JSON with decimals as Decimal. The order of fields, of details and of
    amendments, and the way in which a number is written, do not matter.
    """
    return digest(json.dumps(_canonical(invoice), sort_keys=True).encode())


def digest(content: bytes) -> str:
    """Give 16 hexadecimal digits that tell this content from another."""
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _canonical(value: Any) -> Any:
    match value:
        case dict():
            return {name: _canonical(item) for name, item in value.items() if name not in _WITHOUT}
        case list():
            return sorted(
                (_canonical(item) for item in value), key=lambda i: json.dumps(i, sort_keys=True)
            )
        case bool() | None | str():
            return value
        case _:
            return plain(Decimal(value))
