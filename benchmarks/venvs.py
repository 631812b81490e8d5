"""Virtual environments of their own: for dlt, and for the app as it is deployed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.machine import progress
from benchmarks.simulated import ROOT

_VENVS = ROOT / "benchmarks" / ".venv"
_DLT = ROOT / "benchmarks" / "requirements.txt"
_DEPLOYED = ROOT / "requirements.txt"


def python_with_dlt() -> str:
    """Give the Python that has dlt; install it where it is not there yet."""
    return _python("dlt", _DLT)


def python_as_deployed() -> str:
    """Give a Python that has the deployed app's packages, and none of those for tests and tools."""
    return _python("deployed", _DEPLOYED)


def dlt_version() -> str:
    """The version that is compared."""
    return _DLT.read_text().partition("dlt[filesystem]==")[2].split()[0]


def _python(name: str, requirements: Path) -> str:
    venv = _VENVS / name
    python, done = venv / "bin" / "python", venv / ".installed"
    wanted = requirements.read_text()
    if not (done.exists() and done.read_text() == wanted):
        progress(f"installing {requirements.relative_to(ROOT)} into {venv.relative_to(ROOT)}")
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
        subprocess.run([*pip, "-r", str(requirements)], check=True, stdout=sys.stderr)
        done.write_text(wanted)
    return str(python)
