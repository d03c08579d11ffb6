# Each target does its own set-up: a fresh clone needs Python 3.11 or later and make, nothing else.

PYTHON ?= python3
BIN := .venv/bin
# The tests start the program a hundred times: it is compiled once, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help dev demo test soak lint bench e2e clean

help:  ## show this help
	@grep -E '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tokenctl needs Python 3.11 or later; try make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv

.venv/.installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/.dev: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ .venv/.installed

dev: .venv/.dev  ## set up .venv with everything that the other targets need

demo: .venv/.installed  ## adopt, change, plan, apply and undo on an embedded sandbox, with examples/tokens.yaml
	@$(BIN)/tokenctl demo

test: .venv/.dev  ## run the whole test suite; COVERAGE=1 holds it to all branches, which takes a third as long again
	@rm -f .coverage .coverage.*
	$(BIN)/python -m pytest --numprocesses 2 -m "not thorough" $(if $(COVERAGE),--cov --cov-report=)

soak: .venv/.dev  ## run the tests that take minutes: more seeds, more crashes, more examples of each property
	$(BIN)/python -m pytest --numprocesses 2 -m soak

lint: .venv/.dev  ## format, lint, type and workflow checks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile
	$(BIN)/zizmor --offline --quiet --no-progress .github action.yml

bench: .venv/.dev  ## time the commands against yardsticks run beside them, on TOKENCTL_E2E_URL or on a sandbox
	$(BIN)/python -m bench

e2e: .venv/.dev  ## run the end-to-end tests against TOKENCTL_E2E_URL, or against a sandbox
	$(BIN)/python -m pytest --numprocesses 2 tests/e2e

clean:  ## remove what the other targets made
	rm -rf .venv .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache dist
