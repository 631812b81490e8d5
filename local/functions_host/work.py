"""What is under way in the host, so that it can be finished before the host leaves."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any


class Work:
    """Tasks that outlive whoever started them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self.closing = False

    def start[T](self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a task that is waited for at the end."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def finish[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Start a task and return its result; who waits may be cancelled, the task goes on."""
        return await asyncio.shield(self.start(work))

    async def drain(self, seconds: float) -> bool:
        """Close, wait for what is under way, and tell whether all of it is done."""
        self.closing = True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        return not self._tasks
