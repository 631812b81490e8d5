"""The envelope that Partner Center v1 puts around a collection: the list, or a page of lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from local.simulated.bodies import compact


@dataclass
class EnvelopeOptions:
    """Switches for every envelope."""

    foreign_next_link: str | None = None  # put before each next link: another host


class EnvelopeLink(NamedTuple):
    """A link as envelopes have it."""

    uri: str
    headers: tuple[tuple[str, str], ...] = ()

    def json(self) -> str:
        """Spell the link."""
        headers = [{"key": key, "value": value} for key, value in self.headers]
        return compact({"uri": self.uri, "method": "GET", "headers": headers})


def collection(
    items: Sequence[bytes],
    total_count: int,
    self_link: EnvelopeLink,
    next_link: EnvelopeLink | None = None,
    *,
    token: str | None = None,
) -> bytes:
    """Make the envelope; `items` are the pieces of the array's text."""
    top = f'"continuationToken":{compact(token)},' if token else ""
    links = f'"self":{self_link.json()}' + (f',"next":{next_link.json()}' if next_link else "")
    head = f'{{{top}"totalCount":{total_count},"items":['
    tail = f'],"links":{{{links}}},"attributes":{{"objectType":"Collection"}}}}'
    return b"".join((head.encode(), *items, tail.encode()))


def make_next_link(
    uri: str, options: EnvelopeOptions, headers: tuple[tuple[str, str], ...] = ()
) -> EnvelopeLink:
    """Make a next link; with the switch it leads to another host."""
    return EnvelopeLink((options.foreign_next_link or "") + uri, headers)
