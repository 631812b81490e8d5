"""azure.yaml, workflows, Dependabot and the hook are what their readers want."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent
WORKFLOWS = ROOT / ".github" / "workflows"
HOOK = ROOT / "infra" / "hooks" / "postprovision.py"

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
    wanted = re.findall(r"\$\{(\w+)", (ROOT / "infra" / "main.parameters.json").read_text())
    (job,) = yaml.safe_load((WORKFLOWS / "azure-dev.yml").read_text())["jobs"].values()
    assert set(wanted) <= job["env"].keys()


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


# --- the hook -------------------------------------------------------------------------------------

OUTPUTS = {
    "AZURE_ENV_NAME": "test",
    "AZURE_TENANT_ID": "11111111-0000-4000-8000-000000000000",
    "AZURE_FUNCTION_NAME": "func-abc",
    "AZURE_RESOURCE_GROUP": "rg-test",
    "IDENTITY_PRINCIPAL_ID": "22222222-0000-4000-8000-000000000000",
    "KEY_VAULT_NAME": "kv-abc",
    "PARTNER_CENTER_TENANT_ID": "11111111-0000-4000-8000-000000000000",
    "PARTNER_CENTER_CLIENT_ID": "33333333-0000-4000-8000-000000000000",
    "PARTNER_CENTER_CREDENTIAL": "identity",
}


def hook(tmp_path: Path, **changed: Any) -> subprocess.CompletedProcess[str]:
    """Run the hook as azd does, in a copy of the project."""
    path = tmp_path / HOOK.relative_to(ROOT)
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(HOOK, path)
    environment = {k: v for k, v in (OUTPUTS | changed).items() if v is not None}
    return subprocess.run(
        [sys.executable, "-I", path],
        cwd=path.parent,
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_hook_prints_what_only_a_person_can_do(tmp_path: Path) -> None:
    """With the ids of the deployment; the credential is a file, which every shell can name."""
    said = hook(tmp_path)
    assert (said.returncode, said.stderr) == (0, "")
    client = OUTPUTS["PARTNER_CENTER_CLIENT_ID"]
    for text in (
        f"az login --tenant {OUTPUTS['PARTNER_CENTER_TENANT_ID']} --allow-no-subscriptions",
        f"az ad app federated-credential create --id {client} "
        '--parameters "@.azure/test/federated-credential.json"',
        f"az ad app permission add --id {client} --api 00000003-0000-0000-c000-000000000000 "
        "--api-permissions 7c3e1994-38ff-4412-a99b-9369f6bb7706=Role",
        f"az ad app permission admin-consent --id {client}",
        "App management",
    ):
        assert text in said.stdout
    assert "BUT" not in said.stdout
    assert json.loads((tmp_path / ".azure/test/federated-credential.json").read_text()) == {
        "name": "func-abc",
        "issuer": f"https://login.microsoftonline.com/{OUTPUTS['AZURE_TENANT_ID']}/v2.0",
        "subject": OUTPUTS["IDENTITY_PRINCIPAL_ID"],
        "audiences": ["api://AzureADTokenExchange"],
    }


def test_the_hook_says_where_a_federated_credential_cannot_work(tmp_path: Path) -> None:
    """The identity is in another tenant than the app registration."""
    said = hook(tmp_path, PARTNER_CENTER_TENANT_ID="44444444-0000-4000-8000-000000000000")
    assert "BUT: the identity is in another tenant" in said.stdout


@pytest.mark.parametrize(
    ("credential", "told"),
    [
        ("secret", "azd env set PARTNER_CENTER_CLIENT_SECRET_EXPIRES"),
        ("certificate", "az keyvault certificate import --vault-name kv-abc --name partner-center"),
    ],
)
def test_the_hook_knows_the_other_credentials(tmp_path: Path, credential: str, told: str) -> None:
    """A secret or a certificate is in the key vault, and needs no federated credential."""
    said = hook(tmp_path, PARTNER_CENTER_CREDENTIAL=credential)
    assert told in said.stdout
    assert "federated" not in said.stdout


def test_the_hook_without_a_deployment_says_so(tmp_path: Path) -> None:
    """It names the output that is missing."""
    said = hook(tmp_path, IDENTITY_PRINCIPAL_ID=None)
    assert said.returncode == 1
    assert "'IDENTITY_PRINCIPAL_ID' is not an output of this environment" in said.stderr


def test_the_hook_reads_outputs_that_there_are() -> None:
    """Each name in it is an output of main.bicep, or azd's own."""
    outputs = re.findall(r"^output (\w+) ", (ROOT / "infra" / "main.bicep").read_text(), re.M)
    asked = re.findall(r'environ(?:ment)?\[["\'](\w+)["\']\]', HOOK.read_text())
    assert asked
    assert set(asked) <= {*outputs, "AZURE_ENV_NAME"}
