"""What is known of a text that is not kept: enough to tell whether it is the right one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_PRIME = 65521
"""Adler-32's."""


@dataclass(frozen=True)
class Text:
    """How many lines and bytes there are, and a checksum (Adler-32) of the bytes."""

    lines: int = 0
    size: int = 0
    adler: int = 1


def joined(texts: Iterable[Text]) -> Text:
    """Sum up texts that follow one another."""
    lines, size, low, high = 0, 0, 1, 0
    for text in texts:
        # One half of the checksum sums the bytes, the other the sums, in each of which all bytes before are.
        high = (high + (text.adler >> 16) + (low - 1) * text.size) % _PRIME
        low = (low + (text.adler & 0xFFFF) - 1) % _PRIME
        lines, size = lines + text.lines, size + text.size
    return Text(lines, size, high << 16 | low)
