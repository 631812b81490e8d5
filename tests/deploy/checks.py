"""What has to hold for the Bicep files together: each check gives what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.deploy import bicep
from tests.deploy.bicep import BicepFile, Resource
from tests.deploy.resource_types import known_types
from tests.deploy.resource_types import problems as type_problems

# docs/deploy.md says what each is for. From Microsoft's list of built-in roles.
ROLES = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "Storage Blob Data Reader",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
}
_GUID = re.compile(r"'([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'")
_OUTPUT = re.compile(r"\b(\w+)!?\.outputs\.(\w+)")
_ENVIRONMENT = re.compile(r"\$\{([A-Z_0-9]+)(?:=([^}]*))?\}")
_SECRET = re.compile(r"secret|password", re.I)

Wanted = Mapping[str, Any]
_HARDENED: dict[str, Wanted] = {
    "Microsoft.Storage/storageAccounts": {
        "allowBlobPublicAccess": False,
        "allowSharedKeyAccess": False,
        "minimumTlsVersion": "TLS1_2",
        "supportsHttpsTrafficOnly": True,
    },
    "Microsoft.KeyVault/vaults": {
        "enableRbacAuthorization": True,
        "enablePurgeProtection": True,
        "enableSoftDelete": True,
    },
    "Microsoft.Insights/components": {"DisableLocalAuth": True},
    "Microsoft.Web/sites": {"httpsOnly": True, "siteConfig": {"minTlsVersion": "1.2"}},
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": {"allow": False},
}


class Infra:
    """The files of a folder, `main.bicep` and what it is made of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.texts = {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*.bicep")}
        self.files = {name: bicep.parse(t.encode(), name) for name, t in self.texts.items()}

    @property
    def main(self) -> BicepFile:
        return self.files["main.bicep"]

    @property
    def resources(self) -> list[Resource]:
        return [resource for file in self.files.values() for resource in file.resources]

    def problems(self) -> list[str]:
        """Give all that is wrong."""
        checks = (
            _types,
            _wiring,
            _unused,
            _secrets,
            _roles,
            _hardening,
            _order,
            _parameters_file,
        )
        return [problem for check in checks for problem in check(self)]


def _types(infra: Infra) -> Iterator[str]:
    types = known_types()
    for resource in infra.resources:
        yield from type_problems(resource, types)


def _wiring(infra: Infra) -> Iterator[str]:
    """Modules get the parameters that they have, and have the outputs that are read."""
    main = infra.main
    modules = {module.symbol: infra.files.get(module.path) for module in main.modules}
    for module in main.modules:
        file = modules[module.symbol]
        if file is None:
            yield f"{module.symbol}: there is no {module.path}"
            continue
        for name in module.params.keys() - file.parameters.keys():
            yield f"{module.symbol}: has no parameter {name}"
        for name, parameter in file.parameters.items():
            if parameter.is_required and name not in module.params:
                yield f"{module.symbol}: needs the parameter {name}"
    for symbol, output in _OUTPUT.findall(infra.texts["main.bicep"]):
        file = modules.get(symbol)
        if file is None or output not in file.outputs:
            yield f"main.bicep: {symbol} has no output {output}"
    for unused in infra.files.keys() - {m.path for m in main.modules} - {"main.bicep"}:
        yield f"{unused}: no module of main.bicep"


def _unused(infra: Infra) -> Iterator[str]:
    for name, file in infra.files.items():
        for declared in (*file.parameters, *file.variables):
            if len(re.findall(rf"\b{declared}\b", infra.texts[name])) < 2:
                yield f"{name}: {declared} is not used"


def _secrets(infra: Infra) -> Iterator[str]:
    """Secrets are marked as such all the way, and are in no output."""
    secure = {
        name: {p for p, parameter in file.parameters.items() if "secure" in parameter.decorators}
        for name, file in infra.files.items()
    }
    for name, file in infra.files.items():
        for parameter, declared in file.parameters.items():
            about_one = re.search(r"Expires$|^has[A-Z]", parameter)
            is_one = _SECRET.search(parameter) and not about_one and declared.type == "string"
            if is_one and parameter not in secure[name]:
                yield f"{name}: {parameter} is not @secure()"
        for output, text in file.outputs.items():
            if any(re.search(rf"\b{each}\b", text) for each in secure[name]) or "listKeys" in text:
                yield f"{name}: the output {output} tells a secret"
    for module in infra.main.modules:
        for parameter, value in module.params.items():
            if str(value) in secure["main.bicep"] and parameter not in secure.get(module.path, ()):
                yield f"{module.symbol}: {parameter} is given a secret, and is not @secure()"


def _roles(infra: Infra) -> Iterator[str]:
    """Roles are those of the table, under their own names."""
    for name, text in infra.texts.items():
        for line in text.splitlines():
            for guid in _GUID.findall(line):
                if guid not in ROLES or ROLES[guid] not in line:
                    yield f"{name}: {guid} is not the role that stands there"


def _hardening(infra: Infra) -> Iterator[str]:
    for resource in infra.resources:
        wanted = {} if resource.is_existing else _HARDENED.get(resource.type, {})
        properties = resource.body.get("properties", {})
        for name, value in wanted.items():
            if properties.get(name) != value:
                yield f"{resource}: {name} has to be {value!r}"


def _order(infra: Infra) -> Iterator[str]:
    """The site comes after its roles; the account of the invoices is locked."""
    app = next(module for module in infra.main.modules if "function-app" in module.path)
    if "roles" not in app.depends_on:
        yield "main.bicep: the app does not wait for its roles"
    locks = [r for r in infra.resources if r.type == "Microsoft.Authorization/locks"]
    if [str(lock.body.get("scope")) for lock in locks] != ["invoices"]:
        yield "the account of the invoices is not locked"


def _as_variable(default: object) -> str:
    """Spell a default of Bicep as a variable of the environment has it."""
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default is None else str(default)


def _parameters_file(infra: Infra) -> Iterator[str]:
    """Each parameter of main.bicep is a variable of the azd environment, by its own name."""
    given = json.loads((infra.folder / "main.parameters.json").read_text())["parameters"]
    for name in given.keys() ^ infra.main.parameters.keys():
        yield f"{name}: not in both main.bicep and main.parameters.json"
    for name, value in given.items():
        [(variable, default)] = _ENVIRONMENT.findall(value["value"])
        # A variable that is there and empty, as unset ones of GitHub are, does not get Bicep's default.
        declared = infra.main.parameters.get(name)
        if declared and _as_variable(declared.default) != default:
            yield f"{name}: the default is {default!r}, in main.bicep {declared.default!r}"
        expected = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()
        if variable not in (expected, f"AZURE_{expected}", "AZURE_ENV_NAME"):
            yield f"{name}: ${{{variable}}} is another variable than {expected}"
