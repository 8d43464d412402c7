# Two commands do everything: `make demo` and `make test`. Each installs what it needs into .venv first: the demo what a
# user needs (requirements.lock), the tests all of it and their own tools (requirements-dev.lock).

SHELL := bash
.DELETE_ON_ERROR:
unexport PYTHONDONTWRITEBYTECODE  # without it every process compiles every import again
export OMP_WAIT_POLICY ?= passive  # threads that wait leave the core to others

PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3 python; do \
  $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
FLIGHTS := examples/flights
RESOLVE = $(BIN)/uv pip compile --universal --upgrade --no-strip-extras --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-header --no-annotate -q
INSTALL = if test -x $(BIN)/uv; then install="$(BIN)/uv pip install --quiet --python $(BIN)/python"; \
  else install="$(BIN)/python -m pip install --quiet --disable-pip-version-check"; fi
FAST := tests/core tests/declarations tests/models tests/registry tests/storage

.PHONY: demo test fast-test doctest up serve prove bench lint types contracts house words check docs lock gallery wheel clean help

help:  ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

demo: .venv/ready  ## Run the whole example on the flights of 2013
	@$(BIN)/ml-platform run $(FLIGHTS) --until 2013-12-09T00:00:00Z

# Three processes for two cores: many tests wait for servers and processes of their own. In the order of tests/conftest.py:
# xdist itself begins with the files of many tests, and those that take minutes are few tests.
test: .venv/dev-ready doctest  ## Run every test, and every example in a docstring
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

# What needs no Dagster, no server, no other process and no seconds: an answer while one works.
fast-test: .venv/dev-ready  ## Run the fast tests
	$(BIN)/pytest -q -n 2 --dist loadfile -m "not slow" $(FAST)

doctest: .venv/dev-ready  ## Run the examples in docstrings
	$(BIN)/pytest -q --doctest-modules ml_platform assets jobs resources --ignore=ml_platform/reporting/mlflow/app.py \
	  --ignore=ml_platform/api  # tests/audit/explain/test_api_examples.py runs these

up: .venv/ready  ## Serve the Dagster UI and the MLflow UI until Ctrl-C
	@$(BIN)/ml-platform up $(FLIGHTS)

serve: .venv/ready  ## Answer prediction requests for the example until Ctrl-C; after make demo
	@$(BIN)/ml-platform serve $(FLIGHTS)

prove: .venv/dev-ready  ## Run the long simulations and the benchmarks in full
	ML_PLATFORM_PROVE=1 $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder
	$(BIN)/python benchmarks/intervals.py --check
	$(BIN)/python benchmarks/release.py --check
	$(BIN)/python benchmarks/drift.py --check
	$(BIN)/python -m tests.storage.online.prove_kills 200
	$(MAKE) bench

bench: .venv/dev-ready .venv-rivals/ready  ## Run the benchmarks, with the peer libraries
	$(BIN)/python benchmarks/flights.py
	$(BIN)/python benchmarks/features.py --rivals $(CURDIR)/.venv-rivals/bin/python
	$(MAKE) demo
	$(BIN)/python benchmarks/explain.py
	$(BIN)/python benchmarks/predict_file.py
	$(BIN)/python benchmarks/serving.py --rivals $(CURDIR)/.venv-rivals/bin/python
	$(BIN)/python benchmarks/online_store.py
	$(BIN)/python benchmarks/tuning.py
	$(BIN)/python benchmarks/intervals_speed.py
	$(BIN)/python benchmarks/start_up.py

# Polars and Feast are measured against, and are no part of the platform: they have an environment of their own.
.venv-rivals/ready: benchmarks/rivals.txt
	$(PYTHON) -m venv .venv-rivals
	.venv-rivals/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/rivals.txt
	@touch $@

check: lint types contracts house words  ## Run lint, types, import contracts and the checks of the house style

lint: .venv/dev-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The shell's folders are imported as ml_platform_dagster.*; links give the type checker that layout.
types: .venv/dev-ready
	@mkdir -p build/types/ml_platform_dagster
	@for layer in assets jobs resources; do ln -sfn ../../../$$layer build/types/ml_platform_dagster/$$layer; done
	$(BIN)/mypy -p ml_platform
	MYPYPATH=build/types $(BIN)/mypy -p ml_platform_dagster.assets -p ml_platform_dagster.jobs -p ml_platform_dagster.resources -p tests

contracts: .venv/dev-ready
	$(BIN)/lint-imports

house: .venv/dev-ready
	$(BIN)/python .ci/house.py

docs: .venv/ready .venv-docs/ready  ## Build the documentation site into build/site
	$(BIN)/ml-platform reference docs/reference
	$(BIN)/python .ci/site.py $(CURDIR)/.venv-docs/bin/zensical

.venv-docs/ready: docs/requirements.lock | .venv/ready
	$(PYTHON) -m venv .venv-docs
	$(BIN)/uv pip install --quiet --python .venv-docs/bin/python --no-deps --require-hashes -r docs/requirements.lock
	@touch $@

wheel: .venv/dev-ready  ## Build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation

gallery: .venv/dev-ready  ## Look at every kind of page in a browser, after make demo
	$(BIN)/python docs/pictures/gallery.py $(FLIGHTS)

# The product and what `make demo` needs to install it; and with it all that tests and checks need.
lock: .venv/ready  ## Resolve the lock files again
	$(RESOLVE) pyproject.toml --extra postgres --group dev -o requirements-dev.lock
	$(RESOLVE) pyproject.toml --group install -c requirements-dev.lock -o requirements.lock
	$(RESOLVE) docs/requirements.txt -o docs/requirements.lock

# uv installs many times faster than pip. It comes from the lock file like everything else, with its hashes; where there is
# no wheel of it for a machine, pip does the work.
.venv/ready: requirements.lock pyproject.toml setup.py
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed, and none was found. Install one, or name it: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv .venv
	@awk '/^[a-z]/ { found = /^uv==/ } found' requirements.lock > .venv/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary uv -r .venv/uv.lock 2>/dev/null || true
	@$(INSTALL); set -x; \
	$$install --no-deps --require-hashes -r requirements.lock && $$install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev-ready: .venv/ready requirements-dev.lock
	@$(INSTALL); set -x; $$install --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

clean:  ## Remove the environments and everything that was built
	rm -rf .venv .venv-rivals .venv-docs docs/reference docs/llms.txt build dist *.egg-info $(FLIGHTS)/.ml_platform
