# One word for each thing; people and CI use the same ones. Everything sets itself up.

PYTHON := .venv/bin/python
SETUP := .venv/.installed node_modules/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo start doctor test soak faults bench check format

help: ## this list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/^([a-z]+):.*## /make \1\t/'

setup: $(SETUP) ## virtual environment, packages, Azurite

demo: $(SETUP) ## run the main job on the real pieces, and prove that every line arrives
	$(PYTHON) -m local.demo

start: $(SETUP) ## leave everything running, for exploring with curl
	$(PYTHON) -m local.start

doctor: $(SETUP) ## with your own settings: what the services answer, and who has to grant what
	$(PYTHON) -m local.doctor

test: $(SETUP) ## the whole test suite
	$(PYTHON) -m pytest

soak: $(SETUP) ## ten minutes of faults at random, seeded moments; nothing may be lost or doubled
	$(PYTHON) -m local.soak

faults: $(SETUP) ## every request of a small job fails once, in each of four ways: some minutes
	$(PYTHON) -m local.faults

bench: $(SETUP) ## measure beside a plain script, dlt and the limit; writes benchmarks/results.md
	$(PYTHON) -m benchmarks

check: $(SETUP) ## lint, format, types
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

format: $(SETUP) ## put the code into its form
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

.venv/.installed: requirements.txt requirements-dev.txt local/setup.sh
	sh local/setup.sh
	touch $@

node_modules/.installed: package.json package-lock.json
	@command -v npm >/dev/null || { echo "Azurite, the storage emulator, needs Node.js with npm: install Node.js 20 or newer"; exit 1; }
	npm ci --no-progress
	touch $@
