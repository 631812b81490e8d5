"""From an answer's body to the stored block: the items' own text, one a line."""

from __future__ import annotations

import json
import logging
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetch_line_items.lines import LineReader
from shared.models.line_items import LineItem


class Charged(LineItem):
    """A kind of line with a charge and a tax in it."""

    charge_field = "charge"
    tax_field = "tax"


ODD_ITEM = (
    r'{"amount": 0.1999968000511991808131,"text":"caf\u00e9 \/ \u2028 한국' + "\u2028\x85"
    r'","escaped":"a\nb\r","n":1.10,"e":1E+2,"s":"16","empty":{},"deep":{"list":[1, 2.0]}}'
)


def page(*items: str, count: int | None = None) -> bytes:
    count = len(items) if count is None else count
    return f'{{"totalCount":{count},"items":[{",".join(items)}],"links":{{}}}}'.encode()


def test_items_on_one_line_are_kept_to_the_byte() -> None:
    """Spaces, escapes, exponents, trailing zeros and U+2028 stay as they were received."""
    lines = LineReader(None).read(page(ODD_ITEM, "{}", ODD_ITEM))
    assert lines.block == f"{ODD_ITEM}\n{{}}\n{ODD_ITEM}\n".encode()
    assert lines.count == 3


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_pretty_printed_items_become_one_line_each(line_break: str) -> None:
    """Only white space between tokens goes; every token keeps its spelling."""
    pretty = ODD_ITEM.replace('{"amount"', f'{{{line_break}  "amount"', 1)
    lines = LineReader(None).read(page(pretty, "{}"))
    (first, second, rest) = lines.block.split(b"\n")
    assert (second, rest) == (b"{}", b"")
    assert b"\r" not in first
    assert first.decode() == ODD_ITEM.replace(": 0.", ":0.").replace("[1, 2.0]", "[1,2.0]")


@given(
    st.lists(
        st.dictionaries(
            st.text(),
            st.text() | st.integers() | st.booleans() | st.none() | st.lists(st.text()),
            max_size=4,
        ),
        max_size=8,
    ),
    st.sampled_from([None, 0, 2, "\t"]),
    st.booleans(),
)
def test_any_item_comes_out_as_the_same_json(
    items: list[dict[str, object]], indent: int | str | None, ascii_only: bool
) -> None:
    """However a page is printed, line n is item n, and nothing else is there."""
    body = json.dumps({"items": items}, indent=indent, ensure_ascii=ascii_only)
    lines = LineReader(None).read(body.encode())
    parts = lines.block.split(b"\n")
    assert parts.pop() == b""
    assert [json.loads(part) for part in parts] == items


HALF_A_PAIR = r'{"name":"cut \ud83d","charge":1.50,"n":1.10}'


def test_half_a_surrogate_pair_is_kept() -> None:
    """A text that the server has cut in the middle of an emoji is JSON, and stays as it is."""
    lines = LineReader(Charged).read(page(HALF_A_PAIR, '{"charge":"2"}'))
    assert lines.block == f'{HALF_A_PAIR}\n{{"charge":"2"}}\n'.encode()
    assert lines.sums.total == Decimal("3.50")
    pretty = HALF_A_PAIR.replace("{", "{\r\n  ", 1)
    assert LineReader(Charged).read(page(pretty)).block == f"{HALF_A_PAIR}\n".encode()


@pytest.mark.parametrize("cut", range(1, len(page(HALF_A_PAIR))))
def test_half_a_surrogate_pair_does_not_hide_a_cut(cut: int) -> None:
    """However much of the body is missing, it is an error."""
    with pytest.raises(ValueError, match=r"."):
        LineReader(Charged).read(page(HALF_A_PAIR)[:-cut])


def test_charges_are_summed_exactly_whether_numbers_or_strings() -> None:
    """Twenty-two digits and more survive, and nothing, null and an empty string add nothing."""
    texts = [
        "0.1999968000511991808131",
        '"16"',
        "1e3",
        "-5.00",
        '""',
        "null",
        "123456789012345678901234567890",
    ]
    items = [f'{{"charge": {text}}}' for text in texts]
    lines = LineReader(Charged).read(page(*items, "{}"))
    assert lines.sums.total == Decimal("123456789012345678901234568901.1999968000511991808131")


@pytest.mark.parametrize(
    ("item", "charge"),
    [
        ('{"Charge":3.5}', "3.5"),
        ('{"CHARGE":"3.5"}', "3.5"),
        ('{"Charge": 1, "charge": 3.5}', "3.5"),
        ('{"Charge": 3.5, "charge": null}', "3.5"),
        ('{"charge": 3.5, "charge": 1}', "1"),
        ('{"name":"\\"Charge\\": 5"}', "0"),
    ],
)
@pytest.mark.parametrize("beside", ['{"charge":1}', '{"Charge":1}', '{"charge":"n/a"}', "{}"])
def test_a_charge_is_read_in_any_case(item: str, charge: str, beside: str) -> None:
    """As documented first, and once, whatever the lines around it have."""
    lines = LineReader(Charged).read(page(item, beside))
    assert lines.sums.total == Decimal(charge) + ("1" in beside)


@pytest.mark.parametrize("item", ["null", "1", "[1]", '"text"', "true"])
@pytest.mark.parametrize("kind", [Charged, None])
def test_an_item_that_is_no_object_is_an_error(item: str, kind: type[LineItem] | None) -> None:
    """It is no line: whoever reads the blob line by line expects an object in each."""
    with pytest.raises(ValueError, match="no JSON object"):
        LineReader(kind).read(page("{}", f" {item}"))


@pytest.mark.parametrize(
    "text",
    [
        *('"abc"', "true", '"NaN"', '"Infinity"', "1e999999999", "1E+400", "[1]", "{}"),
        *("9" * 10_000, "1." + "3" * 10_000, f'"{"9" * 10_000}"', "1e-1000000", f"1e{10**20}"),
    ],
    ids=lambda text: text[:12],
)
def test_a_charge_that_is_no_number_is_told_and_adds_nothing(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The other lines are summed, and the log names the field."""
    with caplog.at_level(logging.WARNING):
        lines = LineReader(Charged).read(page('{"charge":1.5}', f'{{"charge":{text}}}'))
    assert lines.sums.total == Decimal("1.5")
    assert "1 of 2 lines have no number in charge" in caplog.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        page("{}")[:-1],
        page("{}") + b"x",
        b"[]",
        b'{"code":"x"}',
        b'{"items":5}',
        pytest.param(page('{"a":' + "[" * 100_000 + "]" * 100_000 + "}"), id="nested"),
    ],
)
def test_a_body_that_is_cut_off_or_no_page_is_an_error(body: bytes) -> None:
    """It is never taken for an empty page."""
    with pytest.raises(ValueError, match=r"."):  # what the client takes for a broken body
        LineReader(Charged).read(body)


def test_no_items_are_an_empty_block() -> None:
    """Null is what the API may give instead of an empty list."""
    assert LineReader(Charged).read(b'{"totalCount":0,"items":[]}').block == b""
    assert LineReader(Charged).read(b'{"items":null}').block == b""
