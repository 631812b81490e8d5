"""The simulated Microsoft Graph does what is known of the billing export, over real sockets."""

import gzip
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import pytest
import requests

from local.simulated import (
    Detail,
    GraphOptions,
    Invoice,
    SimulatedEntraId,
    SimulatedGraph,
    SimulatedPartnerCenter,
    faults,
    file_faults,
)
from local.simulated.exports import export_jsonl
from local.simulated.graph_errors import server_error, unauthorized
from local.simulated.invoices import legacy, new_commerce, voided
from local.simulated.model import BILLING, ONE_TIME, USAGE

DAY = date(2026, 11, 8)
NEW = new_commerce("G000000001", DAY, billing=450, usage=30)
OLD = legacy("D000000001", DAY, office=5, azure=5, usage=5)
VOID = voided(new_commerce("G000000002", DAY, billing=4, usage=1))
NO_USAGE = Invoice("G000000003", "OneTime", DAY, (Detail(ONE_TIME, BILLING, 3),))
OLDER = new_commerce("G000000004", date(2024, 2, 8), billing=3, usage=2)  # of January
OLDEST = new_commerce("G000000005", date(2022, 9, 8), billing=3, usage=2)  # of August
FIRST = new_commerce("G000000006", date(2024, 3, 8), billing=3, usage=2)  # of February
FIRST_USAGE = new_commerce("G000000007", date(2022, 10, 8), billing=3, usage=2)
WORLD = [NEW, OLD, VOID, NO_USAGE, OLDER, OLDEST, FIRST, FIRST_USAGE]
EXPORTS = {
    BILLING: "/reports/partners/billing/reconciliation/billed/export",
    USAGE: "/reports/partners/billing/usage/billed/export",
}
TYPE = "#microsoft.graph.partners.billing."
HEADERS = {"Authorization": "Bearer a-token"}
GUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

Json = dict[str, Any]


@pytest.fixture
def partner_center() -> SimulatedPartnerCenter:
    return SimulatedPartnerCenter(WORLD)


@pytest.fixture
def graph(partner_center: SimulatedPartnerCenter) -> Iterator[SimulatedGraph]:
    with SimulatedGraph(partner_center.invoices) as running:
        yield running


class Client:
    """Asks as the app does, but believes everything."""

    def __init__(self, graph: SimulatedGraph, session: requests.Session) -> None:
        self.graph = graph
        self._session = session

    def send(self, method: str, url: str, **arguments: Any) -> requests.Response:
        usual: Json = {"headers": HEADERS, "timeout": 10, "allow_redirects": False}
        return self._session.request(method, url, **usual | arguments)

    def ask(self, invoice_id: str = NEW.id, type: str = BILLING, **body: Any) -> requests.Response:
        asked = {"invoiceId": invoice_id, "attributeSet": "full"} | body
        return self.send("POST", self.graph.root + EXPORTS[type], json=asked)

    def start(self, invoice_id: str = NEW.id, type: str = BILLING) -> str:
        return self.ask(invoice_id, type).headers["Location"]

    def look(self, location: str) -> Json:
        state: Json = self.send("GET", location).json()
        return state

    def export(self, invoice_id: str = NEW.id, type: str = BILLING) -> Json:
        return self.look(self.start(invoice_id, type))

    def manifest(self, invoice_id: str = NEW.id, type: str = BILLING) -> Json:
        manifest: Json = self.export(invoice_id, type)["resourceLocation"]
        return manifest

    def file(self, url: str, **headers: str) -> requests.Response:
        return self.send("GET", url, headers=headers)

    def rows(self, invoice_id: str = NEW.id, type: str = BILLING) -> bytes:
        urls = files_of(self.manifest(invoice_id, type))
        return b"".join(gzip.decompress(self.file(url).content) for url in urls)


@pytest.fixture
def client(graph: SimulatedGraph) -> Iterator[Client]:
    with requests.Session() as session:
        yield Client(graph, session)


def files_of(manifest: Json) -> list[str]:
    root, sas = manifest["rootDirectory"], manifest["sasToken"]
    return [f"{root}/{blob['name']}?{sas}" for blob in manifest["blobs"]]


def text(invoice: Invoice, type: str) -> bytes:
    return b"".join(export_jsonl(invoice, type))


