# make demo: set up a virtual environment and make the report on the drawn sample, with the networks that the
#            repository has for it; NETWORKS=none trains them.
# make test: set up, check the style, run the tests; those that need PyTorch only with TORCH=torch, or
#            TORCH=torch==VERSION for another build than the newest.  Both need only python3 (3.10-3.12) with venv.

PYTHON ?= python3
VENV ?= .venv
TORCH ?=
NETWORKS ?= leaderboard/networks
BIN = $(VENV)/bin
INSTALLED = $(VENV)/installed-test$(if $(TORCH),-torch)

.PHONY: demo test

demo: $(VENV)/installed
	$(BIN)/python -m bam.benchmark --preset demo --networks $(NETWORKS)

test: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	touch $@

$(VENV)/installed-test-torch: $(VENV)/installed
	$(BIN)/python -m pip install --quiet $(TORCH) --editable ".[test,stable-diffusion]"
	touch $@
