# Two commands do most: `make run` and `make test`.

PYTHON ?= python3
ARGS ?=
# Each worker has its own control plane. Tests wait more than they compute: three suit two cores.
WORKERS ?= 3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help venv run test prove e2e-node check bench show generate format lock clean

help:
	@echo "make run       a local control plane and registry, the operator, a Falco and its sidecars; ARGS='--kubeconfig F' for your own cluster"
	@echo "make test      lint, types, import layers, then the tests on a real control plane; ARGS='-k x' for some of them"
	@echo "make prove     what make test runs a sample of: every step, every hostile input, hundreds of histories"
	@echo "make e2e-node  the pods that users get, on a real node of this machine: root, overlay, bridge, veth, netfilter"
	@echo "make bench     speed and memory, as counts and ratios"
	@echo "make show      a thousand Falcos, ten thousand nodes, fifty artifacts: memory, stalls, probes; takes a quarter of an hour"
	@echo "make generate  CRDs, rights and deploy/install.yaml from resources/, the chart and the API server's OpenAPI"
	@echo "make venv      .venv with the locked dependencies and both console scripts"
	@echo "make format    format and fix what ruff can"
	@echo "make lock      pin the dependencies again from pyproject.toml"

venv: .venv/installed

.venv/installed: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# All tests of a module run in one worker, because they share its fixtures.
PYTEST = $(BIN)/pytest --numprocesses $(WORKERS) --dist loadscope --no-loadscope-reorder

run: venv
	@$(BIN)/python -m deploy.local run $(ARGS)

test: check
	$(PYTEST) -m "not bench and not show and not node and (sample or not prove)" $(ARGS)

prove: venv
	$(PYTEST) --hypothesis-profile prove -m "prove and not bench and not show and not node" $(ARGS)

check: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

e2e-node: venv
	$(BIN)/python -m deploy.local.node $(BIN)/pytest -m node tests/node $(ARGS)

bench: venv
	$(BIN)/pytest -m bench -s $(ARGS)

show: venv
	$(BIN)/pytest -m show -s $(ARGS)

generate: venv
	$(BIN)/python -m deploy.generate $(ARGS)

format: venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

COMPILE = .venv/lock/bin/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links \
	--no-header --python-version 3.11
BUILD_REQUIRES = import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")

lock:
	$(PYTHON) -m venv .venv/lock
	.venv/lock/bin/pip install --quiet uv
	$(COMPILE) --extra dev pyproject.toml -o requirements-dev.lock
	$(COMPILE) --constraint requirements-dev.lock pyproject.toml -o requirements.lock
	$(PYTHON) -c '$(BUILD_REQUIRES)' | $(COMPILE) --constraint requirements-dev.lock - -o requirements-build.lock

clean:
	rm -rf .venv .local dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