def code(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


NO_DATA = {"message": "No data available", "code": "5000"}


# --- asking (items 1, 2) --------------------------------------------------------------------------


@pytest.mark.parametrize("type", [BILLING, USAGE])
def test_an_export_comes_to_every_row(client: Client, type: str) -> None:
    """Asked for, looked at, unzipped: what arrives is every row in its order."""
    assert client.rows(NEW.id, type) == text(NEW, type)


def test_an_export_is_accepted_without_a_body(client: Client) -> None:
    """202 has no body and no type of one, and an absolute Location below the root."""
    response = client.ask()
    assert (response.status_code, response.content) == (202, b"")
    assert response.headers["Content-Length"] == "0"
    assert "Content-Type" not in response.headers
    operations = re.escape(f"{client.graph.root}/reports/partners/billing/operations/")
    assert re.fullmatch(operations + GUID, response.headers["Location"])


@pytest.mark.parametrize("prefix", ["/v1.0", "/proxy/v1.0"])
@pytest.mark.parametrize("qualified", [False, True])
def test_an_operation_is_of_the_version_that_was_asked(prefix: str, *, qualified: bool) -> None:
    """Below any prefix, plain or qualified, beta answers beside v1.0 with a Location of its own."""
    with SimulatedGraph({NEW.id: NEW}, prefix=prefix) as graph:
        assert graph.root == graph.url + prefix
        for root in (graph.root, graph.url + prefix.replace("v1.0", "beta")):
            export = root + EXPORTS[BILLING]
            if qualified:
                export = export.removesuffix("export") + "microsoft.graph.partners.billing.export"
            asked = {"invoiceId": NEW.id}
            response = requests.post(export, json=asked, headers=HEADERS, timeout=10)
            location = response.headers["Location"]
            assert location.startswith(f"{root}/reports/partners/billing/operations/")
            state = requests.get(location, headers=HEADERS, timeout=10).json()
            assert state["status"] == "succeeded"
            assert state["@odata.context"].startswith(f"{root}/$metadata#reports/partners/billing")


@pytest.mark.parametrize(
    "body",
    [
        {"invoiceId": NEW.id},
        {"invoiceId": NEW.id, "attributeSet": "full"},
        {"InvoiceId": NEW.id, "AttributeSet": "Full"},
    ],
)
def test_keys_of_a_body_may_be_in_any_case(client: Client, body: Json) -> None:
    """The attribute set is full where none is asked for."""
    url = client.graph.root + EXPORTS[BILLING]
    assert client.send("POST", url, json=body).status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "no JSON",
        "{}",
        '{"invoiceId":""}',
        '{"invoiceId":7}',
        '{"invoiceId":"G000000001","attributeSet":"fuller"}',
    ],
)
def test_a_body_that_is_not_understood_is_refused(client: Client, body: str) -> None:
    """What is missing or unknown is a bad request, told in Graph's envelope."""
    response = client.send("POST", client.graph.root + EXPORTS[USAGE], data=body)
    assert code(response) == (400, "BadRequest")
    assert {"date", "request-id", "client-request-id"} == set(
        response.json()["error"]["innerError"]
    )


@pytest.mark.parametrize(
    "path",
    [
        "/reports/partners/billing/reconciliation/unbilled/export",
        "/reports/partners/billing/aggregatedUsage/billed/export",
        "/reports/partners/billing/invoices",
        "/reports",
    ],
)
def test_what_is_not_simulated_is_not_there(client: Client, path: str) -> None:
    """Other exports are left out, and a list of invoices isn't known of Graph."""
    assert client.send("POST", client.graph.root + path, json={}).status_code == 404


def test_a_basic_export_is_refused_as_not_simulated(client: Client) -> None:
    """Nobody is given all columns who asked for the few."""
    assert client.ask(attributeSet="basic").status_code == 501


def test_a_location_may_be_missing_or_lead_elsewhere(client: Client) -> None:
    """With the switches 202 has no Location, or one on another host, which must not be asked."""
    client.graph.options.location = "missing"
    assert "Location" not in client.ask().headers
    client.graph.options.location = "foreign"
    client.graph.options.foreign_location = "https://elsewhere.example"
    location = client.start()
    assert location.startswith("https://elsewhere.example/v1.0/reports/partners/billing/operations")


def test_an_empty_answer_may_have_a_type(client: Client) -> None:
    """With the switch 202 claims to be JSON, and is still empty."""
    client.graph.options.content_type_on_202 = True
    response = client.ask()
    assert (response.headers["Content-Type"], response.content) == ("application/json", b"")


# --- looking (items 3 to 5) -----------------------------------------------------------------------


