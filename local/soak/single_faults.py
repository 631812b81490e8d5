"""What befalls single requests by chance: of Partner Center's pages, of Graph, of its files' host."""

from __future__ import annotations

from aiohttp import web

from local.simulated import Service, SimulatedGraph, faults, file_faults
from local.simulated.faults import Act, Answer, Fault
from local.soak.pieces import LINES, Pieces

EXPORT, OPERATIONS, MANIFESTS, FILES = "/export", "/operations/", "/manifests/", "/part-"
Befalling = list[tuple[str, Fault]]


def befall(pieces: Pieces, *, is_long: bool) -> Befalling:
    """Let each fault befall a request soon, and all of them by chance from then on; give them.

    Hostile answers are few, since each of them fails a delivery.
    """
    befalling: Befalling = []

    def add(
        service: Service, match: str, acts: dict[str, Act], probability: float, times: int | None
    ) -> None:
        for name, act in acts.items():
            fault = service.faults.add(act, match=match, probability=probability, times=times)
            befalling.append((name, fault))

    partner_center, graph = pieces.stack.partner_center, pieces.stack.graph
    elsewhere = pieces.elsewhere.url
    add(partner_center, LINES, _hostile_pages(elsewhere), 0.1, 2)
    add(graph, "", _hostile_exports(elsewhere), 0.1, 1)
    add(graph.files, FILES, {"file redirected": faults.redirect(elsewhere)}, 0.1, 1)
    of_files = _of_files(graph)
    add(partner_center, LINES, _usual(), 0.3, 1)
    for call in (EXPORT, OPERATIONS, MANIFESTS):
        add(graph, call, {f"{call}: 429": faults.throttled(1)}, 0.3, 1)
    add(graph, "", _of_graph(), 0.1, 1)
    add(graph.files, FILES, of_files, 0.2, 1)
    add(partner_center, LINES, _usual(), 0.005, None)
    # An export is fewer requests than its lines would be as pages.
    add(graph, "", _of_graph(), 0.01, None)
    add(graph.files, FILES, of_files, 0.01, None)
    if is_long:  # the app waits for a minute
        for service, match in ((partner_center, LINES), (graph, ""), (graph.files, FILES)):
            add(service, match, {"no answer for 65 s": faults.no_answer(65)}, 0.001, 3)
    return befalling


def outages() -> dict[str, Act]:
    """Give the ways in which a service says that it is not well."""
    return {
        "500, JSON": faults.server_error(),
        "502, HTML": faults.status(502, faults.HTML),
        "503, empty": faults.status(503),
        "503, Retry-After": faults.status(503, headers={"Retry-After": "1"}),
    }


def _usual() -> dict[str, Act]:
    return outages() | {
        "429, seconds": faults.throttled(1),
        "429, more seconds": faults.throttled(6),
        "429, date": faults.throttled(2, form="date"),
        "429, without": faults.throttled(None),
        "no answer": faults.no_answer(3),
        "body cut off": faults.cut_body(),
        "body broken": faults.broken_body(),
        "body trickles": faults.trickle(1),
        "connection reset": faults.reset(),
    }


def _of_graph() -> dict[str, Act]:
    gone = {"410": on_looks(faults.status(410)), "404": on_looks(faults.status(404))}
    return {f"Graph: {name}": act for name, act in (_usual() | gone).items()}


def _of_files(graph: SimulatedGraph) -> dict[str, Act]:
    spoilt = {
        "corrupt": file_faults.corrupt_gzip(),
        "garbage behind": file_faults.trailing_garbage(),
        "broken line": file_faults.broken_line(),
        "takes longer than an invocation": faults.trickle(6, pieces=30),
        "signature expires before it": faults.call(graph.files.expire_all),
        "signature expires in it": expiring(graph),
        "404": faults.status(404),
    }
    return {f"file: {name}": act for name, act in (_usual() | spoilt).items()}


def _hostile_pages(url: str) -> dict[str, Act]:
    return {"redirected": faults.redirect(url), "foreign next link": foreign_next_link(url)}


def _hostile_exports(url: str) -> dict[str, Act]:
    return {"Graph: redirected": faults.redirect(url), "foreign Location": foreign_location(url)}


def on_looks(act: Act) -> Act:
    """Let it befall looks only; a question is answered."""

    async def looking(request: web.Request, answer: Answer) -> web.StreamResponse:
        return await answer() if request.method == "POST" else await act(request, answer)

    return looking


def expiring(graph: SimulatedGraph) -> Act:
    """Send half of a file and hang up; from then on no signature is good any more."""
    cut = faults.cut_body()

    async def act(request: web.Request, answer: Answer) -> web.StreamResponse:
        response = await cut(request, answer)
        graph.files.expire_all()
        return response

    return act


def foreign_location(url: str) -> Act:
    """Let the operation of an export, and the manifest of an operation, be at another host."""

    async def act(request: web.Request, answer: Answer) -> web.StreamResponse:
        if request.method == "POST":
            response = await answer()
            response.headers["Location"] = f"{url}{request.path}"
            return response
        operation = {"status": "succeeded", "resourceLocation": f"{url}{request.path}"}
        return web.json_response(operation)

    return act


def foreign_next_link(url: str) -> Act:
    """Let the next link of an answer, if it has one, lead to another host."""

    async def act(_request: web.Request, answer: Answer) -> web.StreamResponse:
        response = await answer()
        if isinstance(response, web.Response) and isinstance(response.body, bytes):
            start, found, rest = response.body.rpartition(b'"next":{"uri":"')
            response.body = start + found + (url.encode() if found else b"") + rest
        return response

    return act
