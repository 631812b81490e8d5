"""Which form of an answer a caller wants: by `?format=`, else by `Accept`; and the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from werkzeug.datastructures import LanguageAccept, MIMEAccept
from werkzeug.http import parse_accept_header

from get_invoice.csv_text import Dialect
from shared.errors import InvalidInput
from shared.keys import quoted

JSON, JSON_LINES, CSV, HTML = (
    "application/json",
    "application/x-ndjson",
    "text/csv",
    "text/html",
)
_FORMATS = {"json": JSON, "jsonl": JSON_LINES, "csv": CSV, "html": HTML}


def negotiated(
    params: Mapping[str, str], headers: Mapping[str, str], offered: Sequence[str]
) -> str:
    """Give the type of those `offered` that the caller wants most; the first where any will do.

    Who names a `locale` wants a table. Raises InvalidInput for a `format` that is not offered.
    """
    if name := params.get("format"):
        chosen = _FORMATS.get(name.lower(), "")
        if chosen not in offered:
            *names, last = (name for name, kind in _FORMATS.items() if kind in offered)
            raise InvalidInput(f"format must be {', '.join(names)} or {last}, not {quoted(name)}")
        return chosen
    if params.get("locale") and CSV in offered:
        return CSV
    accepted = parse_accept_header(headers.get("accept"), MIMEAccept)
    # A charset and the like do not matter: there is one of each type.
    types = MIMEAccept((each.partition(";")[0].strip(), quality) for each, quality in accepted)
    return types.best_match(offered) or offered[0]


def spreadsheet_languages(headers: Mapping[str, str]) -> list[str]:
    """Give those of a browser's languages that write tables in different ways, the most wanted first."""
    found: dict[Dialect, str] = {}
    accepted = parse_accept_header(headers.get("accept-language"), LanguageAccept)
    for language in filter(None, accepted.values()):
        with suppress(InvalidInput):
            found.setdefault(Dialect.of(language), language)
    return list(found.values())
