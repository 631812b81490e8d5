"""The values that blobs carry as metadata. They are data from outside: what is odd counts as unknown."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime

Metadata = dict[str, str]


def now() -> datetime:
    """Give the moment as metadata and manifests carry it: UTC, in ISO 8601 once it is written."""
    return datetime.now(UTC)


def known_values(metadata: Metadata | None) -> Metadata:
    """Read names in any case, as HTTP has it; a listing gives None for what is empty."""
    return {name.lower(): value for name, value in (metadata or {}).items() if value}


def moment(text: str | None) -> datetime | None:
    """Read a moment; one that is none, or has no zone, counts as unknown."""
    with suppress(ValueError):
        found = datetime.fromisoformat(text) if text else None
        return found if found and found.tzinfo else None
    return None


def day(text: str | None) -> date | None:
    """Read a day; what is none counts as unknown."""
    with suppress(ValueError):
        return date.fromisoformat(text) if text else None
    return None


def moments(text: str | None) -> dict[str, datetime]:
    """Read `name=moment` one after the other; what is none is left out."""
    pairs = [entry.partition("=") for entry in (text or "").split()]
    found = {name: moment(text) for name, _, text in pairs}
    return {name: at for name, at in found.items() if at}


def count(text: str | None) -> int:
    """Read a number of things; what is none counts as 0."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else 0


def crc(text: str | None) -> int | None:
    """Read a CRC-32, as eight hexadecimal digits; what is none counts as unknown."""
    with suppress(ValueError):
        return int.from_bytes(bytes.fromhex(text)) if text and len(text) == 8 else None
    return None
