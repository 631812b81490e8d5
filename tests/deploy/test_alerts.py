"""Alerts fire on a bad day and are silent on a good one: their queries are run on what the app has logged."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import duckdb_kql
import pytest
from azure.storage.queue import QueueClient

from list_invoices.sync import Outcome
from local.app_root import app_root
from local.simulated import faults, small_world
from local.stack import POISON, QUEUE, Stack, running
from tests.deploy import bicep
from tests.e2e.conftest import wait_until
from tests.e2e.test_app import complete

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "infra" / "alerts"
KUSTO = Path(__file__).parent / "kusto"
DAYS = "15"

# As Azure Monitor documents its tables, as far as queries ask.
TABLES = {
    "AppTraces": "(TimeGenerated: datetime, Message: string, SeverityLevel: int)",
    "StorageQueueLogs": "(TimeGenerated: datetime, OperationName: string, Uri: string)",
}
_LINE = re.compile(r"^(\S+Z) (\w+) +\[[^]]*\] (.*)$")
_LEVELS = {"DEBUG": 0, "INFO": 1, "WARNING": 2, "ERROR": 3, "CRITICAL": 4}


def query(name: str) -> str:
    """A query as it is deployed."""
    return (ALERTS / f"{name}.kql").read_text().replace("{days}", DAYS)


def rules() -> dict[str, dict[str, Any]]:
    """The rules of alerts.bicep, by name."""
    declared = bicep.read(ROOT / "infra" / "app" / "alerts.bicep").variables["rules"]
    return {rule["name"]: rule for rule in declared}


NAMES = sorted(rules())


@dataclass(frozen=True)
class Telemetry:
    """The rows that a stretch of time leaves in the workspace."""

    log: str
    sent: tuple[str, ...]

    def rows(self, table: str) -> Iterator[tuple[Any, ...]]:
        """Give the rows of a table."""
        if table == "StorageQueueLogs":
            at = datetime.now(UTC)
            for queue in self.sent:
                yield at, "PutMessage", f"https://host.queue.core.windows.net/{queue}/messages"
            return
        for line in filter(None, map(_LINE.match, self.log.splitlines())):
            at, (level, message) = datetime.fromisoformat(line[1]), line.groups()[1:]
            yield at, message, _LEVELS[level]

    def fires(self, name: str) -> bool:
        """Whether an alert's query, run on these rows, crosses its threshold."""
        types = {"datetime": "TIMESTAMP", "string": "VARCHAR", "int": "INTEGER", "bool": "BOOLEAN"}
        with closing(duckdb.connect()) as connection:
            for table, schema in TABLES.items():
                columns = [column.split(": ") for column in schema.strip("()").split(", ")]
                declared = ", ".join(f"{column} {types[kind]}" for column, kind in columns)
                connection.execute(f"CREATE TABLE {table} ({declared})")
                marks = ", ".join("?" * len(columns))
                for row in self.rows(table):
                    connection.execute(f"INSERT INTO {table} VALUES ({marks})", row)
            count = len(duckdb_kql.kql(connection, query(name)).fetchall())
        rule = rules()[name]
        below: bool = count < rule["threshold"]
        return below if rule["operator"] == "LessThan" else count > rule["threshold"]


def sent(stack: Stack) -> tuple[str, ...]:
    """The queues that have messages."""
    connection = stack.azurite.connection_string
    queues = [QueueClient.from_connection_string(connection, name) for name in (QUEUE, POISON)]
    return tuple(queue.queue_name for queue in queues if stack.waiting(queue.queue_name))


def expiring(days: int) -> dict[str, str]:
    day = datetime.now(UTC).date() + timedelta(days=days)
    return {"PARTNER_CENTER_CLIENT_SECRET_EXPIRES": day.isoformat()}


