"""Queue triggers: polling, leases, retries and poison."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from azure.core.exceptions import AzureError
from azure.storage.queue import QueueMessage

from local.functions_host import engine
from local.functions_host.config import QueueOptions
from local.functions_host.engine import Datum
from local.functions_host.storage import LeaseLost, Queue
from local.functions_host.work import Work

_log = logging.getLogger(__name__)

_SHORTEST_INTERVAL = 0.1
# The real host waits up to 2 s locally and up to maxPollingInterval on Azure, where polls cost.
_LONGEST_INTERVAL = 0.5

Run = Callable[[Datum, Mapping[str, Datum]], Awaitable[bool]]


@dataclass(frozen=True)
class QueueListener:
    """Runs one function for every message of one queue."""

    queue: Queue
    poison: Queue | None
    options: QueueOptions
    lease: int
    run: Run
    work: Work

    async def listen(self) -> None:
        """Poll: at once while there are messages, ever more rarely while there are none."""
        running: set[asyncio.Task[None]] = set()
        interval = _SHORTEST_INTERVAL
        while True:
            # What is received has a lease, so even a host that stops has to look after it.
            received = await self.work.finish(self._take(running))
            if len(running) > self.options.new_batch_threshold:
                await self._room(running)
            elif received:
                interval = _SHORTEST_INTERVAL
            elif await _any_done(running, interval):
                interval = _SHORTEST_INTERVAL  # what has run may have sent messages itself
            else:
                interval = min(interval * 2, self._longest_interval)

    @property
    def _longest_interval(self) -> float:
        return min(self.options.max_polling_interval, _LONGEST_INTERVAL)

    async def _take(self, running: set[asyncio.Task[None]]) -> bool:
        """Start on the next messages and tell whether there were any."""
        received = await self._receive()
        for message in received:
            if self.work.closing:
                await self.queue.hide(message, 0)
                continue
            task = self.work.start(self._process(message))
            running.add(task)
            task.add_done_callback(running.discard)
        return bool(received)

    async def _room(self, running: set[asyncio.Task[None]]) -> None:
        while len(running) > self.options.new_batch_threshold:
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)

    async def _receive(self) -> list[QueueMessage]:
        try:
            return await self.queue.receive(self.options.batch_size, self.lease)
        except AzureError as error:
            _log.warning("Queue %s cannot be read: %s", self.queue.name, error)
            await asyncio.sleep(_LONGEST_INTERVAL)
            return []

    async def _process(self, message: QueueMessage) -> None:
        try:
            async with self._renewed(message):
                settle = await self._outcome(message)
            await settle(message)
        except LeaseLost as error:
            _log.warning("Message %s was taken from us: %s", message.id, error)
        except AzureError as error:
            _log.warning("Message %s comes back by its lease: %s", message.id, error)

    async def _outcome(self, message: QueueMessage) -> Callable[[QueueMessage], Awaitable[None]]:
        """Run the function and return what is to be done with the message."""
        count, most = message.dequeue_count or 0, self.options.max_dequeue_count
        if count > most:
            return self._discard
        try:
            text = self.queue.decode(message)
        except ValueError as error:
            _log.error("Message %s cannot be decoded (%s): see messageEncoding", message.id, error)
            return self._discard
        if await self.run(engine.text(text), _metadata(message, self.queue.name)):
            return self.queue.delete
        return self._discard if count >= most else self._again

    async def _again(self, message: QueueMessage) -> None:
        await self.queue.hide(message, int(self.options.retry_delay))

    async def _discard(self, message: QueueMessage) -> None:
        """Move a message to the poison queue; without one it stays where it is, invisible."""
        if self.poison:
            _log.error("Message %s goes to queue %s", message.id, self.poison.name)
            await self.poison.send_raw(str(message.content))
            await self.queue.delete(message)

    @asynccontextmanager
    async def _renewed(self, message: QueueMessage) -> AsyncIterator[None]:
        """Keep the lease of a message while the block runs."""
        # Ended by an event, not cancelled: a renewal under way brings a new pop receipt.
        done = asyncio.Event()
        renewal = asyncio.create_task(self._renew(message, done))
        try:
            yield
        finally:
            done.set()
            await renewal

    async def _renew(self, message: QueueMessage, done: asyncio.Event) -> None:
        while not await _set_within(done, self.lease / 2):
            try:
                await self.queue.hide(message, self.lease)
            except LeaseLost:
                _log.warning("The lease of message %s is lost", message.id)
                return
            except AzureError as error:
                _log.warning("The lease of message %s is not renewed: %s", message.id, error)


def _metadata(message: QueueMessage, queue_name: str) -> dict[str, Datum]:
    return {
        "Id": engine.text(message.id),
        "PopReceipt": engine.text(message.pop_receipt or ""),
        "QueueTrigger": engine.text(queue_name),
        "DequeueCount": Datum(str(message.dequeue_count), "json"),
        "InsertionTime": _time(message.inserted_on),
        "ExpirationTime": _time(message.expires_on),
        "NextVisibleTime": _time(message.next_visible_on),
    }


def _time(moment: datetime | None) -> Datum:
    return Datum(json.dumps(moment.astimezone(UTC).isoformat() if moment else None), "json")


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def _any_done(running: set[asyncio.Task[None]], seconds: float) -> bool:
    """Wait for so long, or until one of the tasks is done."""
    if not running:
        await asyncio.sleep(seconds)
        return False
    done, _ = await asyncio.wait(running, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)