def test_an_operation_succeeds_at_the_first_look(client: Client) -> None:
    """Data are mostly ready: the keys stand as recorded, and nothing says to wait."""
    location = client.start()
    response = client.send("GET", location)
    state = response.json()
    assert list(state) == [
        *("@odata.context", "@odata.type", "id", "createdDateTime", "lastActionDateTime"),
        *("status", "resourceLocation"),
    ]
    assert "Retry-After" not in response.headers
    assert (state["@odata.type"], state["status"]) == (f"{TYPE}exportSuccessOperation", "succeeded")
    assert state["@odata.context"] == (
        f"{client.graph.root}/$metadata#reports/partners/billing/operations/$entity"
    )
    assert location.endswith(state["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", state["createdDateTime"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", state["lastActionDateTime"])


def test_an_operation_may_take_some_looks(client: Client) -> None:
    """It hasn't started, then it runs, then it has succeeded; only so long it says to wait."""
    client.graph.options.looks_until_ready = 3
    location = client.start()
    looks = [client.send("GET", location) for _ in range(5)]
    states = [look.json()["status"] for look in looks]
    assert states == ["notStarted", "running", "running", "succeeded", "succeeded"]
    assert [look.status_code for look in looks] == [200] * 5
    assert [look.headers.get("Retry-After") for look in looks] == ["10"] * 3 + [None] * 2
    running = looks[1].json()
    assert running["@odata.type"] == f"{TYPE}runningOperation"
    assert re.fullmatch(r"[-\d]{10}T[:\d]{8}", running["createdDateTime"])
    assert "resourceLocation" not in running


def test_an_operation_may_take_some_time(client: Client) -> None:
    """Before its time no number of looks helps."""
    client.graph.options.seconds_until_ready = 1
    location = client.start()
    assert [client.look(location)["status"] for _ in range(2)] == ["notStarted", "running"]
    while (status := client.look(location)["status"]) == "running":
        time.sleep(0.02)
    assert status == "succeeded"


def test_when_to_look_again_may_be_a_date_or_missing(client: Client) -> None:
    """Retry-After has seconds, an HTTP date, or is absent."""
    options = client.graph.options
    options.looks_until_ready, options.retry_after, options.retry_after_form = 9, 30, "date"
    location = client.start()
    until = parsedate_to_datetime(client.send("GET", location).headers["Retry-After"])
    assert 25 < (until - datetime.now(UTC)).total_seconds() <= 30
    options.retry_after = None
    assert "Retry-After" not in client.send("GET", location).headers


def test_a_status_may_be_spelled_in_other_ways(client: Client) -> None:
    """Switches change its case, its word for success, and the one for not being ready."""
    options = client.graph.options
    options.looks_until_ready, options.status_case = 1, str.lower
    location = client.start()
    assert client.look(location)["status"] == "notstarted"
    options.status_case, options.says_completed = str.title, True
    assert client.look(location)["status"] == "Completed"
    options.unknown_status, options.status_case = "processing", str
    assert client.look(client.start())["status"] == "processing"


def test_a_manifest_may_be_behind_a_link(client: Client) -> None:
    """A navigation link or a string leads to the same manifest, which has a context there."""
    inline = client.manifest()
    client.graph.options.manifest_in = "navigation_link"
    link = client.export()
    assert "resourceLocation" not in link
    behind = client.look(link["resourceLocation@odata.navigationLink"])
    client.graph.options.manifest_in = "string"
    assert link["resourceLocation@odata.navigationLink"] == client.export()["resourceLocation"]
    assert behind.pop("@odata.context").endswith("#reports/partners/billing/manifests/$entity")
    assert list(behind) == list(inline)
    assert {k: v for k, v in behind.items() if k != "sasToken"} == {
        k: v for k, v in inline.items() if k != "sasToken"
    }


@pytest.mark.parametrize(
    ("invoice_id", "type"),
    [
        ("G999999999", BILLING),
        (NO_USAGE.id, USAGE),
        (OLDER.id, BILLING),
        (OLDEST.id, BILLING),
        (OLDEST.id, USAGE),
        (FIRST_USAGE.id, BILLING),
        (f"OneTime-{NEW.id}", BILLING),
    ],
)
def test_without_data_an_operation_fails_with_status_200(
    client: Client, invoice_id: str, type: str
) -> None:
    """Unknown, too old, or without usage: the code is the same, and is a string."""
    response = client.send("GET", client.start(invoice_id, type))
    state = response.json()
    assert (response.status_code, state["status"]) == (200, "failed")
    assert (state["@odata.type"], state["error"]) == (f"{TYPE}failedOperation", NO_DATA)
    assert list(state)[-2:] == ["status", "error"]


@pytest.mark.parametrize("type", [BILLING, USAGE])
def test_a_legacy_invoice_is_not_exported(client: Client, type: str) -> None:
    """Its operation fails with a text that says to try again, which never helps."""
    error = client.export(OLD.id, type)["error"]
    assert error["code"] == "5000"
    assert OLD.id in error["message"]
    assert "try again later" in error["message"]
    assert "reconciliation" in error["message"]


@pytest.mark.parametrize(
    ("invoice", "type"),
    [(FIRST, BILLING), (FIRST, USAGE), (FIRST_USAGE, USAGE), (OLDER, USAGE), (VOID, BILLING)],
)
def test_the_history_of_the_export_begins_somewhere(
    client: Client, invoice: Invoice, type: str
) -> None:
    """Billing lines are there from February 2024 on, usage from September 2022 on."""
    assert client.rows(invoice.id, type) == text(invoice, type)


def test_an_amendment_is_exported_by_its_own_id(client: Client) -> None:
    """What is nested in an invoice has rows of its own."""
    (note,) = VOID.amendments
    assert client.rows(note.id, BILLING) == text(note, BILLING)


def test_an_export_may_be_published_late(client: Client) -> None:
    """An operation that failed stays failed; another one succeeds once the data are there."""
    client.graph.options.unpublished.add((NEW.id, USAGE))
    location = client.start(NEW.id, USAGE)
    assert client.look(location)["error"] == NO_DATA
    assert client.export(NEW.id, BILLING)["status"] == "succeeded"
    client.graph.options.unpublished.clear()
    assert client.look(location)["status"] == "failed"
    assert client.rows(NEW.id, USAGE) == text(NEW, USAGE)


@pytest.mark.parametrize("invoice", [NO_USAGE, new_commerce("G000000008", DAY, billing=1, usage=0)])
def test_what_has_no_lines_may_be_an_empty_set_of_files(client: Client, invoice: Invoice) -> None:
    """With the switch it succeeds, with a manifest that has no blobs."""
    client.graph.invoices[invoice.id] = invoice
    client.graph.options.without_lines = "empty"
    manifest = client.manifest(invoice.id, USAGE)
    assert (manifest["blobCount"], manifest["blobs"]) == (0, [])


def test_an_operation_may_fail_with_another_code(client: Client) -> None:
    """With the switch every operation fails with it."""
    client.graph.options.fails_with = "9999"
    assert client.export()["error"]["code"] == "9999"


def test_a_repeated_export_may_be_the_same_operation(client: Client) -> None:
    """Each is a new operation, but with the switch one that hasn't failed comes again."""
    assert client.start() != client.start()
    client.graph.options.same_operation = True
    client.graph.options.unpublished.add((NEW.id, USAGE))
    assert client.start() == client.start() != client.start(NEW.id, USAGE)
    failed = client.start(NEW.id, USAGE)
    assert client.look(failed)["status"] == "failed"
    assert client.start(NEW.id, USAGE) != failed


# --- who may, and what is gone (item 6) -----------------------------------------------------------


@pytest.mark.parametrize("authorization", [{}, {"Authorization": "Basic YTpi"}])
def test_no_token_is_no_access(client: Client, authorization: dict[str, str]) -> None:
    """Every call wants a bearer token."""
    location = client.start()
    for method, url in (("POST", client.graph.root + EXPORTS[USAGE]), ("GET", location)):
        response = client.send(method, url, headers=authorization)
        assert code(response) == (401, "InvalidAuthenticationToken")


def test_only_tokens_for_graph_are_accepted() -> None:
    """The audience is the host with https; Partner Center's is refused, and an expired one too."""
    entra_id = SimulatedEntraId()
    partner_center = SimulatedPartnerCenter(WORLD, check_token=entra_id.check)
    with partner_center, SimulatedGraph(partner_center.invoices, check_token=entra_id.check) as it:

        def answer(audience: str, *, expired: bool = False) -> int:
            token = entra_id.issue(audience).text
            if expired:
                entra_id.expire_all()
            headers = {"Authorization": f"Bearer {token}"}
            body = {"invoiceId": NEW.id}
            url = it.root + EXPORTS[BILLING]
            return requests.post(url, json=body, headers=headers, timeout=10).status_code

        audience = it.url.replace("http://", "https://")
        assert answer(audience) == 202
        assert answer(it.url) == answer(partner_center.url) == answer(f"{audience}/v1.0") == 401
        assert answer(audience, expired=True) == 401


def test_without_the_permission_nothing_is_given(client: Client) -> None:
    """An app that wasn't permitted is told so."""
    client.graph.options.permitted = False
    assert code(client.ask()) == (403, "Authorization_RequestDenied")


@pytest.mark.parametrize("what", ["operations", "manifests"])
def test_what_is_unknown_is_not_found(client: Client, what: str) -> None:
    """An id that nobody was given leads nowhere."""
    url = f"{client.graph.root}/reports/partners/billing/{what}/{NEW.id}"
    assert client.send("GET", url).status_code == 404


def test_an_operation_and_its_manifest_may_expire(client: Client) -> None:
    """After their lifetime they are gone; one has to ask again."""
    options = client.graph.options
    options.operation_lifetime_seconds, options.manifest_in = 60, "string"
    location = client.start()
    manifest = client.look(location)["resourceLocation"]
    assert client.send("GET", manifest).status_code == 200
    options.operation_lifetime_seconds = 0
    assert client.send("GET", location).status_code == 410
    assert client.send("GET", manifest).status_code == 410
    options.operation_lifetime_seconds = 60
    assert client.look(client.start())["status"] == "succeeded"


@pytest.mark.parametrize(
    ("act", "status"),
    [
        (faults.throttled(7), 429),
        (faults.status(503), 503),
        (server_error(), 500),
        (unauthorized(), 401),
    ],
)
def test_each_call_may_be_refused_by_itself(client: Client, act: faults.Act, status: int) -> None:
    """Faults befall the export, the operation, the manifest or the files, whichever matches."""
    client.graph.options.manifest_in = "string"
    for match in ("export", "operations", "manifests"):
        client.graph.faults.add(act, match=match)
    assert (client.ask().status_code, client.ask().status_code) == (status, 202)
    location = client.start()
    assert client.send("GET", location).status_code == status
    manifest = client.look(location)["resourceLocation"]
    refused = client.send("GET", manifest)
    assert refused.status_code == status
    assert refused.headers.get("Retry-After") == ("7" if status == 429 else None)
    (url,) = files_of(client.look(manifest))
    client.graph.files.faults.add(act, match="part-")
    assert [client.file(url).status_code for _ in range(2)] == [status, 200]


def test_errors_on_demand_have_the_envelope_of_graph(client: Client) -> None:
    """They are told from those of Partner Center by their body."""
    client.graph.faults.add(server_error())
    client.graph.faults.add(unauthorized())
    assert code(client.ask()) == (500, "InternalServerError")
    assert code(client.ask()) == (401, "InvalidAuthenticationToken")


def test_a_connection_may_be_reset_and_a_body_be_cut_off(client: Client) -> None:
    """Before an answer, and in the middle of one, of either service."""
    location = client.start()
    client.graph.faults.add(faults.reset())
    with pytest.raises(requests.ConnectionError):
        client.send("GET", location)
    client.graph.faults.add(faults.cut_body())
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        client.send("GET", location)
    (url,) = files_of(client.manifest())
    client.graph.files.faults.add(faults.cut_body())
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        client.file(url)
    assert gzip.decompress(client.file(url).content) == text(NEW, BILLING)


# --- manifests (items 7, 9) -----------------------------------------------------------------------


def test_a_manifest_is_spelled_as_recorded(client: Client) -> None:
    """Keys in the recorded order, none of OData, and the recorded values and forms."""
    manifest = client.manifest(type=USAGE)
    assert list(manifest) == [
        *("id", "createdDateTime", "schemaVersion", "dataFormat", "partitionType", "eTag"),
        *("partnerTenantId", "rootDirectory", "sasToken", "blobCount", "blobs"),
    ]
    constant = {
        **{"schemaVersion": "2", "dataFormat": "compressedJSON", "partitionType": "default"},
        "blobCount": 1,
    }
    assert constant.items() <= manifest.items()
    assert re.fullmatch(GUID, manifest["id"])
    assert re.fullmatch(r"2026-11-[\d]{2}T[:\d]{8}\.\d{3}Z", manifest["createdDateTime"])
    assert re.fullmatch(r"[0-9A-Za-z]{17}", manifest["eTag"])
    tenant = manifest["partnerTenantId"]
    assert re.fullmatch(
        rf"{re.escape(client.graph.files.url)}/billedusagefastpath/v1/PartnerTenantId={tenant}"
        rf"/BillingMonth=202610/InvoiceId={NEW.id}/InvoiceVersion=\d{{12}}/Fragment=full"
        r"/PartitionType=default",
        manifest["rootDirectory"],
    )
    (blob,) = manifest["blobs"]
    assert list(blob) == ["name", "partitionValue"]
    assert re.fullmatch(rf"part-\d{{5}}-{GUID}\.c000\.json\.gz", blob["name"])
    assert blob["partitionValue"] == "default"
    first = json.loads(text(NEW, USAGE).splitlines()[0])
    assert first["PartnerId"] == tenant


def test_a_signature_is_spelled_as_recorded(client: Client) -> None:
    """A user's delegation for a folder of seven levels, for an hour, percent-encoded."""
    sas = client.manifest()["sasToken"]
    parameters = dict(parse_qsl(sas))
    assert [part.partition("=")[0] for part in sas.split("&")] == [
        *("skoid", "sktid", "skt", "ske", "sks", "skv", "sv", "se", "sr", "sp", "sdd", "sig")
    ]
    constant = {"sks": "b", "skv": "2021-08-06", "sr": "d", "sp": "rl", "sdd": "7"}
    assert constant.items() <= parameters.items()
    assert re.search(r"&se=\d{4}-\d\d-\d\dT\d\d%3A\d\d%3A\d\dZ&", sas)
    began, ends, key_ends = (
        datetime.fromisoformat(parameters[name]) for name in ("skt", "se", "ske")
    )
    assert (ends - began, key_ends - began) == (timedelta(hours=1), timedelta(days=1))
    assert re.search(r"%(2B|2F|3D)", sas)


def test_a_repeated_export_is_the_same_data_with_another_signature(client: Client) -> None:
    """All but the signature is as before; looking again gives the one of that operation."""
    location = client.start()
    first, again = (client.look(location)["resourceLocation"] for _ in range(2))
    other = client.manifest()
    assert first == again
    assert first["sasToken"] != other.pop("sasToken")
    assert other.items() <= first.items()


def test_looking_again_may_give_another_signature(client: Client) -> None:
    """With the switch each look signs anew, and the signature of before stays good."""
    client.graph.options.fresh_sas_on_look = True
    location = client.start()
    first, again = (client.look(location)["resourceLocation"] for _ in range(2))
    assert first["sasToken"] != again["sasToken"]
    assert client.file(files_of(first)[0]).status_code == 200


def test_a_corrected_invoice_is_another_version_of_the_data(client: Client) -> None:
    """Names and eTag change, and the files of before stay as long as their signature lasts."""
    before = client.manifest()
    client.graph.invoices[NEW.id] = corrected = replace(NEW, revision=1)
    after = client.manifest()
    for name in ("id", "eTag", "rootDirectory", "blobs", "createdDateTime"):
        assert before[name] != after[name]
    assert client.rows() == text(corrected, BILLING) != text(NEW, BILLING)
    assert gzip.decompress(client.file(files_of(before)[0]).content) == text(NEW, BILLING)


def test_an_earlier_version_may_be_gone(client: Client) -> None:
    """With the switch its files aren't there any more, although their signature is good."""
    client.graph.options.old_versions = False
    (before,) = files_of(client.manifest())
    assert client.file(before).status_code == 200
    client.graph.invoices[NEW.id] = replace(NEW, revision=1)
    gone = client.file(before)
    assert (gone.status_code, gone.headers["x-ms-error-code"]) == (404, "BlobNotFound")


@pytest.mark.parametrize("files", [2, 7])
def test_an_export_may_be_cut_into_files(client: Client, files: int) -> None:
    """They are named in no order and all of one partition; the manifest's order is the rows'."""
    client.graph.options.files = files
    manifest = client.manifest()
    names = [blob["name"] for blob in manifest["blobs"]]
    assert manifest["blobCount"] == len(set(names)) == files
    assert {blob["partitionValue"] for blob in manifest["blobs"]} == {"default"}
    assert names != sorted(names)
    assert client.rows() == text(NEW, BILLING)


def test_a_file_may_be_empty(client: Client) -> None:
    """With fewer rows than files some have none."""
    client.graph.options.files = 5
    contents = [
        gzip.decompress(client.file(url).content) for url in files_of(client.manifest(NO_USAGE.id))
    ]
    assert contents.count(b"") == 2
    assert b"".join(contents) == text(NO_USAGE, BILLING)


@pytest.mark.parametrize("off_by", [-1, 1])
def test_a_manifest_may_count_its_blobs_wrong(client: Client, off_by: int) -> None:
    """With the switch the count and the list differ."""
    client.graph.options.blob_count_off_by = off_by
    manifest = client.manifest()
    assert (manifest["blobCount"], len(manifest["blobs"])) == (1 + off_by, 1)


# --- the host of the files (items 8, 10, 11) ------------------------------------------------------


def test_a_file_comes_as_bytes_that_nobody_unzips(client: Client) -> None:
    """Its headers tell its length and an ETag, and nothing of gzip."""
    (url,) = files_of(client.manifest())
    response = client.file(url)
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert "Content-Encoding" not in response.headers
    assert int(response.headers["Content-Length"]) == len(response.content)
    assert re.fullmatch(r'"0x[0-9A-F]{15}"', response.headers["ETag"])
    assert response.content.startswith(b"\x1f\x8b")
    assert client.file(url).headers["ETag"] == response.headers["ETag"]


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-99", slice(0, 100)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-7", slice(-7, None)),
    ],
)
def test_a_range_of_a_file_may_be_asked_for(client: Client, asked: str, part: slice) -> None:
    """A part of the bytes comes with its place in the whole."""
    (url,) = files_of(client.manifest())
    whole = client.file(url).content
    response = client.file(url, Range=asked)
    start, stop, _ = part.indices(len(whole))
    assert (response.status_code, response.content) == (206, whole[part])
    assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(whole)}"


