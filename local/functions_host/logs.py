"""One line on stderr for every log record, with the invocation it belongs to."""

import logging
import os
import time

from azure_functions_runtime import invocation_id_cv  # type: ignore[import-untyped]

# Threads of the engine know only the id of their invocation.
_names: dict[str, str] = {}


def started(invocation_id: str, function_name: str) -> None:
    """Name the records of an invocation from now on."""
    _names[invocation_id] = function_name


def ended(invocation_id: str) -> None:
    """Forget an invocation."""
    _names.pop(invocation_id, None)


class _Formatter(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        invocation_id = invocation_id_cv.get() or ""
        name = _names.get(invocation_id, "host")
        record.invocation = f"{name} {invocation_id[:8]}".rstrip()
        return super().format(record)


def _is_wanted(record: logging.LogRecord) -> bool:
    # The functions' own storage requests are logged as on Azure, the host's polling is not.
    return not record.name.startswith("azure.core.") or _is_in_invocation(record)


def _is_in_invocation(_: logging.LogRecord) -> bool:
    return invocation_id_cv.get() is not None


def configure() -> None:
    """Send what is logged to stderr, as the worker forwards it: INFO and above."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        _Formatter(
            "%(asctime)s.%(msecs)03dZ %(levelname)-7s [%(invocation)s] %(message)s",
            "%Y-%m-%dT%H:%M:%S",
        )
    )
    handler.addFilter(_is_wanted)
    debug = os.environ.get("PYTHON_ENABLE_DEBUG_LOGGING") == "1"
    logging.basicConfig(level=logging.DEBUG if debug else logging.INFO, handlers=[handler])
    # Of what the engine says, only the tracebacks of functions are not told elsewhere.
    engine = logging.getLogger("azure.functions")
    engine.setLevel(logging.ERROR)
    engine.addFilter(_is_in_invocation)
