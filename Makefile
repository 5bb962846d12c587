# `make demo` and `make test` need only Python (3.11 or later), pip and a compiler; they install the rest into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# On shared machines, threads that wait by spinning cost more than they gain.
export OMP_WAIT_POLICY ?= PASSIVE
export GOMP_SPINCOUNT ?= 0

.PHONY: demo test check reference docs site format clean

demo: $(VENV)/.runtime
	$(BIN)/paretune demo --out results/demo

# One thread a process: several processes run at once.
test: $(VENV)/.development
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --maxprocesses 4

check: $(VENV)/.development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/check_words.py

reference: $(VENV)/.development
	mkdir -p docs/reference
	$(BIN)/python -m paretune.audit.reference docs/reference/methods.md

# The documentation as a site: built and served on this machine, or only built, into build/site.
docs: $(VENV)/.documentation
	$(BIN)/python -m tools.site serve

site: $(VENV)/.documentation
	$(BIN)/python -m tools.site build

format: $(VENV)/.development
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# A CPU build of torch is asked for by its exact version first, so that nothing pulls gigabytes of CUDA packages.
# Set TORCH to another requirement (or to nothing, when torch is there already) to bring your own build.
TORCH ?= torch==2.13.0

$(VENV)/.runtime: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(if $(TORCH),$(BIN)/pip install --quiet --disable-pip-version-check "$(TORCH)")
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.development: $(VENV)/.runtime
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/pip install --quiet --disable-pip-version-check --group dev
	touch $@

$(VENV)/.documentation: $(VENV)/.runtime
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/pip install --quiet --disable-pip-version-check --group docs
	touch $@

clean:
	rm -rf $(VENV) build results
