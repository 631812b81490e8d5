"""From a file's bytes to blocks of rows: unpacked as it comes, cut at newlines, counted and summed."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterable, Iterator
from decimal import Decimal

import pytest

from fetch_line_items.rows import RowReader, Rows
from fetch_line_items.unzip import unzipped
from shared.errors import StalePosition
from shared.messages import FilePosition
from shared.models.export_line_items import BilledReconciliationLineItem

ODD = [
    '{"Name":"a\u2028b\u0085c\x0bd","Total":1.0E-4}'.replace("\x0b", "\\u000b"),
    '{"Total":"12.3400","Tags":"{\\"a\\":[1, 2]}"}',
    '{"Total":0.1999968000511991808131}',
    '{"Total":0.1999968000511991808131}',
    '{"Name":"half an emoji \\ud83d","Total":-5}',
    '  {"Other": {"Total": 99}}\t',
    '{"tOTAL":"7","Name":"} {"}',
    "{}",
]
BEGINNING = FilePosition()
ZIPPED = gzip.compress(b"abc", mtime=0)
TOTAL = Decimal("0.0001") + Decimal("12.34") + 2 * Decimal("0.1999968000511991808131") - 5 + 7


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fetch_line_items.rows.BLOCK_BYTES", 100)


def read(*pieces: bytes, start: FilePosition = BEGINNING) -> list[Rows]:
    return list(RowReader(BilledReconciliationLineItem).rows(pieces, start))


def pieces(text: bytes, size: int) -> list[bytes]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def text_of(rows: Iterable[Rows]) -> bytes:
    return b"".join(each.block for each in rows)


@pytest.mark.parametrize("size", [1, 7, 50, 10_000])
def test_rows_are_kept_byte_for_byte(size: int) -> None:
    """Line separators that are none, exponents, texts for numbers, equal rows, half a surrogate pair."""
    text = "".join(f"{row}\n" for row in ODD).encode()
    rows = read(*pieces(text, size))
    assert text_of(rows) == text
    assert sum(each.lines for each in rows) == len(ODD)
    assert sum(each.sums.total or 0 for each in rows) == TOTAL


def test_blocks_are_the_same_however_the_text_comes() -> None:
    """Another attempt at a file stages its blocks over those of the first: none may be left behind."""
    text = "".join(f"{row}\n" for row in ODD * 20).encode()
    once = [rows.block for rows in read(text)]
    assert len(once) > 20
    for size in (1, 7, 99, 101, 5_000):
        assert [rows.block for rows in read(*pieces(text, size))] == once


@pytest.mark.parametrize(
    "lines",
    [
        b'{"a":1}{"b":2}\n{"a":\n3}\n',
        b'{"a":1} {"b":2}\n\n{"c":3}\n',
        b'{}{}\n{"a":{}\n,"b":{}}\n',
    ],
)
def test_as_many_lines_as_objects_are_not_yet_an_object_a_line(lines: bytes) -> None:
    """Two on one line and one on two lines are found out, also where they make up for each other."""
    with pytest.raises(ValueError, match="line 3 is no JSON"):
        read(b'{"Total":1}\n' * 2 + lines)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1}\n{"b":2}',
        b'\xef\xbb\xbf{"a":1}\n{"b":2}\n',
        b'{"a":1}\r\n{"b":2}\r\n',
        b'\n\n{"a":1}\n\n \t\n{"b":2}\n\n',
        b'\xef\xbb\xbf\r\n{"a":1}\r\r\n\r\n{"b":2}\r',
    ],
)
@pytest.mark.parametrize("size", [1, 10_000])
def test_what_is_no_row_goes(text: bytes, size: int) -> None:
    """A byte order mark, blank lines and carriage returns at the end of lines; every line gets its newline."""
    rows = read(*pieces(text, size))
    assert text_of(rows) == b'{"a":1}\n{"b":2}\n'
    assert sum(each.lines for each in rows) == 2


@pytest.mark.parametrize(
    "line",
    [
        *(b"[1]", b"5", b"null", b'"text"', b'{"a":1', b'{"a":1} {"b":2}', b'{"a":1},', b"x"),
        *(b'{\n"a":1}', b'{"a":1} {"b":2}\n \n', b'{"a":"\xff"', b"\xef\xbb\xbf[]"),
        *(b'{"a":"\0"}', b'{"a":1\0}', b"\0"),
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=lambda line: repr(line[:12]),
)
def test_a_line_that_is_no_object_is_told_by_its_number(line: bytes) -> None:
    """However many good ones are around it; neither is what has a NUL, or is nested beyond reading."""
    good = b'{"Total":1}\n' * 20
    with pytest.raises(ValueError, match="line 21 is no JSON"):
        read(good + line + b"\n" + good)


@pytest.mark.parametrize("row", [b'{"a":"\xff"}', b'{"\xff":1}', b'{"Total":"\xff"}'])
@pytest.mark.parametrize("beside", [b'{"Total":1}', b'{"Total":1}\n{"Total":"n/a"}'])
def test_bytes_that_are_no_text_are_kept(row: bytes, beside: bytes) -> None:
    """They are nobody's charge, whatever else is odd among the rows around them."""
    text = row + b"\n" + beside + b"\n"
    (rows,) = read(text)
    assert (rows.block, rows.sums.total) == (text, Decimal(1))


