"""Faults of every kind, in a seeded order."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator

from local.soak.export_events import ExportEvents
from local.soak.leaks import MessageWatch
from local.soak.pieces import LINES, Pieces
from local.soak.single_faults import FILES, befall

Say = Callable[[str], None]
_TELL_EVERY_SECONDS = 10.0
_LONG_SECONDS = 300


class Injector:
    """Injects faults of every kind, one after the other, while others befall single requests."""

    def __init__(self, pieces: Pieces, seed: int, say: Say) -> None:
        self.injected: Counter[str] = Counter()
        self.messages = MessageWatch(pieces.queue_folder)
        self._pieces = pieces
        self._seed = seed
        self._say = say

    def run(self, seconds: float) -> None:
        """Inject for so long, at least each kind once, then stop all faults."""
        is_long = seconds >= _LONG_SECONDS
        befalling = befall(self._pieces, is_long=is_long)
        events = ExportEvents(self._pieces, random.Random(self._seed))
        kinds = events.kinds(is_long=is_long)
        events.list_invoices()
        deadline = time.monotonic() + seconds
        tell = time.monotonic()
        for number, name in enumerate(self._dealt(sorted(kinds))):
            # Of its own for each, so that what one finds to do does not change those after it.
            events.chance = random.Random(f"{self._seed}/{number}")
            events.pause(0.1, 0.8)
            if time.monotonic() > deadline and number >= len(kinds):
                break
            self.injected[name] += kinds[name]()
            if time.monotonic() > tell:
                tell = time.monotonic() + _TELL_EVERY_SECONDS
                self.messages.look()
                self._tell(deadline - time.monotonic())
        stack = self._pieces.stack
        for service in (stack.partner_center, stack.graph, stack.graph.files):
            service.faults.clear()
        for name, fault in befalling:
            self.injected[name] += fault.used

    def _dealt(self, names: list[str]) -> Iterator[str]:
        """Every kind once in random order, before one comes again."""
        deck = random.Random(self._seed)
        while True:
            yield from deck.sample(names, len(names))

    def _tell(self, left: float) -> None:
        stack = self._pieces.stack
        pages = len(stack.partner_center.requests.matching(LINES))
        files = len(stack.graph.files.requests.matching(FILES))
        self._say(
            f"  {max(left, 0):4.0f} s left   requests for pages {pages}, for files {files}   "
            f"messages {stack.waiting()}   injected {self.injected.total()}"
        )
