"""The ids of staged blocks: each says which invocation has staged it, and what that one went on from.

So a message that continues a fetch names the last invocation alone, however many came before it: the
others follow from the ids of the blocks that are there.
"""

from __future__ import annotations

import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Annotated, NamedTuple

from pydantic import Field

from shared.errors import Overtaken

MOST_BLOCKS = 50_000
"""What one blob may consist of."""

_NO_PART = "0" * 10
_OLD_ID = re.compile(r"[0-9a-f]{16}-([0-9]{5})")

PartId = Annotated[str, Field(pattern=r"^[0-9a-f]{10}$")]
Count = Annotated[int, Field(ge=0, le=10**12)]
BLOCK_NUMBERS = 1 << 24
BlockNumber = Annotated[int, Field(ge=0, lt=BLOCK_NUMBERS)]


class OldPart(NamedTuple):
    """What one invocation of release 0.1 has staged: pages, with ids of the form `{id}-{page}`."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    pages: Annotated[int, Field(gt=0, le=MOST_BLOCKS)]


@dataclass(frozen=True)
class Staged:
    """The blocks that belong to a fetch so far: `blocks` of them, with numbers below `end`.

    `part` is the last invocation that has staged one; `old` are those of release 0.1.
    """

    part: PartId = _NO_PART
    end: BlockNumber = 0
    blocks: Count = 0
    old: tuple[OldPart, ...] = ()


@dataclass(frozen=True)
class Part:
    """The blocks that one invocation stages, which follow those of `parent` that are below `start`.

    Each invocation is a part of its own. So when a message is delivered twice and both go on, neither
    replaces a block that the other one counts.
    """

    parent: str
    start: int
    id: str = field(default_factory=lambda: secrets.token_hex(5))

    @classmethod
    def after(cls, staged: Staged) -> Part:
        """Begin the part that goes on from there."""
        return cls(staged.part, staged.end)

    def block_id(self, number: int) -> str:
        """Name a block of this part; all ids of a blob have to be of the same length."""
        packed = bytes.fromhex(self.id + self.parent)
        packed += self.start.to_bytes(3) + number.to_bytes(3)
        return urlsafe_b64encode(packed).decode().rstrip("=")

    def with_block(self, staged: Staged, *, blocks: int, end: int) -> Staged:
        """Count so many more blocks of this part, all with numbers below `end`."""
        if not blocks:
            return staged
        return Staged(self.id, end, staged.blocks + blocks, staged.old)


def ids_of(staged: Staged, uncommitted: Iterable[str]) -> list[str]:
    """Find the blocks of a fetch among all that are uncommitted, in their order.

    Raises Overtaken where some are gone.
    """
    by_part: dict[str, list[tuple[Part, int, str]]] = defaultdict(list)
    for block_id in uncommitted:
        if parsed := _parsed(block_id):
            by_part[parsed[0].id].append((*parsed, block_id))
    found: list[list[str]] = []  # of the last part first
    part, end = staged.part, staged.end
    while part != _NO_PART:
        counted = [block for block in by_part[part] if block[0].start <= block[1] < end]
        if len({block[0] for block in counted}) != 1:
            break
        found.append([block[2] for block in sorted(counted, key=lambda block: block[1])])
        part, end = counted[0][0].parent, counted[0][0].start
    ids = [*_old_ids(staged.old), *chain.from_iterable(reversed(found))]
    if len(ids) != staged.blocks:
        raise Overtaken(f"Of {staged.blocks} staged blocks {len(ids)} are left")
    return ids


def number_of(block_id: str) -> int | str:
    """Give the number of a block; of one that is not this app's, what tells it from others."""
    if old := _OLD_ID.fullmatch(block_id):
        return int(old[1])
    parsed = _parsed(block_id)
    return parsed[1] if parsed else block_id


def _parsed(block_id: str) -> tuple[Part, int] | None:
    try:
        packed = urlsafe_b64decode(block_id + "==")
    except ValueError:
        return None
    if len(packed) != 16:
        return None
    part = Part(packed[5:10].hex(), int.from_bytes(packed[10:13]), packed[:5].hex())
    return part, int.from_bytes(packed[13:16])


def _old_ids(parts: Iterable[OldPart]) -> list[str]:
    ids = [part.id for part in parts for _ in range(part.pages)]
    return [f"{part}-{page:05d}" for page, part in enumerate(ids)]
