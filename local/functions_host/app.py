"""The functions of an app, as the engine found them and the real host would accept them."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from local.functions_host import engine
from local.functions_host.config import HostConfig
from local.functions_host.errors import Refused
from local.functions_host.routes import Route
from local.functions_host.settings import check_connection, check_host_storage, resolve
from local.functions_host.timers import Retry, Schedule

_BINDING_NAME = re.compile(r"([a-zA-Z][a-zA-Z0-9]{0,127}|\$return)")
_FUNCTION_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,127}")
_QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")
_TRIGGERS = ("httpTrigger", "queueTrigger", "timerTrigger")
_OUTPUTS = ("http", "queue")

Binding = dict[str, Any]


@dataclass(frozen=True)
class Function:
    """A function with its bindings, whose settings are resolved."""

    name: str
    id: str
    trigger: Binding
    outputs: tuple[Binding, ...]
    retry: Retry | None

    @property
    def kind(self) -> str:
        """The type of its trigger."""
        return str(self.trigger["type"])


@dataclass(frozen=True)
class App:
    """Everything that is known of an app before it runs."""

    functions: tuple[Function, ...]
    config: HostConfig

    @property
    def bindings(self) -> Iterator[Binding]:
        """The bindings of all functions."""
        for function in self.functions:
            yield from (function.trigger, *function.outputs)

    def of_kind(self, kind: str) -> list[Function]:
        """Return the functions with this type of trigger."""
        return [function for function in self.functions if function.kind == kind]


async def load(app_root: Path, settings: Mapping[str, str]) -> App:
    """Load an app, or tell everything for which the real host would refuse it."""
    config = HostConfig.read(app_root)
    functions = [_function(metadata) for metadata in await engine.index(app_root)]
    problems = [
        f"function {function.name!r}: {problem}"
        for function in functions
        for problem in _problems(function, settings)
    ]
    if problems:
        raise Refused("\n".join(problems))
    return App(tuple(functions), config)


def _function(metadata: Any) -> Function:
    bindings = [json.loads(raw) for raw in metadata.raw_bindings]
    triggers = [binding for binding in bindings if binding["type"].endswith("Trigger")]
    if len(triggers) != 1:
        raise Refused(f"function {metadata.name!r}: it must have one trigger")
    outputs = tuple(binding for binding in bindings if binding is not triggers[0])
    retry = Retry.parse(metadata.retry_options)
    return Function(metadata.name, metadata.function_id, triggers[0], outputs, retry)


def _problems(function: Function, settings: Mapping[str, str]) -> Iterator[str]:
    def of(check: Callable[[], None]) -> Iterator[str]:
        try:
            check()
        except Refused as problem:
            yield str(problem)

    yield from of(partial(_check_function_name, function.name))
    if function.kind != "httpTrigger":
        yield from of(partial(check_host_storage, settings))
    for binding in (function.trigger, *function.outputs):
        yield from of(partial(_check_binding, binding, settings))


def _check_function_name(name: str) -> None:
    if not _FUNCTION_NAME.fullmatch(name) or name.lower() == "host":
        raise Refused("its name is not valid: letters, digits, '_' and '-', a letter first")


def _check_binding(binding: Binding, settings: Mapping[str, str]) -> None:
    """Refuse a binding, or put its settings' values in place of their names."""
    name, kind = binding["name"], binding["type"]
    if not _BINDING_NAME.fullmatch(name):
        raise Refused(f"the binding name {name!r} is invalid: letters and digits only, no '_'")
    if kind not in _TRIGGERS + _OUTPUTS:
        raise Refused(f"this local host knows no bindings of type {kind!r}")
    for key in ("schedule", "queueName", "route"):
        if isinstance(binding.get(key), str):
            binding[key] = resolve(binding[key], settings)
    if kind == "timerTrigger":
        Schedule(binding["schedule"])
    elif kind == "httpTrigger":
        Route.parse(binding.get("route") or "")
    elif kind.startswith("queue"):
        _check_queue(binding, settings)


def _check_queue(binding: Binding, settings: Mapping[str, str]) -> None:
    if not _QUEUE_NAME.fullmatch(binding["queueName"]):
        raise Refused(f"{binding['queueName']!r} is not a valid queue name")
    check_connection(binding["connection"], settings)
