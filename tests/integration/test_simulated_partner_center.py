"""The simulated Partner Center does what is known of the real one, over real sockets."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from local.simulated import SimulatedEntraId, SimulatedPartnerCenter, faults
from local.simulated.invoices import legacy, new_commerce, voided
from local.simulated.lines import jsonl, lines
from local.simulated.model import BILLING, OFFICE, ONE_TIME, USAGE, Invoice

DAY = date(2024, 2, 8)
OLD = legacy("D000000001", DAY, office=25, azure=20, usage=0)
NEW = new_commerce("G000000001", DAY, billing=25, usage=7)
WORLD = [
    OLD,
    NEW,
    *(legacy(f"D00000000{n}", DAY, office=1, azure=1, usage=1) for n in (2, 3)),
    voided(new_commerce("G000000002", DAY, billing=2, usage=1)),
]
BILLING_BY_TOKEN = (
    "/invoices/G000000001/lineitems?provider=onetime&invoicelineitemtype=billinglineitems"
)
USAGE_BY_TOKEN = (
    "/invoices/G000000001/lineitems?provider=onetime&invoicelineitemtype=usagelineitems"
)
BY_PATH = "/invoices/D000000001/lineitems/Office/BillingLineItems"
TOKEN_HEADER = "MS-ContinuationToken"

Get = Callable[..., requests.Response]


@pytest.fixture
def partner_center() -> Iterator[SimulatedPartnerCenter]:
    with SimulatedPartnerCenter(WORLD) as running:
        yield running


@pytest.fixture
def get(partner_center: SimulatedPartnerCenter) -> Iterator[Get]:
    with requests.Session() as session:
        session.headers["Authorization"] = "Bearer a-token"

        def get(uri: str, **arguments: Any) -> requests.Response:
            arguments = {"timeout": 10, "allow_redirects": False} | arguments
            return session.get(f"{partner_center.url}/v1{uri}", **arguments)

        yield get


def ids(response: requests.Response) -> list[str]:
    return [item["id"] for item in response.json()["items"]]


def expected(invoice: Invoice, provider: str, type: str) -> list[Any]:
    return [json.loads(text) for text in jsonl(invoice, provider, type)]


def next_token(page: Any) -> str | None:
    """The token of a page, wherever it is."""
    headers = page["links"].get("next", {}).get("headers", [])
    in_link = {header["key"]: header["value"] for header in headers}
    return page.get("continuationToken") or in_link.get(TOKEN_HEADER)


def pages_by_token(get: Get, uri: str, limit: int = 20) -> list[Any]:
    """All pages, but not more than `limit`."""
    pages = [get(uri).json()]
    while (token := next_token(pages[-1])) and len(pages) < limit:
        pages.append(get(f"{uri}&seekOperation=Next", headers={TOKEN_HEADER: token}).json())
    return pages


def items_of(pages: list[Any]) -> list[Any]:
    return [item for page in pages for item in page["items"]]


# --- the list -------------------------------------------------------------------------------------


def test_the_list_is_whole_and_has_no_next_link(get: Get) -> None:
    """Without size all invoices come at once; the only link is the list's own."""
    page = get("/invoices").json()
    assert page["totalCount"] == len(page["items"]) == 5
    assert page["links"] == {"self": {"uri": "/invoices", "method": "GET", "headers": []}}
    assert page["attributes"] == {"objectType": "Collection"}
    assert page["items"][0]["links"]["self"]["uri"] == "/invoices/Recurring-D000000001"


def test_the_list_pages_legacy_invoices_only(get: Get) -> None:
    """Size and offset count legacy invoices; the new ones are on every page."""
    first = get("/invoices?size=2&offset=0")
    assert ids(first) == ["D000000001", "G000000001", "D000000002", "G000000002"]
    assert first.json()["totalCount"] == 4
    assert first.json()["links"]["self"]["uri"] == "/invoices?size=2&offset=0"
    last = get(first.json()["links"]["next"]["uri"])
    assert ids(last) == ["G000000001", "D000000003", "G000000002"]
    assert "next" not in last.json()["links"]


