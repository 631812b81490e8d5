"""Who is a caller: a bearer token is taken from a request and judged, for any simulated service."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum, auto

from aiohttp import web


class TokenState(StrEnum):
    """What a service finds out about a caller's token."""

    VALID = auto()
    EXPIRED = auto()
    WRONG_AUDIENCE = auto()
    UNKNOWN = auto()
    MISSING = auto()  # found by a service; who checks tokens is never asked


# Gets a token and the audience to expect.
CheckToken = Callable[[str, str], TokenState]


def accept_any_token(token: str, _audience: str) -> TokenState:
    """Accept every caller who has a token at all."""
    return TokenState.VALID if token else TokenState.UNKNOWN


def token_state(
    request: web.Request, check_token: CheckToken, *, scheme: str | None = None
) -> TokenState:
    """Judge the token of a request; the audience to expect is the URL of the service.

    `scheme` is that of the audience, where it isn't that of the request.
    """
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        return TokenState.MISSING
    return check_token(token, f"{scheme or request.scheme}://{request.host}")
