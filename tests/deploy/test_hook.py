"""The hook after `azd provision` says what only a person can do, ready to paste."""

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

from tests.deploy.commands import calls, problems

ROOT = Path(__file__).parents[2]
HOOK = ROOT / "infra" / "hooks" / "postprovision.py"

OUTPUTS = {
    "AZURE_ENV_NAME": "test",
    "AZURE_SUBSCRIPTION_ID": "55555555-0000-4000-8000-000000000000",
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
    assert json.loads((tmp_path / ".azure/test/federated-credential.json").read_text()) == {
        "name": "func-abc",
        "issuer": f"https://login.microsoftonline.com/{OUTPUTS['AZURE_TENANT_ID']}/v2.0",
        "subject": OUTPUTS["IDENTITY_PRINCIPAL_ID"],
        "audiences": ["api://AzureADTokenExchange"],
    }


def test_the_hook_says_where_a_federated_credential_cannot_work(tmp_path: Path) -> None:
    """The identity is in another tenant than the app registration: no command that would be refused."""
    said = hook(tmp_path, PARTNER_CENTER_TENANT_ID="44444444-0000-4000-8000-000000000000")
    assert "is in another tenant" in said.stdout
    assert "azd env set PARTNER_CENTER_CREDENTIAL certificate" in said.stdout
    assert "federated-credential create" not in said.stdout


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


def test_the_hook_asks_for_the_end_of_a_secret_only_where_it_is_not_known(tmp_path: Path) -> None:
    """Once it is set there is nothing left to do about the secret."""
    said = hook(
        tmp_path,
        PARTNER_CENTER_CREDENTIAL="secret",
        PARTNER_CENTER_CLIENT_SECRET_EXPIRES="2027-05-31",
    )
    assert "PARTNER_CENTER_CLIENT_SECRET_EXPIRES" not in said.stdout


@pytest.mark.parametrize("credential", ["identity", "secret", "certificate"])
def test_the_azure_cli_understands_what_the_hook_prints(credential: str, tmp_path: Path) -> None:
    """Pasted into bash, in the project's folder: the file of the credential is where it is looked for."""
    printed = hook(tmp_path, PARTNER_CENTER_CREDENTIAL=credential).stdout
    script = "\n".join(re.findall(r"^    (\w.*)", printed, re.M))
    (tmp_path / "app.pfx").write_bytes(b"a certificate")
    commands = [arguments for name, *arguments in calls(script, tmp_path) if name == "az"]
    assert len(commands) >= 4
    assert problems(commands, tmp_path) == []


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
    assert set(asked) <= {*outputs, "AZURE_ENV_NAME", "AZURE_SUBSCRIPTION_ID"}
