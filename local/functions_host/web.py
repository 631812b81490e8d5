"""HTTP: triggers behind their keys, and the admin endpoint that runs any function."""

import asyncio
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from urllib.parse import unquote

from aiohttp import web
from multidict import CIMultiDict, MultiMapping

from local.functions_host import engine
from local.functions_host.app import App, Function
from local.functions_host.engine import Datum
from local.functions_host.invocations import Invocations, Outcome
from local.functions_host.routes import Route
from local.functions_host.timers import Schedule, timer_datum
from local.functions_host.work import Work

_RESPONSE_LIMIT = 230  # seconds: Azure's load balancer does not wait longer
_LARGEST_BODY = 100 * 1024 * 1024


@dataclass(frozen=True)
class Keys:
    """What a caller has to know."""

    master: str
    function: str

    def admit(self, request: web.BaseRequest, level: str) -> bool:
        """Tell whether the request has a key of this level or above."""
        if level == "anonymous":
            return True
        given = request.headers.get("x-functions-key") or request.query.get("code", "")
        accepted = [self.master] if level == "admin" else [self.master, self.function]
        return any(hmac.compare_digest(given.encode(), key.encode()) for key in accepted)


class Endpoints:
    """Answers every request."""

    def __init__(self, app: App, keys: Keys, invocations: Invocations, work: Work) -> None:
        self._keys = keys
        self._invocations = invocations
        self._work = work
        self._functions = {function.name.lower(): function for function in app.functions}
        self._routes = _routes(app)

    def application(self) -> web.Application:
        """Return the web application."""
        application = web.Application(client_max_size=_LARGEST_BODY)
        application.router.add_route("*", "/{path:(?s:.*)}", self._answer)
        return application

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self._work.closing:
            return web.Response(status=503)
        path = [unquote(part) for part in request.rel_url.raw_path.split("/") if part]
        if request.method == "POST" and path[:2] == ["admin", "functions"] and len(path) == 3:
            return await self._admin(request, path[2])
        for route, function in self._routes:
            parameters = route.match(path)
            if parameters is not None and _takes(function, request.method):
                return await self._call(function, request, parameters)
        return web.Response(status=404)

    async def _call(
        self, function: Function, request: web.Request, parameters: dict[str, str]
    ) -> web.Response:
        if not self._keys.admit(request, function.trigger.get("authLevel", "function").lower()):
            return web.Response(status=401)
        data = _request_datum(request, parameters, await request.read())
        running = self._work.start(self._invocations.run(function, data))
        await asyncio.wait({running}, timeout=_RESPONSE_LIMIT)
        if not running.done():
            return web.Response(status=504)
        return _response(running.result())

    async def _admin(self, request: web.Request, name: str) -> web.Response:
        if not self._keys.admit(request, "admin"):
            return web.Response(status=401)
        function = self._functions.get(name.lower())
        if function is None:
            return web.Response(status=404)
        try:
            data, metadata = _by_hand(function, await request.text())
        except ValueError as error:
            return web.Response(status=400, text=str(error))
        self._work.start(self._invocations.run(function, data, metadata))
        return web.Response(status=202)


def _routes(app: App) -> list[tuple[Route, Function]]:
    routes = []
    for function in app.of_kind("httpTrigger"):
        template = function.trigger.get("route")
        path = function.name if template is None else template
        routes.append((Route.parse(f"{app.config.route_prefix}/{path}"), function))
    return sorted(routes, key=lambda found: found[0].rank)


def _takes(function: Function, method: str) -> bool:
    methods = function.trigger.get("methods")
    return not methods or method in (each.upper() for each in methods)


def _texts(pairs: MultiMapping[str]) -> dict[str, Datum]:
    """Return one value per name, several joined by commas; empty ones are left out."""
    joined = {name: ",".join(pairs.getall(name)) for name in pairs}
    return {name: engine.text(value) for name, value in joined.items() if value}


def _request_datum(request: web.Request, parameters: dict[str, str], body: bytes) -> Datum:
    return Datum(
        {
            "method": engine.text(request.method),
            "url": engine.text(str(request.url)),
            "headers": {name.lower(): value for name, value in _texts(request.headers).items()},
            "params": {name: engine.text(value) for name, value in parameters.items()},
            "query": _texts(request.query),
            "body": Datum(body, "bytes"),
        },
        "http",
    )


def _response(outcome: Outcome) -> web.Response:
    if not outcome.ok:
        return web.Response(status=500)
    if outcome.returned is None:
        return web.Response(status=204)
    if outcome.returned.type == "string":
        return web.Response(text=outcome.returned.value)
    answer = outcome.returned.value
    headers = CIMultiDict({name: value.value for name, value in answer["headers"].items()})
    # The server itself knows how long the body is and how it is framed.
    for name in ("content-length", "transfer-encoding", "connection"):
        headers.popall(name, None)
    for cookie in answer["cookies"] or []:
        _add_cookie(headers, cookie)
    status = int(answer["status_code"].value)
    return web.Response(status=status, headers=headers, body=answer["body"].value)


def _add_cookie(headers: CIMultiDict[str], cookie: SimpleCookie) -> None:
    for morsel in cookie.values():
        headers.add("set-cookie", morsel.OutputString())


def _by_hand(function: Function, body: str) -> tuple[Datum, dict[str, Datum]]:
    """Return what a function is given that is run through the admin endpoint."""
    content = json.loads(body) if body else None
    if not isinstance(content, dict) or not isinstance(content.get("input", ""), str):
        raise ValueError('expected a JSON object such as {"input": ""}')
    if function.kind == "timerTrigger":
        schedule = Schedule(function.trigger["schedule"])
        return timer_datum(schedule, datetime.now(UTC)), {}
    if function.kind == "queueTrigger":
        return engine.text(content.get("input", "")), {"DequeueCount": Datum("0", "json")}
    raise ValueError("an HTTP function is called at its route")
