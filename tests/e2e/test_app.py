"""What people get: the app in the functions host, driven as they drive it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
import requests
from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueClient

from local import demo
from local.functions_host.process import FunctionsHost
from local.simulated import Invoice, SimulatedPartnerCenter, faults, small_world
from local.simulated.invoices import new_commerce
from local.simulated.sources import stored_jsonl
from local.stack import APP_ROOT, Stack, running, settings_for
from tests.e2e.conftest import restart, wait_until
from tests.running_app import expected_blobs, with_nested

LINK = "/invoices/Recurring-D0500033K3/lineitems/Azure/UsageLineItems"
USAGE = "D0500033K3/azure/usage_line_items.jsonl"


def stored(stack: Stack) -> dict[str, bytes]:
    """Every blob of lines in storage."""
    names = [name for name in stack.blobs() if name.endswith(".jsonl")]
    return {name: stack.container.download_blob(name).readall() for name in names}


def complete(stack: Stack, invoices: list[Invoice], *others: FunctionsHost) -> bool:
    """Whether every invoice has a complete manifest and no message is left but looks."""
    return stack.at_work(*others) == 0 and all_complete(stack, invoices)


def all_complete(stack: Stack, invoices: list[Invoice]) -> bool:
    """Whether every invoice has a complete manifest."""
    manifests = [f"{invoice.id}/manifest.json" for invoice in with_nested(invoices)]
    return set(manifests) <= set(stack.blobs()) and all(
        json.loads(stack.container.download_blob(name).readall())["complete"] for name in manifests
    )


def get(stack: Stack, path: str, **headers: str) -> requests.Response:
    return requests.get(f"{stack.host.url}/api/{path}", headers=headers, timeout=30)


def test_the_demo_proves_that_every_line_arrives(capsys: pytest.CaptureFixture[str]) -> None:
    """It exits 0, shows the table with both sources, one invoice over HTTP, and a line of a blob."""
    assert demo.main() == 0
    shown = capsys.readouterr().out
    for text in (
        "settled  the lines add up to the invoice",
        "GV98120460",
        "the lines come to 12.34 USD more than the invoice; nothing has changed in 3 looks",
        "Microsoft publishes the lines of G098765431 only now",
        "  200 {",
        '{"PartnerId"',
        "byte for byte",
    ):
        assert text in shown


def test_the_demo_fails_where_a_line_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof can fail: with one line more at Microsoft than expected, it exits 1."""
    real = stored_jsonl
    one = [new_commerce("G098765430", date(2026, 11, 8), billing=45, usage=120)]
    monkeypatch.setattr("local.demo.current_world", lambda: one)
    monkeypatch.setattr("local.demo.stored_jsonl", lambda *args: [*real(*args), b"{}\n"])
    assert demo.main() == 1
    assert (
        "G098765430/one_time/billing_line_items.jsonl is not what Microsoft has"
        in capsys.readouterr().out
    )


def test_the_timer_fires_by_its_schedule() -> None:
    """With nothing but the schedule everything arrives, the queue is empty, and nothing is poison."""
    invoices = small_world()
    with running(invoices, settings={"INVOICE_SCHEDULE": "* * * * * *"}) as stack:
        wait_until(lambda: complete(stack, invoices), "every manifest complete")
        assert stored(stack) == expected_blobs(invoices, stored_jsonl)
        assert stack.waiting("invoice-line-items-poison") == 0


@pytest.mark.parametrize("encode", [str, lambda text: base64.b64encode(text.encode()).decode()])
def test_a_link_is_fetched_again_by_a_message_on_the_queue(
    stack: Stack, encode: Callable[[str], str]
) -> None:
    """As people put it there: the bare link, plain or base64-encoded by a tool."""
    if USAGE in stack.blobs():
        stack.container.delete_blob(USAGE)
    queue = QueueClient.from_connection_string(
        stack.azurite.connection_string, "invoice-line-items"
    )
    with suppress(ResourceExistsError):
        queue.create_queue()
    queue.send_message(encode(LINK))
    wait_until(lambda: USAGE in stack.blobs() and stack.at_work() == 0, "the blob")
    assert stored(stack)[USAGE] == expected_blobs(small_world(), stored_jsonl)[USAGE]


