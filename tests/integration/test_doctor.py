"""`make doctor` against the simulated services: what it tells, what it advises, what it never shows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ResourceNotFoundError

from local.azurite import KEY
from local.doctor import __main__ as doctor
from local.doctor import examination, exports
from local.doctor.examination import Check
from local.doctor.failures import REPORT
from local.doctor.report import Finding, well
from local.doctor.shapes import call_path, columns, directory_path, word
from local.doctor.subject import Subject
from local.doctor.tokens import graph_token, partner_center_token
from local.simulated import (
    SimulatedEntraId,
    SimulatedGraph,
    SimulatedManagedIdentity,
    SimulatedPartnerCenter,
    faults,
)
from local.simulated.exports import export_lines
from local.simulated.graph_errors import failing, unauthorized
from local.simulated.invoices import current_world, invoice_json
from local.simulated.lines import pieces
from local.simulated.model import BILLING, OFFICE, Invoice
from shared.api.graph import PERMISSION
from shared.settings import Settings
from shared.storage.accounts import LINE_ITEMS_QUEUE, invoices_container, line_items_queue

_ROOT = Path(__file__).parents[2]
_NEWEST = "G098765432"  # of the current world's new-commerce invoices


@dataclass
class Surroundings:
    """The services around the doctor; a case changes them, or the settings, before it is called."""

    environment: dict[str, str]
    partner_center: SimulatedPartnerCenter
    graph: SimulatedGraph


@dataclass
class Told:
    """What the doctor has printed, and its exit code."""

    code: int
    text: str

    def of(self, check: str) -> list[str]:
        """Give the lines of a check, without its name."""
        lines = [line for line in self.text.splitlines() if line.startswith(f"{check} ")]
        return [line.removeprefix(check).strip() for line in lines]

    def verdict(self, check: str) -> str:
        """Give how a check ended: the last verdict that it has."""
        found = re.findall(rf"^{re.escape(check)} +(ok|FAILED|-) ", self.text, re.M)
        assert found, self.text
        return str(found[-1])

    @property
    def advice(self) -> str:
        """Give what has to be done."""
        return self.text.partition("What has to be done:")[2]


@pytest.fixture
def around(
    graph_environment: dict[str, str],
    partner_center: SimulatedPartnerCenter,
    graph: SimulatedGraph,
) -> Iterator[Surroundings]:
    """The current world's invoices, a container, and no queues: other tests leave theirs behind."""
    partner_center.invoices.clear()
    for invoice in current_world():
        partner_center.put(invoice)
    settings = Settings.from_environment(graph_environment)
    for name in (LINE_ITEMS_QUEUE, f"{LINE_ITEMS_QUEUE}-poison"):
        with suppress(ResourceNotFoundError):
            line_items_queue(settings, name).delete_queue()
    container = invoices_container(settings)
    container.create_container()
    yield Surroundings(dict(graph_environment), partner_center, graph)
    container.delete_container()


