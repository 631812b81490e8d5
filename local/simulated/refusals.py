"""How Partner Center v1 refuses a request."""

from __future__ import annotations

from local.simulated.refusing import Refusal


def error(status: int, code: str, description: str) -> Refusal:
    """Refuse the documented way."""
    body: dict[str, object] = {"code": code, "description": description, "data": []}
    return Refusal(status, body | {"source": "PartnerFD"})


def not_found() -> Refusal:
    """Refuse what isn't there."""
    return error(404, "1000", "Not found")


def not_valid(description: str) -> Refusal:
    """Refuse a value that is understood, but not possible."""
    return error(400, "3000", description)


def not_understood() -> Refusal:
    """Refuse a value that isn't understood, which is done without a code."""
    return Refusal(400, {"message": "The request is invalid."})
