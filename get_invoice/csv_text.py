"""CSV as in RFC 4180, that Excel opens without questions and that does nothing when it is opened."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.errors import InvalidInput
from shared.keys import quoted

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", re.A)

_LOCALE = re.compile(r"([a-z]{2,3})(?:[-_][a-z]{4})?(?:[-_]([a-z]{2}|\d{3}))?", re.I | re.A)
# Languages that write 1,5 for one and a half, and the regions that do not, by Unicode's CLDR.
_COMMA = re.compile(
    "af|az|be|bg|bs|ca|cs|da|de|el|es|et|eu|fi|fo|fr|gl|hr|hu|hy|id|is|it|ka|kk|ky|lb|lt|lv|mk|mn|nb"
    "|nl|nn|no|pl|pt|ro|ru|sk|sl|sq|sr|sv|tr|uk|uz|vi"
)
_POINT_AFTER_ALL = re.compile("(de|it)-(CH|LI)|es-(419|DO|GT|HN|MX|NI|PA|PE|PR|SV|US)")
# What a spreadsheet takes for the beginning of a formula; the last four are = + - @ in full width.
FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


@dataclass(frozen=True)
class Dialect:
    """How a spreadsheet of some region reads numbers and lists; `bom` with a byte order mark."""

    decimal: str = "."
    separator: str = ","
    bom: bool = False

    @classmethod
    def of(cls, locale: str | None) -> Dialect:
        """Give the dialect of a locale (`de-DE`), that of RFC 4180 for none.

        Without the mark Excel takes the text for one of its old code pages. Raises InvalidInput for
        what is no locale.
        """
        if not locale:
            return cls()
        match = _LOCALE.fullmatch(locale)
        if not match:
            raise InvalidInput(f"{quoted(locale)} is no locale: expected one like de-DE")
        language, region = match[1].lower(), (match[2] or "").upper()
        if _COMMA.fullmatch(language) and not _POINT_AFTER_ALL.fullmatch(f"{language}-{region}"):
            return cls(",", ";", bom=True)
        # Where the decimal is a point, Windows separates lists by commas, but in Switzerland.
        return cls(".", ";" if region in ("CH", "LI") else ",", bom=True)

    def number(self, text: str) -> str:
        """Write a number to the digit, with the decimal separator."""
        return text.replace(".", self.decimal)

    def rows(self, rows: Iterable[Sequence[str]]) -> bytes:
        """Write rows."""
        text = io.StringIO()
        csv.writer(text, delimiter=self.separator).writerows(rows)
        return text.getvalue().encode()

    def head(self, columns: Sequence[str]) -> bytes:
        """Write the beginning of a file: the mark, if there is to be one, and the names."""
        return (b"\xef\xbb\xbf" if self.bom else b"") + self.rows([columns])


def harmless(text: str) -> str:
    """Keep a spreadsheet from taking a text for a formula: it gets an apostrophe, which is shown."""
    return f"'{text}" if text[:1] in FORMULA else text