@pytest.fixture(scope="module")
def good() -> Telemetry:
    """A day on which all goes well: new invoices come, and a second run finds nothing new."""
    invoices = small_world()[2:4]
    with running(invoices, settings=expiring(300)) as stack:
        for run in (1, 2):
            stack.host.run("list_invoices")

            def has_run(number: int = run) -> bool:
                return stack.host.log().count("Listed: ") == number

            wait_until(has_run, "the run")
            wait_until(lambda: complete(stack, invoices), "every manifest complete")
        return Telemetry(stack.host.log(), sent(stack))


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Telemetry:
    """A day on which Microsoft refuses the app, which had an invoice that does not settle."""
    app = app_root(tmp_path_factory.mktemp("app") / "app", visibility_timeout=0)
    with running(small_world()[:2], settings=expiring(10), app_root=app) as stack:
        stack.partner_center.faults.add(faults.status(403), match="lineitems", times=None)
        stack.host.run("list_invoices")
        wait_until(lambda: stack.waiting(POISON) > 0, "a poison message")
        age(stack, days=20)
        stack.partner_center.faults.add(faults.status(403), times=None)
        stack.host.run("list_invoices")
        failed = "Executed 'Functions.list_invoices' (Failed"
        wait_until(lambda: failed in stack.host.log(), "the failed run")
        # The day begins after the run that had ended well.
        log = re.sub(r".*Listed: .*\n", "", stack.host.log())
        return Telemetry(log, sent(stack))


def age(stack: Stack, days: int) -> None:
    """Let invoices have waited for so many days."""
    since = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    for name in [blob for blob in stack.blobs() if blob.endswith("manifest.json")]:
        blob = stack.container.get_blob_client(name)
        metadata = blob.get_blob_properties().metadata
        blob.set_blob_metadata(metadata | {"unsettled_since": since})


@pytest.mark.parametrize("name", NAMES)
def test_a_good_day_is_silent(good: Telemetry, name: str) -> None:
    """Nobody is told anything."""
    assert not good.fires(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_day_fires(bad: Telemetry, name: str) -> None:
    """What each alert is for has happened."""
    assert bad.fires(name)


def test_a_refusal_is_told_wherever_it_happens(bad: Telemetry) -> None:
    """By the run of the timer, and by each delivery of a message."""
    told = [line for line in bad.log.splitlines() if ": Refused: " in line]
    assert any("The run has failed: Refused: " in line for line in told)
    assert any(
        "has failed, the message goes to the poison queue: Refused: " in line for line in told
    )


@pytest.mark.parametrize(("failed", "fires"), [(0, False), (1, True), (10, True)])
def test_a_run_that_leaves_an_invoice_out_has_not_ended_well(failed: int, fires: bool) -> None:
    """The alert of the silent timer reads that off the line with which a run ends."""
    line = f"2026-11-01T06:00:09.120Z INFO    [list_invoices] Listed: {Outcome(9, failed=failed)}"
    assert Telemetry(line, ()).fires("silent") is fires


def found_by_kusto(text: str) -> list[str]:
    """What Microsoft's parser has against a query."""
    asked = json.dumps({"tables": TABLES, "query": text})
    done = subprocess.run(
        ["node", "check.js"], cwd=KUSTO, input=asked, capture_output=True, text=True, check=True
    )
    problems: list[str] = json.loads(done.stdout)
    return problems


RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
QUERIES = {name: query(name) for name in NAMES} | {
    f"runbook {number}": text
    for number, text in enumerate(re.findall(r"```kusto\n(.*?)```", RUNBOOK, re.S), 1)
}


@pytest.mark.parametrize("name", QUERIES)
def test_queries_are_kusto(name: str) -> None:
    """Tables, columns, operators and types are right, by Microsoft's own parser."""
    assert found_by_kusto(QUERIES[name]) == []


@pytest.mark.parametrize("wrong", [("Message", "Mesage"), ("startswith", "beginswith")])
def test_a_wrong_query_is_found(wrong: tuple[str, str]) -> None:
    """The parser looks at names and operators."""
    assert found_by_kusto(query("unsettled").replace(*wrong)) != []


def test_every_alert_has_its_query_and_its_place_in_the_runbook() -> None:
    """No query lies around, and whoever is woken finds what to do."""
    assert {path.stem for path in ALERTS.glob("*.kql")} == set(NAMES)
    table = RUNBOOK[RUNBOOK.index("## Alerts") : RUNBOOK.index("## Nothing arrives")]
    assert set(re.findall(r"^\| (\w+) \|", table, re.M)) == {*NAMES, "alert"}
