"""The documents say what the code does, as far as names go."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from shared.settings import Settings
from shared.storage.accounts import LINE_ITEMS_QUEUE
from shared.storage.blobs import InvoiceMetadata, LinesMetadata, ManifestMetadata
from shared.storage.head import Head, Summary

_ROOT = Path(__file__).parents[2]
_README = (_ROOT / "README.md").read_text()
_ARCHITECTURE = (_ROOT / "docs" / "architecture.md").read_text()
_PAGES = [
    _ROOT / "README.md",
    _ROOT / "CHANGELOG.md",
    *sorted((_ROOT / "docs").rglob("*.md")),
]
_SETTINGS = sorted(field.alias or "" for field in Settings.model_fields.values())
# What the host reads, not the app.
_HOST_SETTINGS = {"INVOICE_SCHEDULE", "FUNCTIONS_WORKER_RUNTIME"}
_TRIGGERS = "".join(path.read_text() for path in sorted(_ROOT.glob("*/__init__.py")))
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def _metadata_names() -> list[str]:
    """The names of the fields of the records, which are those of the metadata."""
    records = (LinesMetadata, InvoiceMetadata, ManifestMetadata, Head, Summary)
    names = {field.name for record in records for field in fields(record)}
    return sorted(names - {"head", "summary"})


def _slug(heading: str) -> str:
    """Give the anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _anchors(page: Path) -> set[str]:
    return {_slug(heading) for heading in re.findall(r"^#+ (.+)$", page.read_text(), re.M)}


@pytest.mark.parametrize("name", [*_SETTINGS, "INVOICE_SCHEDULE"])
def test_every_setting_is_in_the_readme(name: str) -> None:
    """The table of settings has each one by its exact name."""
    assert re.search(rf"^\|.*`{name}`.*\|$", _README, re.M)


@pytest.mark.parametrize("name", re.findall(r'function_name\("(\w+)"\)', _TRIGGERS))
def test_every_function_is_in_the_readme(name: str) -> None:
    """The README names each function."""
    assert f"`{name}`" in _README


def test_every_route_is_in_the_readme() -> None:
    """The README has each route with its prefix and its verb."""
    prefix = json.loads((_ROOT / "host.json").read_text())["extensions"]["http"]["routePrefix"]
    routes = re.findall(r'route\(route="([^"]+)", methods=\["(\w+)"\]', _TRIGGERS)
    assert routes
    for route, method in routes:
        assert f"{method} /{prefix}/{route}" in _README


@pytest.mark.parametrize(
    "name",
    [
        LINE_ITEMS_QUEUE,
        f"{LINE_ITEMS_QUEUE}-poison",
        Settings.model_fields["invoices_container"].default,
    ],
)
def test_queues_and_container_are_in_the_readme(name: str) -> None:
    """The README names the queue, its poison queue and the container."""
    assert f"`{name}`" in _README


def test_the_readme_tells_the_defaults() -> None:
    """A setting's line in the table has the default that the code has."""
    for field in Settings.model_fields.values():
        line = re.search(rf"^\|.*`{field.alias}`.*$", _README, re.M)
        if isinstance(field.default, str | int | float) and field.default != "":
            assert line
            assert str(field.default) in line[0]


@pytest.mark.parametrize("name", _metadata_names())
def test_every_metadata_name_is_in_the_architecture(name: str) -> None:
    """The page on architecture explains each name that blobs carry."""
    assert f"`{name}`" in _ARCHITECTURE


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link leads to a file that is there, and to a heading in it."""
    for link in _LINK.findall(page.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


def test_the_sample_has_known_settings_only() -> None:
    """Each name in local.settings.sample.json is a setting of the app or of the host."""
    sample = json.loads((_ROOT / "local.settings.sample.json").read_text())["Values"]
    assert sample.keys() <= {*_SETTINGS, *_HOST_SETTINGS}


def test_the_pages_name_make_targets_that_exist() -> None:
    """Each `make word` in the pages is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (_ROOT / "Makefile").read_text(), re.M))
    for page in _PAGES:
        commands = re.findall(r"(?:`|^    )make ([a-z]+)", page.read_text(), re.M)
        assert set(commands) <= targets, page


def test_paths_in_the_architecture_exist() -> None:
    """Each file that the way of a line leads through is there."""
    for path in set(re.findall(r"`(\w+(?:/\w+)*\.py)`", _ARCHITECTURE)) - {"__init__.py"}:
        assert (_ROOT / path).exists(), path


_INPUTS = (_ROOT / "tests" / "inputs.md").read_text()
_WAYS = [
    *("missing", "empty", "wrong type", "too long", "too many", "repeated", "hostile"),
    *("refused for good", "refused for now", "slow", "never"),
]


@pytest.mark.parametrize("section", re.split(r"^## ", _INPUTS, flags=re.M)[1:])
def test_every_input_has_every_way_to_be_odd(section: str) -> None:
    """No row is missing, no cell is empty, and each has a test."""
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| ")]
    assert [row[0].strip() for row in rows[1:]] == _WAYS
    assert all(cell.strip() for row in rows for cell in row)
    assert all("`test_" in row[2] for row in rows[1:])


def test_every_test_that_the_inputs_name_exists() -> None:
    """What is said to be shown is shown."""
    files = (_ROOT / "tests").rglob("test_*.py")
    names = {name for f in files for name in re.findall(r"^def (test_\w+)", f.read_text(), re.M)}
    assert set(re.findall(r"`(test_\w+)`", _INPUTS)) - {"test_docs"} <= names