@pytest.mark.parametrize("asked", ["bytes=9999999-", "lines=1-2"])
def test_a_range_that_is_not_there_is_refused(client: Client, asked: str) -> None:
    """Behind the end there is nothing."""
    (url,) = files_of(client.manifest())
    assert client.file(url, Range=asked).status_code == 416


def test_a_token_is_refused_by_the_host_of_the_files(client: Client) -> None:
    """Who sends one beside the signature gets no file, and the record has the evidence."""
    (url,) = files_of(client.manifest())
    response = client.file(url, **HEADERS)
    assert response.status_code == 400
    assert "<Code>InvalidAuthenticationInfo</Code>" in response.text
    (request,) = client.graph.files.requests
    assert request.headers["authorization"] == HEADERS["Authorization"]


def change_path(url: str) -> str:
    return url.replace("Fragment=full", "Fragment=fuller")


def change_expiry(url: str) -> str:
    return re.sub(r"([?&]se=)\d{4}", r"\g<1>2999", url)


def change_signature(url: str) -> str:
    return re.sub(r"sig=.", "sig=-", url)


def remove_signature(url: str) -> str:
    return url.partition("?")[0]


def encode_again(url: str) -> str:
    path, _, sas = url.partition("?")
    return f"{path}?{quote(sas, safe='=&')}"


