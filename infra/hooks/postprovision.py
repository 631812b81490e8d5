"""Say what only a person can do after `azd provision`, ready to paste, with the ids of this deployment.

azd runs it with the outputs of infra/main.bicep in the environment. It asks nothing, changes nothing,
and needs no package.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_GRAPH = "00000003-0000-0000-c000-000000000000"
_PARTNER_BILLING_READ_ALL = "7c3e1994-38ff-4412-a99b-9369f6bb7706"
_AUDIENCE = "api://AzureADTokenExchange"


def steps(environment: Mapping[str, str], folder: Path) -> str:
    """Write the steps for the outputs in `environment`; `folder`, below the project's, gets a file for them."""
    client_id = environment["PARTNER_CENTER_CLIENT_ID"]
    tenant_id = environment["PARTNER_CENTER_TENANT_ID"]
    proof = _PROOFS[environment["PARTNER_CENTER_CREDENTIAL"]](environment, folder)
    return f"""
Two things are left, which only a person can do. In the project's folder, signed in to the partner tenant:
    az login --tenant {tenant_id} --allow-no-subscriptions

1. {proof}

2. Grant what the app registration may do.
   Microsoft Graph, as Global Administrator or Privileged Role Administrator:
    az ad app permission add --id {client_id} --api {_GRAPH} --api-permissions {_PARTNER_BILLING_READ_ALL}=Role
    az ad app permission admin-consent --id {client_id}
   Partner Center, as Admin agent: in https://partner.microsoft.com, account settings, App management,
   add the app {client_id} as a web app.

This text again: azd hooks run postprovision.
Then look whether it works: docs/deploy.md, "Look". All about permissions: docs/permissions.md.
"""


def _federated(environment: Mapping[str, str], folder: Path) -> str:
    credential = {
        "name": environment["AZURE_FUNCTION_NAME"],
        "issuer": f"https://login.microsoftonline.com/{environment['AZURE_TENANT_ID']}/v2.0",
        "subject": environment["IDENTITY_PRINCIPAL_ID"],
        "audiences": [_AUDIENCE],
    }
    # A file, because every shell wants JSON in quotes of its own.
    path = folder / "federated-credential.json"
    (_ROOT / folder).mkdir(parents=True, exist_ok=True)
    (_ROOT / path).write_text(json.dumps(credential, indent=2) + "\n", encoding="utf-8")
    command = (
        "az ad app federated-credential create "
        f'--id {environment["PARTNER_CENTER_CLIENT_ID"]} --parameters "@{path.as_posix()}"'
    )
    text = f"""Let the app's identity stand for the app registration, as its owner or Application Administrator:
    {command}"""
    if environment["AZURE_TENANT_ID"] != environment["PARTNER_CENTER_TENANT_ID"]:
        text += """
   BUT: the identity is in another tenant than the app registration, and Entra ID does not take it
   there. Set PARTNER_CENTER_CREDENTIAL to certificate and run azd provision again."""
    return text


def _secret(environment: Mapping[str, str], _folder: Path) -> str:
    return f"""The secret is in the key vault {environment["KEY_VAULT_NAME"]}. If you have not, say on which day it ends:
    azd env set PARTNER_CENTER_CLIENT_SECRET_EXPIRES 2027-05-31
    azd provision"""


def _certificate(environment: Mapping[str, str], _folder: Path) -> str:
    vault, group = environment["KEY_VAULT_NAME"], environment["AZURE_RESOURCE_GROUP"]
    return f"""Put the certificate with its private key into the key vault; its public part belongs to the app registration.
   For this one, signed in to the subscription (az login --tenant {environment["AZURE_TENANT_ID"]}):
    az role assignment create --role "Key Vault Certificates Officer" --assignee YOUR-SIGN-IN-NAME --scope "$(az keyvault show --name {vault} --query id --output tsv)"
    az keyvault certificate import --vault-name {vault} --name partner-center --file app.pfx
    az functionapp restart --resource-group {group} --name {environment["AZURE_FUNCTION_NAME"]}"""


_PROOFS = {"identity": _federated, "secret": _secret, "certificate": _certificate}


def main() -> int:
    """Print the steps for the environment that azd gives."""
    try:
        folder = Path(".azure", os.environ["AZURE_ENV_NAME"])
        sys.stdout.write(steps(os.environ, folder))
    except KeyError as error:
        sys.stderr.write(f"{error} is not an output of this environment: run azd provision first\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
