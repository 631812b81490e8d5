# One word for each thing; people and CI use the same ones. Everything sets itself up.

RUN := .venv/bin/python
SETUP := .venv/.installed node_modules/.installed
DEPLOY := .venv/.deploy
RECIPES := .venv/.recipes
PAGES := .venv/.pages

.DEFAULT_GOAL := help
.PHONY: help setup demo start doctor test soak faults bench dictionary check check-deploy check-recipes check-pages check-bench pictures format lock package

help: ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /make \1\t/'

setup: $(SETUP) ## virtual environment, packages, Azurite

demo: $(SETUP) ## run the main job on the real pieces, and prove that every line arrives
	$(RUN) -m local.demo

start: $(SETUP) ## leave everything running, for exploring in a browser and with curl
	$(RUN) -m local.start

doctor: $(SETUP) ## with your own settings: what the services answer, and who has to grant what
	$(RUN) -m local.doctor

test: $(SETUP) ## the whole test suite
	$(RUN) -m pytest

soak: $(SETUP) ## ten minutes of faults at random, seeded moments; nothing may be lost or doubled
	$(RUN) -m local.soak

faults: $(SETUP) ## every request of a small job fails once, in each of four ways: some minutes
	$(RUN) -m local.faults

bench: $(SETUP) ## measure beside a plain script, dlt and the limit; writes benchmarks/results.md
	$(RUN) -m benchmarks

dictionary: $(SETUP) ## write docs/data-dictionary.md anew from the types and their meanings
	$(RUN) -m local.dictionary

check: $(SETUP) ## lint, format, types
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

check-deploy: $(SETUP) $(DEPLOY) ## what goes to Azure: Bicep, package, alerts, workflows; with large tools
	$(RUN) -m pytest -n 0 tests/deploy

check-recipes: $(SETUP) $(RECIPES) ## docs/recipes on the demo's data; with DuckDB, polars, pandas
	$(RUN) -m pytest -n 0 tests/recipes

check-pages: $(SETUP) $(PAGES) ## the pages, in a browser: links, downloads, accessibility, phone, paper
	$(RUN) -m pytest -n 0 tests/pages

check-bench: $(SETUP) ## what is measured beside others stores the same as they do
	$(RUN) -m pytest -n 0 tests/benchmarks

pictures: $(SETUP) $(PAGES) ## take the pictures of the pages in docs/ anew
	$(RUN) -m local.pictures

# For older Pythons, too: a build on Azure may run another one than the app.
lock: $(SETUP) $(DEPLOY) ## work requirements.txt out anew from requirements.in
	$(RUN) -m uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
		--no-emit-index-url --custom-compile-command "make lock" --output-file requirements.txt requirements.in

package: $(SETUP) $(DEPLOY) ## the deployed package and its bill of materials, in dist/
	$(RUN) -m local.package

format: $(SETUP) ## put the code into its form
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

$(DEPLOY): .venv/.installed requirements-deploy.txt tests/deploy/azure_cli/requirements.txt tests/deploy/kusto/package-lock.json
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-deploy.txt
	$(RUN) -m uv venv --quiet --clear --python $(RUN) .venv/azure-cli
	$(RUN) -m uv pip install --quiet --python .venv/azure-cli -r tests/deploy/azure_cli/requirements.txt
	npm ci --no-progress --prefix tests/deploy/kusto
	touch $@

$(RECIPES): .venv/.installed requirements-deploy.txt tests/recipes/requirements.txt tests/recipes/power_query/package-lock.json
	$(RUN) -m pip install --quiet --disable-pip-version-check $$(grep ^uv== requirements-deploy.txt)
	$(RUN) -m uv venv --quiet --clear --python $(RUN) .venv/recipes
	$(RUN) -m uv pip install --quiet --python .venv/recipes -r tests/recipes/requirements.txt
	npm ci --no-progress --prefix tests/recipes/power_query
	touch $@

# Without npm's scripts, and without its warning of an older Node.js: only the packed files are wanted.
$(PAGES): .venv/.installed requirements-pages.txt local/browser/package-lock.json local/browser/unpack.mjs
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-pages.txt
	npm ci --no-progress --ignore-scripts --loglevel=error --prefix local/browser
	node local/browser/unpack.mjs
	touch $@

.venv/.installed: requirements.txt requirements-dev.txt local/setup.sh
	sh local/setup.sh
	touch $@

node_modules/.installed: package.json package-lock.json
	@command -v npm >/dev/null || { echo "Azurite, the storage emulator, needs Node.js with npm: install Node.js 20 or newer"; exit 1; }
	npm ci --no-progress
	touch $@
