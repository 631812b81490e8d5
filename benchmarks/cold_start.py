"""Cold start: what importing the app takes, which packages, and how long a host needs to listen."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from collections import Counter

from benchmarks.machine import progress
from benchmarks.simulated import ROOT, Simulated, World
from benchmarks.table import table
from benchmarks.venvs import python_as_deployed
from local.azurite import Azurite
from local.functions_host.process import FunctionsHost

_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)
_TWO_LEVELS = ("azure",)


def report(*, runs: int) -> str:
    """Measure so many fresh processes, with bytecode at hand."""
    python = python_as_deployed()
    _import_seconds(python)  # writes the bytecode
    imported = statistics.median(_import_seconds(python) for _ in range(runs))
    listening = statistics.median(_until_listening(runs))
    parts = _by_package(python).most_common(10)
    return (
        "With the packages of requirements.txt alone, as deployed, and bytecode at hand:\n\n"
        f"- `import function_app`: {imported * 1000:.0f} ms\n"
        "- from the start of the local functions host (with all of its own packages) until it "
        f"listens: {listening * 1000:.0f} ms\n\n"
        + table(["package", "ms, under importtime"], ([name, us / 1000] for name, us in parts))
    )


def _import_seconds(python: str) -> float:
    """Import the app in a fresh process, and give the seconds that the import alone took."""
    timed = (
        "import time; began = time.perf_counter(); import function_app; "
        "print(time.perf_counter() - began)"
    )
    return float(_run(python, "-c", timed).stdout)


def _by_package(python: str) -> Counter[str]:
    """Microseconds that the modules of each package took by themselves."""
    said = _run(python, "-X", "importtime", "-c", "import function_app").stderr
    spent: Counter[str] = Counter()
    for microseconds, module in _LINE.findall(said):
        spent[_package(module)] += int(microseconds)
    return spent


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)


def _package(module: str) -> str:
    parts = module.split(".")
    if parts[0] in sys.stdlib_module_names:
        return "the standard library"
    return (
        ".".join(parts[: 3 if parts[:2] == ["azure", "storage"] else 2])
        if (parts[0] in _TWO_LEVELS)
        else parts[0]
    )


def _until_listening(runs: int) -> list[float]:
    with Simulated(World()) as simulated, Azurite() as azurite:
        settings = simulated.settings | {"AzureWebJobsStorage": azurite.connection_string}
        taken = []
        for _ in range(runs):
            progress("starting a host")
            began = time.perf_counter()
            with FunctionsHost(ROOT, settings, timer=False):
                taken.append(time.perf_counter() - began)
        return taken
