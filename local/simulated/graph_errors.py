"""How Microsoft Graph refuses a request, of itself or as a fault."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

from local.simulated import faults
from local.simulated.refusing import Refusal


def error(status: int, code: str, message: str) -> Refusal:
    """Refuse with the envelope of every call of Graph."""
    return Refusal(status, _envelope(code, message))


def not_found(what: str) -> Refusal:
    """Refuse what isn't there."""
    return error(404, "ResourceNotFound", f"{what} can't be found.")


def bad_request(message: str) -> Refusal:
    """Refuse what isn't understood."""
    return error(400, "BadRequest", message)


def unauthenticated(message: str) -> Refusal:
    """Refuse a caller without a token for Graph."""
    return error(401, "InvalidAuthenticationToken", message)


def failing(status: int, code: str, *, headers: dict[str, str] | None = None) -> faults.Act:
    """Answer with this status, and this code in the envelope."""
    body = json.dumps(_envelope(code, "A fault on demand."))
    return faults.status(status, body, headers=headers)


def server_error() -> faults.Act:
    """Answer 500."""
    return failing(500, "InternalServerError")


def unauthorized() -> faults.Act:
    """Answer 401, as to an expired token."""
    return failing(401, "InvalidAuthenticationToken")


def _envelope(code: str, message: str) -> dict[str, object]:
    request_id = str(uuid.uuid4())
    inner = {
        "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}",
        "request-id": request_id,
        "client-request-id": request_id,
    }
    return {"error": {"code": code, "message": message, "innerError": inner}}