@pytest.mark.parametrize(
    "change", [change_path, change_expiry, change_signature, remove_signature, encode_again]
)
def test_an_altered_signature_is_refused(client: Client, change: Callable[[str], str]) -> None:
    """For another folder, for longer, with another text, or not at all: 403 and XML."""
    (url,) = files_of(client.manifest())
    response = client.file(change(url))
    assert response.status_code == 403
    assert response.headers["Content-Type"] == "application/xml"
    assert response.text.startswith('<?xml version="1.0" encoding="utf-8"?><Error><Code>')
    assert "<Code>AuthenticationFailed</Code>" in response.text
    assert client.file(url).status_code == 200


def test_a_signature_is_good_in_either_spelling(client: Client) -> None:
    """Colons and slashes of it may stand as they are; a plus may not."""
    (url,) = files_of(client.manifest())
    path, _, sas = url.partition("?")
    assert client.file(f"{path}?{unquote(sas).replace('+', '%2B')}").status_code == 200


def test_a_signature_expires(client: Client) -> None:
    """After its lifetime, or when a test says so; another export gives a new one."""
    (old,) = files_of(client.manifest())
    client.graph.files.expire_all()
    response = client.file(old)
    assert (response.status_code, "AuthenticationFailed" in response.text) == (403, True)
    client.graph.options.sas_lifetime_seconds = 2
    (short,) = files_of(client.manifest())
    assert client.file(short).status_code == 200
    while (status := client.file(short).status_code) == 200:
        time.sleep(0.02)
    assert status == 403
    client.graph.options.sas_lifetime_seconds = 3600
    assert client.file(files_of(client.manifest())[0]).status_code == 200


