"""What Microsoft Graph says of an export: it runs, it has failed, or which files it consists of."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any
from urllib.parse import quote

_LONGEST = 2_000
"""Of a text that goes into a URL or, as the eTag, into messages and metadata."""
_LONGEST_SAID = 500
"""Of a text that goes into errors and logs."""


@dataclass(frozen=True)
class RunningExport:
    """It is not ready; `delay` is how many seconds to wait, where that is said."""

    status: str
    delay: float | None


@dataclass(frozen=True)
class FailedExport:
    """It has failed, for good; `code` is a text."""

    code: str
    message: str


@dataclass(frozen=True)
class ManifestLink:
    """It has succeeded; its manifest is somewhere else. A URL from outside, not checked yet."""

    url: str


@dataclass(frozen=True)
class Manifest:
    """The files of an export, whose rows are those of the files in this order.

    `etag` changes with each version of the data. `root` is the directory's URL, from outside and not
    checked yet; `sas` is what opens it, for about an hour: a secret.
    """

    etag: str | None
    root: str
    names: tuple[str, ...]
    sas: str = field(repr=False)

    @property
    def version(self) -> str:
        """What tells these files from those of another version of the data: 16 hexadecimal digits."""
        identity = json.dumps([self.etag, self.root, self.names])
        return blake2b(identity.encode(), digest_size=8).hexdigest()

    def url(self, number: int) -> str:
        """Give the signed URL of a file: a secret."""
        return f"{self.root}/{quote(self.names[number], safe='/=')}?{self.sas}"


Export = RunningExport | FailedExport | ManifestLink | Manifest


def export_of(operation: dict[str, Any], retry_after: float | None) -> Export:
    """Read an operation; raises ValueError for one that is broken.

    `succeeded` and `completed` are the same; whatever else is unknown counts as running. The manifest
    stands in `resourceLocation`, or behind a link there or beside it.
    """
    fields = _named(operation)
    status = _text(fields, "status")
    match status.lower():
        case "failed":
            error = _named(fields.get("error") or {})
            return FailedExport(_said(error.get("code", "none")), _said(error.get("message", "")))
        case "succeeded" | "completed":
            where = fields.get("resourcelocation")
            if where is None:
                where = fields.get("resourcelocation@odata.navigationlink")
            if isinstance(where, str):
                return ManifestLink(where)
            return manifest_of(_named(where))
        case _:
            return RunningExport(_said(status), retry_after)


def manifest_of(manifest: dict[str, Any]) -> Manifest:
    """Read a manifest; raises ValueError for one that is broken.

    That is also one whose `blobCount` is not the number of its blobs, or that names a file twice.
    """
    fields = _named(manifest)
    blobs = fields.get("blobs") or []
    if not isinstance(blobs, list):
        raise ValueError("the manifest's blobs are no list")
    names = tuple(_file_name(_text(_named(blob), "name")) for blob in blobs)
    count = _said(fields.get("blobcount"))
    if count != str(len(names)):
        raise ValueError(f"the manifest counts {count} blobs, and names {len(names)}")
    if len(set(names)) != len(names):
        raise ValueError("the manifest names a file twice")
    etag = fields.get("etag")
    return Manifest(
        etag=_printable("eTag", etag) if isinstance(etag, str) and etag else None,
        root=_text(fields, "rootdirectory").rstrip("/") if names else "",
        names=names,
        sas=_printable("SAS", _text(fields, "sastoken").removeprefix("?")) if names else "",
    )


def error_of(body: object) -> tuple[str | None, str | None]:
    """Read an error's body: its code, and its text with the id by which Microsoft's support finds it."""
    error = _named(_named(body).get("error"))
    inner = error.get("innererror")
    request_id = _named(inner).get("request-id") if isinstance(inner, dict) else None
    code, message = error.get("code"), error.get("message")
    text = f"{message or code} (request-id {request_id})" if request_id else message
    return code and str(code), text and str(text)


def _named(value: object) -> dict[str, Any]:
    """Give the members by their names in lower case; raises ValueError for what is no object."""
    if not isinstance(value, dict):
        raise ValueError("expected an object")
    return {name.lower(): member for name, member in value.items()}


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    return value


def _said(value: object) -> str:
    return str(value)[:_LONGEST_SAID]


def _printable(what: str, text: str) -> str:
    if not (text.isascii() and text.isprintable() and len(text) <= _LONGEST) or " " in text:
        raise ValueError(f"the {what} cannot be sent on")
    return text


def _file_name(name: str) -> str:
    readable = name.isprintable() and len(name) <= _LONGEST
    if not readable or any(part in ("", ".", "..") for part in name.split("/")):
        raise ValueError("the manifest has a name that is none of a file")
    return name
