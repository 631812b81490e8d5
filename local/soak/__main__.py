"""The command: `python -m local.soak`."""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from local import soak as about
from local.soak.pieces import Plan
from local.soak.soak import soak


def main() -> int:
    """Run a soak; give 0 only if all is right."""
    arguments = _arguments()
    plan = Plan(arguments.seed, arguments.lines, arguments.minutes * 60, arguments.hosts)
    folder = Path(tempfile.mkdtemp(prefix="invoices-soak-"))
    verdict = soak(plan, folder, lambda text: print(text, flush=True))
    print(f"\nRequests: {verdict.page_requests} for pages, {verdict.file_requests} for files")
    print("Injected:")
    for name, count in sorted(verdict.injected.items()):
        print(f"  {count:6} {name}")
    if verdict.problems:
        print(f"\nFAILED with seed {plan.seed}:", *verdict.problems, sep="\n  ")
        return 1
    shutil.rmtree(folder)
    print("\nEvery line is in storage, byte for byte, and every manifest is right.")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.soak", description=about.__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--hosts", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
