"""docs/openapi.yaml is what the HTTP function does, whatever it is asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from local.simulated import small_world
from local.stack import APP_ROOT, running


def test_the_http_function_keeps_to_its_description(tmp_path: Path) -> None:
    """Generated requests, sensible and absurd, get documented answers only."""
    with running(small_world()[2:4]) as stack:
        command = [
            *(str(Path(sys.executable).parent / "schemathesis"), "run"),
            *(str(APP_ROOT / "docs" / "openapi.yaml"), "--url", stack.host.url),
            *("--header", f"x-functions-key: {stack.host.function_key}"),
            *("--max-examples", "50", "--seed", "1", "--generation-database", "none"),
        ]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert " passed" in run.stdout
