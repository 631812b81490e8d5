"""The whole app in the functions host, on Azurite and the simulated services."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.app_root import app_root
from local.functions_host.process import FunctionsHost
from local.simulated import small_world
from local.stack import Stack, running


def wait_until(condition: Callable[[], object], what: str, *, seconds: float = 60) -> None:
    """Poll until `condition` holds; fail with `what` was expected when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in {seconds} s: {what}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running(small_world()) as stack:
        yield stack


@pytest.fixture(scope="module")
def impatient_app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app with a host.json that does not wait before a failed message comes back."""
    return app_root(tmp_path_factory.mktemp("app") / "app", visibility_timeout=0)


def restart(host: FunctionsHost) -> None:
    """Kill the host as a crash would, and start it again."""
    host.kill()
    host.start()
