"""A headless Chromium, the same one on each machine: `make check-pages` and `make pictures` bring it.

It is for Linux on x64. Elsewhere the environment variable CHROMIUM names one that is installed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

_UNPACKED = Path(__file__).parent / "node_modules" / ".chromium"
_ARGUMENTS = (
    "--no-sandbox",  # it is shown this app's pages and no others, also as root
    "--disable-gpu",
    "--disable-background-networking",
    "--font-render-hinting=none",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start it; stop it at the end."""
    installed = os.environ.get("CHROMIUM")
    # Its own libraries and fonts: a machine may have none, and pictures have to look alike.
    own = {
        "LD_LIBRARY_PATH": str(_UNPACKED / "lib"),
        "FONTCONFIG_FILE": str(_UNPACKED / "fonts.conf"),
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=installed or _UNPACKED / "chromium",
            args=list(_ARGUMENTS),
            env=dict(os.environ) if installed else {**os.environ, **own},
        )
        yield browser
        browser.close()