def test_the_list_may_page_without_being_asked(
    get: Get, partner_center: SimulatedPartnerCenter
) -> None:
    """With a default page size a request without one gets a page and a next link."""
    partner_center.options.default_list_page = 1
    page = get("/invoices")
    assert ids(page) == ["D000000001", "G000000001", "G000000002"]
    assert page.json()["links"]["next"]["uri"] == "/invoices?size=1&offset=1"


def test_the_list_may_ignore_size(get: Get, partner_center: SimulatedPartnerCenter) -> None:
    """The whole list may come whatever size is asked for."""
    partner_center.options.whole_list = True
    page = get("/invoices?size=1")
    assert len(ids(page)) == 5
    assert "next" not in page.json()["links"]


def test_the_list_may_ignore_size_and_still_give_a_next_link(
    get: Get, partner_center: SimulatedPartnerCenter
) -> None:
    """Who follows the next link gets the same list again, and a next link again."""
    partner_center.options.ignore_list_paging = True
    first = get("/invoices?size=2").json()
    second = get(first["links"]["next"]["uri"]).json()
    assert len(first["items"]) == 5
    assert first["items"] == second["items"]
    assert "next" in second["links"]


# --- an invoice by id -----------------------------------------------------------------------------


def test_by_id_refuses_app_only_callers(get: Get) -> None:
    """An application-only token isn't enough for an invoice by its id."""
    response = get("/invoices/D000000001")
    assert response.status_code == 403
    assert response.json() == {
        "code": "900329",
        "description": "This resource doesn't support application-only authentication.",
        "data": [],
        "source": "PartnerFD",
    }


@pytest.mark.parametrize("id", ["D000000001", "Recurring-D000000001"])
def test_by_id_answers_where_it_is_allowed(
    get: Get, partner_center: SimulatedPartnerCenter, id: str
) -> None:
    """With by-id allowed, the bare and the prefixed id give the invoice as the list has it."""
    partner_center.options.by_id_allowed = True
    assert get(f"/invoices/{id}").json() == get("/invoices").json()["items"][0]


@pytest.mark.parametrize("id", ["D000000009", "OneTime-D000000001", "G000000001"])
def test_by_id_does_not_know_every_invoice(
    get: Get, partner_center: SimulatedPartnerCenter, id: str
) -> None:
    """An unknown id, a wrong prefix and an id that only the list knows are 404 with code 1000."""
    partner_center.options.by_id_allowed = True
    partner_center.options.by_id_unknown = frozenset({"G000000001"})
    response = get(f"/invoices/{id}")
    assert (response.status_code, response.json()["code"]) == (404, "1000")


@pytest.mark.parametrize(
    "uri", ["/invoices/G999999999/lineitems/OneTime/BillingLineItems", "/customers", "/invoices/"]
)
def test_what_is_not_there_is_not_found(get: Get, uri: str) -> None:
    """Unknown invoices and paths are 404 the documented way."""
    response = get(uri)
    assert (response.status_code, response.json()["code"]) == (404, "1000")


# --- lines by offset ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "uri",
    [
        "/invoices/D000000001/lineitems?provider=office&invoicelineitemtype=billinglineitems",
        "/invoices/Recurring-D000000001/lineitems?PROVIDER=Office&InvoiceLineItemType=BillingLineItems",
        BY_PATH,
        "/invoices/Recurring-D000000001/lineitems/oFFice/billingLINEitems",
    ],
)
def test_names_may_be_in_any_case_and_either_form(get: Get, uri: str) -> None:
    """The query and the path form, bare and prefixed ids, any case: all are the same lines."""
    assert get(uri).json()["items"] == expected(OLD, OFFICE, BILLING)


@pytest.mark.parametrize(
    "uri",
    [
        "/invoices/G000000001/lineitems?provider=one_time&invoicelineitemtype=billinglineitems",
        "/invoices/G000000001/lineitems?provider=onetime&invoicelineitemtype=billing_line_items",
        "/invoices/G000000001/lineitems/one_time/BillingLineItems",
        "/invoices/G000000001/lineitems?provider=onetime",
        f"{BILLING_BY_TOKEN}&size=2?seekOperation=Next",
    ],
)
def test_values_that_are_not_understood_are_an_invalid_request(get: Get, uri: str) -> None:
    """Underscores, absent names and a second question mark are refused without a code."""
    response = get(uri)
    assert response.status_code == 400
    assert response.text == '{"message": "The request is invalid."}'


