"""The kinds of values that settings have: each is cleaned up, or told with what was expected."""

from __future__ import annotations

import base64
import ipaddress
import re
import unicodedata
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretBytes, SecretStr

from shared.connection_string import HOST, normalised

_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
_QUOTES = ('""', "''", "\u201c\u201d", "\u2018\u2019", "``")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _root_url(value: str) -> str:
    """`https://host[:port]`, without anything behind it; `http` for a loopback host only."""
    parts = urlsplit(value.rstrip("/"))
    host = parts.hostname or ""
    if parts.scheme not in ("https", "http") or not HOST.fullmatch(host):
        raise ValueError("expected a URL like https://host")
    _ = parts.port  # raises ValueError for one that is none
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("expected https (http is accepted for a loopback host only)")
    if parts.path or parts.query or parts.fragment or parts.username:
        raise ValueError(
            "expected the root alone: scheme, host and port, without a path such as /v1"
        )
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _service_url(value: str) -> str:
    """Like a root, but an emulator has the account's name behind it, and Graph its version."""
    parts = urlsplit(value.rstrip("/"))
    root = _root_url(parts._replace(path="").geturl())
    if not _PLAIN_PATH.fullmatch(parts.path):
        raise ValueError("expected a path of plain names, like /v1.0, or none")
    return root + parts.path


def _https_url(value: str) -> str:
    if urlsplit(value).scheme == "http":  # else it would be told that loopback hosts may have it
        raise ValueError("expected https")
    return _root_url(value)


def _existing_file(value: Path) -> Path:
    if not value.is_file():
        raise ValueError("expected the path of a certificate file (PEM or PFX) that exists")
    return value


def _certificate(value: SecretBytes) -> SecretBytes:
    """PEM text, or a PFX in base64: how a Key Vault reference gives a certificate with its key."""
    content = value.get_secret_value()
    if b"-----BEGIN" in content:
        return value
    try:
        return SecretBytes(base64.b64decode(content, validate=True))
    except ValueError:
        raise ValueError(
            "expected a certificate with its private key, as PEM text or as PFX in base64"
        ) from None


def _connection_string(value: SecretStr) -> SecretStr:
    return SecretStr(normalised(value.get_secret_value()))


def _default_scope(value: str) -> str:
    if value and not (value.endswith("/.default") and value.isascii() and " " not in value):
        raise ValueError("expected one that ends in /.default: the app signs in without a user")
    return value


def _directory_name(value: str) -> str:
    return value.removeprefix("{").removesuffix("}")  # as some tools show GUIDs


def _identity(value: str) -> str:
    if value.lower() != "managedidentity":
        raise ValueError("expected managedidentity, or none for what is at hand")
    return value.lower()


def _lower(value: str) -> str:
    return value.lower()


ConnectionString = Annotated[SecretStr, AfterValidator(_connection_string)]
ServiceUrl = Annotated[str, AfterValidator(_service_url)]
RootUrl = Annotated[str, AfterValidator(_root_url)]
HttpsUrl = Annotated[str, AfterValidator(_https_url)]
DirectoryName = Annotated[
    str, BeforeValidator(_directory_name), Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$")
]
Scope = Annotated[str, AfterValidator(_default_scope)]
Identity = Annotated[str, AfterValidator(_identity)]
NewCommerceSource = Annotated[Literal["graph", "v1"], BeforeValidator(_lower)]
Certificate = Annotated[SecretBytes, AfterValidator(_certificate)]
CertificatePath = Annotated[Path, AfterValidator(_existing_file)]


def cleaned(value: str) -> str:
    """Take off what nobody means: blanks and line breaks around, quotes around, invisible characters."""
    text = "".join(c for c in value if unicodedata.category(c) != "Cf").strip()
    while len(text) > 1 and text[0] + text[-1] in _QUOTES:
        text = text[1:-1].strip()
    return text