def test_an_unknown_file_is_not_found(client: Client) -> None:
    """With a good signature for its folder a name that isn't there is told so."""
    (url,) = files_of(client.manifest())
    response = client.file(url.replace("part-", "party-"))
    assert response.status_code == 404
    assert "<Code>BlobNotFound</Code>" in response.text


def test_a_signature_is_for_one_folder(client: Client) -> None:
    """That of usage opens no file of billing."""
    billing, usage = client.manifest(), client.manifest(type=USAGE)
    (url,) = files_of(billing | {"sasToken": usage["sasToken"]})
    assert client.file(url).status_code == 403


def test_a_file_may_say_that_it_is_zipped(client: Client) -> None:
    """With the switch a client that knows the header unzips it by itself."""
    client.graph.options.content_encoding = True
    (url,) = files_of(client.manifest())
    response = client.file(url)
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.content == text(NEW, BILLING)


def test_a_file_may_be_plain(client: Client) -> None:
    """With the switch the lines come as they are, whatever else is switched."""
    client.graph.options.plain = client.graph.options.content_encoding = True
    (url,) = files_of(client.manifest())
    response = client.file(url)
    assert response.content == text(NEW, BILLING)
    assert "Content-Encoding" not in response.headers


def test_a_switch_changes_the_bytes_and_the_etag(client: Client) -> None:
    """Members, marks and line ends are of the same data set, but other bytes."""
    (url,) = files_of(client.manifest())
    before = client.file(url)
    options = client.graph.options
    options.members, options.byte_order_mark, options.carriage_returns = 3, True, True
    options.blank_lines, options.final_newline = True, False
    after = client.file(url)
    assert before.headers["ETag"] != after.headers["ETag"]
    rows = text(NEW, BILLING).split(b"\n")[:-1]
    assert gzip.decompress(after.content) == b"\xef\xbb\xbf" + b"\r\n\r\n".join(rows)