def test_a_charge_that_is_no_amount_adds_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged by the name of its field."""
    (rows,) = read(
        b'{"Total":"n/a"}\n{"Total":1.5}\n{"Total":""}\n{"Total":null}\n{"Total":1e999}\n'
    )
    assert rows.sums.total == Decimal("1.5")
    assert "2 of 5 lines have no number in Total" in caplog.text


ODD_CHARGES = [
    *("NaN", "Infinity", "true", "[1]", '{"Total":5}', '"NaN"', '"1,5"'),
    *("1e1000000", "1e-1000000", f"1e{10**20}", f"0e{10**20}", "9" * 10_000, "1." + "3" * 10_000),
    f'"{"9" * 10_000}"',
]


@pytest.mark.parametrize("charge", ODD_CHARGES, ids=lambda charge: charge[:12])
def test_a_number_that_no_sum_is_exact_with_adds_nothing(
    charge: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many digits it has, or whatever exponent: it is told, stored as it is, and costs no time."""
    monkeypatch.setattr("fetch_line_items.rows.BLOCK_BYTES", 1 << 20)
    text = f'{{"Total":{charge}}}\n{{"Total":1e100}}\n{{"Total":1e-100}}\n'.encode()
    began = time.monotonic()
    rows = read(text)
    assert time.monotonic() - began < 1
    assert text_of(rows) == text
    assert rows[0].sums.total == Decimal("1" + "0" * 100 + "." + "0" * 99 + "1")
    assert "1 of 3 lines have no number in Total" in caplog.text


