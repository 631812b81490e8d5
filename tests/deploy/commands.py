"""Commands of a page are looked at without being run: how a shell calls them, and what the Azure CLI says."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_PARSE = Path(__file__).parent / "azure_cli" / "parse.py"
AZURE_CLI = Path(sys.prefix) / "azure-cli" / "bin" / "python"

# It writes down how it is called, and answers with a word.
_RECORDER = """#!/bin/sh
printf '%s\\0' "${0##*/}" "$@" >> "$CALLS"
printf '\\n\\0' >> "$CALLS"
echo ANSWER
"""


def calls(script: str, folder: Path, **variables: str) -> list[list[str]]:
    """Have bash run a script whose commands only write down how they are called."""
    stubs = folder / "stubs"
    stubs.mkdir()
    for name in ("az", "azcopy", "azd", "curl", "duckdb", "git", "make", "openssl", "python"):
        (stubs / name).write_text(_RECORDER)
        (stubs / name).chmod(0o755)
    written = stubs / "calls"
    environment = {"PATH": f"{stubs}:{os.environ['PATH']}", "CALLS": str(written), **variables}
    subprocess.run(["bash", "-euc", script], check=True, env=environment, cwd=folder, timeout=60)
    return [call.split("\0")[:-1] for call in written.read_text().split("\n\0")[:-1]]


def azure_cli_environment(folder: Path) -> dict[str, str]:
    """Give what keeps the Azure CLI in a folder, and from telling anybody that it is used."""
    return {
        "PATH": os.environ["PATH"],
        "AZURE_CONFIG_DIR": str(folder / "azure-config"),
        "AZURE_CORE_COLLECT_TELEMETRY": "false",
    }


def problems(commands: Sequence[list[str]], folder: Path) -> list[str]:
    """Have the Azure CLI read the arguments of commands, in the folder where their files are."""
    found = subprocess.run(
        [AZURE_CLI, _PARSE],
        input=json.dumps(commands),
        env=azure_cli_environment(folder),
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        timeout=100,
    )
    return [
        f"az {shlex.join(command)}: {problem}"
        for command, problem in zip(commands, json.loads(found.stdout), strict=True)
        if problem
    ]