def test_a_file_may_be_broken_so_that_only_a_reader_can_tell(client: Client) -> None:
    """A wrong checksum, an early end, garbage behind the end, or half a line in the middle."""
    (url,) = files_of(client.manifest())
    good = client.file(url).content
    add = client.graph.files.faults.add
    add(file_faults.corrupt_gzip())
    with pytest.raises(gzip.BadGzipFile, match="CRC"):
        gzip.decompress(client.file(url).content)
    add(faults.broken_body())
    with pytest.raises(EOFError):
        gzip.decompress(client.file(url).content)
    add(file_faults.trailing_garbage())
    assert client.file(url).content == good + b"\0garbage"
    add(file_faults.broken_line())
    rows = gzip.decompress(client.file(url).content).split(b"\n")
    assert [row for row in rows if row and not is_json(row)] == [rows[225]]
    assert client.file(url).content == good


def is_json(row: bytes) -> bool:
    try:
        json.loads(row)
    except ValueError:
        return False
    return True


def test_a_file_may_come_slowly(client: Client) -> None:
    """One that trickles in is whole in the end."""
    (url,) = files_of(client.manifest())
    client.graph.files.faults.add(faults.trickle(0.05, pieces=5))
    assert gzip.decompress(client.file(url).content) == text(NEW, BILLING)


