#!/bin/sh
# Makes .venv with the packages of requirements.txt and requirements-dev.txt, from whatever Python is at hand:
# $PYTHON, else a python3.13 or python3 on the PATH (pyenv reads .python-version) that is 3.13 or 3.14, else
# one that uv finds or gets.
set -eu

fits() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info[:2] not in ((3, 13), (3, 14)))' >/dev/null 2>&1
}

if [ -L .venv ]; then
    echo ".venv is a link: what it leads to would be emptied. Remove the link, then try again." >&2
    exit 1
fi

# The runtime packages by themselves, because pip wants checksums of all packages of a run or of none.
for python in ${PYTHON:-python3.13 python3 python}; do
    if fits "$python"; then
        echo "Making .venv with $("$python" --version)"
        "$python" -m venv --clear .venv
        .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
        exec .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
    fi
done

if [ -z "${PYTHON:-}" ] && command -v uv >/dev/null 2>&1; then
    uv venv --clear --python 3.13 .venv
    uv pip install --quiet --python .venv/bin/python -r requirements.txt
    exec uv pip install --quiet --python .venv/bin/python -r requirements-dev.txt
fi

echo "Python 3.13 was not found. Install it (python3.13 with its venv module, or pyenv or uv), then try again." >&2
exit 1
