# Everything is installed into .venv, once, and again when pyproject.toml or constraints.txt change.
# Needed beforehand: Python 3.11 or newer, git and make. Another Python: make setup PYTHON=/path/to/python

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP = $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt

# Where torch's CPU build is fetched when the configured package index has none. For the build that the
# configured index has (on Linux the CUDA one, several GB): make setup TORCH_INDEX=
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
# What make bench runs; the other scripts of benchmarks/ take longer or want more (a server, wrk, hours).
BENCHES := quality speed memory gemm_share

TORCH := $(shell sed -n 's/^torch==//p' constraints.txt)

.PHONY: help setup demo test lint type bench clean
.NOTPARALLEL:

help:
	@echo "make setup   install posthue, all extras but ray and openvino, and the development tools into $(VENV)"
	@echo "make demo    install only the small core, score the example posts, write demo/report.html"
	@echo "make test    lint, type, and run every test"
	@echo "make lint    ruff: rules and format"
	@echo "make type    mypy, strict"
	@echo "make bench   run the benchmarks (minutes; on a quiet machine)"
	@echo "make clean   remove $(VENV), caches and demo/"

setup: $(VENV)/dev.stamp

demo: $(VENV)/core.stamp
	$(BIN)/posthue score src/posthue/examples/posts.csv -o demo/scored.csv --overwrite
	$(BIN)/posthue demo --output demo

test: lint type
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest --durations=10

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check

type: $(VENV)/dev.stamp
	$(BIN)/mypy

bench: $(VENV)/dev.stamp
	@for name in $(BENCHES); do echo "== $$name"; $(BIN)/python "benchmarks/$$name.py" || exit 1; done

clean:
	rm -rf $(VENV) demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/venv.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "posthue needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/core.stamp: $(VENV)/venv.stamp pyproject.toml constraints.txt
	@echo "installing posthue's core"
	@$(PIP) -e .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/venv.stamp pyproject.toml constraints.txt
ifneq ($(TORCH_INDEX),)
	@echo "installing torch $(TORCH) for the CPU"
	@$(PIP) "torch==$(TORCH)+cpu" 2>/dev/null || $(PIP) --extra-index-url $(TORCH_INDEX) "torch==$(TORCH)"
endif
	@echo "installing posthue with every extra but ray and openvino"
	@$(PIP) -e '.[train,report,audit,serve,bot,kafka,dev]'
	@touch $(VENV)/core.stamp $@