def test_large_texts_come_where_the_invoice_has_them(client: Client) -> None:
    """One row in a period is longer than 64 KB."""
    large = new_commerce("G000000009", DAY, billing=1, usage=400, large_tags=True)
    client.graph.invoices[large.id] = large
    rows = client.rows(large.id, USAGE).split(b"\n")
    assert sum(len(row) > 64 << 10 for row in rows) == 2


# --- what tests see of it (item 16), and how it runs ----------------------------------------------


def test_every_request_is_recorded_with_its_body(client: Client) -> None:
    """Who sent what to which host can be proven, and the body that was sent."""
    client.rows()
    post, get = client.graph.requests
    (download,) = client.graph.files.requests
    assert json.loads(post.body) == {"invoiceId": NEW.id, "attributeSet": "full"}
    assert (post.status, get.status, download.status) == (202, 200, 200)
    assert post.headers["authorization"] == get.headers["authorization"] == "Bearer a-token"
    assert "authorization" not in download.headers
    assert not any("sig=" in request.path_and_query for request in client.graph.requests)


def test_ids_of_a_request_come_back(client: Client) -> None:
    """A client's own id is echoed, another one is added."""
    sent = HEADERS | {"client-request-id": "request-1"}
    received = client.send("GET", client.start(), headers=sent).headers
    assert received["client-request-id"] == "request-1"
    assert re.fullmatch(GUID, received["request-id"])


def test_answers_may_take_their_time(client: Client) -> None:
    """With a latency no answer of either service comes sooner."""
    client.graph.options.latency_seconds = 0.02
    client.rows()
    for request in (*client.graph.requests, *client.graph.files.requests):
        assert request.ended is not None
        assert request.ended - request.started >= 0.02


def test_files_may_be_written_ahead(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was prepared is not written again when it is asked for."""
    client.graph.prepare(NEW.id, BILLING)
    client.graph.prepare("G999999999", BILLING)
    monkeypatch.setattr("local.simulated.files.write_file", None)
    assert client.rows(NEW.id) == text(NEW, BILLING)


def test_options_may_be_replaced(client: Client) -> None:
    """The host of the files follows the options that Graph has."""
    client.graph.options = GraphOptions(plain=True, files=2)
    first, _ = files_of(client.manifest())
    assert client.file(first).content.startswith(b"{")


def test_it_knows_the_invoices_of_partner_center(
    client: Client, partner_center: SimulatedPartnerCenter
) -> None:
    """What is put there is exported at once."""
    invoice = new_commerce("G000000010", DAY, billing=2, usage=1)
    assert client.export(invoice.id)["status"] == "failed"
    partner_center.put(invoice)
    assert client.rows(invoice.id) == text(invoice, BILLING)


def test_it_can_go_away_and_come_back(client: Client) -> None:
    """Both hosts stop together; started again, operations and files are where they were."""
    graph = client.graph
    location = client.start()
    (url,) = files_of(client.look(location)["resourceLocation"])
    port = int(graph.url.rpartition(":")[2])
    graph.stop()
    for gone in (location, url):
        with pytest.raises(requests.ConnectionError):
            client.file(gone)
    graph.start(port)
    assert files_of(client.look(location)["resourceLocation"]) == [url]
    assert client.file(url).status_code == 200


# --- v1 beside it (item 15) -----------------------------------------------------------------------

V1_LINES = "/lineitems?provider=onetime&invoicelineitemtype=billinglineitems"
MARCH = new_commerce("G000000011", date(2025, 4, 8), billing=2, usage=1)
APRIL = new_commerce("G000000012", date(2025, 5, 8), billing=2, usage=1)


@pytest.mark.parametrize(
    ("switch", "status", "lines"),
    [("lines", 200, 2), ("empty", 200, 0), ("error", 400, None), ("404", 404, None)],
)
def test_v1_may_give_no_lines_of_newer_new_commerce(
    switch: Any, status: int, lines: int | None
) -> None:
    """From April 2025 on it gives lines, none, or an error; older and legacy ones it gives."""
    legacy_one = replace(OLD, invoice_date=APRIL.invoice_date)
    with SimulatedPartnerCenter([MARCH, APRIL, legacy_one]) as partner_center:
        partner_center.options.new_commerce_lines = switch

        def answer(uri: str) -> tuple[int, int | None]:
            url = f"{partner_center.url}/v1/invoices/{uri}"
            response = requests.get(url, headers=HEADERS, timeout=10)
            return response.status_code, response.json().get("totalCount")

        for prefix in ("", "OneTime-"):
            assert answer(f"{prefix}{APRIL.id}{V1_LINES}") == (status, lines)
        assert answer(f"{APRIL.id}/lineitems/OneTime/BillingLineItems") == (status, lines)
        assert answer(f"{MARCH.id}{V1_LINES}") == (200, 2)
        assert answer(f"{OLD.id}/lineitems/Office/BillingLineItems") == (200, 5)
