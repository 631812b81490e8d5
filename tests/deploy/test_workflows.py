"""azure.yaml, workflows and Dependabot are what their readers want."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent
WORKFLOWS = ROOT / ".github" / "workflows"

# Of azd's schema (azure.yaml.json, v1.0), what is used here; it is in no package.
AZURE_YAML = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]*[a-z0-9]$"},
        "metadata": {
            "type": "object",
            "properties": {"template": {"type": "string", "pattern": r"^[a-z-]+@\d+\.\d+\.\d+$"}},
        },
        "requiredVersions": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"azd": {"type": "string"}},
        },
        "services": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["project", "host"],
                "additionalProperties": False,
                "properties": {
                    "project": {"const": "."},
                    "language": {"enum": ["python", "py"]},
                    "host": {"const": "function"},
                },
            },
        },
        "pipeline": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "variables": {"type": "array", "items": {"type": "string"}},
                "secrets": {"type": "array", "items": {"type": "string"}},
            },
        },
        "hooks": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "postprovision": {
                    "type": "object",
                    "required": ["run"],
                    "additionalProperties": False,
                    "properties": {
                        "run": {"type": "string"},
                        "interactive": {"type": "boolean"},
                        "continueOnError": {"type": "boolean"},
                    },
                }
            },
        },
    },
}


def refused(tool: str, *arguments: str | Path, cwd: Path = ROOT) -> str:
    """What a tool has against files; nothing where they are well."""
    command = [TOOLS / tool, *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def of_azure_yaml(path: Path, folder: Path) -> str:
    schema = folder / "azure.schema.json"
    schema.write_text(json.dumps(AZURE_YAML))
    return refused("check-jsonschema", "--schemafile", schema, path)


def of_workflow(path: Path) -> str:
    """What its schema, actionlint and zizmor have against a workflow."""
    schema = refused("check-jsonschema", "--builtin-schema", "vendor.github-workflows", path)
    audit = refused("zizmor", "--offline", "--no-progress", path)
    return schema + refused("actionlint", "-shellcheck=", path) + audit


def of_dependabot(path: Path) -> str:
    return refused("check-jsonschema", "--builtin-schema", "vendor.dependabot", path)


def test_azure_yaml_is_as_azd_wants_it(tmp_path: Path) -> None:
    """Its members are known, and what it names is there."""
    path = ROOT / "azure.yaml"
    assert of_azure_yaml(path, tmp_path) == ""
    content = yaml.safe_load(path.read_text())
    assert (ROOT / content["hooks"]["postprovision"]["run"]).is_file()
    site = (ROOT / "infra" / "app" / "function-app.bicep").read_text()
    (service,) = content["services"]
    assert f"'azd-service-name': '{service}'" in site


@pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.yml")), ids=lambda path: path.name)
def test_workflows_are_well(path: Path) -> None:
    """By schema, actionlint and zizmor; every action is pinned to a commit."""
    assert of_workflow(path) == ""
    for action in re.findall(r"uses: (\S+)", path.read_text()):
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action)


def test_dependabot_is_well() -> None:
    """By its schema; each kind waits for some days."""
    path = ROOT / ".github" / "dependabot.yml"
    assert of_dependabot(path) == ""
    assert all(
        each["cooldown"]["default-days"] for each in yaml.safe_load(path.read_text())["updates"]
    )


def test_the_deployment_passes_every_variable_on() -> None:
    """What is missing would be its default again, with the next run."""
    wanted = set(re.findall(r"\$\{(\w+)", (ROOT / "infra" / "main.parameters.json").read_text()))
    (job,) = yaml.safe_load((WORKFLOWS / "azure-dev.yml").read_text())["jobs"].values()
    assert wanted <= job["env"].keys()
    pipeline = yaml.safe_load((ROOT / "azure.yaml").read_text())["pipeline"]
    azds_own = {"AZURE_ENV_NAME", "AZURE_LOCATION"}
    assert {*pipeline["variables"], *pipeline["secrets"]} == wanted - azds_own


def test_ci_uses_the_words_of_the_readme() -> None:
    """Each `make` of the workflows and of .ci/run is a target."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for path in (*WORKFLOWS.glob("*.yml"), ROOT / ".ci" / "run"):
        for words in re.findall(r"make ([a-z -]+)$", path.read_text(), re.M):
            assert set(words.split()) <= targets


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("azure.yaml", "host: function", "host: functions"),
        ("azure.yaml", "services:", "service:"),
        (".github/dependabot.yml", "interval: weekly", "interval: sometimes"),
        (
            ".github/workflows/ci.yml",
            "matrix.python }}\n          cache",
            "matrix.pythn }}\n          cache",
        ),
        (".github/workflows/ci.yml", "runs-on:", "run-on:"),
        (".github/workflows/ci.yml", "        with:\n          persist-credentials: false\n", ""),
        (".github/workflows/release.yml", "de0fac2e4500dabe0009e67214ff5f5447ce83dd", "v6"),
        (".github/workflows/azure-dev.yml", '"$AZURE_CLIENT_ID"', "${{ github.event.inputs.id }}"),
    ],
)
def test_a_mistake_is_found(file: str, before: str, after: str, tmp_path: Path) -> None:
    """Each of the tools says something where there is something to be said."""
    copy = tmp_path / file
    copy.parent.mkdir(parents=True, exist_ok=True)
    text = (ROOT / file).read_text()
    assert before in text
    copy.write_text(text.replace(before, after))
    if "workflows" in file:
        assert of_workflow(copy) != ""
    elif "dependabot" in file:
        assert of_dependabot(copy) != ""
    else:
        assert of_azure_yaml(copy, tmp_path) != ""