def test_a_pair_that_is_not_on_the_invoice_is_refused(get: Get) -> None:
    """Lines of a kind that the invoice doesn't have are an error, not an empty page."""
    response = get("/invoices/D000000001/lineitems/OneTime/BillingLineItems")
    assert response.status_code == 400
    assert response.json()["description"] == "Invoice Line Item type is not valid."


@pytest.mark.parametrize("paging", ["size=0", "size=-1", "offset=-1", "size=two"])
def test_impossible_sizes_and_offsets_are_refused(get: Get, paging: str) -> None:
    """A page has at least one line, and none begins before the first."""
    assert get(f"{BY_PATH}?{paging}").status_code == 400


def test_next_links_lead_to_every_line(get: Get) -> None:
    """The pages of 10 are 10, 10 and 5 lines; each counts its own, the last has no next link."""
    uri, pages = f"{BY_PATH}?size=10", []
    while uri:
        pages.append(get(uri).json())
        uri = pages[-1]["links"].get("next", {}).get("uri")
    assert [page["totalCount"] for page in pages] == [10, 10, 5]
    assert items_of(pages) == expected(OLD, OFFICE, BILLING)


def test_the_service_spells_links_its_own_way(get: Get) -> None:
    """Links are in the query form, with the service's casing and defaults, and without /v1."""
    page = get("/invoices/D000000001/lineitems/azure/usagelineitems").json()
    assert page["links"]["self"]["uri"] == (
        "/invoices/D000000001/lineitems?provider=Azure&invoicelineitemtype=UsageLineItems"
        "&size=2000&offset=0"
    )


def test_a_full_last_page_is_the_last(get: Get) -> None:
    """20 lines are two pages of 10, and beyond them is an empty page."""
    uri = "/invoices/D000000001/lineitems/Azure/BillingLineItems?size=10&offset="
    assert "next" not in get(f"{uri}10").json()["links"]
    beyond = get(f"{uri}20").json()
    assert (beyond["items"], beyond["totalCount"], list(beyond["links"])) == ([], 0, ["self"])


@pytest.mark.parametrize("paging", ["", "?size=1000"])
def test_pages_have_a_greatest_size(
    get: Get, partner_center: SimulatedPartnerCenter, paging: str
) -> None:
    """No size is the greatest size, and a greater one is cut down to it."""
    partner_center.options.max_page_size = 8
    page = get(BY_PATH + paging).json()
    assert len(page["items"]) == 8
    assert "&size=8&" in page["links"]["self"]["uri"]


def test_the_greatest_page_is_2000_lines(get: Get, partner_center: SimulatedPartnerCenter) -> None:
    """Without a switch the default and maximum page is 2000 lines, byte by byte as predicted."""
    big = legacy("D000000008", DAY, office=2001, azure=0, usage=0)
    partner_center.put(big)
    body = get("/invoices/D000000008/lineitems/Office/BillingLineItems?size=5000").content
    assert b",".join(lines(big, OFFICE, BILLING, 0, 2000)) + b"]" in body


def test_the_count_may_be_of_the_whole(get: Get, partner_center: SimulatedPartnerCenter) -> None:
    """With the switch, totalCount is what there is and not what the page has."""
    partner_center.options.total_count = "whole"
    assert get(f"{BY_PATH}?size=10").json()["totalCount"] == 25


def test_next_links_may_be_missing(get: Get, partner_center: SimulatedPartnerCenter) -> None:
    """With the switch, nothing but a full page tells that there is more."""
    partner_center.options.next_links = "none"
    page = get(f"{BY_PATH}?size=10").json()
    assert (len(page["items"]), list(page["links"])) == (10, ["self"])


def test_next_links_may_be_malformed(get: Get, partner_center: SimulatedPartnerCenter) -> None:
    """As in the documentation's samples, a name lacks its first letter and the offset its value."""
    partner_center.options.next_links = "malformed"
    uri = get(f"{BY_PATH}?size=10").json()["links"]["next"]["uri"]
    assert uri.endswith("?provider=Office&nvoicelineitemtype=BillingLineItems&size=10&offset=")
    assert get(uri).status_code == 400


