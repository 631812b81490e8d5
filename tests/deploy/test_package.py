"""What is deployed: the files that the app imports, with libraries that are locked, loads and runs."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import requests
from packaging.requirements import Requirement

from local.functions_host.process import FunctionsHost
from local.package import assemble, deployed_files
from local.simulated import small_world
from local.stack import Stack, running, settings_for
from tests.e2e.conftest import wait_until

ROOT = Path(__file__).parents[2]
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
NOT_IMPORTED = {"host.json", "requirements.txt"}


def imported(root: Path) -> set[str]:
    """The app's own files that function_app.py leads to, by each import that stands anywhere in them."""
    found: set[str] = set()
    left = ["function_app"]
    while left:
        path = Path(*left.pop().split("."))
        file = next(
            (p for p in (path.with_suffix(".py"), path / "__init__.py") if (root / p).is_file()),
            None,
        )
        if file is None or str(file) in found:
            continue
        found.add(str(file))
        tree = ast.parse((root / file).read_text())
        left += [".".join(path.parts[:n]) for n in range(1, len(path.parts))]
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                left += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                left += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


def differences(root: Path) -> set[str]:
    """What is deployed and not needed, or needed and not deployed."""
    return set(deployed_files(root)) ^ (imported(root) | NOT_IMPORTED | templates(root))


def templates(root: Path) -> set[str]:
    """What pages are made of: the app reads it by its name."""
    folder = root / "get_invoice" / "templates"
    return {str(path.relative_to(root)) for path in folder.iterdir()}


def test_what_is_deployed_is_what_the_app_imports() -> None:
    """No file is missing, and none is there for nothing."""
    assert differences(ROOT) == set()


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("\ndocs\n", "\n", "docs/openapi.yaml"),
        ("\nlocal\n", "\nlocal\nshared/log.py\n", "shared/log.py"),
        ("\nlocal\n", "\nlocal\n*.css\n", "get_invoice/templates/style.css"),
    ],
    ids=["too much", "too little", "a template too little"],
)
def test_a_wrong_funcignore_is_found(tmp_path: Path, before: str, after: str, told: str) -> None:
    """The check fails where a line is missing, or is one too many."""
    copy = tmp_path / "app"
    for name in tracked():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    subprocess.run(["git", "init", "--quiet"], cwd=copy, check=True)
    text = (copy / ".funcignore").read_text()
    assert before in text
    (copy / ".funcignore").write_text(text.replace(before, after))
    assert told in differences(copy)


@pytest.mark.parametrize(
    "name", ["invoices/G1/manifest.json", "lines.parquet", "totals.csv", "earlier.jsonl"]
)
def test_what_a_recipe_brings_is_neither_deployed_nor_committed(tmp_path: Path, name: str) -> None:
    """What customers are billed lies in the clone of who follows docs/recipes, and stays there."""
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch()
    shutil.copy(ROOT / ".funcignore", tmp_path)
    assert deployed_files(tmp_path) == []
    shutil.copy(ROOT / ".gitignore", tmp_path)
    (tmp_path / ".funcignore").write_text("")
    assert deployed_files(tmp_path) == [".gitignore"]


def tracked() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.splitlines() if (ROOT / name).is_file()]


def test_the_lock_is_of_the_readable_list_and_is_what_was_tested() -> None:
    """Each package is pinned with checksums; the versions are those of this very environment."""
    locked = {}
    for block in (ROOT / "requirements.txt").read_text().replace("\\\n", " ").splitlines():
        if block and not block.startswith((" ", "#")):
            requirement = Requirement(block.partition(" --hash")[0])
            assert "--hash=sha256:" in block
            if requirement.marker is None or requirement.marker.evaluate():
                locked[requirement.name] = requirement.specifier
    wishes = [
        Requirement(line)
        for line in (ROOT / "requirements.in").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    for wish in wishes:
        (pin,) = locked[wish.name]
        assert wish.specifier.contains(pin.version)
    for name, (pin,) in ((name, list(specifier)) for name, specifier in locked.items()):
        assert version(name) == pin.version, name


def installed(folder: Path, pyproject: str) -> list[str]:
    """What `pip install .` brings, of a project with this pyproject.toml and folders like ours."""
    (folder / "pyproject.toml").write_text(pyproject)
    for name in ("shared", "local"):  # packages that setuptools would take for its own
        (folder / name).mkdir()
        (folder / name / "__init__.py").touch()
    target = folder / "installed"
    command = [*PIP, "install", "--no-deps", "--target", str(target), "."]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return [path.name for path in target.iterdir()]


def test_the_project_can_be_installed(tmp_path: Path) -> None:
    """As azd tries to: `pip install .` works, and installs nothing of ours."""
    text = (ROOT / "pyproject.toml").read_text()
    name = tomllib.loads(text)["project"]["name"].replace("-", "_")
    (only,) = installed(tmp_path, text)
    assert only.startswith(name)


def test_a_project_that_cannot_be_installed_is_found(tmp_path: Path) -> None:
    """Without the list of packages setuptools refuses so many."""
    text = (ROOT / "pyproject.toml").read_text()
    assert "\npackages = []" in text
    with pytest.raises(subprocess.CalledProcessError):
        installed(tmp_path, text.replace("\npackages = []", ""))


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deployed") / "wwwroot"
    assemble(folder)
    return folder


@pytest.fixture
def stack() -> Iterator[Stack]:
    with running(small_world()[2:3]) as stack:
        stack.host.stop()
        yield stack


@pytest.mark.parametrize("functions", ["locked", "1.26.0"])
def test_the_package_runs(package: Path, stack: Stack, functions: str) -> None:
    """Under Microsoft's engine, from an empty folder, with its own libraries, of either major version."""
    libraries = package / ".python_packages" / "lib" / "site-packages"
    if functions != "locked":
        # It does not want this Python, and it works with it: what matters is the API.
        pinned = ["--ignore-requires-python", "--upgrade", "--no-deps", "--target", str(libraries)]
        subprocess.run([*PIP, "install", *pinned, f"azure-functions=={functions}"], check=True)
    settings = settings_for(stack.azurite, stack.entra_id, stack.partner_center, stack.graph)
    settings["PYTHONPATH"] = str(libraries)
    with FunctionsHost(package, settings) as host:
        assert {"fetch_line_items", "get_invoice", "list_invoices"} <= set(host.functions)
        page = requests.get(
            f"{host.url}/api/invoices",
            headers={"x-functions-key": host.function_key, "accept": "text/html"},
            timeout=60,
        )
        assert (page.status_code, "<h1>Invoices</h1>" in page.text) == (200, True)
        host.run("list_invoices")
        wait_until(lambda: "in storage invoice=" in host.log(), "lines in storage")
        answer = requests.get(
            f"{host.url}/api/invoices/{next(iter(stack.partner_center.invoices))}",
            headers={"x-functions-key": host.function_key},
            timeout=30,
        )
        assert answer.status_code == 200
        # The libraries with machine code are the package's.
        assert str(libraries) in Path(f"/proc/{host.pid}/maps").read_text()
