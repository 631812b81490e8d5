"""Route templates: `invoices/{id}`, `{id:guid}`, `{page?}`, `{*rest}`."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from local.functions_host.errors import Refused

_PARAMETER = re.compile(r"\{(\*{0,2})(\w+)((?::[a-z]+(?:\([^()]*\))?)*)(\?)?\}")
_CONSTRAINT = re.compile(r":([a-z]+)(?:\(([^()]*)\))?")

_PATTERNS = {
    "alpha": r"[a-zA-Z]+",
    "bool": r"(?i:true|false)",
    "decimal": r"-?\d+(\.\d+)?",
    "guid": r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "int": r"-?\d{1,10}",
    "length": r".{%s}",
    "long": r"-?\d{1,19}",
    "maxlength": r".{0,%s}",
    "minlength": r".{%s,}",
    "regex": r"%s",
}


def _constraint(name: str, argument: str) -> Callable[[str], object]:
    if name not in _PATTERNS:
        raise Refused(f"this local host knows no route constraint {name!r}")
    pattern = _PATTERNS[name]
    if name == "regex":
        return re.compile(argument, re.IGNORECASE).search
    return re.compile(pattern % argument if "%s" in pattern else pattern).fullmatch


@dataclass(frozen=True)
class _Segment:
    literal: str = ""
    name: str = ""
    constraints: tuple[Callable[[str], object], ...] = ()
    optional: bool = False
    rest: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        parameter = _PARAMETER.fullmatch(text)
        if parameter:
            stars, name, constraints, optional = parameter.groups()
            checks = tuple(_constraint(*found) for found in _CONSTRAINT.findall(constraints))
            return cls("", name, checks, bool(optional or stars), bool(stars))
        if "{" in text or "}" in text:
            raise Refused(f"this local host does not understand {text!r} in a route")
        return cls(text)

    @property
    def rank(self) -> int:
        """How late it is tried: what is more specific comes first."""
        return bool(self.name) * (4 - bool(self.constraints)) + 2 * self.optional + 4 * self.rest

    def matches(self, text: str) -> bool:
        if self.name:
            return bool(text) and all(check(text) for check in self.constraints)
        return self.literal.lower() == text.lower()


@dataclass(frozen=True)
class Route:
    """A template that a path can match."""

    segments: tuple[_Segment, ...]

    @classmethod
    def parse(cls, template: str) -> Self:
        """Read a template, refusing what this host cannot match."""
        parts = [part for part in template.split("/") if part]
        return cls(tuple(_Segment.parse(part) for part in parts))

    @property
    def rank(self) -> tuple[int, ...]:
        """Order among routes: the smaller is tried first."""
        return tuple(segment.rank for segment in self.segments)

    def match(self, path: Sequence[str]) -> dict[str, str] | None:
        """Return the parameters if the path, split and unescaped, matches."""
        if self.segments and self.segments[-1].rest:
            kept = len(self.segments) - 1
            path = [*path[:kept], *(["/".join(path[kept:])] if path[kept:] else [])]
        if len(path) > len(self.segments):
            return None
        if not all(segment.optional for segment in self.segments[len(path) :]):
            return None
        pairs = list(zip(self.segments, path, strict=False))
        if not all(segment.matches(text) for segment, text in pairs):
            return None
        return {segment.name: text for segment, text in pairs if segment.name}
