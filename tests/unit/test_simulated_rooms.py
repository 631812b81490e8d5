"""What any simulated service may use: who a caller is, how bodies go out, and nothing of v1."""

from __future__ import annotations

import ast
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from local import simulated
from local.simulated.access import TokenState, accept_any_token, token_state
from local.simulated.bodies import BodyOptions, compact, json_response, pretty

_ROOMS = Path(simulated.__path__[0])
# A service beside v1's can be built on these, as long as they need no other room.
SHARED = {"access", "bodies", "faults", "server"}
# What v1 alone knows: its calls, its envelope, its pages.
V1 = {"envelope", "invoice_list", "line_items", "parameters", "partner_center", "retired"}
GRAPH = {
    *("data_sets", "export_files", "export_request", "export_rows", "exports", "file_faults"),
    *("files", "graph", "graph_errors", "manifests", "operations", "publishing", "sas"),
}


def imported(room: str) -> Iterator[str]:
    """The other rooms that this one imports something of."""
    for node in ast.walk(ast.parse((_ROOMS / f"{room}.py").read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("local."):
            yield str(node.module).removeprefix("local.simulated.")
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("local"))


def request(**headers: str) -> web.Request:
    sent = {"Host": "127.0.0.1:7071", **headers}
    return make_mocked_request("GET", "/", {k.replace("_", "-"): v for k, v in sent.items()})


@pytest.mark.parametrize("room", sorted(SHARED))
def test_what_services_share_imports_nothing_of_one(room: str) -> None:
    """Access, bodies, faults and the server import each other at most, and no call of v1."""
    assert set(imported(room)) <= SHARED


def test_v1_is_built_on_what_services_share() -> None:
    """The test above reads imports as they are written: it would see one of v1's."""
    assert {"access", "bodies", "server", "refusals", "line_items"} <= set(
        imported("partner_center")
    )


@pytest.mark.parametrize("room", sorted(GRAPH))
def test_graph_knows_nothing_of_v1(room: str) -> None:
    """Both are made of the same invoices; their calls have nothing in common."""
    assert not set(imported(room)) & V1


@pytest.mark.parametrize("room", sorted(V1))
def test_v1_knows_nothing_of_graph(room: str) -> None:
    """Either may be changed without a look at the other."""
    assert not set(imported(room)) & GRAPH


@pytest.mark.parametrize("state", [TokenState.VALID, TokenState.EXPIRED, TokenState.WRONG_AUDIENCE])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_token_is_judged_for_the_url_of_the_service(scheme: str, state: TokenState) -> None:
    """Who checks gets the bare token and the service's URL, and its word is what comes out."""
    asked = []

    def check(token: str, audience: str) -> TokenState:
        asked.append((token, audience))
        return state

    assert token_state(request(Authorization=f"{scheme} a.b-c"), check) is state
    assert asked == [("a.b-c", "http://127.0.0.1:7071")]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi"])
def test_without_a_bearer_token_nobody_is_asked(header: str | None) -> None:
    """A caller without a token is told from one with a wrong token."""

    def check(_token: str, _audience: str) -> TokenState:
        raise AssertionError

    headers = {} if header is None else {"Authorization": header}
    assert token_state(request(**headers), check) is TokenState.MISSING


@pytest.mark.parametrize(("token", "state"), [("x", TokenState.VALID), ("", TokenState.UNKNOWN)])
def test_any_token_may_do(token: str, state: TokenState) -> None:
    """Where no Entra ID checks, every token is good, but there has to be one."""
    assert accept_any_token(token, "http://127.0.0.1:7071") is state


def test_a_body_goes_out_as_the_switches_say() -> None:
    """Indented first, then marked, then zipped, and only for who accepts it."""
    body, switches = b'{"a":[1.10,"\\u00e9"]}', BodyOptions(True, True, True)
    spelled = b'\xef\xbb\xbf{\r\n  "a": [\r\n    1.10,\r\n    "\\u00e9"\r\n  ]\r\n}'
    plain = json_response(request(), body, switches)
    zipped = json_response(request(Accept_Encoding="gzip, deflate"), body, switches)
    assert (plain.body, plain.headers.get("Content-Encoding")) == (spelled, None)
    assert isinstance(zipped.body, bytes)
    assert gzip.decompress(zipped.body) == spelled
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert plain.headers["Content-Type"] == "application/json; charset=utf-8"


def test_a_body_goes_out_as_it_is_without_switches() -> None:
    """No byte of it is changed, whoever asks."""
    body = b'{"a":[1.10,"\\u00e9"]}'
    response = json_response(request(Accept_Encoding="gzip"), body, BodyOptions())
    assert (response.body, response.headers.get("Content-Encoding")) == (body, None)


def test_compact_json_has_no_whitespace_but_in_strings() -> None:
    """What stands in quotes is as it was, and characters beyond ASCII are escaped."""
    assert compact({"a": [1, None], "b": "c, d: é"}) == '{"a":[1,null],"b":"c, d: \\u00e9"}'


@pytest.mark.parametrize("value", [{"a": [1, None, {"b": 'x "y": [z], {}\\'}]}, [], "é"])
def test_indenting_changes_no_value(value: Any) -> None:
    """Brackets, commas and quotes in a string are no tokens."""
    assert json.loads(pretty(compact(value).encode())) == value
