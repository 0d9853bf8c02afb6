# make demo: set up a virtual environment and run the three commands on the drawn sample.
# make test: set up, check the style, run the tests.  Both need only python3 (3.10-3.12) with venv.

PYTHON ?= python3
VENV ?= .venv
TORCH ?= torch
BIN = $(VENV)/bin

.PHONY: demo test

demo: $(VENV)/installed
	$(BIN)/python -m bam.build_dataset
	$(BIN)/python -m bam.train --labels scene
	$(BIN)/python -m bam.metrics --metric idr --limit 100

test: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest

$(VENV)/installed: setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

# TORCH=torch==VERSION takes another build of PyTorch than the newest.
$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet $(TORCH) --editable ".[test,stable-diffusion]"
	touch $@
