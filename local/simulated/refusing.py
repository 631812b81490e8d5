"""How any simulated service refuses a request: whoever finds out raises, and one place answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web


class Refusal(Exception):
    """A request is refused with this status and body."""

    def __init__(self, status: int, body: dict[str, object]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


async def checked(
    request: web.Request,
    check_caller: Callable[[web.Request], None],
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> web.StreamResponse:
    """Check the caller, then have the request handled; answer a refusal of either."""
    try:
        check_caller(request)
        return await handler(request)
    except Refusal as refusal:
        return web.json_response(refusal.body, status=refusal.status)
