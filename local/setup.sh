#!/bin/sh
# Makes .venv with the packages of requirements-dev.txt, from whatever Python 3.13 is at hand:
# a python3.13 or python3 on the PATH (pyenv reads .python-version), else one that uv finds or gets.
set -eu

is_313() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1
}

for python in python3.13 python3 python; do
    if is_313 "$python"; then
        echo "Making .venv with $("$python" --version)"
        "$python" -m venv --clear .venv
        exec .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
    fi
done

if command -v uv >/dev/null 2>&1; then
    uv venv --clear --python 3.13 .venv
    exec uv pip install --quiet --python .venv/bin/python -r requirements-dev.txt
fi

echo "Python 3.13 was not found. Install it (python3.13 with its venv module, or pyenv or uv), then try again." >&2
exit 1
