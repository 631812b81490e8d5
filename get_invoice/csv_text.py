"""CSV as in RFC 4180, that Excel opens without questions and that does nothing when it is opened."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from shared.errors import InvalidInput
from shared.keys import quoted

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", re.A)

_LOCALE = re.compile(r"([a-z]{2,3})(?:[-_][a-z]{4})?(?:[-_]([a-z]{2}|\d{3}))?", re.I | re.A)
# Languages that write 1,5 for one and a half, and the regions where that is otherwise, by Unicode's CLDR 48.
_LANGUAGES = (
    "af az be bg br bs ca cs cv da de el eo es et eu ff fi fo fr fy gl hr hu hy ia id ie is it jv ka kk kl"
    " ku ky lb ln lo lt lu lv mk nb nl nn no oc os pl ps pt rm rn ro ru rw sc se sg sk sl sq sr su sv tg tk"
    " tr tt uk uz vi wo"
)
_COMMA = frozenset(_LANGUAGES.split())
_OTHERWISE = {
    "ar": "DZ LB LY MA MR TN",
    "de": "CH LI",
    "en": "AT BE CZ DE DK EE ES FI FR GE HU ID IT LT LV NL NO PL PT RO SE SI SK UA ZA",
    "es": "419 BR BZ CU DO GT HN MX NI PA PE PR SV US",
    "it": "CH",
    "kk": "CN",
    "ku": "IQ",
    "ms": "BN ID",
    "qu": "BO",
    "sw": "CD",
}
# What a spreadsheet takes for the beginning of a formula; four are = + - @ in full width.
_SIGNS = "=+@\uff1d\uff0b\uff0d\uff20-"
FORMULA = frozenset(_SIGNS + "\t\r\n")
_SIGN = re.compile(f"(?<![0-9A-Za-z])[{_SIGNS}]")
# A string, or what may stand before a number of a list.
_JSON_PART = re.compile(r'"(?:[^"\\]|\\.)*"|,(?=-)|[\t\r\n]+')


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
            raise InvalidInput(f"locale must be like de-DE, not {quoted(locale)}")
        language, region = match[1].lower(), (match[2] or "").upper()
        if (language in _COMMA) != (region in _OTHERWISE.get(language, "").split()):
            return cls(",", ";", bom=True)
        # Where the decimal is a point, Windows separates lists by commas, but in Switzerland.
        return cls(".", ";" if region in ("CH", "LI") else ",", bom=True)

    def number(self, text: str) -> str:
        """Write a number to the digit, with the decimal separator."""
        return text.replace(".", self.decimal)

    def rows(self, rows: Iterable[Sequence[str]]) -> bytes:
        """Write rows, harmless also where a spreadsheet separates lists otherwise."""
        rows = list(rows)
        text = self._written(rows)
        if self._hidden.search(text):
            text = self._written([self._shown(row) for row in rows])
        return text.encode()

    def _written(self, rows: list[Sequence[str]]) -> str:
        text = io.StringIO()
        csv.writer(text, delimiter=self.separator).writerows(rows)
        return text.getvalue()

    @cached_property
    def _hidden(self) -> re.Pattern[str]:
        """What is the middle of a cell here, and elsewhere the end of one and the beginning of a formula."""
        ends = ",;\t\r\n".replace(self.separator, "")
        return re.compile(f'([{ends}]"*)(?=[{_SIGNS}])')

    def _shown(self, row: Sequence[str]) -> Sequence[str]:
        """Let nothing be hidden in the middle of a cell: by an apostrophe, in JSON by what means the same."""
        if not self._hidden.search("\0".join(row)):
            return row
        cells = [_JSON_PART.sub(_apart, cell) if cell[:1] in ("{", "[") else cell for cell in row]
        return [self._hidden.sub(r"\1'", cell) for cell in cells]

    def head(self, columns: Sequence[str]) -> bytes:
        """Write the beginning of a file: the mark, if there is to be one, and the names."""
        return (b"\xef\xbb\xbf" if self.bom else b"") + self.rows([columns])


def _apart(part: re.Match[str]) -> str:
    if part[0][0] != '"':
        return ", " if part[0][0] == "," else " "
    return _SIGN.sub(lambda sign: f"\\u{ord(sign[0]):04x}", part[0])


def harmless(text: str) -> str:
    """Keep a spreadsheet from taking a text for a formula: it gets an apostrophe, which is shown."""
    return f"'{text}" if text[:1] in FORMULA else text
