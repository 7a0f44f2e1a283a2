# Everything for daily work. `make demo` and `make test` set up .venv first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# A smaller build of llama.cpp: this project uses neither its vision part nor its downloads.
export CMAKE_ARGS ?= -DLLAVA_BUILD=OFF -DLLAMA_OPENSSL=OFF
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help demo test test-slow test-gpu check format venv install-base schemas lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is required; choose one with: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25" "setuptools>=77"
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --config-settings editable_mode=compat --editable .
	@touch $@

demo: $(VENV)/.installed ## The whole loop on this machine: propose, measure, sign off, merge, serve, revert
	$(BIN)/countersign demo

test: $(VENV)/.installed ## The tests that take seconds each, in one process more than cores, up to 4
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow and not gpu" \
		--numprocesses $$($(PYTHON) -c 'import os; print(min(4, 1 + (os.cpu_count() or 1)))') \
		--dist loadfile --no-loadscope-reorder

test-slow: $(VENV)/.installed ## The tests that take minutes
	$(BIN)/python -m pytest -m "slow and not gpu" --timeout 3600

test-gpu: $(VENV)/.installed ## The tests that need a CUDA device
	$(BIN)/python -m pytest -m gpu --timeout 3600

check: $(VENV)/.installed ## Lint, types, layers, import cycles, schemas, workflow security
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m policy.editor_schemas --check
	$(BIN)/zizmor --offline --quiet .github/workflows

format: $(VENV)/.installed ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: $(VENV)/.installed ## Write the JSON Schemas that editors use
	$(BIN)/python -m policy.editor_schemas

venv: $(VENV)/.installed ## Install everything into .venv

lock: ## Write requirements.lock from what .venv has
	@{ echo "# Exact versions of everything that make installs; ranges are in pyproject.toml."; \
	echo "# Update with: make lock"; \
	$(BIN)/python -m pip freeze --exclude countersign-ml | grep -v '^#\|^-e' | sed 's/+cpu$$//' | sort -f; \
	} > requirements.lock

install-base: ## Install into the running Python: policy, bot and data gates, without torch
	$(PYTHON) -m pip install --constraint requirements.lock ".[data]"

clean: ## Remove what was built here
	rm -rf $(VENV) .countersign demo-output
