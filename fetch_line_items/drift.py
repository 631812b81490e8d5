"""An early sign that an API has changed: lines of each link's first block are compared with their type."""

from __future__ import annotations

import random
from collections import Counter

from pydantic import ValidationError

from fetch_line_items.fields import spellings_of
from shared.keys import LineItemsKey
from shared.log import get_logger
from shared.models import LINE_ITEM_TYPES, LineItem

_log = get_logger(__name__)
# So many, drawn from all over the block: to compare all 2,000 of a page with their type takes as long
# as five pages do. Not every eighth: lines come in regular patterns.
_MOST_LINES = 250
# A way in which some of the API's samples write `attributes`.
_KNOWN_ODDITIES = frozenset({"attributes/objectType"})


def report_drift(key: LineItemsKey, source: str, block: bytes) -> None:
    """Log, by field name, what in a sample of a block of lines does not fit the documented type.

    The values themselves are not logged. The lines are stored all the same.
    """
    kind = LINE_ITEM_TYPES.get((source, key.billing_provider, key.invoice_line_item_type))
    if kind is None:
        _log.warning("%s: lines of this kind are not documented", key)
        return
    misfits, unknown = Counter[str](), Counter[str]()
    lines = block.split(b"\n")[:-1]
    sample = random.sample(lines, min(len(lines), _MOST_LINES))
    for text in sample:
        _compare(kind, text, misfits, unknown)
    if (field := kind.charge_field) and not spellings_of(field).search(block):
        _log.warning("%s: no line has %s, so there is nothing to sum", key, field)
    if misfits:
        _log.warning("%s: does not fit %s: %s", key, kind.__name__, _counted(misfits, sample))
    if unknown:
        _log.warning("%s: not in %s: %s", key, kind.__name__, _counted(unknown, sample))


def _compare(
    kind: type[LineItem], text: bytes, misfits: Counter[str], unknown: Counter[str]
) -> None:
    try:
        line = kind.from_json(text)
    except ValidationError as error:
        misfits.update({f"{_path(e['loc'])} ({e['type']})" for e in error.errors()})
    except (ValueError, RecursionError) as error:
        misfits.update([f"a line ({type(error).__name__})"])
    else:
        unknown.update((line.model_extra or {}).keys() - _KNOWN_ODDITIES)


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "a line"


def _counted(names: Counter[str], sample: list[bytes]) -> str:
    counted = (f"{name} in {count}" for name, count in sorted(names.items()))
    return f"{', '.join(counted)} of {len(sample)} lines looked at"
