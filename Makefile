# Two commands to know: `make demo` and `make test`. Both make .venv from the hashed locks in requirements/ first.

SHELL := /bin/sh
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help demo test check lint bench lock trees clean
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-6s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/demo.installed ## from a commit to a release, here and now
	@$(BIN)/gitops demo

test: $(VENV)/dev.installed ## all tests that this machine can run
	@$(BIN)/python -m pytest -q -n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/dev.installed ## ruff, mypy, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

check: lint test ## lint and test: what a change must pass

bench: $(VENV)/dev.installed ## every claim about speed, measured here
	@for benchmark in benchmarks/*.py; do \
		case $$benchmark in */__init__.py) ;; *) $(BIN)/python -m benchmarks.$$(basename $$benchmark .py) || exit 1 ;; esac; done

lock: $(VENV)/dev.installed ## renew requirements/*.lock (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		-U pyproject.toml -o requirements/runtime.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--extra demo --group build -c requirements/runtime.lock pyproject.toml -o requirements/demo.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--extra demo --group dev -c requirements/demo.lock pyproject.toml -o requirements/dev.lock
	uv pip compile -q --python-version 3.11 --generate-hashes --no-annotate --no-header \
		-U --group checkov -o requirements/checkov.lock

clean: ## remove .venv and caches
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or later on PATH; install one, or run make PYTHON=/path/to/python3" >&2; exit 1; }
	@git --version >/dev/null 2>&1 || { echo "make: git is not on PATH; install git 2.30 or later" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.installed: requirements/demo.lock pyproject.toml | $(BIN)/python
	$(PIP) install -q --require-hashes --only-binary :all: -r requirements/demo.lock
	$(PIP) install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.installed: requirements/dev.lock pyproject.toml | $(BIN)/python
	$(PIP) install -q --require-hashes --only-binary :all: -r requirements/dev.lock
	$(PIP) install -q --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/demo.installed
