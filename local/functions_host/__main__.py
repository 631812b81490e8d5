"""Command line of the local functions host."""

import argparse
import asyncio
import json
import os
import secrets
import signal
import sys
from pathlib import Path
from typing import TextIO

from local.functions_host import logs
from local.functions_host.app import App
from local.functions_host.errors import Refused
from local.functions_host.host import Options, run
from local.functions_host.settings import apply_local_settings
from local.functions_host.web import Keys

_PROJECT = Path(__file__).parents[2]


def main() -> int:
    """Run the host until it is told to stop."""
    arguments = _arguments()
    stdout = _keep_stdout()
    # What lies around here must not stand in for the app's modules, which come from its root.
    here = {_PROJECT, Path.cwd()}
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() not in here]
    app_root = arguments.app_root.resolve()
    keys = Keys(arguments.master_key, arguments.function_key)
    timers = not arguments.no_timer
    options = Options(app_root, arguments.port, keys, arguments.lease_seconds, timers)
    try:
        apply_local_settings(app_root / arguments.settings)
        logs.configure()
        asyncio.run(_serve(options, stdout))
    except Refused as problem:
        print(problem, file=sys.stderr, flush=True)
        return 1
    return 0


async def _serve(options: Options, stdout: TextIO) -> None:
    stop = asyncio.Event()

    def announce(port: int, app: App) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        with stdout:
            print(_announcement(port, options.keys, app), file=stdout)

    await run(options, announce, stop)
    # A function that goes on regardless would keep the interpreter from leaving.
    sys.stderr.flush()
    os._exit(0)


def _announcement(port: int, keys: Keys, app: App) -> str:
    return json.dumps(
        {
            "url": f"http://127.0.0.1:{port}",
            "masterKey": keys.master,
            "functionKey": keys.function,
            "functions": [function.name for function in app.functions],
        }
    )


def _keep_stdout() -> TextIO:
    """Keep stdout for the one line that programs read; what functions print joins the log."""
    stdout = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return stdout


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.functions_host", description=__doc__)
    parser.add_argument("--app-root", type=Path, default=Path())
    parser.add_argument("--port", type=int, default=7071, help="0 takes a free one")
    parser.add_argument("--settings", default="local.settings.json", help="within the app root")
    parser.add_argument("--master-key", default=secrets.token_urlsafe(24), metavar="KEY")
    parser.add_argument("--function-key", default=secrets.token_urlsafe(24), metavar="KEY")
    parser.add_argument("--lease-seconds", type=int, default=600, metavar="N")
    parser.add_argument("--no-timer", action="store_true", help="timers run by hand only")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