def test_an_empty_offset_is_the_first_page(get: Get) -> None:
    """Who sends the empty offset of a malformed link back gets the first page again."""
    assert get(f"{BY_PATH}?size=10&offset=").json() == get(f"{BY_PATH}?size=10").json()


def test_the_lines_of_a_correction_are_under_its_own_id(get: Get) -> None:
    """An amendment isn't in the list, but its lines can be had."""
    (note,) = WORLD[-1].amendments
    assert note.id not in ids(get("/invoices"))
    uri = f"/invoices/{note.id}/lineitems?provider=onetime&invoicelineitemtype=billinglineitems"
    assert get(uri).json()["items"] == expected(note, ONE_TIME, BILLING)


# --- lines by token -------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["both", "top", "next"])
def test_tokens_lead_to_every_line(
    get: Get, partner_center: SimulatedPartnerCenter, where: Any
) -> None:
    """The token may be in either place or both; the last page has none, and only its own link."""
    partner_center.options.token_in = where
    pages = pages_by_token(get, f"{BILLING_BY_TOKEN}&size=10")
    assert [page["totalCount"] for page in pages] == [10, 10, 5]
    assert items_of(pages) == expected(NEW, ONE_TIME, BILLING)
    assert ["continuationToken" in page for page in pages] == [where != "next"] * 2 + [False]
    assert [len(page["links"]["next"]["headers"]) for page in pages[:2]] == [where != "top"] * 2
    assert list(pages[-1]["links"]) == ["self"]


def test_a_token_is_opaque_and_odd(get: Get) -> None:
    """A token has the characters that must not be lost on the way back."""
    token = get(f"{BILLING_BY_TOKEN}&size=10").json()["continuationToken"]
    assert set(",/=_") <= set(token)


def test_the_next_link_of_a_token_repeats_itself(get: Get) -> None:
    """From page to page the next link's address is the same: only the token moves on."""
    pages = pages_by_token(get, f"{BILLING_BY_TOKEN}&size=10")
    first, second = (page["links"]["next"] for page in pages[:2])
    assert first["uri"] == second["uri"]
    assert first["uri"].endswith("BillingLineItems&size=10&seekOperation=Next")
    assert first["headers"] != second["headers"]


def test_the_names_of_seeking_may_be_in_any_case(get: Get) -> None:
    """The samples write seekoperation=next: that works as well."""
    token = get(f"{BILLING_BY_TOKEN}&size=20").json()["continuationToken"]
    page = get(
        f"{BILLING_BY_TOKEN}&size=20&seekoperation=next", headers={TOKEN_HEADER.upper(): token}
    )
    assert len(page.json()["items"]) == 5


def test_a_token_without_seeking_is_ignored(get: Get) -> None:
    """The header alone gives the first page again."""
    first = get(f"{BILLING_BY_TOKEN}&size=10").json()
    again = get(
        f"{BILLING_BY_TOKEN}&size=10", headers={TOKEN_HEADER: first["continuationToken"]}
    ).json()
    assert again == first


@pytest.mark.parametrize(
    ("uri", "header"),
    [
        (f"{BILLING_BY_TOKEN}&seekOperation=Next&continuationToken={{token}}", ""),
        (f"{BILLING_BY_TOKEN}&seekOperation=Next", "{token}x"),
        (f"{BILLING_BY_TOKEN}&seekOperation=Previous", "{token}"),
        (f"{USAGE_BY_TOKEN}&currencycode=usd&seekOperation=Next", "{token}"),
    ],
)
def test_a_token_is_good_for_one_thing_only(get: Get, uri: str, header: str) -> None:
    """A token in the query, a changed one, another operation and other lines are refused."""
    token = get(f"{BILLING_BY_TOKEN}&size=10").json()["continuationToken"]
    headers = {TOKEN_HEADER: header.format(token=token)} if header else {}
    assert get(uri.format(token=token), headers=headers).status_code == 400


def test_the_offset_means_nothing_to_tokens(get: Get) -> None:
    """Who pages new-commerce lines by offset gets the first page forever."""
    uri = f"{BILLING_BY_TOKEN}&size=10"
    assert get(f"{uri}&offset=10").json()["items"] == get(uri).json()["items"]


