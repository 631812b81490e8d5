"""What a source of lines is: an iterator of steps, each with a position to go on from.

A source knows nothing of storage, messages or commits; who works through its steps knows nothing of
offsets, tokens or operations.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Protocol

from fetch_line_items.sums import Sums
from shared.content import NOTHING, Content
from shared.messages import GraphPosition, V1Position

Deliver = Callable[[int, bytes], None]
"""Takes a block of lines and its number, in any thread.

The numbers follow the order of the lines, with or without gaps. Each of the lines ends in a newline.
"""


@dataclass(frozen=True, slots=True)
class Step[P: V1Position | GraphPosition = V1Position | GraphPosition]:
    """What has come since the step before; all of it has been delivered.

    `position` is enough to go on in another process, with the source that it is of, and `end` is above the numbers of all blocks
    that count so far. `sums` is what the lines come to, `content` tells them from others. `wait`: the source
    is not ready, and is to be asked again after so many seconds, for a `reason`. `unchanged`: it has just
    what is stored, so nothing has come.
    """

    position: P
    end: int = 0
    blocks: int = 0
    pages: int = 0
    lines: int = 0
    sums: Sums = field(default_factory=Sums)
    content: Content = NOTHING
    last: bool = False
    unchanged: bool = False
    wait: float | None = None
    reason: str = ""


class Source[P](Protocol):
    """Where the lines of one key come from."""

    name: str
    """What metadata, manifests and the documented line types call it."""

    def steps(
        self, position: P | None, deliver: Deliver, has_time: Callable[[], bool]
    ) -> Generator[Step]:
        """Go on from `position` (None: from the beginning), as far as there is time: one step at least.

        Steps end with one that is the `last` or waits, else because the time was over. Raises
        ApiError; StalePosition where `position` is no longer taken, so that the fetch starts over.
        """
