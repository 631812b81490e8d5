"""Where and with what was measured: the head of the results."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.simulated import ROOT

_PACKAGES = ("azure-functions", "azure-storage-blob", "msgspec", "requests", "aiohttp")


def description(*, mode: str, dlt_version: str) -> str:
    """Tell processor, memory, system and versions, as a list in Markdown."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    facts = {
        "Date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {mode}, commit {_commit()}",
        "Processor": f"{_processor()}, {os.cpu_count()} cores",
        "Memory": f"{_memory_gib():.0f} GiB",
        "System": platform.platform(),
        "Versions": f"Python {platform.python_version()}, {packages}, dlt {dlt_version}, "
        f"Azurite {_azurite()}, Node.js {_said('node', '--version')}",
        "Load at the start": ", ".join(f"{load:.1f}" for load in os.getloadavg()),
    }
    return "\n".join(f"- {name}: {fact}" for name, fact in facts.items())


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)


def _azurite() -> str:
    package = ROOT / "node_modules" / "azurite" / "package.json"
    return package.read_text().partition('"version": "')[2].partition('"')[0]


def _commit() -> str:
    changed = (
        "" if not _said("git", "status", "--porcelain", "--untracked-files=no") else ", changed"
    )
    return (_said("git", "rev-parse", "--short", "HEAD") or "unknown") + changed


def _said(*command: str) -> str:
    try:
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def progress(text: str) -> None:
    """Tell what is being measured; the tables go to stdout."""
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)
