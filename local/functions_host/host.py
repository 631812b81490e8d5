"""The host: an app's listeners and web server, from start to stop."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from local.functions_host.app import App, Function, load
from local.functions_host.engine import Datum
from local.functions_host.errors import Refused
from local.functions_host.invocations import Invocations
from local.functions_host.queues import QueueListener
from local.functions_host.storage import Storage
from local.functions_host.timers import Schedule, TimerListener
from local.functions_host.web import Endpoints, Keys
from local.functions_host.work import Work

_log = logging.getLogger(__name__)

_GRACE = 10  # seconds that running invocations get to finish


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    app_root: Path
    port: int
    keys: Keys
    lease: int = 600
    timers: bool = True


async def run(options: Options, announce: Callable[[int, App], None], stop: asyncio.Event) -> None:
    """Load the app, announce the port when everything listens, and serve until stopped."""
    app = await load(options.app_root, os.environ)
    host = _Host(app, options)
    announce(await host.start(), app)
    await stop.wait()
    await host.stop()


class _Host:
    def __init__(self, app: App, options: Options) -> None:
        self._app = app
        self._options = options
        self._work = Work()
        self._storage = Storage(os.environ, app.config.queues.base64)
        self._invocations = Invocations(self._storage)
        for binding in app.bindings:
            if "queueName" in binding:
                self._storage.queue(binding["connection"], binding["queueName"])
        endpoints = Endpoints(app, options.keys, self._invocations, self._work)
        self._server = web.AppRunner(
            endpoints.application(), access_log=None, shutdown_timeout=_GRACE
        )
        self._listeners: list[asyncio.Task[None]] = []

    async def start(self) -> int:
        """Start everything and return the port."""
        await self._server.setup()
        try:
            await web.TCPSite(self._server, "127.0.0.1", self._options.port).start()
        except OSError as error:
            raise Refused(f"port {self._options.port} cannot be used: {error}") from error
        self._listeners = [asyncio.create_task(listen) for listen in self._all_listeners()]
        for listener in self._listeners:
            listener.add_done_callback(_tell_death)
        return int(self._server.addresses[0][1])

    def _all_listeners(self) -> list[Coroutine[Any, Any, None]]:
        queues = [self._queue_listener(each).listen() for each in self._app.of_kind("queueTrigger")]
        if not self._options.timers:
            return queues
        timers = [self._timer_listener(each).listen() for each in self._app.of_kind("timerTrigger")]
        return queues + timers

    def _queue_listener(self, function: Function) -> QueueListener:
        async def run_message(data: Datum, metadata: Mapping[str, Datum]) -> bool:
            return (await self._invocations.run(function, data, metadata)).ok

        source = function.trigger["connection"], function.trigger["queueName"]
        return QueueListener(
            queue=self._storage.queue(*source),
            poison=self._storage.poison(*source),
            options=self._app.config.queues,
            lease=self._options.lease,
            run=run_message,
            work=self._work,
        )

    def _timer_listener(self, function: Function) -> TimerListener:
        async def run_timer(data: Datum, attempt: int) -> bool:
            running = self._invocations.run(function, data, attempt=attempt)
            return (await self._work.finish(running)).ok

        schedule = Schedule(function.trigger["schedule"])
        at_start = bool(function.trigger.get("runOnStartup"))
        return TimerListener(schedule, function.retry, run_timer, at_start)

    async def stop(self) -> None:
        """Take nothing new, and give what is under way the time to finish."""
        _log.info("Stopping")
        for listener in self._listeners:
            listener.cancel()
        for site in list(self._server.sites):
            await site.stop()
        if await self._work.drain(_GRACE):
            await _quietly(self._server.cleanup())
            await self._storage.close()
        else:
            _log.warning("Still running after %s s: left to their leases", _GRACE)


async def _quietly(ending: Awaitable[None]) -> None:
    try:
        await asyncio.wait_for(ending, 1)
    except TimeoutError:
        _log.warning("A connection did not end in time")


def _tell_death(listener: asyncio.Task[None]) -> None:
    if not listener.cancelled() and (error := listener.exception()):
        _log.error("A listener has died", exc_info=error)
