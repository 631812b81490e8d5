"""The log: what a line is about stands at its end, in fields that one query finds.

    4500 lines of graph, in storage invoice=G000024130 provider=one_time type=billing_line_items source=graph …

They are part of the text, because the Functions host takes nothing else of a record to Application
Insights; with OpenTelemetry they are attributes of the record, too.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_NAMES = ("invoice", "provider", "type", "source", "correlation")
_ODD = re.compile(r"[^\w.:/-]", re.A)
_fields: ContextVar[dict[str, str] | None] = ContextVar("fields", default=None)


class _Log(logging.LoggerAdapter[logging.Logger]):
    """Writes the fields of `about` behind each text."""

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Give the text with the fields at its end, and the fields as attributes of the record."""
        known = _fields.get() or {}
        fields = {name: known[name] for name in _NAMES if name in known}
        ending = "".join(f" {name}={value}" for name, value in fields.items())
        return f"{msg}{ending}", {**kwargs, "extra": fields}


def get_logger(name: str) -> logging.LoggerAdapter[logging.Logger]:
    """Give the logger of a module."""
    return _Log(logging.getLogger(name), {})


@contextmanager
def about(**fields: str | None) -> Iterator[None]:
    """Say what the lines are about that are logged inside: `invoice`, `provider`, `type`, `source`, `correlation`."""
    token = _fields.set({**(_fields.get() or {}), **_clean(fields)})
    try:
        yield
    finally:
        _fields.reset(token)


def also_about(**fields: str | None) -> None:
    """Say more about the lines from now on to the end of the `about` that this is called in."""
    known = _fields.get()
    if known is not None:
        known.update(_clean(fields))


def _clean(fields: dict[str, str | None]) -> dict[str, str]:
    """Leave nothing in a value that could end it, or format the text anew."""
    return {name: _ODD.sub("_", value) for name, value in fields.items() if value}