def test_one_invoice_over_http(stack: Stack) -> None:
    """With the function key: the invoice from the list, and the state of its lines."""
    key = {"x-functions-key": stack.host.function_key}
    invoice = get(stack, "invoices/OneTime-G000024130?expand=lineItems", **key)
    assert invoice.status_code == 200
    assert invoice.json()["id"] == "G000024130"
    assert {item["status"] for item in invoice.json()["lineItems"]} <= {
        "complete",
        "in_progress",
        "missing",
    }
    unknown = get(stack, "invoices/G000099999", **key)
    assert (unknown.status_code, unknown.headers["Content-Type"]) == (
        404,
        "application/problem+json",
    )
    assert get(stack, "invoices/..%2Fsecrets", **key).status_code in (400, 404)


def test_without_a_key_nothing_is_answered(stack: Stack) -> None:
    """The host refuses before the app is asked."""
    assert get(stack, "invoices/G000024130").status_code == 401
    assert get(stack, "invoices/G000024130", **{"x-functions-key": "wrong"}).status_code == 401


def test_no_secret_is_logged(stack: Stack) -> None:
    """Neither the client secret nor a token nor the storage key is in the log of all of this."""
    stack.host.run("list_invoices")
    wait_until(lambda: "Listed: " in stack.host.log(), "the timer's run")
    wait_until(lambda: stack.at_work() == 0, "an empty queue")
    log = stack.host.log()
    bearers = {
        request.headers["authorization"].removeprefix("Bearer ")
        for request in stack.partner_center.requests
        if "authorization" in request.headers
    }
    key = stack.azurite.connection_string.split("AccountKey=")[1].split(";")[0]
    assert bearers
    for secret in (*bearers, stack.entra_id.client_secret, key):
        assert secret not in log


def test_every_line_about_an_invoice_says_so_in_its_fields(stack: Stack) -> None:
    """One query finds all about one invoice: the id stands in no line of a function but with `invoice=`."""
    if not stack.blobs():
        stack.host.run("list_invoices")
        wait_until(lambda: complete(stack, small_world()), "every manifest complete")
    ids = {invoice.id for invoice in with_nested(small_world())}
    lines = [
        line
        for line in stack.host.log().splitlines()
        if re.search(r"\[(list_invoices|fetch_line_items|get_invoice) ", line)
    ]
    about = [line for line in lines if ids & set(re.findall(r"[A-Z0-9]{8,}", line))]
    assert about
    assert [line for line in about if not re.search(rf" invoice=({'|'.join(ids)})\b", line)] == []
    stored = next(line for line in about if "type=usage" in line and "in storage" in line)
    assert re.search(
        r" invoice=\w+ provider=\w+ type=usage_line_items source=v1 correlation=[0-9a-f-]{36}$",
        stored,
    )


def test_a_message_that_cannot_be_understood_ends_as_poison(
    stack: Stack, impatient_app: Path
) -> None:
    """Five deliveries, each with the reason in the log; then it lies in the poison queue."""
    settings = settings_for(stack.azurite, stack.entra_id, stack.partner_center)
    stack.host.stop()
    try:
        with FunctionsHost(impatient_app, settings) as host:
            connection = stack.azurite.connection_string
            text = '{"link": "https://evil.example/invoices/D0500033K3/lineitems/a/b"}'
            QueueClient.from_connection_string(connection, "invoice-line-items").send_message(text)
            wait_until(
                lambda: stack.waiting("invoice-line-items-poison") == 1, "the poison message"
            )
            poison = QueueClient.from_connection_string(connection, "invoice-line-items-poison")
            (message,) = poison.receive_messages()
            assert message.content == text
            poison.clear_messages()
            assert host.log().count("is refused: expected a relative link of Partner Center") >= 5
            assert "Delivery 5 of 5 has failed, the message goes to the poison queue" in host.log()
    finally:
        stack.host.start()


