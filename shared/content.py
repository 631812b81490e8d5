"""What tells one text from another without keeping it: how long it is, and a checksum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from zlib_ng.zlib_ng import crc32, crc32_combine

Crc = Annotated[int, Field(ge=0, lt=1 << 32)]


@dataclass(frozen=True)
class Content:
    """The size in bytes and the CRC-32 of a text, which may have come in parts."""

    size: Annotated[int, Field(ge=0, le=10**15)] = 0
    crc: Crc = 0

    @classmethod
    def of(cls, text: bytes) -> Content:
        """Sum up a text."""
        return cls(len(text), crc32(text))

    def then(self, other: Content) -> Content:
        """Sum up this text with the other one behind it."""
        return Content(self.size + other.size, crc32_combine(self.crc, other.crc, other.size))


NOTHING = Content()
