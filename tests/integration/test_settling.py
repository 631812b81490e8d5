"""Microsoft was not finished: invoices are looked at again, and nothing that was stored is lost."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError

from fetch_line_items.result import Failed, Later
from local.simulated import Invoice, SimulatedGraph, SimulatedPartnerCenter, faults
from local.simulated.invoices import new_commerce
from local.simulated.model import BILLING, OFFICE, ONE_TIME, RECURRING, USAGE, Detail
from local.simulated.sources import stored_jsonl
from shared.messages import LineItemsMessage, Look, Progress
from shared.storage import inventory
from shared.storage.manifest import MOST_EARLIER
from shared.storage.metadata import now
from tests.by_hand import numbers, page, rows, serve
from tests.running_app import RunningApp

LEGACY = Invoice("D050001234", RECURRING, date(2026, 11, 8), (Detail(OFFICE, BILLING, 7),))
LINES = f"{LEGACY.id}/office/billing_line_items.jsonl"
MODERN = new_commerce("G098765430", date(2026, 11, 8), billing=20, usage=30, currency="EUR")


@pytest.fixture
def legacy(app: RunningApp, partner_center: SimulatedPartnerCenter) -> Invoice:
    """A legacy invoice of 7 lines, in storage."""
    return stored(app, partner_center, LEGACY)


@pytest.fixture
def modern(graph_app: RunningApp, partner_center: SimulatedPartnerCenter) -> Invoice:
    """An invoice of new commerce, billing and usage, in storage."""
    return stored(graph_app, partner_center, MODERN)


def stored(app: RunningApp, partner_center: SimulatedPartnerCenter, invoice: Invoice) -> Invoice:
    partner_center.invoices.clear()
    partner_center.put(invoice)
    app.list_invoices()
    app.drain()
    return invoice


def state(app: RunningApp, invoice: Invoice) -> tuple[str, int]:
    manifest = app.manifest(invoice.id)
    return manifest["state"], manifest["checks"]


def etags(app: RunningApp) -> dict[str, str]:
    return {blob.name: blob.etag for blob in app.container.list_blobs()}


@dataclass
class Published:
    """How many lines of 1.00 each Partner Center has of an invoice."""

    lines: int = 12

    def page(self, query: dict[str, str], _: object) -> bytes:
        return page(rows(self.lines)[int(query.get("offset") or 0) :])


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
def half(app: RunningApp, partner_center: SimulatedPartnerCenter, published: Published) -> Invoice:
    """An invoice of 20.00, of which Partner Center has 12 lines so far, in storage."""
    detail = {"billingProvider": "office", "invoiceLineItemType": "billing_line_items"}
    fields = {"id": LEGACY.id, "totalCharges": 20.0, "currencyCode": "USD"}
    listed = json.dumps({"items": [fields | {"invoiceDetails": [detail]}]}).encode()
    serve(partner_center, "lineitems", published.page)
    serve(partner_center, "/v1/invoices", lambda *_: listed)
    app.list_invoices()
    app.drain()
    return LEGACY


# --- states ---------------------------------------------------------------------------------------


def test_an_invoice_that_adds_up_is_settled(app: RunningApp, legacy: Invoice) -> None:
    """It is looked at once more, 30 days after its lines were fetched."""
    manifest = app.manifest(legacy.id)
    assert (manifest["state"], manifest["checks"]) == ("settled", 0)
    assert manifest["reason"] == "the lines add up to the invoice"
    assert manifest["checkedAt"] == manifest["updatedAt"]
    assert manifest["nextCheckAt"][:10] == (now() + timedelta(days=30)).isoformat()[:10]


def test_an_invoice_without_all_of_its_lines_is_being_fetched(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """The reason says which are missing; no look is due."""
    partner_center.invoices.clear()
    partner_center.put(MODERN)
    app.list_invoices()
    manifest = app.manifest(MODERN.id)
    assert (manifest["complete"], manifest["state"]) == (False, "fetching")
    assert manifest["reason"] == (
        "the billing lines of one_time are not there yet; the usage lines of one_time are not there yet"
    )
    assert "nextCheckAt" not in manifest
    assert app.looks == []


def test_what_never_adds_up_is_settled_after_some_days(
    app: RunningApp, partner_center: SimulatedPartnerCenter, caplog: pytest.LogCaptureFixture
) -> None:
    """An adjustment is on no line: after looks that have changed nothing the manifest says what remains."""
    stored(app, partner_center, replace(LEGACY, adjustment=Decimal("12.34")))
    assert state(app, LEGACY) == ("settling", 0)
    assert app.manifest(LEGACY.id)["reason"] == "12.34 USD of the invoice are on no line"
    before = etags(app)[LINES]
    app.look(LEGACY.id, settle_days=2)
    assert state(app, LEGACY) == ("settling", 1)
    with caplog.at_level(logging.INFO):
        app.look(LEGACY.id, settle_days=2)
    manifest = app.manifest(LEGACY.id)
    assert state(app, LEGACY) == ("settled", 2)
    assert manifest["reason"] == (
        "12.34 USD of the invoice are on no line; nothing has changed in 2 looks"
    )
    assert "has settled after 2 looks: 7 lines, " in caplog.text
    assert etags(app)[LINES] == before
    app.look(LEGACY.id, settle_days=2)
    assert "nextCheckAt" not in app.manifest(LEGACY.id)
    assert len(app.looks) == 3


def test_an_azure_plan_waits_for_its_usage(
    graph_app: RunningApp, graph: SimulatedGraph, partner_center: SimulatedPartnerCenter
) -> None:
    """Its billing lines add up, but what explains them is not there yet; a look brings it."""
    app = graph_app
    graph.options.unpublished.add((MODERN.id, USAGE))
    partner_center.invoices.clear()
    partner_center.put(MODERN)
    app.list_invoices()
    app.drain(settle_days=0)
    assert app.manifest(MODERN.id)["reason"] == "no usage lines yet for an Azure plan"
    graph.options.unpublished.clear()
    app.look(MODERN.id)
    assert app.manifest(MODERN.id)["reason"] == "the lines add up to the invoice"
    name = f"{MODERN.id}/one_time/{USAGE}.jsonl"
    assert app.read(name) == b"".join(stored_jsonl(MODERN, ONE_TIME, USAGE))


def test_an_azure_plan_is_known_from_partner_center_too(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """By the name of its SKU, in any case."""
    lines = [{"totalForCustomer": "1.00", "skuName": "AZURE PLAN"}]
    serve(partner_center, "lineitems", lambda *_: page(lines))
    app.fetch('{"link": "/invoices/G098765430/lineitems/OneTime/BillingLineItems"}')
    assert app.metadata("G098765430/one_time/billing_line_items.jsonl")["azure"] == "true"


def test_with_no_days_to_settle_the_first_answer_decides(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """SETTLE_DAYS is 0."""
    partner_center.invoices.clear()
    partner_center.put(replace(LEGACY, adjustment=Decimal("12.34")))
    app.list_invoices()
    app.drain(settle_days=0)
    assert state(app, LEGACY) == ("settled", 0)
    assert app.manifest(LEGACY.id)["reason"] == "12.34 USD of the invoice are on no line"


def test_expand_says_what_the_manifest_says(app: RunningApp, legacy: Invoice) -> None:
    """The invoice's own `state` is Partner Center's, so what is final stands in a member of its own."""
    answer = json.loads(app.get_invoice(legacy.id, expand=True).body)
    manifest = json.loads(app.read(f"{legacy.id}/manifest.json"))
    del manifest["invoiceId"], manifest["lineItems"]
    assert answer["manifest"] == manifest
    assert answer["manifest"]["state"] == "settled"


def test_the_manifest_tells_what_is_known_of_the_reasons(
    graph_app: RunningApp, modern: Invoice
) -> None:
    """Types of charges and tax of the billing lines, and Azure's part beside the usage."""
    manifest = graph_app.manifest(modern.id)
    found = manifest["reconciliation"]
    (billing,) = found["billing"]
    assert sum(each["lines"] for each in billing["chargeTypes"]) == 20
    assert sum(each["total"] for each in billing["chargeTypes"]) == manifest["lineTotal"]
    assert billing["customers"] > 1
    assert found["azurePlans"]["usage"] == manifest["lineItems"][1]["total"]
    assert found["unknown"] == []


