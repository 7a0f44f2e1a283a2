# Everything for daily work. `make demo` and `make test` set up .venv first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# A smaller build of llama.cpp: this project uses neither its vision part nor its downloads.
export CMAKE_ARGS ?= -DLLAVA_BUILD=OFF -DLLAMA_OPENSSL=OFF
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Only what a lock names, and only files with one of its hashes. Build tools are locked too.
LOCKED := -m pip install --quiet --require-hashes --no-deps --no-build-isolation --requirement
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-emit-index-url --custom-compile-command "make lock"
EXTRAS := data parquet tokens languages scale runner gguf serving redis postgres fuzz dev
LOCKS := $(addprefix requirements,-build.lock -base.lock .lock -torch.lock -torch-cpu.lock)
SBOM_OF := requirements-build.lock requirements.lock requirements-torch.lock
# A release is made by few packages, in an environment of their own.
MAKER := .venv-release
DIST := dist
# The packages that only a build of torch for CUDA needs, and torch itself.
TORCH := ^(torch|triton|cuda-[a-z]+|nvidia-[a-z0-9-]+)==

.PHONY: help demo test test-slow test-gpu check format venv install-base schemas lock sbom release publish clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(VENV)/.installed: $(LOCKS) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is required; choose one with: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(LOCKED) requirements-build.lock
	$(BIN)/python $(LOCKED) requirements.lock
	@$(BIN)/python $(LOCKED) requirements-torch-cpu.lock 2>/dev/null || { \
		echo "No CPU build of torch in this machine's package sources: installing the default build."; \
		$(BIN)/python $(LOCKED) requirements-torch.lock; }
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

lock: ## Write the locks from pyproject.toml; what is locked stays, but for: make lock UPGRADE="-P name"
	mkdir -p build
	cat requirements.lock requirements-torch.lock > build/all.lock
	$(COMPILE) $(UPGRADE) $(EXTRAS:%=--extra %) pyproject.toml --output-file build/all.lock > /dev/null
	awk '/^[a-z0-9]/ {skip = /$(TORCH)/} !skip' build/all.lock > requirements.lock
	awk 'NR <= 2 {print} /^[a-z0-9]/ {keep = /$(TORCH)/} keep' build/all.lock > requirements-torch.lock
	$(COMPILE) $(UPGRADE) --constraint requirements.lock --extra data --group build pyproject.toml --output-file requirements-base.lock > /dev/null
	$(COMPILE) $(UPGRADE) --constraint requirements.lock --group compile --output-file requirements-build.lock > /dev/null
	$(COMPILE) $(UPGRADE) --constraint requirements.lock --group release --output-file requirements-release.lock > /dev/null
	rm -r build

$(MAKER)/.installed: requirements-release.lock
	$(PYTHON) -m venv $(MAKER)
	$(MAKER)/bin/python $(LOCKED) requirements-release.lock
	@touch $@

sbom: $(MAKER)/.installed ## Write dist/countersign-ml.cdx.json: every package that the locks name, with the hashes of its files
	mkdir -p $(DIST)
	cat $(SBOM_OF) | awk '/^[a-z0-9]/ {keep = !seen[$$1]++} keep' | $(MAKER)/bin/cyclonedx-py requirements --pyproject pyproject.toml \
		--spec-version 1.6 --output-format JSON --output-reproducible --output-file $(DIST)/countersign-ml.cdx.json -

release: sbom ## Build wheel and sdist into dist/, next to the bill of materials; TAG must be v and the version
	@$(MAKER)/bin/python -c 'import sys, tomllib; version = "v" + tomllib.load(open("pyproject.toml", "rb"))["project"]["version"]; sys.exit("$(TAG)" not in ("", version) and "the tag is $(TAG), but pyproject.toml has " + version)'
	$(MAKER)/bin/python -m build --no-isolation --outdir $(DIST)

publish: $(MAKER)/.installed ## Publish what is in dist/ by the workflow's identity; only the release workflow can
	$(MAKER)/bin/uv publish --trusted-publishing always $(DIST)/*.whl $(DIST)/*.tar.gz

install-base: ## Install into the running Python: policy, bot and data gates, without torch
	$(PYTHON) $(LOCKED) requirements-base.lock
	$(PYTHON) -m pip install --no-deps --no-build-isolation .

clean: ## Remove what was built here
	rm -rf $(VENV) $(MAKER) .countersign demo-output dist
