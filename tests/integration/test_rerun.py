"""`python -m local.rerun`: invoices, months and links ordered anew by a person."""

from __future__ import annotations

import re
import shlex
from datetime import date
from pathlib import Path

import pytest

from local import rerun
from local.simulated import SimulatedPartnerCenter
from local.simulated.invoices import legacy
from shared.messages import LineItemsMessage
from tests.running_app import RunningApp

RUNBOOK = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text()
COMMANDS = re.findall(r"^.venv/bin/python -m local.rerun (.*)$", RUNBOOK, re.M)
LINK = "/invoices/Recurring-D0500033K3/lineitems/Azure/UsageLineItems"


@pytest.fixture
def stored(
    app: RunningApp,
    partner_center: SimulatedPartnerCenter,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> RunningApp:
    """An app with an invoice of each of three months, all there."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    partner_center.invoices.clear()
    for month in (8, 9, 10):
        partner_center.put(
            legacy(f"D05000{month:02d}A1", date(2026, month, 8), office=2, azure=1, usage=1)
        )
    app.list_invoices()
    app.drain()
    return app


def ordered(app: RunningApp) -> list[str | None]:
    return [message.link or message.invoice_id for message in app.take_messages()]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["D0500008A1", "Recurring-D0500010A1", LINK], ["D0500008A1", "D0500010A1", LINK]),
        (["--month", "2026-09"], ["D0500009A1"]),
        (["--since", "2026-09-08"], ["D0500009A1", "D0500010A1"]),
        (["--since", "2026-11-01"], []),
    ],
)
def test_what_is_named_is_ordered(
    stored: RunningApp,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    wanted: list[str],
) -> None:
    """A message for each; a dry run says the same and sends none."""
    assert rerun.main(["--dry-run", *arguments]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [*wanted, f"{len(wanted)} messages would be sent"]
    assert stored.waiting() == 0
    assert rerun.main(arguments) == 0
    assert capsys.readouterr().out.splitlines() == [*wanted, f"{len(wanted)} messages sent"]
    assert ordered(stored) == wanted


def test_an_order_brings_every_line_of_the_invoice(
    stored: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """The message does what the timer's messages do."""
    assert rerun.main(["D0500009A1"]) == 0
    partner_center.requests.clear()
    assert stored.drain() == 4  # the order, and three details
    assert partner_center.requests.matching("D0500009A1/lineitems")


@pytest.mark.parametrize("name", ["../secrets", "https://evil.example/invoices/D1/lineitems/a/b"])
def test_a_name_that_leads_nowhere_is_refused(
    stored: RunningApp, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Before anything is sent."""
    assert rerun.main(["D0500009A1", name]) == 1
    assert capsys.readouterr().err
    assert stored.waiting() == 0


def test_an_invoice_that_cannot_be_read_is_told_and_stops_no_other(
    stored: RunningApp, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named; those of its month are ordered without it."""
    stored.container.upload_blob("D0500007A1/invoice.json", b"no invoice")
    assert rerun.main(["--since", "2026-09-08"]) == 0
    assert ordered(stored) == ["D0500009A1", "D0500010A1"]
    assert "D0500007A1 is left out" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_runbook_run(stored: RunningApp, command: str) -> None:
    """As they stand there; each says `--dry-run` first."""
    assert rerun.main(shlex.split(command)) == 0
    assert stored.waiting() == 0


def test_nothing_named_is_no_order(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody orders everything by mistake."""
    with pytest.raises(SystemExit, match="2"):
        rerun.main(["--dry-run"])
    assert "name invoices or links" in capsys.readouterr().err


def test_the_message_is_one_that_people_write() -> None:
    """It names the invoice alone."""
    assert LineItemsMessage(invoice_id="D0500009A1").encode() == '{"invoiceId":"D0500009A1"}'
