"""What the page says runs as it stands there, and gives what the manifests say."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.recipes.running import BIN, RECIPES, by_package, parsed_by_microsoft, run, text
from tests.recipes.stored import Stored

PAGE = (RECIPES / "README.md").read_text()


@pytest.fixture(scope="module")
def ran(work: Path) -> dict[str, str]:
    """What each command of the page prints, from the repository's folder."""
    (work / "docs").symlink_to(RECIPES.parent)
    (block,) = [block for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) if "mkdir" in block]
    commands = [line for line in block.splitlines() if line.startswith(("duckdb", "python"))]
    assert len(commands) == 6
    return {command: run(["sh", "-euc", command], work) for command in commands}


def totals(rows: Iterable[list[str]]) -> dict[tuple[str, str], Decimal]:
    return {(month, currency): Decimal(total) for month, currency, total in rows}


def test_the_commands_of_the_page_run(ran: dict[str, str], work: Path, stored: Stored) -> None:
    """DuckDB's command line, and polars and pandas with the Parquet file: exact to the digit."""
    with (work / "totals.csv").open(newline="") as file:
        assert sum(1 for _ in csv.DictReader(file)) > 20
    frames = [printed for command, printed in ran.items() if command.startswith("python")]
    for printed in frames:
        header, *rows = csv.reader(printed.splitlines())
        assert header == ["billing_month", "currency", "total"]
        assert totals(rows) == stored.totals()
    assert len(frames) == 2


def test_parquet_keeps_decimals(ran: dict[str, str], work: Path) -> None:
    """Every amount is a decimal in it, no column is a double, and there are all lines."""
    assert ran
    schema = by_package(
        "select name, type, logical_type from parquet_schema('lines.parquet')", work
    )
    decimals = {row["name"] for row in schema if row["logical_type"].startswith("DecimalType")}
    prices = {"unit_price", "effective_unit_price"}
    assert decimals == prices | {"quantity", "billable_quantity", "subtotal", "tax", "total"}
    assert "DOUBLE" not in {row["type"] for row in schema}
    same = "select (select count(*) from 'lines.parquet') = (select count(*) from lines) as same"
    assert by_package(text("lines.sql") + same, work) == [{"same": "True"}]


def test_python_without_arrow_would_round(ran: dict[str, str], work: Path, stored: Stored) -> None:
    """What the recipe for pandas warns of: sums of Python's decimals lose digits."""
    assert ran
    without = (RECIPES / "pandas_totals.py").read_text().replace('dtype_backend="pyarrow",', "")
    (work / "without.py").write_text(without)
    _, *rows = csv.reader(run([BIN / "python", "without.py", "lines.parquet"], work).splitlines())
    assert totals(rows) != stored.totals()


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.pq")), ids=lambda path: path.name)
def test_power_query_is_understood_by_microsofts_parser(path: Path) -> None:
    """It has nothing against the recipe, and finds a mistake in it."""
    query = path.read_text()
    assert parsed_by_microsoft(query) == []
    assert parsed_by_microsoft(query.replace("\nin\n", "\n")) != []


def test_every_recipe_is_in_the_index() -> None:
    """No file lies around, and each has its line in the table."""
    table = "".join(line for line in PAGE.splitlines() if line.startswith("| ["))
    files = {path.name for path in RECIPES.iterdir() if path.is_file()} - {"README.md"}
    assert set(re.findall(r"\]\(([\w.-]+)\)", table)) == files


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.sql")), ids=lambda path: path.name)
def test_only_settled_invoices_are_billed_from(path: Path) -> None:
    """Each recipe that adds up charges says so where one sees it."""
    views = {"lines.sql", "check.sql", "parquet.sql", "straight-from-storage.sql", "versions.sql"}
    assert ("state = 'settled'" in path.read_text()) == (path.name not in views)
