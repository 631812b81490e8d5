"""A root of the same app in which less is waited for than in life: for the demo, the soak and tests."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_APP = ("function_app.py", "list_invoices", "get_invoice")
_CHANGED = ("fetch_line_items", "shared")


def app_root(
    root: Path,
    *,
    visibility_timeout: int | None = None,
    first_wait: float | None = None,
    invocation_seconds: float | None = None,
    block_bytes: int | None = None,
    day: float | None = None,
) -> Path:
    """Make a root of links to the app; a file that says how long to wait is a copy, changed.

    `visibility_timeout`: a failed message comes back after so many seconds. `first_wait`: an export
    without data is asked for again after so many seconds at first. `invocation_seconds`: so long an
    invocation may take. `block_bytes`: so large are the blocks of an export's file. `day`: an invoice
    that has not settled is looked at again after so many seconds, and one that has after as many more.
    """
    root.mkdir(parents=True)
    for part in _APP:
        (root / part).symlink_to(_ROOT / part)
    a_day = None if day is None else f"timedelta(seconds={day})"
    changes: dict[str, dict[str, float | str | None]] = {
        "no_data.py": {"_FIRST_WAIT": first_wait},
        "fetch.py": {"_INVOCATION_SECONDS": invocation_seconds},
        "rows.py": {"BLOCK_BYTES": block_bytes},
        "settling.py": {"_DAY": a_day, "_RESTATED_AFTER": a_day},
    }
    for package in _CHANGED:
        (root / package).mkdir()
        for entry in (_ROOT / package).iterdir():
            _put(entry, root / package / entry.name, changes.get(entry.name, {}))
    host = json.loads((_ROOT / "host.json").read_text())
    if visibility_timeout is not None:
        queues = host["extensions"]["queues"]
        queues["visibilityTimeout"] = f"00:00:{visibility_timeout:02d}"
    (root / "host.json").write_text(json.dumps(host))
    return root


def _put(module: Path, target: Path, constants: Mapping[str, float | str | None]) -> None:
    """Link a module, or copy it where one of its constants has another value."""
    changed = {name: value for name, value in constants.items() if value is not None}
    if not changed:
        target.symlink_to(module)
        return
    text = module.read_text()
    for name, value in changed.items():
        text, found = re.subn(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.M)
        assert found == 1, f"{module.name} says {name} otherwise"  # noqa: S101
    target.write_text(text)
