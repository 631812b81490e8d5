"""Runs a peer or another piece of measured work as a process of its own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.peers.job import Cost, high_water_mib
from benchmarks.simulated import ROOT

_LONGEST = 3600


def run(
    module: str,
    argument: str,
    settings: Mapping[str, str] | None = None,
    *,
    python: str = sys.executable,
) -> Cost:
    """Run `python -m module argument` with these settings alone, and give the cost that it tells."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [python, "-m", module, argument],
        cwd=ROOT,
        env=environment | dict(settings or {}),
        capture_output=True,
        text=True,
        timeout=_LONGEST,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{module} failed:\n{done.stderr[-4000:]}")
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure; memory is the most of all runs."""
    return Cost(
        statistics.median(cost.seconds for cost in costs),
        statistics.median(cost.cpu_seconds for cost in costs),
        max(cost.peak_mib for cost in costs),
        costs[0].counts,
    )


def wait_until(condition: Callable[[], object], what: str, *, seconds: float) -> None:
    """Poll until `condition` holds; RuntimeError with `what` was expected when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not in {seconds:.0f} s: {what}")
        time.sleep(0.02)


def cpu_of(pid: int) -> float:
    """CPU seconds that a running process has used, user and system (Linux; elsewhere 0)."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_of(pid: int) -> float:
    """The most memory in MiB that a running process has had (Linux; elsewhere 0)."""
    status = Path(f"/proc/{pid}/status")
    return high_water_mib(status.read_text()) if status.exists() else 0
