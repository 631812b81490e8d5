"""Read commands as the Azure CLI does, up to the point where it would do something.

Run by the Python of the Azure CLI: a list of commands in, as JSON, what is wrong with each out, or null.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from typing import Any

from azure.cli.core import get_default_cli


class _Accepted(BaseException):
    """The command has been read: it has all that it needs and nothing unknown."""


def _stop(_cli: object, **_: Any) -> None:
    raise _Accepted


def problem(arguments: list[str]) -> str | None:
    """Say what the Azure CLI has against the arguments of `az`; None if it would begin its work."""
    cli = get_default_cli()
    cli.register_event("CommandInvoker.OnPostParseArgs", _stop)
    told = io.StringIO()
    try:
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
            cli.invoke(arguments)
    except _Accepted:
        return None
    except SystemExit as error:
        return f"exit {error.code}: {told.getvalue()}"
    return f"not understood: {told.getvalue()}"


json.dump([problem(arguments) for arguments in json.load(sys.stdin)], sys.stdout)
