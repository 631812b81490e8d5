"""The shapes of Graph's answers about an export, also of those that the app refuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local.doctor.report import Finding, detail
from local.doctor.shapes import (
    HIDDEN,
    call_path,
    code,
    directory_path,
    ending,
    wait,
    word,
    words,
    yes,
)
from local.doctor.subject import Subject
from shared.api.exchange import Answer
from shared.json_text import loads

_AZURE = ".blob.core.windows.net"


def post_findings(subject: Subject) -> Iterator[Finding]:
    """Tell how Graph has answered the request for an export, if it has."""
    for answer in subject.answers[-1:]:
        location = answer.headers.get("Location")
        retry_after = wait(answer.headers.get("Retry-After"))
        yield detail(f"POST: status {answer.status}, Retry-After {retry_after}")
        if location is None:
            yield detail("Location: none")
        else:
            yield detail(f"Location: {_address(location, subject.settings.graph_url)}")


def _address(url: str, root: str) -> str:
    try:
        parts, expected = urlsplit(url), urlsplit(root)
    except ValueError:
        return "an address that is none"
    same = (parts.scheme, parts.netloc.lower()) == (expected.scheme, expected.netloc)
    return f"host of GRAPH_URL {yes(same)}, path {call_path(parts.path)}"


def look_findings(subject: Subject, looks: int, seconds: float) -> Iterator[Finding]:
    """Tell how often an operation was looked at, and what was said meanwhile."""
    operations = [(a, fields) for a in subject.answers if "status" in (fields := _fields(a))]
    statuses = dict.fromkeys(fields["status"] for _, fields in operations)
    waits = {wait(a.headers.get("Retry-After")) for a, _ in operations[:-1]} or {"not seen"}
    yield detail(
        f"looks: {looks} in {seconds:.0f} s; statuses: {words(statuses)}; Retry-After while it runs: "
        f"{', '.join(sorted(waits))}"
    )


def manifest_findings(subject: Subject) -> Iterator[Finding]:
    """Tell where the manifest was and what is in it, if there is one."""
    form, manifest = _manifest([_fields(answer) for answer in subject.answers])
    if form:
        yield detail(f"manifest: {form}")
    if not manifest:
        return
    yield detail(f"keys: {words(manifest)}")
    fields = _lower(manifest)
    kinds = ("schemaVersion", "dataFormat", "partitionType")
    yield detail(", ".join(f"{name} {code(fields.get(name.lower()))}" for name in kinds))
    blobs = fields.get("blobs")
    names = [_lower(blob).get("name") for blob in blobs] if isinstance(blobs, list) else []
    endings = sorted({ending(name) for name in names if isinstance(name, str)})
    yield detail(
        f"files: {len(names)}, blobCount equal {yes(str(fields.get('blobcount')) == str(len(names)))}, eTag "
        f"{yes(fields.get('etag'))}, names end in {', '.join(endings) or 'nothing'}"
    )
    yield detail(f"files' directory: {_directory(fields.get('rootdirectory'))}")
    yield detail(f"SAS: {_sas(fields.get('sastoken'))}")


def _manifest(bodies: list[dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Give the manifest's form and the manifest, empty where there is none."""
    operation: dict[str, Any] = next((body for body in reversed(bodies) if "status" in body), {})
    where = operation.get("resourcelocation")
    if isinstance(where, dict):
        return "inline", where
    linked = next((body for body in bodies if "status" not in body and "blobs" in body), {})
    if isinstance(where, str):
        return "behind a string", linked
    if "resourcelocation@odata.navigationlink" in operation:
        return "behind a navigation link", linked
    return "", {}


def _fields(answer: Answer) -> dict[str, Any]:
    with suppress(ValueError):
        return _lower(loads(answer.body))
    return {}


def _lower(body: object) -> dict[str, Any]:
    return {name.lower(): value for name, value in body.items()} if isinstance(body, dict) else {}


def _directory(root: object) -> str:
    try:
        parts = urlsplit(root if isinstance(root, str) else "")
    except ValueError:
        return HIDDEN
    azure = parts.scheme == "https" and (parts.hostname or "").endswith(_AZURE)
    return f"on https://*{_AZURE} {yes(azure)}, path {directory_path(parts.path)}"


def _sas(token: object) -> str:
    fields = parse_qs(token.removeprefix("?")) if isinstance(token, str) else {}
    life = "unknown"
    with suppress(KeyError, ValueError):
        end = datetime.fromisoformat(fields["se"][0])
        life = f"{(end.astimezone(UTC) - datetime.now(UTC)).total_seconds() / 60:.0f} minutes"
    granted = ", ".join(f"{name}={word(fields.get(name, [''])[0])}" for name in ("sr", "sp"))
    return f"{life} to live, {granted}, parameters {words(fields)}"
