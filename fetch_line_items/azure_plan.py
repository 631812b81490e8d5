"""How a billing line of an Azure plan is known, whose usage comes in lines of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

CATEGORY, NAME = "ProductCategory", "SkuName"
_AZURE = {CATEGORY.lower(): "azure", NAME.lower(): "azure plan"}


def any_azure(categories: Iterable[str | None], names: Iterable[str | None]) -> bool:
    """Tell by what these fields of some lines hold, in any case."""
    return _has(categories, _AZURE[CATEGORY.lower()]) or _has(names, _AZURE[NAME.lower()])


def is_azure(line: Any) -> bool:
    """Tell of a line by all its fields, their names in any case."""
    if not isinstance(line, dict):
        return False
    known = ((_AZURE.get(name.lower()), value) for name, value in line.items())
    return any(
        azure and isinstance(value, str) and value.lower() == azure for azure, value in known
    )


def _has(texts: Iterable[str | None], azure: str) -> bool:
    # There are few different ones.
    return any(text is not None and text.lower() == azure for text in set(texts))
