"""App settings: `local.settings.json`, `%NAME%` references and storage connections."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.functions_host.errors import Refused

_REFERENCE = re.compile(r"%([^%]+)%")


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; an empty file counts as an empty object."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig") or "{}")
    except ValueError as error:
        raise Refused(f"{path.name} is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise Refused(f"{path.name} must be a JSON object")
    return content


def apply_local_settings(path: Path) -> None:
    """Make the file's `Values` environment variables; those that exist already win."""
    if not path.exists():
        return
    for name, value in read_json(path).get("Values", {}).items():
        os.environ.setdefault(name, str(value))


def resolve(text: str, settings: Mapping[str, str]) -> str:
    """Replace every `%NAME%` by the setting of that name."""

    def value(reference: re.Match[str]) -> str:
        name = reference[1]
        if not settings.get(name):
            raise Refused(f"{text!r} needs the app setting {name}, which is not set")
        return settings[name]

    return _REFERENCE.sub(value, text)


def connection_string(name: str, settings: Mapping[str, str]) -> str | None:
    """Return the connection string of a connection, kept in `name` or `AzureWebJobs{name}`."""
    return settings.get(name) or settings.get(f"AzureWebJobs{name}")


def queue_service_uri(name: str, settings: Mapping[str, str]) -> str | None:
    """Return the queue endpoint of a connection that uses an identity."""
    return settings.get(f"{name}__queueServiceUri")


def check_connection(name: str, settings: Mapping[str, str]) -> None:
    """Refuse a connection that no setting describes."""
    if not (connection_string(name, settings) or queue_service_uri(name, settings)):
        names = name if name.startswith("AzureWebJobs") else f"{name} or AzureWebJobs{name}"
        raise Refused(
            f"the connection {name!r} is not set: expected a connection string in {names}, "
            f"or {name}__queueServiceUri"
        )


def check_host_storage(settings: Mapping[str, str]) -> None:
    """Refuse to run without the host's own storage, which all but HTTP triggers need."""
    name = "AzureWebJobsStorage"
    if not any(
        key == name or key.startswith(f"{name}__") for key, value in settings.items() if value
    ):
        raise Refused(f"the app setting {name} is required for all triggers other than HTTP")
