"""What people and their tools put on the queue, understood; and follow-ups of the release before."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import fields as fields_of
from dataclasses import replace
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from shared.errors import InvalidInput
from shared.keys import invoice_id as bare_id
from shared.links import LONGEST_LINK, link_of
from shared.messages import EXPECTED, LineItemsMessage

# More would not fit into the message any more: such a fetch starts over.
_MOST_OLD_PARTS = 1_000


def decode_message(body: bytes) -> LineItemsMessage:
    """Read a message, in any of the forms that the runbook allows.

    Raises InvalidInput that says what is wrong and what was expected.
    """
    fields = _fields(body)
    if isinstance(progress := fields.get("progress"), dict) and "staged" not in progress:
        fields["progress"] = _of_release_0_1(progress)
    try:
        message = LineItemsMessage.validated(fields)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors()
        )
        raise InvalidInput(f"The message cannot be understood: {problems}; {EXPECTED}") from None
    if message.invoice_id and message.names_an_invoice:
        return replace(message, invoice_id=bare_id(message.invoice_id))
    key = message.key  # what is wrong with the link or the three names is told before any work
    if len(message.link or "") > LONGEST_LINK:
        return replace(message, link=link_of(key))
    return message


def _of_release_0_1(progress: dict[str, Any]) -> dict[str, Any]:
    """Spell the progress of a follow-up message that release 0.1 has sent in today's way."""
    common = ("run", "correlationId", "fetchedFor", "attempt", "restarts")
    spelled = {name: progress[name] for name in common if name in progress}
    parts = progress.get("parts")
    if not isinstance(parts, list) or not 0 < len(parts) <= _MOST_OLD_PARTS:
        return spelled
    pages, lines = progress.get("pages", 0), progress.get("lines", 0)
    position = {"source": "v1", "pages": pages, "lines": lines}
    position |= {name: progress[name] for name in ("totalCount", "token") if name in progress}
    staged = {"end": pages, "blocks": pages, "old": list(map(_old_part, parts))}
    # Its sum was zero also where these lines have no charge.
    total = {"total": progress["total"]} if progress.get("total", "0") != "0" else {}
    return (
        spelled | total | {"pages": pages, "lines": lines, "position": position, "staged": staged}
    )


def _old_part(part: Any) -> Any:
    return (part.get("id"), part.get("pages")) if isinstance(part, dict) else part


def _fields(body: bytes) -> dict[str, Any]:
    text = _text(body)
    if not text.startswith(("{", '"')):
        text = _unwrapped(text)
    if not text.startswith(("{", '"')):
        return {"link": text}
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"The message is not valid JSON ({error}): {EXPECTED}") from None
    return _named(value) if isinstance(value, dict) else {"link": value}


def _named(fields: dict[str, Any]) -> dict[str, Any]:
    """Spell the members as documented, whatever their case; an empty one counts as not there."""
    aliases = [to_camel(field.name) for field in fields_of(LineItemsMessage)]
    spelled = {alias.lower(): alias for alias in aliases}
    trimmed = {
        name: value.strip() if isinstance(value, str) else value for name, value in fields.items()
    }
    return {
        spelled.get(name.lower(), name): value for name, value in trimmed.items() if value != ""
    }


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise InvalidInput(f"The message is not UTF-8 text: {EXPECTED}") from None


def _unwrapped(text: str) -> str:
    """Decode base64 where that is what the text is.

    A link is no base64 of any text: `/i` and `in` stand for bytes that cannot begin UTF-8.
    """
    try:
        # Tools wrap it into lines.
        return _text(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError):
        return text