def test_sums_of_a_fetch_in_several_messages_are_not_known(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """They would have to be carried along; a look that takes one message makes up for it."""
    partner_center.invoices.clear()
    partner_center.put(LEGACY)
    app.list_invoices()
    app.drain(page_size=2, time_budget_seconds=0)
    kind = "office/billing_line_items"
    assert app.manifest(LEGACY.id)["reconciliation"]["unknown"] == [kind]
    app.look(LEGACY.id)
    (billing,) = app.manifest(LEGACY.id)["reconciliation"]["billing"]
    assert sum(each["lines"] for each in billing["chargeTypes"]) == 7
    assert "Cycle fee" in [each["chargeType"] for each in billing["chargeTypes"]]
    assert (billing["tax"] > 0, billing["customers"] > 1) == (True, True)


# --- looking again --------------------------------------------------------------------------------


def test_a_look_at_lines_that_are_the_same_writes_none(
    app: RunningApp, legacy: Invoice, partner_center: SimulatedPartnerCenter
) -> None:
    """They are asked for once, and neither the blob nor the time of its fetch changes."""
    before, asked = etags(app), len(partner_center.requests.matching("lineitems"))
    app.look(legacy.id)
    assert {name for name in before if etags(app)[name] != before[name]} == {
        f"{legacy.id}/manifest.json"
    }
    assert len(partner_center.requests.matching("lineitems")) == asked + 1


def test_an_export_with_the_stored_etag_is_not_downloaded(
    graph_app: RunningApp, modern: Invoice, graph: SimulatedGraph
) -> None:
    """A look asks for each export and looks at it; a message written by hand brings it all the same."""
    app = graph_app
    before, files = etags(app), len(graph.files.requests.matching("part-"))
    asked = len(graph.requests.matching("/export"))
    app.look(modern.id)
    assert len(graph.requests.matching("/export")) == asked + 2
    assert len(graph.files.requests.matching("part-")) == files
    app.fetch(f'{{"link": "/invoices/{modern.id}/lineitems/OneTime/BillingLineItems"}}')
    assert len(graph.files.requests.matching("part-")) == files + 1
    changed = {name for name in before if etags(app)[name] != before[name]}
    assert changed <= {f"{modern.id}/manifest.json", f"{modern.id}/invoice_reconciliation.json"}


def test_the_rest_that_is_published_later_is_brought_by_a_look(
    app: RunningApp, half: Invoice, published: Published
) -> None:
    """Half a file is kept as a snapshot, which the manifest names, and is read by its name."""
    assert app.manifest(half.id)["reason"] == "8.00 USD of the invoice are on no line"
    fetched_at = app.metadata(LINES)["fetched_at"]
    published.lines = 20
    app.look(half.id)
    manifest = app.manifest(half.id)
    assert (manifest["state"], manifest["checks"], manifest["difference"]) == ("settled", 0, 0)
    (earlier,) = manifest["lineItems"][0]["earlier"]
    snapshot = earlier.pop("snapshot")
    assert earlier == {"lines": 12, "total": 12, "fetchedAt": fetched_at}
    blob = app.container.get_blob_client(LINES, snapshot=snapshot)
    assert numbers(blob.download_blob().readall()) == list(range(12))
    assert numbers(app.read(LINES)) == list(range(20))


def test_fewer_lines_are_told_and_settle_anew(
    app: RunningApp,
    half: Invoice,
    published: Published,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """They may be a correction: both numbers stand in a warning, and what was there in a snapshot."""
    published.lines = 5
    app.look(half.id)
    assert f"{half.id}/office/billing_line_items: 5 lines, where 12 were stored" in caplog.text
    assert state(app, half) == ("settling", 0)
    assert app.manifest(half.id)["lineItems"][0]["earlier"][0]["lines"] == 12


def test_no_lines_any_more_replace_none(
    app: RunningApp,
    half: Invoice,
    published: Published,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log says so with each look, and what is stored stays and settles."""
    before = etags(app)[LINES]
    published.lines = 0
    app.look(half.id)
    assert "could not be looked at, and stays as it is: Microsoft gives no lines" in caplog.text
    assert (etags(app)[LINES], state(app, half)) == (before, ("settling", 1))


def test_a_settled_invoice_that_changes_is_told(
    app: RunningApp,
    half: Invoice,
    published: Published,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Somebody may have billed from it: one line in the log has the figures, and it settles anew."""
    published.lines = 20
    app.look(half.id)
    published.lines = 19
    app.look(half.id)
    assert (
        f"Invoice {half.id} has changed after it had settled: 19 lines, 19.00 of 20.00 USD; "
        "1.00 USD of the invoice are on no line"
    ) in caplog.text
    assert state(app, half) == ("settling", 0)
    earlier = app.manifest(half.id)["lineItems"][0]["earlier"]
    assert [each["lines"] for each in earlier] == [20, 12]


def test_a_detail_that_cannot_be_looked_at_stops_no_other(
    graph_app: RunningApp,
    modern: Invoice,
    graph: SimulatedGraph,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log names it, the manifest says so, and the look is made anew until it has looked at all."""
    graph.faults.add(faults.status(403), match=lambda url: "reconciliation" in url, times=None)
    asked = len(graph.requests.matching("usage/billed/export"))
    graph_app.look(modern.id)
    assert f"{modern.id}/one_time/billing_line_items could not be looked at" in caplog.text
    assert "PartnerBilling.Read.All" in caplog.text
    assert len(graph.requests.matching("usage/billed/export")) == asked + 1
    assert state(graph_app, modern) == ("settled", 0)
    reason = graph_app.manifest(modern.id)["reason"]
    assert reason.endswith("the invoice; not all could be looked at in the last look")
    assert "nextCheckAt" in graph_app.manifest(modern.id)
    graph.faults.clear()
    graph_app.look(modern.id)
    assert state(graph_app, modern) == ("settled", 1)
    assert graph_app.manifest(modern.id)["reason"] == "the lines add up to the invoice"
    assert "nextCheckAt" not in graph_app.manifest(modern.id)


@pytest.mark.parametrize("which", ["reconciliation", "usage"])
def test_a_detail_that_cannot_be_looked_at_is_not_forgotten_where_another_has_changed(
    graph_app: RunningApp,
    modern: Invoice,
    graph: SimulatedGraph,
    partner_center: SimulatedPartnerCenter,
    which: str,
) -> None:
    """Whichever comes first: what has changed is stored, and the rest is looked at the next day."""
    partner_center.put(replace(modern, revision=1))
    graph.faults.add(faults.status(403), match=lambda url: f"{which}/billed" in url, times=None)
    graph_app.look(modern.id)
    manifest = graph_app.manifest(modern.id)
    assert sum(len(entry["earlier"]) for entry in manifest["lineItems"]) == 1
    assert "not all could be looked at in the last look" in manifest["reason"]
    wait = datetime.fromisoformat(manifest["nextCheckAt"]) - now()
    assert wait < timedelta(days=1, minutes=1)


def test_an_export_that_has_changed_is_stored_by_a_look(
    graph_app: RunningApp, modern: Invoice, partner_center: SimulatedPartnerCenter
) -> None:
    """Both details come anew in one look, and each has its snapshot."""
    app = graph_app
    partner_center.put(replaced := replace(modern, revision=1))
    app.look(modern.id)
    for type in (BILLING, USAGE):
        name = f"{modern.id}/one_time/{type}.jsonl"
        assert app.read(name) == b"".join(stored_jsonl(replaced, ONE_TIME, type))
    entries = app.manifest(modern.id)["lineItems"]
    assert [len(entry["earlier"]) for entry in entries] == [1, 1]


# --- messages of looks ----------------------------------------------------------------------------


def test_a_look_that_is_far_off_comes_in_hops(app: RunningApp, legacy: Invoice) -> None:
    """A message hides for seven days at most."""
    hops = 0
    while (look := app.looks[-1].look) and look.left:
        app.fetch(app.looks[-1])
        hops += 1
    assert hops == 4
    assert {message.look.due for message in app.looks if message.look} == {look and look.due}
    assert state(app, legacy) == ("settled", 0)


def test_two_looks_that_are_due_are_one(
    app: RunningApp, half: Invoice, partner_center: SimulatedPartnerCenter
) -> None:
    """However many messages there are, the second finds that it was overtaken."""
    (ordered,) = app.looks
    asked = len(partner_center.requests.matching("lineitems"))
    app.fetch(ordered)
    app.fetch(ordered)
    assert len(partner_center.requests.matching("lineitems")) == asked + 1
    assert state(app, half) == ("settling", 1)
    assert len(app.looks) == 2


def test_a_look_whose_manifest_was_not_written_is_ordered_again(
    app: RunningApp, half: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first message of the two is overtaken, so there is one look."""
    (ordered,) = app.looks
    put = app.archive.put_manifest

    def refused(*_: Any, **__: Any) -> None:
        raise HttpResponseError("storage is away")

    monkeypatch.setattr(app.archive, "put_manifest", refused)
    assert isinstance(app.result(ordered), Failed | Later)
    monkeypatch.setattr(app.archive, "put_manifest", put)
    app.fetch(ordered)
    assert state(app, half) == ("settling", 1)
    _, orphan, following = app.looks
    app.fetch(orphan)
    assert state(app, half) == ("settling", 1)
    app.fetch(following)
    assert state(app, half) == ("settling", 2)


def test_a_lost_look_is_made_up_for_by_a_run_of_the_timer(
    app: RunningApp, half: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some hours after it was due; what is not due yet is left alone, and two runs look once."""
    assert app.list_invoices().looks == 0
    later = now() + timedelta(days=1, hours=7)
    monkeypatch.setattr("list_invoices.sync.now", lambda: later)
    assert (app.list_invoices().looks, app.list_invoices().looks) == (1, 1)
    app.drain()
    assert state(app, half) == ("settling", 1)


@pytest.mark.usefixtures("half")
def test_a_lost_look_at_an_invoice_that_is_not_listed_is_made_up_for(
    app: RunningApp,
    partner_center: SimulatedPartnerCenter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is in storage of it settles like any other."""
    partner_center.invoices.clear()
    assert app.list_invoices().looks == 0
    later = now() + timedelta(days=1, hours=7)
    monkeypatch.setattr("list_invoices.sync.now", lambda: later)
    assert app.list_invoices().looks == 1


def test_a_look_that_waits_for_microsoft_is_not_lost(
    app: RunningApp, half: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its message has noted until when it waits."""
    later = now() + timedelta(days=1, hours=7)
    monkeypatch.setattr("list_invoices.sync.now", lambda: later)
    found = inventory.inventory_of(app.archive, half.id)
    assert found.invoice
    waiting = replace(found.invoice, waits={"office/billing_line_items": later})
    app.archive.set_invoice_metadata(half.id, waiting, replacing=found.etag or "")
    assert app.list_invoices().looks == 0


def test_a_look_at_an_invoice_that_is_being_fetched_does_nothing(
    app: RunningApp, half: Invoice
) -> None:
    """Its lines have messages of their own."""
    (ordered,) = app.looks
    app.container.delete_blob(LINES)
    app.list_invoices()
    app.fetch(ordered)
    assert app.manifest(half.id)["state"] == "fetching"


def test_a_look_of_an_invoice_that_is_gone_does_nothing(app: RunningApp) -> None:
    """Somebody has emptied the container."""
    app.fetch(LineItemsMessage(invoice_id="G000000001", look=Look(due=now())))
    assert app.blobs() == set()


# --- what was stored ------------------------------------------------------------------------------


def test_a_snapshot_is_taken_once_however_often_the_commit_is_tried(
    app: RunningApp,
    half: Invoice,
    published: Published,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A crash between snapshot and commit leaves one snapshot, which is no earlier version yet."""
    published.lines = 20
    commit = app.archive.commit_lines

    def refused(*_: Any, **__: Any) -> None:
        raise HttpResponseError("storage is away")

    monkeypatch.setattr(app.archive, "commit_lines", refused)
    for _ in range(2):
        app.fetch(json.dumps({"link": f"/invoices/{half.id}/lineitems/office/billinglineitems"}))
    app.queue.clear_messages()  # they would go on in ten seconds
    assert app.manifest(half.id)["lineItems"][0]["earlier"] == []
    monkeypatch.setattr(app.archive, "commit_lines", commit)
    app.look(half.id)
    assert len(app.manifest(half.id)["lineItems"][0]["earlier"]) == 1


def test_lines_of_an_old_release_are_compared_by_reading_them(
    app: RunningApp, half: Invoice
) -> None:
    """They do not say what they are: the same bytes are not committed for that."""
    about = app.metadata(LINES)
    del about["crc"]
    app.container.get_blob_client(LINES).set_blob_metadata(about)
    before = etags(app)[LINES]
    app.look(half.id)
    assert etags(app)[LINES] == before


def test_a_deleted_blob_with_snapshots_heals(
    app: RunningApp, half: Invoice, published: Published
) -> None:
    """A plain delete is refused; with its snapshots it is fetched again by the next run."""
    published.lines = 13
    app.look(half.id)
    with pytest.raises(HttpResponseError, match="snapshots"):
        app.container.delete_blob(LINES)
    app.container.delete_blob(LINES, delete_snapshots="include")
    assert app.list_invoices().enqueued == 1
    app.drain()
    assert numbers(app.read(LINES)) == list(range(13))


def test_a_manifest_stays_small_however_often_lines_have_changed(
    app: RunningApp, half: Invoice, published: Published
) -> None:
    """A hundred earlier versions are named, the newest first; storage has all of them."""
    blob = app.container.get_blob_client(LINES)
    about = app.metadata(LINES)
    for number in range(MOST_EARLIER + 5):
        blob.create_snapshot(metadata=about | {"run": f"{number:016x}", "lines": str(number)})
    published.lines = 13
    app.look(half.id)
    (entry,) = app.manifest(half.id)["lineItems"]
    assert len(entry["earlier"]) == MOST_EARLIER
    assert [each["lines"] for each in entry["earlier"][:3]] == [12, 104, 103]
    assert len(app.read(f"{half.id}/manifest.json")) < 20_000


def test_an_invoice_that_changes_without_its_lines_keeps_them(
    app: RunningApp, legacy: Invoice, partner_center: SimulatedPartnerCenter
) -> None:
    """The blob learns the invoice's version, and the invoice settles anew."""
    partner_center.put(replace(legacy, adjustment=Decimal("12.34")))
    fetched_at, version = app.metadata(LINES)["fetched_at"], app.metadata(LINES)["version"]
    assert app.list_invoices().enqueued == 1
    app.drain()
    about = app.metadata(LINES)
    assert (about["fetched_at"], about["version"] != version) == (fetched_at, True)
    assert state(app, legacy) == ("settling", 0)
    assert app.list_invoices().enqueued == 0


def test_manifests_of_release_0_1_are_judged_by_the_next_run(
    app: RunningApp, half: Invoice
) -> None:
    """They say neither state nor looks: the half invoice is looked at from now on."""
    name = f"{half.id}/manifest.json"
    known = {k: v for k, v in app.metadata(name).items() if k in ("updated_at", "complete_at")}
    app.container.get_blob_client(name).set_blob_metadata(known)
    app.looks.clear()
    app.list_invoices()
    assert state(app, half) == ("settling", 0)
    app.look(half.id)
    assert state(app, half) == ("settling", 1)


def test_a_look_whose_storage_is_away_goes_on_later(
    app: RunningApp, half: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like any other message: it is no poison before hours have passed."""
    (ordered,) = app.looks

    def refused(*_: Any, **__: Any) -> None:
        raise ServiceRequestError("storage is away")

    with monkeypatch.context() as away:
        away.setattr(app.archive, "manifest", refused)
        result = app.result(ordered)
        assert isinstance(result, Later)
        result = app.result(result.message.encode())
        assert isinstance(result, Later)
        assert (result.message.progress or Progress()).attempt == 2
    app.fetch(result.message.encode())
    assert state(app, half) == ("settling", 1)
