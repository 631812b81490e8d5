"""CSV is opened by the reader's spreadsheet as it is, and does nothing there."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from get_invoice.csv_text import Dialect, harmless
from shared.errors import InvalidInput

SIGNS = "=+@\uff1d\uff0b\uff0d\uff20"


@pytest.mark.parametrize(
    ("locale", "decimal", "separator"),
    [
        ("de-DE", ",", ";"),
        ("de_AT", ",", ";"),
        ("fr-FR", ",", ";"),
        ("PT-br", ",", ";"),
        ("nb-NO", ",", ";"),
        ("sr-Latn-RS", ",", ";"),
        ("de-CH", ".", ";"),
        ("it-CH", ".", ";"),
        ("fr-CH", ",", ";"),
        ("es-MX", ".", ","),
        ("es-ES", ",", ";"),
        ("en-US", ".", ","),
        ("en", ".", ","),
        ("ja-JP", ".", ","),
        ("xx", ".", ","),
        ("en-DE", ",", ";"),
        ("en-ZA", ",", ";"),
        ("es-419", ".", ","),
        ("de-IT", ",", ";"),
    ],
)
def test_a_locale_says_how_numbers_and_lists_are_written(
    locale: str, decimal: str, separator: str
) -> None:
    """And gets a byte order mark, without which Excel reads names in an old code page."""
    assert Dialect.of(locale) == Dialect(decimal, separator, bom=True)
    assert Dialect.of(locale).head(["a", "b"]) == f"\ufeffa{separator}b\r\n".encode()


def test_without_a_locale_it_is_that_of_the_rfc() -> None:
    """For programs: commas, points, no mark."""
    assert Dialect.of(None) == Dialect.of("") == Dialect(".", ",", bom=False)
    assert Dialect.of(None).head(["a", "b"]) == b"a,b\r\n"


@pytest.mark.parametrize("locale", ["deutsch", "d", "de-", "de-DE-x", "../de", "de\r\nDE", "д"])
def test_what_is_no_locale_is_refused(locale: str) -> None:
    """It is named."""
    with pytest.raises(InvalidInput, match="locale must be"):
        Dialect.of(locale)


@pytest.mark.parametrize(
    "text", ["=1+1", "+49 30", "-x", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff20x"]
)
def test_what_would_be_a_formula_is_text(text: str) -> None:
    """An apostrophe keeps a spreadsheet from reckoning with it."""
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", "Contoso", "1-2", "'quoted", "서울"])
def test_other_texts_are_left_alone(text: str) -> None:
    """No character is added."""
    assert harmless(text) == text


def read(text: bytes, separator: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.decode(), newline=""), delimiter=separator))


TEXTS = st.text(st.characters(codec="utf-8")) | st.text("=-@a\"'; ,\t\r\n\uff0b")
DIALECTS = [Dialect.of(None), Dialect.of("de-DE")]


@given(st.lists(st.lists(TEXTS, min_size=2), max_size=5))
def test_any_text_comes_back(rows: list[list[str]]) -> None:
    """Separators, quotes and line breaks in a cell stay in that cell; one that hides nothing is what it was."""
    for dialect in DIALECTS:
        back = read(dialect.rows(rows), dialect.separator)
        assert [len(row) for row in back] == [len(row) for row in rows]
        ends = ",;\t\r\n".replace(dialect.separator, "")
        for before, after in zip(chain(*rows), chain(*back), strict=True):
            if before[:1] not in ("[", "{"):
                assert after == re.sub(f'([{ends}]"*)(?=[{SIGNS}-])', r"\1'", before)
            elif not re.search(f'[{ends}]"*[{SIGNS}-]', "\0".join(chain(*rows))):
                assert after == before


@given(st.lists(st.lists(TEXTS.map(harmless), min_size=2), max_size=5))
def test_no_text_is_a_formula_where_lists_are_separated_otherwise(rows: list[list[str]]) -> None:
    """A file with commas in a German Excel, or the other way round."""
    for dialect in DIALECTS:
        text = dialect.rows(rows)
        for separator in {",", ";", "\t"} - {dialect.separator}:
            cells = chain(*read(text, separator))
            signs = tuple(f"{SIGNS}-")
            assert [cell for cell in cells if cell.lstrip("\t\r\n").startswith(signs)] == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=3) | st.dictionaries(TEXTS, JSON, max_size=3), st.booleans())
def test_json_in_a_cell_means_what_it_did(value: object, pretty: bool) -> None:
    """Whatever has to be hidden from a spreadsheet in it."""
    text = json.dumps(value, ensure_ascii=False, **INDENTED if pretty else CLOSE)
    for dialect in DIALECTS:
        ((_, cell),) = read(dialect.rows([["key", text]]), dialect.separator)
        assert json.loads(cell) == value


INDENTED: dict[str, Any] = {"indent": "\t"}
CLOSE: dict[str, Any] = {"separators": (",", ":")}


def test_the_decimal_is_that_of_unicodes_data() -> None:
    """In each language and region that Node.js knows, where its data are those of the table."""
    script = Path(__file__).with_name("decimals.js")
    found = subprocess.run(["node", script], capture_output=True, text=True, check=True).stdout
    cldr, decimals = json.loads(found)
    if not cldr.startswith("48."):
        pytest.skip(f"Node.js has CLDR {cldr}, the table is of 48")
    assert len(decimals) > 10_000
    assert {locale: Dialect.of(locale).decimal for locale in decimals} == decimals
