"""`make package`: the package as it is deployed, with its libraries, and the list of what is in it.

    dist/invoices-0.1.0.zip        for `az functionapp deployment source config-zip`, or Azure/functions-action
    dist/invoices-0.1.0.cdx.json   its bill of materials (CycloneDX)

To be run on Linux with the Python of the app, as the libraries are those of the machine.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from pathspec import GitIgnoreSpec

_ROOT = Path(__file__).parents[1]
_LIBRARIES = ".python_packages/lib/site-packages"


def deployed_files(root: Path = _ROOT) -> list[str]:
    """Name what azd and the Core Tools deploy: the files of the repository that .funcignore leaves."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    ignored = GitIgnoreSpec.from_lines((root / ".funcignore").read_text().splitlines())
    files = [name for name in listed.stdout.splitlines() if (root / name).is_file()]
    return sorted(name for name in files if not ignored.match_file(name) and name != ".funcignore")


def assemble(folder: Path, root: Path = _ROOT) -> None:
    """Put the app and its libraries into a folder."""
    for name in deployed_files(root):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, target)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    install += ["--no-compile", "--target", str(folder / _LIBRARIES)]
    subprocess.run([*install, "-r", str(root / "requirements.txt")], check=True)


def main() -> int:
    """Make both files in dist/."""
    version = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]["version"]
    dist, folder = _ROOT / "dist", _ROOT / "dist" / "package"
    shutil.rmtree(dist, ignore_errors=True)
    assemble(folder)
    name = f"invoices-{version}"
    with ZipFile(dist / f"{name}.zip", "w", ZIP_DEFLATED) as package:
        for path in sorted(folder.rglob("*")):
            package.write(path, path.relative_to(folder))
    shutil.rmtree(folder)
    listing = [sys.executable, "-m", "cyclonedx_py", "requirements", "requirements.txt"]
    subprocess.run([*listing, "--output-file", f"dist/{name}.cdx.json"], cwd=_ROOT, check=True)
    print(*(path.relative_to(_ROOT) for path in sorted(dist.iterdir())), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
