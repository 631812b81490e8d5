"""Shared access signatures for a folder, of the recorded form: who is given one may read below it."""

from __future__ import annotations

import base64
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import HMAC
from urllib.parse import parse_qsl, quote

_KEY_OWNER = "2f6d1c3e-7b0a-4d55-9e21-6a7c8b9d0e1f"
_KEY_TENANT = "9a4e7d20-51c8-4b3f-8d6e-0f1a2b3c4d5e"
_SERVICE_VERSION = "2021-08-06"


@dataclass
class _Grant:
    folder: str
    parameters: dict[str, str]
    expires: float


class SharedAccess:
    """Gives signatures, and says of a request whether it has one that is good."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._grants: dict[str, _Grant] = {}
        self._lock = threading.Lock()

    def grant(self, folder: str, lifetime_seconds: float) -> str:
        """Give a new signature for this folder, percent-encoded, as it stands in a manifest."""
        now = datetime.now(UTC)
        parameters = {
            "skoid": _KEY_OWNER,
            "sktid": _KEY_TENANT,
            "skt": _moment(now),
            "ske": _moment(now + timedelta(days=1)),
            "sks": "b",
            "skv": _SERVICE_VERSION,
            "sv": _SERVICE_VERSION,
            "se": _moment(now + timedelta(seconds=lifetime_seconds)),
            "sr": "d",
            "sp": "rl",
            "sdd": str(folder.count("/") - 1),
        }
        with self._lock:
            # The count makes two of the same second differ.
            signed = f"{folder}\n{parameters['se']}\n{len(self._grants)}".encode()
            signature = base64.b64encode(HMAC(self._key, signed, sha256).digest()).decode()
            parameters["sig"] = signature
            expires = time.time() + lifetime_seconds
            self._grants[signature] = _Grant(folder, parameters, expires)
        return "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())

    def expire_all(self) -> None:
        """Let every signature that was given so far expire now."""
        with self._lock:
            for grant in self._grants.values():
                grant.expires = 0

    def problem(self, path: str, raw_query: str) -> str | None:
        """Tell what is wrong with the signature of a request for this path; None if it is good."""
        parameters = dict(parse_qsl(raw_query, keep_blank_values=True))
        with self._lock:
            grant = self._grants.get(parameters.get("sig", ""))
        if grant is None or parameters != grant.parameters:
            return "Signature did not match."
        if not path.startswith(f"{grant.folder}/"):
            return "Signature did not match: it is for another directory."
        if grant.expires <= time.time():
            return f"Signature not valid in the specified time frame: Expiry [{parameters['se']}]"
        return None


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
