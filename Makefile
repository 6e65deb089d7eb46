.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
PYTHON ?= python3
VENV   ?= .venv
PY     := $(VENV)/bin/python
RUN    := $(PY) -W error::SyntaxWarning

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

demo: $(VENV)/.ready  ## run the demo on http://127.0.0.1:8080
	$(PY) -m demo

test: $(VENV)/.ready  ## run the tests, with branch coverage
	rm -f .coverage .coverage.*
	$(PY) -m coverage run -m pytest -q -n 2
	$(PY) -m coverage combine -q
	$(PY) -m coverage report

check: $(VENV)/.ready  ## lint, format check and types
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

format: $(VENV)/.ready  ## rewrite the sources in the house format
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: $(VENV)/.bench  ## run the benchmarks and write the report
	$(PY) -m tests.benchmarks

bench-look: $(VENV)/.bench  ## time one variant after another with pytest-benchmark
	$(PY) -m pytest tests/benchmarks -q --benchmark-only --benchmark-columns=min,median,iqr,ops

bench-gate: $(VENV)/.bench  ## count instructions under valgrind, fail where cpkit takes over 2 % more
	$(PY) -m tests.benchmarks.gate

bench-count: $(VENV)/.bench  ## record the instruction counts that bench-gate compares with
	$(PY) -m tests.benchmarks.gate --write

clean:  ## forget everything that was built
	rm -rf $(VENV) dist build .coverage .coverage.* docs/_build

$(VENV)/.pip:
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --upgrade 'pip>=25.1'
	touch $@

$(VENV)/.ready: pyproject.toml $(VENV)/.pip
	$(PY) -m pip install --quiet --editable '.[db,prometheus,testing]' --group dev
	touch $@

$(VENV)/.bench: pyproject.toml $(VENV)/.ready
	$(PY) -m pip install --quiet --group bench
	touch $@

.PHONY: help demo test check format bench bench-look bench-gate bench-count clean
