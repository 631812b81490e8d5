"""Recipes are run as people run them: by DuckDB's command line, by its Python package, and by Python."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb

RECIPES = Path(__file__).parents[2] / "docs" / "recipes"
BIN = Path(sys.prefix) / "recipes" / "bin"

type Row = dict[str, str]

# The extension comes from a package where DuckDB would download it.
_INSTALL = "from duckdb_extensions import import_extension; import_extension('azure')"


class Refused(Exception):
    """What DuckDB has said instead of an answer."""


def text(*names: str) -> str:
    """The text of recipes, one after the other."""
    return "\n".join((RECIPES / name).read_text() for name in names)


def run(command: list[str | Path], folder: Path) -> str:
    """Run a command in a folder that is its home, too; give what it prints."""
    environment = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(folder)}
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=100
    )
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


def by_command_line(sql: str, folder: Path) -> list[Row]:
    """Have DuckDB 1.5.5 run it; give its last answer."""
    script = folder / "script.sql"
    script.write_text(sql)
    answer = run([BIN / "duckdb", "-csv", "-nullvalue", "", "-f", script], folder)
    answer = answer.removeprefix("Success\ntrue\n")  # of the secret
    return list(csv.DictReader(io.StringIO(answer)))


def by_package(sql: str, folder: Path) -> list[Row]:
    """Have DuckDB 2 run it in this process; give its last answer."""
    with closing(duckdb.connect()) as connection:
        connection.execute("set file_search_path = ?", [str(folder)])
        try:
            found = connection.execute(sql)
        except duckdb.Error as error:
            raise Refused(str(error)) from error
        names = [column[0] for column in found.description or ()]
        return [
            dict(zip(names, ("" if v is None else str(v) for v in row), strict=True))
            for row in found.fetchall()
        ]


def from_storage(sql: str, folder: Path, connection: str, container: str) -> list[Row]:
    """Have DuckDB 1.5.5 read the container itself, by the recipe with other credentials."""
    run([BIN / "python", "-c", _INSTALL], folder)
    recipe = text("straight-from-storage.sql")
    by_login = "provider credential_chain, chain 'cli', account_name 'ACCOUNT'"
    assert by_login in recipe
    recipe = recipe.replace(by_login, f"connection_string '{connection}'")
    recipe = recipe.replace("azure://invoices", f"azure://{container}")
    return by_command_line(recipe + sql, folder)


def parsed_by_microsoft(query: str) -> list[str]:
    """What Microsoft's parser has against Power Query."""
    folder = Path(__file__).parent / "power_query"
    done = subprocess.run(
        ["node", "check.js"], cwd=folder, input=query, capture_output=True, text=True, check=True
    )
    problems: list[str] = json.loads(done.stdout)
    return problems
