"""`make doctor`: asks with the environment's settings, else with those of local.settings.json."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from local.doctor.examination import examine
from local.functions_host.errors import Refused
from local.functions_host.settings import apply_local_settings

_LOCAL_SETTINGS = Path("local.settings.json")


def main() -> int:
    """Ask everything; give the exit code."""
    # Log lines name invoices and addresses.
    logging.disable(logging.CRITICAL)
    try:
        return _examine()
    finally:
        logging.disable(logging.NOTSET)


def _examine() -> int:
    print("Shapes only, no values: the output can be pasted into a bug report.\n")
    try:
        apply_local_settings(_LOCAL_SETTINGS)
    except (Refused, AttributeError, ValueError):
        print(f"settings              FAILED  {_LOCAL_SETTINGS} is no JSON object")
        return 1
    return examine(os.environ, lambda line: print(line, flush=True))


if __name__ == "__main__":
    sys.exit(main())
