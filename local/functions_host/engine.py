"""The engine that executes functions on Azure, loaded into this process.

Its five calls expect the worker's protobuf messages, but read and build them by attribute
only, so plain namespaces do. One app per process: its registry is global.
"""

import secrets
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime  # type: ignore[import-untyped]
from azure_functions_runtime.bindings.datumdef import Datum  # type: ignore[import-untyped]
from azure_functions_runtime.native_invocation import (  # type: ignore[import-untyped]
    invocation_request_native,
)

from local.functions_host.errors import Refused

__all__ = ["Datum", "Reply", "index", "invoke", "text"]

Reply = tuple[bool, Datum | None, list[tuple[str, Datum]], str | None, str | None]


class _Status(SimpleNamespace):
    Failure, Success = 0, 1


class _Binding(SimpleNamespace):
    undefined, out, inout = 0, 1, 2


_PROTOS = SimpleNamespace(
    StatusResult=_Status,
    BindingInfo=_Binding,
    **dict.fromkeys(
        (
            "WorkerInitResponse",
            "WorkerMetadata",
            "RpcException",
            "RpcFunctionMetadata",
            "RpcRetryOptions",
            "FunctionMetadataResponse",
        ),
        SimpleNamespace,
    ),
)


def text(value: str) -> Datum:
    """Return a string as the engine wants it."""
    return Datum(value, "string")


def _request(**message: Any) -> SimpleNamespace:
    properties = {"host": "127.0.0.1", "protos": _PROTOS}
    return SimpleNamespace(request=SimpleNamespace(**message), properties=properties)


async def index(app_root: Path) -> list[Any]:
    """Import the app, let the engine check its functions and return their metadata."""
    # As on Azure: an installed package of the same name comes before the app's own.
    sys.path.append(str(app_root))
    runtime.start_threadpool_executor()
    init = SimpleNamespace(capabilities={}, function_app_directory=str(app_root))
    loaded = await runtime.worker_init_request(_request(worker_init_request=init))
    if loaded.result.status != _Status.Success:
        error = loaded.result.exception
        raise Refused(f"the app failed to load: {error.message}\n{error.stack_trace.rstrip()}")
    found = await runtime.functions_metadata_request(_request(functions_metadata_request=None))
    if not found.function_metadata_results:
        raise Refused(f"no functions found: is there a function_app.py with some in {app_root}?")
    return list(found.function_metadata_results)


async def invoke(
    invocation_id: str,
    function_id: str,
    inputs: list[tuple[str, Datum]],
    metadata: Mapping[str, Datum],
    retry_count: int,
    max_retry_count: int,
) -> Reply:
    """Run a function: a coroutine on this loop, a plain function in the engine's threads.

    Each run is of a trace of its own, as on Azure.
    """
    reply: Reply = await invocation_request_native(
        invocation_id,
        function_id,
        inputs,
        dict(metadata),
        trace_parent=f"00-{uuid.uuid4().hex}-{secrets.token_hex(8)}-01",
        retry_count=retry_count,
        max_retry_count=max_retry_count,
    )
    return reply
