# Two commands do all the set-up on a machine that has Python 3.11 or newer:
#   make run     the main job on the embedded world, into runs/quickstart
#   make test    the test suite
# Another Python: make run PYTHON=python3.12. Everything else: BUILD.md.

PYTHON ?= python3
VENV ?= .venv
# Processes of the tests; each takes up to 10 GB in one go, half of it in two halves.
WORKERS ?= 2
SERVED := tests/bundle tests/lab tests/ops
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --constraint constraints.txt
# A file's tests share fixtures; the dearest files first (tests/conftest.py).
PYTEST = $(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile \
  --no-loadscope-reorder
# A stamp for each set of packages, so that an unchanged one is not installed again.
RUNTIME := $(VENV)/.installed-runtime
DEV := $(VENV)/.installed-dev
DOCS := $(VENV)/.installed-docs
HOUSE := setup.cfg pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help run quick test test-all test-slow docs notebooks dist lint format types bench clean

help: ## show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: $(RUNTIME) ## install, then the main job on the embedded world (runs/quickstart)
	$(BIN)/ytdnn run --config=experiments/quickstart.py --workdir=runs/quickstart

quick: $(RUNTIME) ## after `run`: other systems on three logs, a quarter of an hour
	$(BIN)/python -m experiments.side_by_side --quick $(if $(DATA),--data=$(DATA))

test: $(DEV) ## install, then the tests of every part: six minutes on two cores
	$(PYTEST) -m "not slow and not thorough"

test-all: $(DEV) ## all tests but those marked slow: what CI runs
	$(PYTEST) $(SERVED)
	$(PYTEST) tests $(SERVED:%=--ignore=%)

test-slow: $(DEV) ## the tests marked slow
	YTDNN_OPTIMISED_GRAPHS=1 $(BIN)/python -m pytest -m slow

lint: $(DEV) types ## lint, format check and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(DEV) ## rewrite the code in the one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(DEV) ## types alone
	$(BIN)/mypy

docs: $(DOCS) ## install, then the site, strictly (site/index.html)
	$(BIN)/python -m experiments.write_results
	$(BIN)/mkdocs build --quiet

dist: $(DOCS) ## a wheel and a source distribution (dist/)
	$(BIN)/python -m build

notebooks: $(DOCS) ## run the notebooks of docs/notebooks and keep their outputs
	$(BIN)/python docs/notebooks/run.py

bench: $(RUNTIME) ## the main job from nothing, each step timed (runs/bench)
	rm -rf runs/bench
	$(BIN)/ytdnn run --config=experiments/quickstart.py --workdir=runs/bench

clean: ## remove caches and build output; keeps .venv and runs
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || \
	  { echo "make: error: expected Python 3.11 to 3.13, found $$($(PYTHON) --version 2>&1 | head -n 1):" \
	         "run make with PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "make: error: $(PYTHON) lacks the venv module: on Debian and Ubuntu," \
	         "apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): $(HOUSE) | $(BIN)/python
	@echo "installing into $(VENV): about a minute"
	$(INSTALL) --editable .
	@touch $@

$(DEV): $(HOUSE) | $(BIN)/python
	@echo "installing into $(VENV): about two minutes"
	$(INSTALL) --editable '.[dev]'
	@touch $@ $(RUNTIME)

$(DOCS): $(HOUSE) | $(BIN)/python
	@echo "installing into $(VENV): about a minute"
	$(INSTALL) --editable '.[docs]'
	@touch $@ $(RUNTIME)