def test_a_page_in_the_middle_may_be_empty(
    get: Get, partner_center: SimulatedPartnerCenter
) -> None:
    """An empty page that has a token is not the last."""
    partner_center.options.empty_page_at = 2
    pages = pages_by_token(get, f"{BILLING_BY_TOKEN}&size=10")
    assert [len(page["items"]) for page in pages] == [10, 0, 10, 5]
    assert items_of(pages) == expected(NEW, ONE_TIME, BILLING)


@pytest.mark.parametrize("at", [2, 3])
def test_a_token_may_repeat(get: Get, partner_center: SimulatedPartnerCenter, at: int) -> None:
    """From the given page on the tokens go round in a circle, at once or after a while."""
    partner_center.options.repeat_token_at = at
    pages = pages_by_token(get, f"{BILLING_BY_TOKEN}&size=5", limit=8)
    tokens = [next_token(page) for page in pages]
    assert len(tokens) == 8
    assert tokens[at - 1] == tokens[0]
    assert len(set(tokens)) == at - 1


def test_a_next_link_may_lead_elsewhere(get: Get, partner_center: SimulatedPartnerCenter) -> None:
    """With the switch, every next link is absolute and has another host."""
    partner_center.options.foreign_next_link = "http://127.0.0.2:1"
    for uri in (f"{BY_PATH}?size=10", f"{BILLING_BY_TOKEN}&size=10", "/invoices?size=1"):
        assert get(uri).json()["links"]["next"]["uri"].startswith("http://127.0.0.2:1/invoices")


def test_a_next_link_of_a_token_may_be_malformed(
    get: Get, partner_center: SimulatedPartnerCenter
) -> None:
    """As in the documentation's sample, there is a second question mark."""
    partner_center.options.next_links = "malformed"
    page = get(f"{BILLING_BY_TOKEN}&size=2").json()
    assert page["links"]["next"]["uri"] == (
        "/invoices/G000000001/lineitems?provider=OneTime&nvoicelineitemtype=BillingLineItems"
        "&size=2?seekOperation=Next"
    )


def test_the_token_stays_where_next_links_are_missing(
    get: Get, partner_center: SimulatedPartnerCenter
) -> None:
    """Without a next link the token is at the top."""
    partner_center.options.next_links = "none"
    assert items_of(pages_by_token(get, f"{BILLING_BY_TOKEN}&size=10")) == expected(
        NEW, ONE_TIME, BILLING
    )


def test_usage_by_path_is_empty(get: Get) -> None:
    """The path form of new-commerce usage gives nothing, and no error; the query form gives it."""
    assert get("/invoices/G000000001/lineitems/OneTime/UsageLineItems").json()["items"] == []
    page = get(f"{USAGE_BY_TOKEN}&currencycode=usd").json()
    assert page["items"] == expected(NEW, ONE_TIME, USAGE)
    assert {i["billingProvider"] for i in page["items"] if "billingProvider" in i} == {
        "marketplace"
    }


def test_billing_by_path_pages_by_token(get: Get) -> None:
    """The path form of new-commerce billing lines seeks, without a size from the second page on."""
    uri = "/invoices/OneTime-G000000001/lineitems/OneTime/BillingLineItems"
    token = get(f"{uri}?size=20").json()["continuationToken"]
    last = get(f"{uri}?seekOperation=Next", headers={TOKEN_HEADER: token}).json()
    assert last["items"] == expected(NEW, ONE_TIME, BILLING)[20:]


def test_usage_needs_the_currency_of_the_invoice(get: Get) -> None:
    """Without a currency usage is refused; in another than the invoice's there is none."""
    assert get(USAGE_BY_TOKEN).status_code == 400
    assert get(f"{USAGE_BY_TOKEN}&currencycode=EUR").json()["items"] == []


# --- bodies and headers ---------------------------------------------------------------------------


def test_a_body_is_compact_by_default(get: Get) -> None:
    """Lines stand in the body exactly as they are to be stored."""
    body = get(BY_PATH).content
    assert b",".join(lines(OLD, OFFICE, BILLING, 0, 25)) in body
    assert b"\n" not in body


