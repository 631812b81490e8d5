"""Makes types.json anew: of each resource type in infra/, what Microsoft's type data says of its members.

    .venv/bin/python -m pip install msmcp-azure==3.0.0
    .venv/bin/python -m tests.deploy.make_types

The data are those of Bicep itself, as the package (Azure's MCP server) carries them. It is 62 MB large, so
tests read what this writes.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.deploy import bicep

HERE = Path(__file__).parent
INFRA = HERE.parents[1] / "infra"


def main() -> int:
    """Write the file; types that the data do not have are left out."""
    wanted = {r.type for path in INFRA.rglob("*.bicep") for r in bicep.read(path).resources}
    known = {}
    for kind in sorted(wanted):
        if data := _asked(kind):
            known[data[0]["name"]] = _compact(data)
    # A line for each, so that a change can be seen.
    lines = [
        f"{json.dumps(name)}: {json.dumps(known[name], sort_keys=True)}" for name in sorted(known)
    ]
    source = f'"source": "msmcp-azure {version("msmcp-azure")}"'
    (HERE / "types.json").write_text("{\n" + ",\n".join([source, *lines]) + "\n}\n")
    print(*sorted(known), sep="\n")
    return 0


def _asked(kind: str) -> list[dict[str, Any]]:
    command = [str(Path(sys.executable).with_name("azmcp")), "bicepschema", "get"]
    done = subprocess.run(
        [*command, "--resource-type", kind],
        env={**os.environ, "AZURE_MCP_COLLECT_TELEMETRY": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    answer = json.loads(done.stdout)
    found: list[dict[str, Any]] = answer["results"].get("BicepSchemaResult", [])
    return found


def _compact(data: list[dict[str, Any]]) -> dict[str, Any]:
    """Keep the body and the types that it leads to."""
    objects = {each["name"]: each for each in data if each["$type"] != "ResourceInstanceFunction"}
    body = data[0]["bodyType"]
    bodies = body.get("elements", [body])
    types: dict[str, Any] = {}
    left = [_object(each) for each in bodies]
    while left:
        one = left.pop()
        for shape in [*(kind for kind, *_ in one["members"].values()), one.get("others") or ""]:
            for name in re.split(r" \| |\[\]", shape):
                if name in objects and name not in types:
                    types[name] = _object(objects[name])
                    left.append(types[name])
    return {"body": [_object(each) for each in bodies], "types": types}


def _object(data: dict[str, Any]) -> dict[str, Any]:
    members = {}
    for each in data.get("properties", []):
        flags = each.get("flags", "")
        marks = [mark for mark in ("Required", "ReadOnly") if mark in flags]
        members[each["name"]] = [each["type"], *marks]
    found: dict[str, Any] = {"members": members}
    if others := data.get("additionalPropertiesType"):
        found["others"] = others
    return found


if __name__ == "__main__":
    sys.exit(main())