@pytest.mark.parametrize("number", ["9" * 10_000, f"1e{10**20}"], ids=["digits", "exponent"])
def test_a_number_beyond_all_bounds_elsewhere_in_a_row_is_json(
    number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is nobody's charge, also where another row has an odd one."""
    monkeypatch.setattr("fetch_line_items.rows.BLOCK_BYTES", 1 << 20)
    text = f'{{"Other":{number},"Total":1}}\n{{"Total":"n/a"}}\n'.encode()
    (rows,) = read(text)
    assert (rows.block, rows.sums.total) == (text, Decimal(1))


@pytest.mark.parametrize(
    ("row", "charge"),
    [
        ('{"Total":1,"Total":2}', 2),
        ('{"total":1,"Total":2}', 2),
        ('{"TOTAL":3,"total":1,"Total":2}', 2),
        ('{"TOTAL":3,"total":1}', 1),
        ('{"Total":null,"total":1}', 1),
        ('{"Total":null,"TOTAL":3}', 3),
    ],
)
@pytest.mark.parametrize("beside", ["{}", '{"Total":"n/a"}'], ids=["plain", "odd"])
def test_a_charge_that_is_there_twice_counts_once(row: str, charge: int, beside: str) -> None:
    """The same one, whatever else is odd among the rows around it."""
    assert sum(each.sums.total or 0 for each in read(f"{row}\n{beside}\n".encode())) == charge


@pytest.mark.parametrize("size", [4_000, 1 << 20])
@pytest.mark.parametrize("before", [b"", b'{"a":1}\n'])
def test_a_row_without_an_end_is_told_before_it_fills_the_memory(
    size: int, before: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 64 MiB behind a block, and in no more time than that many bytes take: in small pieces, too."""
    monkeypatch.setattr("fetch_line_items.rows.BLOCK_BYTES", 4 << 20)
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        yield before + b'{"a":"'
        while True:
            taken += size
            yield bytes(size)

    began = time.monotonic()
    with pytest.raises(ValueError, match="a line has more than 64 MiB"):
        list(RowReader(BilledReconciliationLineItem).rows(endless(), BEGINNING))
    assert taken <= (68 << 20) + 2 * size
    assert time.monotonic() - began < 5


def test_a_bomb_is_unpacked_piece_by_piece() -> None:
    """70 MB in 70 kB: a row that is too long, whatever it was packed to."""
    bomb = gzip.compress(bytes(70 << 20))
    with pytest.raises(ValueError, match="a line has more than 64 MiB"):
        list(
            RowReader(BilledReconciliationLineItem).rows(unzipped([bomb], most=4 << 20), BEGINNING)
        )


def test_a_file_goes_on_behind_any_block() -> None:
    """Rows that are staged are passed over; those behind them come as before."""
    text = "".join(f"{row}\n" for row in ODD * 20).encode()
    whole = read(*pieces(text, 64))
    for number, rows in enumerate(whole):
        assert text_of(read(*pieces(text, 33), start=rows.reached)) == text_of(whole[number + 1 :])


@pytest.mark.parametrize("changed", [b'{"Total":2}\n' * 50, b'{"Total":1}\n' * 5, b""])
def test_a_file_whose_beginning_has_changed_is_another_one(changed: bytes) -> None:
    """What is staged of it is not mixed with the rest."""
    first = read(b'{"Total":1}\n' * 50)[0]
    with pytest.raises(StalePosition, match="has changed"):
        read(changed, start=first.reached)


@pytest.mark.parametrize("members", [1, 2, 7])
@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("padding", [b"", b"\0" * 9])
def test_all_members_are_unpacked(members: int, size: int, padding: bytes) -> None:
    """However they are cut into pieces; zeros behind them fill up."""
    text = [bytes([65 + number]) * 5000 for number in range(members)]
    file = b"".join(map(gzip.compress, text)) + padding
    unpacked = list(unzipped(pieces(file, size), most=100))
    assert b"".join(unpacked) == b"".join(text)
    assert max(map(len, unpacked)) <= 100


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_plain_text_is_given_as_it_is(size: int) -> None:
    """There is no gzip where its first two bytes are not."""
    assert b"".join(unzipped(pieces(b'{"a":1}\n', size), most=100)) == b'{"a":1}\n'


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (b"", "empty"),
        (b"\x1f", "no JSON"),
        (ZIPPED[:-1], "cut off"),
        (ZIPPED[:5], "cut off"),
        (ZIPPED[:-8] + b"\0" * 8, "corrupt"),
        (ZIPPED + b"garbage", "corrupt"),
        (ZIPPED + ZIPPED[:-3], "cut off"),
    ],
)
def test_what_is_no_whole_file_is_told(file: bytes, text: str) -> None:
    """Cut off, corrupt, with something behind it, or nothing at all."""
    with pytest.raises(ValueError, match=text):
        list(
            RowReader(BilledReconciliationLineItem).rows(
                unzipped([file] if file else [], most=100), FilePosition()
            )
        )
