"""A root of the same app in which less is waited for than in life: for the demo, the soak and tests."""

from __future__ import annotations

import json
import re
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_APP = ("function_app.py", "list_invoices", "get_invoice", "shared")
_FETCH = "fetch_line_items"
_NO_DATA = "no_data.py"


def app_root(
    root: Path, *, visibility_timeout: int | None = None, first_wait: float | None = None
) -> Path:
    """Make a root of links to the app; a file that says how long to wait is a copy, changed.

    `visibility_timeout`: a failed message comes back after so many seconds. `first_wait`: an export
    without data is asked for again after so many seconds at first.
    """
    (root / _FETCH).mkdir(parents=True)
    for part in _APP:
        (root / part).symlink_to(_ROOT / part)
    for module in (_ROOT / _FETCH).glob("*.py"):
        if module.name != _NO_DATA or first_wait is None:
            (root / _FETCH / module.name).symlink_to(module)
    if first_wait is not None:
        text = (_ROOT / _FETCH / _NO_DATA).read_text()
        changed, found = re.subn(
            r"^_FIRST_WAIT = .*$", f"_FIRST_WAIT = {first_wait}", text, flags=re.M
        )
        assert found == 1, "no_data.py says the first wait otherwise"  # noqa: S101
        (root / _FETCH / _NO_DATA).write_text(changed)
    host = json.loads((_ROOT / "host.json").read_text())
    if visibility_timeout is not None:
        queues = host["extensions"]["queues"]
        queues["visibilityTimeout"] = f"00:00:{visibility_timeout:02d}"
    (root / "host.json").write_text(json.dumps(host))
    return root
