"""docs/openapi.yaml is what the HTTP functions do, whatever they are asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from local.simulated import small_world
from local.stack import APP_ROOT, running
from tests.e2e.conftest import wait_until

_STORED = "G000024130"  # the example of the description


def test_the_http_functions_keep_to_their_description(tmp_path: Path) -> None:
    """Generated requests, sensible and absurd, get documented answers only."""
    with running(small_world()[1:3]) as stack:
        stack.host.run("list_invoices")
        wait_until(lambda: f"{_STORED}/one_time/billing_line_items.jsonl" in stack.blobs(), "lines")
        command = [
            *(str(Path(sys.executable).parent / "schemathesis"), "run"),
            *(str(APP_ROOT / "docs" / "openapi.yaml"), "--url", stack.host.url),
            *("--header", f"x-functions-key: {stack.host.function_key}"),
            *("--max-examples", "12", "--seed", "1", "--generation-database", "none"),
            *("--phases", "examples,coverage,fuzzing"),
            # Methods that no function takes are the host's business: it knows no such path, 404.
            *("--exclude-checks", "unsupported_method"),
        ]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert " passed" in run.stdout
