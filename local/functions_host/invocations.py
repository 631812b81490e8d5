"""Running a function: its log lines, its result, its messages."""

import json
import logging
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from azure_functions_runtime import invocation_id_cv  # type: ignore[import-untyped]

from local.functions_host import engine, logs
from local.functions_host.app import Function
from local.functions_host.engine import Datum
from local.functions_host.storage import Storage

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended."""

    ok: bool
    returned: Datum | None = None


class Invocations:
    """Runs functions through the engine; messages go out only after success."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def run(
        self,
        function: Function,
        data: Datum,
        metadata: Mapping[str, Datum] | None = None,
        *,
        attempt: int = 0,
    ) -> Outcome:
        """Run a function once."""
        invocation_id = str(uuid.uuid4())
        logs.started(invocation_id, function.name)
        # The engine resets it too early for the traceback that it logs.
        token = invocation_id_cv.set(invocation_id)
        try:
            return await self._timed(invocation_id, function, data, metadata or {}, attempt)
        finally:
            invocation_id_cv.reset(token)
            logs.ended(invocation_id)

    async def _timed(
        self,
        invocation_id: str,
        function: Function,
        data: Datum,
        metadata: Mapping[str, Datum],
        attempt: int,
    ) -> Outcome:
        _log.info("Executing 'Functions.%s' (Id=%s)", function.name, invocation_id)
        start = time.perf_counter()
        retries = function.retry.count if function.retry else 0
        inputs = [(function.trigger["name"], data)]
        ok, returned, outputs, error, _ = await engine.invoke(
            invocation_id, function.id, inputs, metadata, attempt, retries
        )
        if ok:
            error = await self._send(function, [*outputs, ("$return", returned)])
        _log.log(
            logging.ERROR if error else logging.INFO,
            "Executed 'Functions.%s' (%s, Id=%s, Duration=%.0fms)%s",
            function.name,
            "Failed" if error else "Succeeded",
            invocation_id,
            (time.perf_counter() - start) * 1000,
            f": {error}" if error else "",
        )
        return Outcome(not error, returned)

    async def _send(self, function: Function, values: list[tuple[str, Datum | None]]) -> str | None:
        """Send the messages that a function has put out; return what went wrong."""
        queues = {
            binding["name"]: binding for binding in function.outputs if binding["type"] == "queue"
        }
        try:
            for name, datum in values:
                if datum is not None and name in queues:
                    binding = queues[name]
                    queue = self._storage.queue(binding["connection"], binding["queueName"])
                    for message in messages(datum):
                        await queue.send(message)
        except Exception as error:  # whatever it is, the invocation has failed
            _log.exception("The output of %s could not be sent", function.name)
            return repr(error)
        return None


def messages(datum: Datum) -> list[str]:
    """Return the messages that the real host makes of an output."""
    value = datum.value
    if datum.type == "bytes":
        return [value.decode()]
    if datum.type not in ("string", "json"):
        value = json.dumps(value)
    try:
        # The real host re-parses any text that looks like JSON, single strings included.
        content = json.loads(value) if value.lstrip()[:1] in ("[", "{") else value
    except ValueError:
        content = value
    elements = content if isinstance(content, list) else [content]
    return [item if isinstance(item, str) else _indented(item) for item in elements]


def _indented(item: object) -> str:
    return json.dumps(item, indent=2, ensure_ascii=False)