@pytest.fixture
def call(
    around: Surroundings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> Callable[[], Told]:
    """Calls the doctor with the settings as they are by then, in a folder without local.settings.json."""

    def call() -> Told:
        monkeypatch.chdir(tmp_path)
        for name, value in around.environment.items():
            monkeypatch.setenv(name, value)
        code = doctor.main()
        out, error = capfd.readouterr()
        assert not error
        return Told(code, out)

    return call


# --- all is well ----------------------------------------------------------------------------------


def test_all_well_has_exit_code_0_and_nothing_failed(call: Callable[[], Told]) -> None:
    """With good settings and permissions each check ends well."""
    told = call()
    assert told.code == 0, told.text
    assert [told.verdict(check.name) for check in examination.CHECKS] == ["ok"] * 8
    assert "FAILED" not in told.text
    assert told.text.endswith("\nAll that was asked is well.\n")


def test_tokens_that_are_opaque_are_told_as_such(call: Callable[[], Told]) -> None:
    """A token of the simulated Entra ID is got, and says nothing of its roles."""
    told = call()
    for check in ("Partner Center token", "Graph token"):
        [line] = told.of(check)
        assert re.fullmatch(r"ok +got one, 3[56]\d\d s to live; it is opaque .*", line)


def test_the_list_is_told_by_numbers(call: Callable[[], Told]) -> None:
    """The invoices are counted by kind, with the newest one's month and the paging that was seen."""
    first, *details = call().of("invoice list")
    assert first.endswith("8 invoices, 1 of them amendments")
    assert details == [
        "by first letter: D 1, G 7",
        "newest: 2026-11",
        "paging: answers 1; next link no, continuation token no, totalCount is what was listed yes",
    ]


def test_a_list_in_pages_is_told_as_such(around: Surroundings, call: Callable[[], Told]) -> None:
    """Where the list has a next link, that is told."""
    for number in range(3):
        around.partner_center.put(_legacy(f"D05600220{number}"))
    around.partner_center.options.default_list_page = 2
    assert "paging: answers 3; next link yes" in "\n".join(call().of("invoice list"))


def test_a_failure_that_passes_is_no_failure(
    around: Surroundings, call: Callable[[], Told]
) -> None:
    """A server error that the next attempt does not have counts neither as failure nor as a page."""
    around.partner_center.faults.add(faults.server_error(), match="/invoices")
    told = call()
    assert told.code == 0
    assert told.of("invoice list")[-1].startswith("paging: answers 1; ")


def test_the_form_of_v1s_lines_is_told(around: Surroundings, call: Callable[[], Told]) -> None:
    """One line of the newest legacy invoice is asked for, and its keys are told by type."""
    told = call().of("v1 lines")
    assert told[0].endswith("1 line of office/billing_line_items was asked for, 1 came")
    assert "number: mpnId, tier2MpnId, unitPrice, quantity, amount" in "\n".join(told)
    [asked] = around.partner_center.requests.matching("lineitems")
    assert asked.query == "size=1&offset=0"


def test_the_form_of_an_export_is_told(around: Surroundings, call: Callable[[], Told]) -> None:
    """Location, status, looks, the manifest's form and keys, files and the SAS's life are told."""
    told = call().of("Graph export")
    assert told == [
        "POST: status 202, Retry-After none",
        "Location: host of GRAPH_URL yes, path /v1.0/reports/partners/billing/operations/{id}",
        "looks: 1 in 0 s; statuses: succeeded; Retry-After while it runs: not seen",
        "ok      it is ready; files: 1",
        "manifest: inline",
        "keys: id, createdDateTime, schemaVersion, dataFormat, partitionType, eTag, partnerTenantId, "
        "rootDirectory, sasToken, blobCount, blobs",
        "schemaVersion 2, dataFormat compressedJSON, partitionType default",
        "files: 1, blobCount equal yes, eTag yes, names end in .json.gz",
        "files' directory: on https://*.blob.core.windows.net no, path /billedreconfastpath/v1/"
        "PartnerTenantId={id}/BillingMonth={id}/InvoiceId={id}/InvoiceVersion={id}/Fragment=full/"
        "PartitionType=default",
        "SAS: 60 minutes to live, sr=d, sp=rl, parameters skoid, sktid, skt, ske, sks, skv, sv, se, sr, "
        "sp, sdd, sig",
    ]
    [asked] = [r for r in around.graph.requests if r.method == "POST"]
    assert json.loads(asked.body)["invoiceId"] == _NEWEST


@pytest.mark.parametrize(
    ("place", "form"), [("navigation_link", "a navigation link"), ("string", "a string")]
)
def test_a_manifest_elsewhere_is_told_as_such(
    around: Surroundings, call: Callable[[], Told], place: Any, form: str
) -> None:
    """Where the manifest is behind a link, in either form, that is told, and the manifest is read."""
    around.graph.options.manifest_in = place
    told = call().of("Graph export")
    assert f"manifest: behind {form}" in told
    assert "files: 1, blobCount equal yes, eTag yes, names end in .json.gz" in told


def test_looks_in_vain_are_counted(around: Surroundings, call: Callable[[], Told]) -> None:
    """An export that takes a while is looked at as Retry-After says, and the looks are told."""
    around.graph.options.looks_until_ready = 2
    around.graph.options.retry_after = 0
    told = call()
    assert told.code == 0
    [looks] = [line for line in told.of("Graph export") if line.startswith("looks: 3 in ")]
    assert looks.endswith("statuses: notStarted, running, succeeded; Retry-After while it runs: 0")


def test_the_beginning_of_a_file_is_told(call: Callable[[], Told]) -> None:
    """Headers, first bytes, line ends and the columns with their types are told."""
    told = call().of("export's file")
    assert told[0] == "status: 200"
    assert re.fullmatch(
        "Content-Encoding none, Content-Type application/octet-stream, Content-Length [0-9]+, "
        "Accept-Ranges bytes, ETag yes",
        told[1],
    )
    assert told[2:5] == [
        "first bytes: 1f 8b 08",
        "byte order mark no, lines end in LF, the last line has an end yes",
        "ok      rows that were looked at: 12, blank lines: 0",
    ]
    assert "text 9999-99-99T99:99:99.9999999Z: OrderDate" in told


def test_container_and_queue_are_told(around: Surroundings, call: Callable[[], Told]) -> None:
    """A blob is written and deleted again; messages are counted, and none is sent or taken."""
    queue = line_items_queue(Settings.from_environment(around.environment))
    queue.create_queue()
    queue.send_message("not understood")
    told = call()
    assert told.of("container") == [
        "signs in with a connection string with a key",
        "ok      it is there and can be listed",
        "ok      can be written: a small blob was written and deleted again",
    ]
    assert "ok      invoice-line-items: messages 1" in told.of("queue")
    container = invoices_container(Settings.from_environment(around.environment))
    assert list(container.list_blob_names()) == []


def test_local_settings_are_read_where_the_environment_has_none(
    around: Surroundings, tmp_path: Path
) -> None:
    """The process takes its settings from local.settings.json, and its output is all there is."""
    (tmp_path / "local.settings.json").write_text(json.dumps({"Values": around.environment}))
    done = subprocess.run(
        [sys.executable, "-m", "local.doctor"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert Told(0, done.stdout).verdict("Graph export") == "ok"


def test_a_settings_file_that_is_no_json_is_told(call: Callable[[], Told], tmp_path: Path) -> None:
    """A broken local.settings.json is a failure, and nothing is asked."""
    (tmp_path / "local.settings.json").write_text("{")
    told = call()
    assert told.code == 1
    assert told.of("settings") == ["FAILED  local.settings.json is no JSON object"]


# --- what fails -----------------------------------------------------------------------------------


def _missing_settings(around: Surroundings) -> None:
    around.environment |= {"PARTNER_CENTER_TENANT_ID": "", "GRAPH_URL": "http://graph.example"}


def _wrong_secret(around: Surroundings) -> None:
    around.environment["PARTNER_CENTER_CLIENT_SECRET"] = "another-secret"


def _graph_takes_no_token(around: Surroundings) -> None:
    around.graph.faults.add(unauthorized(), times=None)


def _no_permission(around: Surroundings) -> None:
    around.graph.options.permitted = False


def _partner_center_is_down(around: Surroundings) -> None:
    around.partner_center.stop()


def _partner_center_refuses(around: Surroundings) -> None:
    body = f'{{"code": "900421", "description": "tenant {around.environment["PARTNER_CENTER_TENANT_ID"]}"}}'
    around.partner_center.faults.add(faults.status(403, body), times=None)


def _no_new_commerce(around: Surroundings) -> None:
    for invoice in current_world():
        if invoice.id.startswith("G"):
            del around.partner_center.invoices[invoice.id]


def _no_invoices(around: Surroundings) -> None:
    around.partner_center.invoices.clear()


def _long_export(around: Surroundings) -> None:
    around.graph.options.looks_until_ready = 1_000


def _no_data(around: Surroundings) -> None:
    around.graph.options.unpublished.add((_NEWEST, BILLING))


def _foreign_location(around: Surroundings) -> None:
    around.graph.options.location = "foreign"


def _wrong_count(around: Surroundings) -> None:
    around.graph.options.blob_count_off_by = 1


def _graph_throttles(around: Surroundings) -> None:
    headers = {"Retry-After": "57"}
    around.graph.faults.add(failing(429, "TooManyRequests", headers=headers), times=None)


def _file_is_refused(around: Surroundings) -> None:
    headers = {"x-ms-error-code": "AuthenticationFailed"}
    around.graph.files.faults.add(faults.status(403, headers=headers), times=None)


def _file_is_html(around: Surroundings) -> None:
    around.graph.files.faults.add(faults.status(200, "<html>\n</html>\n"), times=None)


def _wrong_key(around: Surroundings) -> None:
    wrong = KEY.replace("Eby8", "Fby8")
    connection = around.environment["AzureWebJobsStorage"].replace(KEY, wrong)
    around.environment["AzureWebJobsStorage"] = connection


def _storage_is_down(around: Surroundings) -> None:
    connection = around.environment["AzureWebJobsStorage"]
    around.environment["AzureWebJobsStorage"] = re.sub(r"(127\.0\.0\.1):\d+", r"\1:1", connection)


_FAILING = [
    *(
        _missing_settings,
        _wrong_secret,
        _graph_takes_no_token,
        _no_permission,
        _partner_center_is_down,
    ),
    *(_partner_center_refuses, _no_invoices, _no_data, _foreign_location, _wrong_count),
    *(_graph_throttles, _file_is_refused, _file_is_html, _wrong_key, _storage_is_down),
]
_HARMLESS = [_no_new_commerce, _long_export]


def _nothing(_around: Surroundings) -> None:
    pass


@pytest.mark.parametrize("change", _FAILING)
def test_every_failure_is_told_with_what_to_do(
    around: Surroundings, call: Callable[[], Told], change: Callable[[Surroundings], None]
) -> None:
    """Each failure has exit code 1, a line that says FAILED, and an advice that names who acts."""
    change(around)
    told = call()
    assert told.code == 1
    assert "FAILED" in told.text
    assert re.search(r"^  1\. (Whoever|An? [a-z ]*(owner|administrator))", told.advice, re.M | re.I)


def test_all_wrong_settings_are_told(around: Surroundings, call: Callable[[], Told]) -> None:
    """Each setting that is missing or wrong has a line, and nothing else is asked."""
    _missing_settings(around)
    around.environment["INVOICE_SCHEDULE"] = ""
    told = call()
    assert told.of("settings") == [
        "FAILED  PARTNER_CENTER_TENANT_ID: required, but not set",
        "FAILED  GRAPH_URL: expected https (http is accepted for a loopback host only)",
        "FAILED  INVOICE_SCHEDULE: required, but not set",
    ]
    assert told.of("all else") == ["-       not asked: without good settings nothing can be"]


def test_a_wrong_secret_is_told_and_storage_is_still_asked(
    around: Surroundings, call: Callable[[], Told]
) -> None:
    """Entra ID's code is told, what needs a token is not asked, storage is."""
    _wrong_secret(around)
    told = call()
    for check in ("Partner Center token", "Graph token"):
        assert told.of(check) == ["FAILED  refused, code AADSTS7000215"]
    for check in ("invoice list", "v1 lines", "Graph export"):
        assert told.of(check) == ["-       not asked: there is no token"]
    assert told.of("export's file") == ["-       not asked: no export is ready"]
    assert told.verdict("container") == told.verdict("queue") == "ok"
    assert "Its value is needed, not its id." in told.advice


def test_a_missing_permission_is_told_with_who_grants_it(
    around: Surroundings, call: Callable[[], Told]
) -> None:
    """Where Graph refuses, the permission, the consent and who may give it are named."""
    _no_permission(around)
    told = call()
    assert told.of("Graph export") == [
        "POST: status 403, Retry-After none",
        "Location: none",
        "FAILED  refused, status 403, code Authorization_RequestDenied",
    ]
    assert PERMISSION in told.advice
    assert told.verdict("v1 lines") == "ok"


def test_a_token_that_graph_does_not_take_is_told_with_the_setting(
    around: Surroundings, call: Callable[[], Told]
) -> None:
    """401 is not a matter of permissions: the setting is named that the token depends on."""
    _graph_takes_no_token(around)
    told = call()
    assert told.of("Graph export")[-1] == (
        "FAILED  refused, status 401, code InvalidAuthenticationToken"
    )
    assert "GRAPH_URL" in told.advice
    assert PERMISSION not in told.advice


def test_partner_center_that_is_not_there_is_told(
    around: Surroundings, call: Callable[[], Told]
) -> None:
    """Without the list there is nothing to ask of lines and exports; the setting to look at is named."""
    _partner_center_is_down(around)
    told = call()
    assert told.of("invoice list") == ["FAILED  no connection, or no answer in time"]
    for check in ("v1 lines", "Graph export"):
        assert told.of(check) == ["-       not asked: the invoice list is not known"]
    assert "PARTNER_CENTER_URL" in told.advice


def test_partner_center_that_refuses_is_told_with_roles(
    around: Surroundings, call: Callable[[], Told]
) -> None:
    """For 403 the status, the code and the roles are told, the API's own words are not."""
    _partner_center_refuses(around)
    told = call()
    assert told.of("invoice list") == ["FAILED  refused, status 403, code 900421"]
    assert "Admin agent and Billing admin" in told.advice


def test_an_empty_list_is_told(around: Surroundings, call: Callable[[], Told]) -> None:
    """No invoice at all is a failure: mostly it is the wrong tenant."""
    _no_invoices(around)
    told = call()
    assert told.verdict("invoice list") == "FAILED"
    assert told.of("v1 lines") == ["-       not asked: no legacy invoice with lines is listed"]
    assert "PARTNER_CENTER_TENANT_ID" in told.advice


def test_no_new_commerce_invoice_is_no_failure(
    around: Surroundings, call: Callable[[], Told]
) -> None:
    """Without a new-commerce invoice no export is asked for, and that is well."""
    _no_new_commerce(around)
    told = call()
    assert told.code == 0
    assert told.of("Graph export") == ["-       not asked: no new-commerce invoice is listed"]


def test_v1_as_the_only_source_asks_graph_nothing(
    around: Surroundings, call: Callable[[], Told]
) -> None:
    """Where the settings never use Graph, neither a token nor an export is asked for."""
    around.environment["NEW_COMMERCE_SOURCE"] = "v1"
    told = call()
    assert told.code == 0
    assert told.verdict("Graph token") == told.verdict("Graph export") == "-"
    assert len(around.graph.requests) == 0


def test_an_export_that_runs_for_long_is_no_failure(
    around: Surroundings, call: Callable[[], Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked at for a while; that it still runs is told, and its file is not asked for."""
    monkeypatch.setattr(exports, "LOOK_SECONDS", 0)
    _long_export(around)
    told = call()
    assert told.code == 0
    assert "still running after 1 looks, which is no failure" in told.of("Graph export")
    assert told.of("export's file") == ["-       not asked: no export is ready"]


def test_an_export_without_data_is_told_by_its_code(
    around: Surroundings, call: Callable[[], Told]
) -> None:
    """Code 5000 is told with what it may mean."""
    _no_data(around)
    told = call()
    assert told.of("Graph export")[-1] == "FAILED  the export has failed, code 5000"
    assert "no data, or none yet" in told.advice


def test_a_location_elsewhere_is_told_without_a_request(
    around: Surroundings, call: Callable[[], Told]
) -> None:
    """A Location on another host is a failure whose shape is told; no token goes there."""
    _foreign_location(around)
    told = call()
    assert told.of("Graph export")[1:] == [
        "Location: host of GRAPH_URL no, path /v1.0/reports/partners/billing/operations/{id}",
        "FAILED  it sends to an address that is not trusted",
    ]


def test_a_manifest_that_the_app_refuses_is_told_with_its_shape(
    around: Surroundings, call: Callable[[], Told]
) -> None:
    """Where blobCount is wrong the answer counts as broken, and the manifest's shape is told all the same."""
    _wrong_count(around)
    told = call().of("Graph export")
    assert "files: 1, blobCount equal no, eTag yes, names end in .json.gz" in told
    assert told[-1] == "FAILED  the answer is broken, status 200"


def test_throttling_is_told_as_what_passes(around: Surroundings, call: Callable[[], Told]) -> None:
    """429 is told with Retry-After, and the advice is to try later."""
    _graph_throttles(around)
    told = call()
    assert told.of("Graph export")[0] == "POST: status 429, Retry-After 57"
    assert told.of("Graph export")[-1] == "FAILED  throttled, status 429, code TooManyRequests"
    assert "run `make doctor` again in some minutes" in told.advice


def test_a_file_that_is_refused_is_told(around: Surroundings, call: Callable[[], Told]) -> None:
    """The status and the storage's code are told, and what may change requests on their way."""
    _file_is_refused(around)
    told = call()
    assert told.of("export's file")[0] == "status: 403, code AuthenticationFailed"
    assert told.verdict("export's file") == "FAILED"
    assert "*.blob.core.windows.net" in told.advice


def test_a_file_that_has_no_rows_is_told(around: Surroundings, call: Callable[[], Told]) -> None:
    """What is no JSON is a failure that is worth a report."""
    _file_is_html(around)
    told = call()
    assert told.of("export's file")[-1] == "FAILED  a row is no JSON"
    assert REPORT in told.advice


def test_a_wrong_key_is_told_with_the_roles(around: Surroundings, call: Callable[[], Told]) -> None:
    """Where storage refuses, status and code are told, and the role that an identity needs."""
    _wrong_key(around)
    told = call()
    for check in ("container", "queue"):
        assert told.of(check)[-1].startswith("FAILED  refused, status 403, code ")
    assert "Storage Blob Data Contributor" in told.advice
    assert "Storage Queue Data Contributor" in told.advice
    assert told.verdict("Graph export") == "ok"


def test_a_container_and_a_queue_that_are_not_there_are_no_failure(
    around: Surroundings, call: Callable[[], Told]
) -> None:
    """The app creates both; the doctor creates neither."""
    around.environment["INVOICES_CONTAINER"] += "-other"
    told = call()
    assert told.code == 0
    assert told.of("container")[1:] == [
        "ok      reachable; the container is not there yet, the app creates it",
        "-       not asked: writing is tried once the container is there",
    ]
    settings = Settings.from_environment(around.environment)
    assert not invoices_container(settings).exists()
    for line in told.of("queue")[1:]:
        assert line.endswith("reachable, not there yet, it is created when it is needed")
    with pytest.raises(ResourceNotFoundError):
        line_items_queue(settings).get_queue_properties()


def test_an_identity_that_is_not_there_is_told_with_another_way_to_sign_in(
    around: Surroundings, call: Callable[[], Told], entra_id: SimulatedEntraId
) -> None:
    """A managed identity is there only where the app runs: elsewhere the advice is to sign in by `az login`."""
    with SimulatedManagedIdentity(entra_id, client_id="another") as identity:
        around.environment |= identity.environment | {
            "AzureWebJobsStorage": "",
            "AzureWebJobsStorage__blobServiceUri": "https://127.0.0.1:1",
            "AzureWebJobsStorage__queueServiceUri": "https://127.0.0.1:1",
            "AzureWebJobsStorage__credential": "managedidentity",
        }
        told = call()
    for check in ("container", "queue"):
        assert told.of(check)[0] == "signs in with a managed identity"
        assert told.of(check)[-1].startswith("FAILED  no connection, or no identity (")
    assert "`az login`" in told.advice


# --- what is never shown --------------------------------------------------------------------------


@pytest.mark.parametrize("change", [_nothing, *_HARMLESS, *_FAILING])
def test_nothing_that_is_told_is_a_value(
    around: Surroundings,
    call: Callable[[], Told],
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Surroundings], None],
) -> None:
    """No secret, token, signature, id, name, amount or address is in the output, whatever fails."""
    monkeypatch.setattr(exports, "LOOK_SECONDS", 1)
    change(around)
    text = call().text
    assert [value for value in _values(around) if value in text] == []
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-|https?://[^*]|sig=|se=", text)


def _values(around: Surroundings) -> set[str]:
    """What must not be told: of the settings, of all requests so far, of invoices and rows."""
    names = ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")
    values = {around.environment[f"PARTNER_CENTER_{name}"] for name in names}
    values |= {KEY, around.environment["AzureWebJobsStorage"]}
    for request in (*around.partner_center.requests, *around.graph.requests):
        values.add(request.headers["authorization"].removeprefix("Bearer "))
    for request in around.graph.files.requests:
        values |= {request.query, *(pair.partition("=")[2] for pair in request.query.split("&"))}
    for invoice in current_world():
        rows = [*export_lines(invoice, BILLING, 0, 20), invoice_json(invoice).encode()]
        if invoice.detail(OFFICE, BILLING):
            rows += [b"".join(pieces(invoice, OFFICE, BILLING, 0, 1)).strip(b",")]
        values |= {invoice.id, *(value for row in rows for value in _texts(json.loads(row)))}
    # What is short stands in any text, and enumerations are no values.
    common = {"full", "default", "running", *(BILLING, "usage_line_items"), "one_time", "office"}
    return {value for value in values if len(value) >= 6} - common - {"invoice", "Invoice"}


def _texts(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for member in value.values():
                yield from _texts(member)
        case list():
            for member in value:
                yield from _texts(member)
        case str() | float() | int():
            yield str(value)


# --- pieces ---------------------------------------------------------------------------------------


@dataclass
class _Credential:
    claims: dict[str, object]

    def token(self, _scope: str) -> AccessToken:
        return AccessToken(jwt.encode(self.claims, "k" * 32), int(time.time()) + 600)


@pytest.mark.parametrize(
    "roles", [["PartnerBilling.Read.All", "User.Read.All"], ["User.Read.All"], None]
)
def test_a_jwt_tells_whether_the_permission_is_there(
    around: Surroundings, roles: list[str] | None
) -> None:
    """The roles of Graph's token are told, and without the one that is needed who has to grant it."""
    settings = Settings.from_environment(around.environment)
    audience = settings.graph_scope.removesuffix("/.default")
    subject = Subject(settings)
    claims = {"aud": audience, "tid": settings.tenant_id, "appid": settings.client_id}
    subject.credential = _Credential(claims | ({"roles": roles} if roles else {}))  # type: ignore[assignment]
    *told, last = graph_token(subject)
    assert [finding.text for finding in told[1:]] == [
        "audience: 127.0.0.1, as asked for",
        f"roles: {', '.join(roles or ['none'])}",
        "of the tenant of the settings: yes",
    ]
    permitted = "PartnerBilling.Read.All" in (roles or [])
    assert permitted == (last.advice is None)
    assert permitted or PERMISSION in str(last.advice)


def test_a_jwt_of_another_tenant_and_audience_is_told_without_ids(around: Surroundings) -> None:
    """An audience that is an id is not shown, nor is the tenant."""
    subject = Subject(Settings.from_environment(around.environment))
    claims: dict[str, object] = {"aud": around.environment["PARTNER_CENTER_CLIENT_ID"], "tid": "x"}
    subject.credential = _Credential(claims)  # type: ignore[assignment]
    told = "\n".join(finding.text for finding in partner_center_token(subject))
    assert "audience: {id}, another than was asked for" in told
    assert "of the tenant of the settings: no" in told
    assert around.environment["PARTNER_CENTER_CLIENT_ID"] not in told


def test_a_check_that_hangs_or_breaks_stops_no_other(
    around: Surroundings, call: Callable[[], Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes too long is given up, what breaks is told by its type, and the rest goes on."""

    def hangs(_subject: Subject) -> Iterator[Finding]:
        yield well("begun")
        time.sleep(2)

    def breaks(_subject: Subject) -> Iterator[Finding]:
        raise KeyError(around.environment["PARTNER_CENTER_CLIENT_SECRET"])

    def works(_subject: Subject) -> Iterator[Finding]:
        yield well("done")

    checks = [Check("slow", hangs, lambda _: "", 0.1), Check("broken", breaks, lambda _: "")]
    monkeypatch.setattr(examination, "CHECKS", [*checks, Check("good", works, lambda _: "")])
    told = call()
    assert told.of("slow") == ["ok      begun", "FAILED  not done after 0 s"]
    assert told.of("broken") == ["FAILED  an error that the doctor does not know (KeyError)"]
    assert told.of("good") == ["ok      done"]


def test_shapes_have_no_values() -> None:
    """Ids in paths, names that are none and texts come out as their shape."""
    assert call_path("/v1.0/reports/G098765432/operations('x')") == "/v1.0/reports/{id}/{id}"
    assert (
        directory_path("/box/v1/contoso/A=G0987/Fragment=full")
        == "/box/v1/{id}/A={id}/Fragment=full"
    )
    assert word("G098765432") == word("Nordlicht Möbel") == word(None) == "{not shown}"
    rows: list[dict[str, Any]] = [
        {"a": 1, "b": "2026-11-08T00:00:00Z", "c": [1]},
        {"a": None, "b": "2026-12-08T01:02:03Z", "c": [], "d": {}, "e": True},
    ]
    assert columns(rows) == {
        "null or number": ["a"],
        "text 9999-99-99T99:99:99Z": ["b"],
        "array": ["c"],
        "object": ["d"],
        "boolean": ["e"],
    }


def _legacy(invoice_id: str) -> Invoice:
    return replace(current_world()[0], id=invoice_id)
