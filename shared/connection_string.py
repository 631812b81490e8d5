"""Connection strings of storage accounts, as people paste them: cleaned up, or told what is wrong."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import urlsplit

_NAMES = {
    name.lower(): name
    for name in (
        *("DefaultEndpointsProtocol", "AccountName", "AccountKey", "EndpointSuffix"),
        *("BlobEndpoint", "QueueEndpoint", "SharedAccessSignature", "UseDevelopmentStorage"),
    )
}
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:]+")
_EXPECTED = "expected a connection string: AccountName=…;AccountKey=…;…"


def normalised(text: str) -> str:
    """Give a connection string that the SDK takes as it is meant; raises ValueError.

    Line breaks, blanks around names and values, empty parts and the case of names do not matter, and
    no value is in the error.
    """
    parts = _parts("".join(text.splitlines()))
    if parts.get("UseDevelopmentStorage", "").lower() == "true":
        return "UseDevelopmentStorage=true"
    account = parts["AccountName"] = parts.get("AccountName", "").lower()
    if account and not _ACCOUNT.fullmatch(account):
        raise ValueError("AccountName is not one of an account: 3 to 24 small letters and digits")
    if not account:
        del parts["AccountName"]
    _check_key(parts)
    for name in ("BlobEndpoint", "QueueEndpoint"):
        if name in parts and not _is_address(parts[name]):
            raise ValueError(f"{name} is not an address like https://account.blob.core.windows.net")
    if parts.get("DefaultEndpointsProtocol", "https").lower() not in ("http", "https"):
        raise ValueError("DefaultEndpointsProtocol has to be https")
    if "EndpointSuffix" in parts and not HOST.fullmatch(parts["EndpointSuffix"]):
        raise ValueError("EndpointSuffix is not one of a host, like core.windows.net")
    return ";".join(f"{name}={value}" for name, value in parts.items())


def leads_to(connection_string: str, service: str) -> bool:
    """Whether a normalised connection string has or implies the address of `blob` or `queue`."""
    names = {part.partition("=")[0] for part in connection_string.split(";")}
    return bool(names & {"UseDevelopmentStorage", "AccountName", f"{service.title()}Endpoint"})


def _parts(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in filter(str.strip, text.split(";")):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        name = _NAMES.get(name.lower(), name)
        if not (name and equals):
            raise ValueError(_EXPECTED)
        if parts.setdefault(name, value) != value:
            raise ValueError(f"{name} is there twice")
    return {name: value for name, value in parts.items() if value}


def _check_key(parts: dict[str, str]) -> None:
    if "SharedAccessSignature" in parts:
        parts["SharedAccessSignature"] = parts["SharedAccessSignature"].lstrip("?")
        if not parts.keys() & {"AccountName", "BlobEndpoint", "QueueEndpoint"}:
            raise ValueError(_EXPECTED)
        return
    if "AccountName" not in parts or "AccountKey" not in parts:
        raise ValueError(f"{_EXPECTED}, with AccountKey or SharedAccessSignature")
    try:
        key = base64.b64decode(parts["AccountKey"], validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError("AccountKey is not base64: copy it once more, as a whole")


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(HOST.fullmatch(parts.hostname or ""))