def test_a_body_may_be_pretty_and_begin_with_a_mark(
    get: Get, partner_center: SimulatedPartnerCenter
) -> None:
    """Items may span lines and a byte order mark may come first; the tokens stay the same."""
    compact = get(BY_PATH).text
    partner_center.options.pretty = partner_center.options.byte_order_mark = True
    body = get(BY_PATH).content
    assert body.startswith(b'\xef\xbb\xbf{\r\n  "totalCount": 25,\r\n  "items": [\r\n    {\r\n')
    assert b"0.1999968000511991808131" in body
    assert json.loads(body, parse_float=str) == json.loads(compact, parse_float=str)
    without_space = b"".join(line.strip() for line in body[3:].split(b"\r\n"))
    assert without_space.replace(b'": ', b'":') == compact.encode().replace(b'": ', b'":')


def test_a_body_is_zipped_for_those_who_accept_it(
    get: Get, partner_center: SimulatedPartnerCenter
) -> None:
    """With the switch the body is zipped, unless the caller can't read that."""
    partner_center.options.gzip = True
    zipped = get(BY_PATH)
    plain = get(BY_PATH, headers={"Accept-Encoding": "identity"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert zipped.content == plain.content


@pytest.mark.parametrize("uri", ["/invoices", "/nowhere"])
def test_ids_of_a_request_come_back(get: Get, uri: str) -> None:
    """Request and correlation id are echoed, also by errors; two more help the support."""
    sent = {"MS-RequestId": "request-1", "MS-CorrelationId": "correlation-1"}
    received = get(uri, headers=sent).headers
    assert sent.items() <= received.items()
    assert {"MS-CV", "MS-ServerId"} <= set(received)


# --- callers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [None, "Bearer", "Basic YTpi"])
def test_no_token_is_no_access(partner_center: SimulatedPartnerCenter, header: str | None) -> None:
    """A caller without a bearer token is refused with code 800001."""
    headers = {"Authorization": header} if header else {}
    response = requests.get(f"{partner_center.url}/v1/invoices", headers=headers, timeout=10)
    assert (response.status_code, response.json()["code"]) == (401, "800001")


def test_only_tokens_of_entra_id_for_this_service_are_accepted() -> None:
    """Unknown, expired and revoked tokens are refused, and those of another audience with 900420."""
    entra_id = SimulatedEntraId()
    with SimulatedPartnerCenter(WORLD, check_token=entra_id.check) as partner_center:

        def answer(token: str) -> tuple[int, str | None]:
            response = requests.get(
                f"{partner_center.url}/v1/invoices",
                headers={"Authorization": f"Bearer {token}"},
                timeout=10,
            )
            return response.status_code, response.json().get("code")

        old, other, revoked = (
            entra_id.issue(audience).text
            for audience in (partner_center.url, "https://graph.windows.net", partner_center.url)
        )
        assert answer(old) == (200, None)
        assert answer(other) == (401, "900420")
        assert answer("made-up") == (401, "400")
        entra_id.revoke(revoked)
        assert answer(revoked) == (401, "400")
        entra_id.expire_all()
        assert answer(old) == (401, "400")
        assert answer(entra_id.issue(partner_center.url).text) == (200, None)


# --- what tests see of it -------------------------------------------------------------------------


def test_every_request_is_recorded_as_received(
    get: Get, partner_center: SimulatedPartnerCenter
) -> None:
    """Method, path, query, headers, status and times are there for every request."""
    get("/invoices?Size=2&filter=%7B%7D", headers={"X-Locale": "en-US"})
    get("/nowhere")
    first, second = partner_center.requests
    assert (first.method, first.path, first.query) == (
        "GET",
        "/v1/invoices",
        "Size=2&filter=%7B%7D",
    )
    assert first.headers["x-locale"] == "en-US"
    assert (first.status, second.status) == (200, 404)
    assert first.ended is not None
    assert first.started <= first.ended <= second.started
    assert partner_center.requests.matching("nowhere") == [second]
    partner_center.requests.clear()
    assert len(partner_center.requests) == 0


def test_requests_do_not_wait_for_each_other(partner_center: SimulatedPartnerCenter) -> None:
    """Requests that are answered late are under way together, and the record shows it."""
    all_here = threading.Barrier(4, timeout=10)
    partner_center.faults.add(faults.call(all_here.wait), times=4)

    def ask(_: int) -> int:
        headers = {"Authorization": "Bearer a-token"}
        return requests.get(
            f"{partner_center.url}/v1/invoices", headers=headers, timeout=10
        ).status_code

    with ThreadPoolExecutor(4) as callers:
        assert list(callers.map(ask, range(4))) == [200] * 4
    assert partner_center.requests.most_at_once("/invoices") == 4


def test_answers_may_take_their_time(get: Get, partner_center: SimulatedPartnerCenter) -> None:
    """With a latency no answer comes sooner."""
    partner_center.options.latency_seconds = 0.05
    get("/invoices")
    (request,) = partner_center.requests
    assert request.ended is not None
    assert request.ended - request.started >= 0.05


def test_an_invoice_may_change_between_requests(
    get: Get, partner_center: SimulatedPartnerCenter
) -> None:
    """A fault that is a function may void an invoice just before a request is answered."""
    change = faults.call(lambda: partner_center.put(voided(NEW)))
    partner_center.faults.add(change, match=lambda uri: uri.startswith("/v1/invoices"))
    assert get("/invoices").json()["items"][1]["documentType"] == "void_note"


def test_corrected_lines_are_other_lines(get: Get, partner_center: SimulatedPartnerCenter) -> None:
    """Another revision of an invoice changes its lines and its charges while it runs."""
    before = get(BY_PATH).json(), get("/invoices").json()["items"][0]["totalCharges"]
    partner_center.put(replace(OLD, revision=1))
    after = get(BY_PATH).json(), get("/invoices").json()["items"][0]["totalCharges"]
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_it_can_go_away_and_come_back(get: Get, partner_center: SimulatedPartnerCenter) -> None:
    """After a stop nobody listens; started on the same port it answers again."""
    port = int(partner_center.url.rpartition(":")[2])
    partner_center.stop()
    with pytest.raises(requests.ConnectionError):
        get("/invoices")
    partner_center.start(port)
    assert get("/invoices").status_code == 200


# --- faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("retry_after", [57, None])
def test_throttling_says_how_long(
    get: Get, partner_center: SimulatedPartnerCenter, retry_after: int | None
) -> None:
    """429 has its own kind of body; Retry-After has seconds or is absent."""
    partner_center.faults.add(faults.throttled(retry_after))
    response = get("/invoices")
    assert response.status_code == 429
    assert response.headers.get("Retry-After") == (retry_after and str(retry_after))
    assert response.text == (
        '{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in 57 seconds." }'
    )


def test_throttling_may_give_a_date(get: Get, partner_center: SimulatedPartnerCenter) -> None:
    """Retry-After may be an HTTP date."""
    partner_center.faults.add(faults.throttled(30, form="date"))
    until = parsedate_to_datetime(get("/invoices").headers["Retry-After"])
    assert 25 < (until - datetime.now(UTC)).total_seconds() <= 30


@pytest.mark.parametrize(
    ("act", "status", "content_type", "body"),
    [
        (faults.server_error(), 500, "application/json", '"code": "800003"'),
        (faults.status(502, faults.HTML), 502, "text/html", "<h1>Bad Gateway</h1>"),
        (faults.status(503), 503, "text/html", ""),
        (faults.unauthorized(), 401, "application/json", "Access denied"),
    ],
)
def test_it_may_answer_with_an_error(
    get: Get,
    partner_center: SimulatedPartnerCenter,
    act: faults.Act,
    status: int,
    content_type: str,
    body: str,
) -> None:
    """Errors come as JSON, as HTML or with nothing."""
    partner_center.faults.add(act)
    response = get("/invoices")
    assert (response.status_code, response.headers["Content-Type"]) == (status, content_type)
    assert body in response.text
    assert bool(body) == bool(response.text)


def test_it_may_redirect(get: Get, partner_center: SimulatedPartnerCenter) -> None:
    """302 sends the caller wherever the test says."""
    partner_center.faults.add(faults.redirect("http://127.0.0.2:1/here"))
    response = get("/invoices")
    assert (response.status_code, response.headers["Location"]) == (302, "http://127.0.0.2:1/here")


@pytest.mark.parametrize("act", [faults.reset(), faults.no_answer(0.01)])
def test_it_may_hang_up(get: Get, partner_center: SimulatedPartnerCenter, act: faults.Act) -> None:
    """The connection is reset, or closed after a while, without an answer."""
    partner_center.faults.add(act)
    with pytest.raises(requests.ConnectionError):
        get("/invoices")
    assert get("/invoices").status_code == 200
    assert [request.status for request in partner_center.requests] == [None, 200]


def test_it_may_not_answer_in_time(get: Get, partner_center: SimulatedPartnerCenter) -> None:
    """Who waits less than it is silent times out; a stop doesn't wait for the end of it."""
    partner_center.faults.add(faults.no_answer(60))
    with pytest.raises(requests.ReadTimeout):
        get("/invoices", timeout=0.1)


def test_a_body_may_be_cut_off(get: Get, partner_center: SimulatedPartnerCenter) -> None:
    """Fewer bytes come than were promised."""
    partner_center.faults.add(faults.cut_body())
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        get(BY_PATH)


def test_a_body_may_be_broken(get: Get, partner_center: SimulatedPartnerCenter) -> None:
    """All promised bytes come, but they are half of the JSON."""
    whole = get(BY_PATH).content
    partner_center.faults.add(faults.broken_body())
    response = get(BY_PATH)
    assert (response.status_code, response.content) == (200, whole[: len(whole) // 2])


def test_a_body_may_come_slowly(get: Get, partner_center: SimulatedPartnerCenter) -> None:
    """A body that trickles in is whole in the end."""
    whole = get(BY_PATH).content
    partner_center.faults.add(faults.trickle(0.1, pieces=5))
    began = time.monotonic()
    assert get(BY_PATH).content == whole
    assert time.monotonic() - began >= 0.1


def test_a_fault_befalls_what_matches_so_many_times(
    get: Get, partner_center: SimulatedPartnerCenter
) -> None:
    """The first fault that fits and isn't used up befalls a request; then the next one."""
    once = partner_center.faults.add(faults.status(502), match="offset=10")
    partner_center.faults.add(faults.status(503), match="lineitems", times=2)
    uris = [f"{BY_PATH}?offset=10", "/invoices", BY_PATH, f"{BY_PATH}?offset=10", BY_PATH]
    assert [get(uri).status_code for uri in uris] == [502, 200, 503, 503, 200]
    assert once.used == 1


def test_a_fault_may_be_a_matter_of_chance_that_repeats() -> None:
    """The same seed has the same faults; all of them are gone after a clear."""

    def fates(seed: int) -> list[bool]:
        plan = faults.Faults(seed)
        plan.add(faults.status(500), times=None, probability=0.3)
        return [plan.take("/v1/invoices") is not None for _ in range(200)]

    assert fates(1) == fates(1) != fates(2)
    assert 30 < sum(fates(1)) < 90
    plan = faults.Faults()
    plan.add(faults.status(500), times=None)
    plan.clear()
    assert plan.take("/v1/invoices") is None


# --- as a process ---------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_runs_as_a_process_of_its_own(stop: signal.Signals) -> None:
    """It tells in one line where it listens, answers there, and ends well when it is told to."""
    command = [sys.executable, "-m", "local.simulated", "--size", "small"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            told = json.loads(process.stdout.readline())
            token = requests.post(
                f"{told['authority']}/{told['tenantId']}/oauth2/v2.0/token",
                data={
                    "grant_type": "client_credentials",
                    "client_id": told["clientId"],
                    "client_secret": told["clientSecret"],
                    "scope": f"{told['partnerCenterUrl']}/.default",
                },
                verify=told["caFile"],
                timeout=10,
            ).json()["access_token"]
            invoices = requests.get(
                f"{told['partnerCenterUrl']}/v1/invoices",
                headers={"Authorization": f"Bearer {token}"},
                timeout=10,
            ).json()
            assert invoices["totalCount"] == 7
            assert requests.post(told["graphUrl"], timeout=10).status_code == 401
            process.send_signal(stop)
            assert process.wait(timeout=10) == 0
        finally:
            process.kill()
