# Everything a newcomer needs is two words: `make demo` or `make test`. Both set up .venv by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test check bench install screenshots lock clean
.DEFAULT_GOAL := help

help: ## show what each target does
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.ok ## the whole service with a stand-in for Messenger, in your browser
	@$(BIN)/peersupport demo

test: $(VENV)/.dev-ok ## every test (those that need a browser say so when it is missing)
	@$(BIN)/python -m pytest -n 3

check: $(VENV)/.dev-ok ## formatting, lint, strict types, dependencies, flows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/deptry .
	$(BIN)/peersupport check

bench: $(VENV)/.dev-ok ## the product beside what people would use instead, ratios measured in one run (about an hour)
	@$(BIN)/python benchmarks/run.py

install: $(VENV)/.ok ## set-up alone: .venv/bin/peersupport exists afterwards

screenshots: $(VENV)/.dev-ok ## the pictures in docs/pictures, made from the demo (needs Chromium)
	@$(BIN)/python docs/screenshots.py

lock: ## for maintainers: renew the locks (needs uv)
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -p 3.11 pyproject.toml -o requirements.lock
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -p 3.11 --group dev pyproject.toml -o requirements-dev.lock

clean: ## remove .venv, caches and the demo's data
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis data/demo

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv did not work; on Debian: apt-get install python3-venv"; rm -rf $(VENV); exit 1; }

# The lock pins and hashes every package; the project itself is then linked in without asking for more.
$(VENV)/.ok: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Setting up .venv (about a minute the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.dev-ok: requirements-dev.lock $(VENV)/.ok
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
