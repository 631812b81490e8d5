"""The Bicep files are what Azure wants, as far as that can be known without it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.deploy.checks import Infra

INFRA = Path(__file__).parents[2] / "infra"


def test_nothing_is_wrong() -> None:
    """Types, wiring, secrets, roles, hardening, order and parameters."""
    assert Infra(INFRA).problems() == []


# A file, what is changed in it, and what has to be said of that.
MISTAKES = {
    "syntax": ("app/identity.bicep", "{\n  name: name", "{\n  name name", "this is no Bicep"),
    "another value": ("app/storage.bicep", "'StorageV2'", "'StorageV9'", "'StorageV9' is none of"),
    "another kind": (
        "app/storage.bicep",
        "days: 30",
        "days: 'thirty'",
        "days: expected int, not 'thirty'",
    ),
    "unknown member": (
        "app/function-app.bicep",
        "functionAppConfig:",
        "functionAppConfg:",
        "there is no functionAppConfg",
    ),
    "missing member": (
        "app/storage.bicep",
        "  sku: { name: 'Standard_LRS' }\n",
        "",
        "sku is missing",
    ),
    "read-only member": (
        "app/identity.bicep",
        "  tags: tags\n}",
        "  tags: tags\n  properties: { clientId: 'x' }\n}",
        "clientId cannot be set",
    ),
    "another type": (
        "app/monitoring.bicep",
        "components@2020-02-02",
        "components@2020-02-03",
        "no such type",
    ),
    "alert": ("app/alerts.bicep", "timeAggregation: 'Count'", "timeAggregation: 'Sum'", "none of"),
    "principal": (
        "app/roles.bicep",
        "principalType: 'ServicePrincipal'",
        "principalType: 'Robot'",
        "'Robot' is none of",
    ),
    "parameter not given": (
        "main.bicep",
        "    unsettledAlertDays: unsettledAlertDays > 0 ? unsettledAlertDays : settleDays + 5\n",
        "",
        "alerts: needs the parameter unsettledAlertDays",
    ),
    "parameter not there": (
        "main.bicep",
        "    alertEmails: filter",
        "    alertMails: filter",
        "alerts: has no parameter alertMails",
    ),
    "output not there": (
        "main.bicep",
        "storage.outputs.hostBlobUrl",
        "storage.outputs.blobUrl",
        "storage has no output blobUrl",
    ),
    "module not there": ("main.bicep", "'app/vault.bicep'", "'app/safe.bicep'", "app/safe.bicep"),
    "not used": (
        "app/identity.bicep",
        "param name string",
        "param name string\nparam x string",
        "x",
    ),
    "secret in an output": (
        "app/vault.bicep",
        "output name string = vault.name",
        "output name string = clientSecret",
        "the output name tells a secret",
    ),
    "secret that is not marked": (
        "app/vault.bicep",
        "@secure()\n",
        "",
        "clientSecret is given a secret, and is not @secure()",
    ),
    "another role": (
        "app/roles.bicep",
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "is not the role that stands there",
    ),
    "roles mixed up": (
        "app/roles.bicep",
        "'Storage Blob Data Reader': '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'",
        "'Storage Blob Data Reader': 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'",
        "is not the role that stands there",
    ),
    "shared keys": (
        "app/storage.bicep",
        "allowSharedKeyAccess: false",
        "allowSharedKeyAccess: true",
        "allowSharedKeyAccess has to be False",
    ),
    "password publishing": (
        "app/function-app.bicep",
        "allow: false",
        "allow: true",
        "allow has to be False",
    ),
    "no lock": ("app/storage.bicep", "scope: invoices", "scope: host", "is not locked"),
    "roles too late": (
        "main.bicep",
        "  dependsOn: [roles]\n",
        "",
        "the app does not wait for its roles",
    ),
    "parameter without a variable": (
        "main.bicep",
        "param graphUrl string = ''",
        "param graphRoot string = ''",
        "graphRoot: not in both",
    ),
    "another default": (
        "main.parameters.json",
        "${SETTLE_DAYS=10}",
        "${SETTLE_DAYS=30}",
        "settleDays: the default is '30', in main.bicep 10",
    ),
    "another variable": (
        "main.parameters.json",
        "${GRAPH_URL}",
        "${PARTNER_CENTER_URL}",
        "is another variable than GRAPH_URL",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_found(name: str, tmp_path: Path) -> None:
    """Each check fails where what it guards is broken."""
    file, before, after, told = MISTAKES[name]
    folder = tmp_path / "infra"
    shutil.copytree(INFRA, folder)
    text = (folder / file).read_text()
    assert before in text
    (folder / file).write_text(text.replace(before, after, 1))
    try:
        problems = Infra(folder).problems()
    except ValueError as error:
        problems = [str(error)]
    assert any(told in problem for problem in problems), problems