def test_a_host_that_is_killed_loses_and_doubles_nothing() -> None:
    """Killed in the middle of the work, twice: after the restart everything arrives exactly."""
    invoices = small_world()
    settings = {"FETCH_TIME_BUDGET_SECONDS": "1", "LINE_ITEMS_PAGE_SIZE": "200"}
    with running(invoices, settings=settings, lease_seconds=3) as stack:
        stack.partner_center.options.latency_seconds = 0.05
        stack.host.run("list_invoices")
        for enough in (20, 60):

            def under_way(enough: int = enough) -> bool:
                return len(stack.partner_center.requests.matching("lineitems")) >= enough

            wait_until(under_way, "fetches under way")
            restart(stack.host)
        stack.host.run("list_invoices")
        # Not by what is at work: a killed host has not logged every look that it has ordered.
        wait_until(lambda: all_complete(stack, invoices), "every manifest complete")
        wait_until(lambda: not stack.due(), "no message that is due")
        assert stored(stack) == expected_blobs(invoices, stored_jsonl)
        assert stack.waiting("invoice-line-items-poison") == 0


def test_a_throttled_hour_delays_and_loses_nothing() -> None:
    """Every second request is throttled, some for longer than is waited in place."""
    invoices = small_world()[1:2]
    with running(invoices) as stack:
        for act in (faults.throttled(6), faults.throttled(0), faults.throttled(None)):
            stack.partner_center.faults.add(act, match="lineitems", times=2)
        stack.host.run("list_invoices")
        wait_until(lambda: complete(stack, invoices), "every manifest complete", seconds=90)
        assert stored(stack) == expected_blobs(invoices, stored_jsonl)
        assert stack.waiting("invoice-line-items-poison") == 0


def test_missing_settings_are_named(stack: Stack) -> None:
    """Without a schedule the host does not start; without a tenant each answer says so."""
    settings = settings_for(stack.azurite, stack.entra_id, stack.partner_center)
    without_schedule = {n: v for n, v in settings.items() if n != "INVOICE_SCHEDULE"}
    with pytest.raises(RuntimeError, match="INVOICE_SCHEDULE"):
        FunctionsHost(APP_ROOT, without_schedule).start()
    without_tenant = {n: v for n, v in settings.items() if n != "PARTNER_CENTER_TENANT_ID"}
    with FunctionsHost(APP_ROOT, without_tenant) as host:
        url = f"{host.url}/api/invoices/G000024130"
        answer = requests.get(url, headers={"x-functions-key": host.function_key}, timeout=30)
        assert answer.status_code == 500
        assert "PARTNER_CENTER_TENANT_ID: required, but not set" in answer.json()["detail"]
        host.run("list_invoices")
        wait_until(lambda: "required, but not set" in host.log(), "the reason in the log")


def test_the_engine_finds_the_functions(stack: Stack) -> None:
    """Those of the folders' names, and what get_invoice answers besides."""
    by_http = ["get_invoice", "get_invoices", "get_line_items"]
    assert sorted(stack.host.functions) == ["fetch_line_items", *by_http, "list_invoices"]


def test_nothing_is_asked_of_another_host() -> None:
    """A Partner Center that redirects and links elsewhere gets no token carried there."""
    with SimulatedPartnerCenter() as elsewhere, running(small_world()[:1]) as stack:
        stack.partner_center.faults.add(faults.redirect(elsewhere.url), times=1)
        stack.host.run("list_invoices")
        wait_until(lambda: "redirects are not followed" in stack.host.log(), "the refusal")
        stack.partner_center.options.foreign_next_link = elsewhere.url
        stack.host.run("fetch_line_items", LINK)
        wait_until(lambda: "go on at a wrong place" in stack.host.log(), "the refusal")
        assert len(elsewhere.requests) == 0
