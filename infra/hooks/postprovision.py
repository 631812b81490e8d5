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
    partner = _sign_in(environment["PARTNER_CENTER_TENANT_ID"])
    proof = _PROOFS[environment["PARTNER_CENTER_CREDENTIAL"]](environment, folder)
    return f"""
Two things are left, which only a person can do. In the project's folder:

1. {proof}

2. Grant what the app registration may do.
   Ask for Microsoft Graph's permission, as the registration's owner or Application Administrator:
    {partner}
    az ad app permission add --id {client_id} --api {_GRAPH} --api-permissions {_PARTNER_BILLING_READ_ALL}=Role
   (It says that "az ad app permission grant" is needed: not for this kind of permission.)
   Consent to it, as Global Administrator or Privileged Role Administrator; an error at first: wait a minute.
    {partner}
    az ad app permission admin-consent --id {client_id}
   Partner Center, as an administrator there: in https://partner.microsoft.com, account settings,
   App management, add the app {client_id} as a web app.

This text again: azd hooks run postprovision.
When the app is deployed, look whether it works: docs/deploy.md, "Look". All about permissions: docs/permissions.md.
"""


def _sign_in(tenant_id: str) -> str:
    return f"az login --tenant {tenant_id} --allow-no-subscriptions"


def _federated(environment: Mapping[str, str], folder: Path) -> str:
    if environment["AZURE_TENANT_ID"] != environment["PARTNER_CENTER_TENANT_ID"]:
        return """The app's identity is in another tenant than the app registration: Entra ID does not let it
   stand for it. Choose a certificate:
    azd env set PARTNER_CENTER_CREDENTIAL certificate
    azd provision"""
    name, client_id = environment["AZURE_FUNCTION_NAME"], environment["PARTNER_CENTER_CLIENT_ID"]
    credential = {
        "name": name,
        "issuer": f"https://login.microsoftonline.com/{environment['AZURE_TENANT_ID']}/v2.0",
        "subject": environment["IDENTITY_PRINCIPAL_ID"],
        "audiences": [_AUDIENCE],
    }
    # A file, because every shell wants JSON in quotes of its own.
    path = folder / "federated-credential.json"
    (_ROOT / folder).mkdir(parents=True, exist_ok=True)
    (_ROOT / path).write_text(json.dumps(credential, indent=2) + "\n", encoding="utf-8")
    return f"""Let the app's identity stand for the app registration, as its owner or Application Administrator:
    {_sign_in(environment["PARTNER_CENTER_TENANT_ID"])}
    az ad app federated-credential create --id {client_id} --parameters "@{path.as_posix()}"
   It exists already? Then all is well, unless the identity was made anew. If so, delete it first:
    az ad app federated-credential delete --id {client_id} --federated-credential-id {name}"""


def _secret(environment: Mapping[str, str], _folder: Path) -> str:
    text = f"The secret belongs into the key vault {environment['KEY_VAULT_NAME']}."
    if not environment.get("PARTNER_CENTER_CLIENT_SECRET"):
        text += """ If it is not there yet:
    azd env set-secret PARTNER_CENTER_CLIENT_SECRET
    azd provision
  """
    if not environment.get("PARTNER_CENTER_CLIENT_SECRET_EXPIRES"):
        text += """ Say on which day it ends, to be told before:
    azd env set PARTNER_CENTER_CLIENT_SECRET_EXPIRES 2027-05-31
    azd provision"""
    return text


def _certificate(environment: Mapping[str, str], _folder: Path) -> str:
    vault, group = environment["KEY_VAULT_NAME"], environment["AZURE_RESOURCE_GROUP"]
    return f"""Put the certificate with its private key (app.pfx; how to make one: docs/permissions.md) into the
   key vault, signed in to the subscription. Is the import forbidden? The new role takes some minutes to count.
    az login --tenant {environment["AZURE_TENANT_ID"]}
    az account set --subscription {environment["AZURE_SUBSCRIPTION_ID"]}
    az role assignment create --role "Key Vault Certificates Officer" --assignee "$(az ad signed-in-user show --query id --output tsv)" --scope "$(az keyvault show --name {vault} --query id --output tsv)"
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
