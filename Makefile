# Everything runs in .venv, which needs nothing but Python 3.11 or later and make.

PYTHON ?= python3
PYTEST ?= pytest
N ?= 20
JOBS ?= 4
FUZZ ?= 60
BIN := .venv/bin
# Files side by side, each in one process: most tests wait for others, so more of them than cores pay.
ABREAST = -n $(JOBS) --dist loadfile --no-loadscope-reorder
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --upgrade --universal --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock"

.PHONY: help bench chaos docs fuzz run test test-all test-3.12 test-3.13 check lint types lock clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

run: .venv/installed ## run the whole service on this machine
	@$(BIN)/python -m worker

test: .venv/installed ## run all tests, JOBS at a time (JOBS=4)
	PYTHONDEVMODE=1 $(BIN)/python -m $(PYTEST) $(ABREAST)

test-all: test test-3.12 test-3.13 ## and, without live servers, with the other versions of Python and Django

# pyenv's shims need to be told the version; others don't look at it.
test-3.12 test-3.13: test-%:
	@if PYENV_VERSION=$* python$* -c "" 2>/dev/null; \
	then $(MAKE) .venv-$*/installed && PYTHONDEVMODE=1 .venv-$*/bin/python -m pytest $(ABREAST) -m 'not live'; \
	else echo "Python $* is skipped: there is no python$* here."; fi

chaos: .venv/installed ## the tests that kill, freeze and hang things, N times over (N=20)
	for round in $$(seq $(N)); do echo "round $$round of $(N)"; \
	$(BIN)/python -m pytest -q $(ABREAST) tests/live --ignore tests/live/test_benchmarks.py tests/core/test_lanes.py tests/core/test_supervisor.py || exit 1; done

fuzz: .venv/installed ## requests made up from the OpenAPI description, FUZZ for each operation and caller (FUZZ=60)
	FUZZ=$(FUZZ) $(BIN)/python -m pytest -q tests/live/test_fuzz.py

bench: .venv/installed ## measure the cost beside bare baselines (QUICK=1; WRITE=1 puts the table into docs/benchmarks.md)
	@$(BIN)/python -m benchmarks $(if $(QUICK),--size quick) $(if $(WRITE),--write)

check: lint types docs ## look at the code without running it

lint: .venv/installed ## style and import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: .venv/installed ## type check
	DJANGO_DEBUG=1 $(BIN)/mypy

docs: .venv/installed ## build the documentation into build/docs; a warning is an error
	@$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --nitpicky --fresh-env docs build/docs

lock: .venv/installed ## lock the newest versions that pyproject.toml allows
	$(LOCK) --python-version 3.11 --group django52 --group dev --output-file requirements/dev.txt
	$(LOCK) --python-version 3.11 --group django52 --group run --output-file requirements/run.txt
	$(LOCK) --python-version 3.12 --group django60 --group build --group test --output-file requirements/test-django60.txt
	$(LOCK) --python-version 3.13 --group django61 --group build --group test --output-file requirements/test-django61.txt

clean: ## remove all that make made
	rm -rf .venv .venv-3.12 .venv-3.13 var build dist htmlcov .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

.venv/installed: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
		{ echo "Python 3.11 or later is needed; name one, as in: make PYTHON=python3.12" >&2; exit 1; }
	$(call install,$(PYTHON))

.venv-3.12/installed: requirements/test-django60.txt pyproject.toml
	$(call install,PYENV_VERSION=3.12 python3.12)

.venv-3.13/installed: requirements/test-django61.txt pyproject.toml
	$(call install,PYENV_VERSION=3.13 python3.13)

define install
$(1) -m venv --clear $(@D)
$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
@touch $@
endef
