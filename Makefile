# `make demo` and `make test` work from a fresh clone: they make .venv and install what they need, once.
# Asked for are CPython >= 3.11 with pip and a Rust toolchain. CI and the pre-commit hooks call these rules too.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

BIN := .venv/bin
# What the compiled kernels are made from; Python sources are used where they lie.
BUILT_FROM := pyproject.toml Cargo.toml Cargo.lock $(shell find rust -name '*.rs' -o -name Cargo.toml)

VIEWER := $(addprefix python/lite_ensam/widgets/,static view_page) tests/javascript

# rustup's home is not on every shell's PATH; clippy asks PyO3 about this Python.
export PATH := $(PATH):$(HOME)/.cargo/bin
export PYO3_PYTHON := $(CURDIR)/$(BIN)/python
# Deno checks the viewer's JavaScript, and asks nobody for news.
export DENO_DIR := $(CURDIR)/target/deno
export DENO_NO_UPDATE_CHECK := 1

.PHONY: help demo test lint test-rust test-javascript test-python mutants build docs notebooks screenshots bench format clean
.PHONY: ruff mypy layers stubs prose docstrings javascript rustfmt clippy debian

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.demo-installed ## install (without torch) and segment the built-in phantom
	$(BIN)/lite-ensam demo --overwrite

test: lint test-rust test-javascript test-python ## install (torch is about 3 GB, once), lint, all tests

lint: ruff mypy layers stubs prose docstrings javascript rustfmt clippy ## every check that runs no test

test-rust: .venv/.dev-installed ## tests of the kernels alone
	@echo "== tests of the Rust kernels"
	cargo test --locked --doc
	if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --locked; \
	else cargo test --locked --lib --bins --tests; fi

test-javascript: .venv/.dev-installed ## tests of the viewer's modules, by node 20 or newer or else by Deno
	@echo "== tests of the viewer's modules"
	if node -e 'process.exit(Number(parseInt(process.versions.node) < 20))' 2>/dev/null; \
	then node --test --test-reporter=spec tests/javascript/*.test.js; \
	else NO_COLOR=1 $(BIN)/deno test tests/javascript; fi

# Each may have a browser, engines and a training run: 3 GB of memory.
TEST_PROCESSES ?= 2

test-python: .venv/.dev-installed debian ## tests of the package
	@echo "== tests of the Python package, with the lines that they run (those of programs in processes of their own do not count)"
	$(BIN)/pytest --numprocesses $(TEST_PROCESSES) --dist loadfile --cov --cov-report=term --cov-fail-under=92

mutants: .venv/.dev-installed ## break each number that masks depend on in a copy: the tests must notice (10 minutes)
	$(BIN)/python -m tests.mutants

# Without torch: everything else that users install.
LOWEST_EXTRAS := evaluate dicom register widgets cohort
LOWEST_TESTS := tests/integration/test_segment.py tests/integration/test_clinical.py tests/integration/test_cohort.py \
  tests/unit/io tests/unit/response tests/unit/widgets

test-lowest: .venv/.demo-installed ## the lowest versions that pyproject.toml allows, in target/lowest
	@echo "== tests of lowest versions"
	$(BIN)/pip install --quiet 'uv>=0.5'
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python target/lowest
	$(BIN)/uv pip compile --quiet pyproject.toml --resolution lowest-direct $(addprefix --extra ,$(LOWEST_EXTRAS)) \
	  --python $(BIN)/python --output-file target/lowest.txt
	$(BIN)/uv pip install --quiet --python target/lowest/bin/python --requirement target/lowest.txt \
	  pytest hypothesis jaxtyping beartype nibabel
	PYTHONPATH=python target/lowest/bin/python -m pytest -p no:cacheprovider --override-ini filterwarnings= \
	  -k 'not torch' $(LOWEST_TESTS)

debian: # Chromium for the tests of the viewer, dciodvfy for those of DICOM files, Orthanc for archives; else they are skipped
	@for need in chromium:chromium dciodvfy:dicom3tools Orthanc:orthanc-dicomweb; do \
	  program=$${need%%:*} package=$${need##*:}; \
	  if command -v $$program >/dev/null; then :; \
	  elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "== installing $$package with apt-get, for the tests that need $$program"; \
	    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -qq -y --no-install-recommends $$package; } \
	      >/dev/null 2>&1 || echo "== $$package could not be installed: tests that need $$program will be skipped"; \
	  else echo "== no $$program here, and no right to install it: tests that need it will be skipped"; fi; \
	done

build: $(BIN)/pip ## wheel in target/wheels; on Linux for every system since 2018 (manylinux_2_28)
	$(install_build_tools)
	rm -f target/wheels/*.whl
ifeq ($(shell uname),Linux)
	$(BIN)/pip install --quiet 'ziglang>=0.13' # links with symbols of glibc 2.28, whatever this system has
	CARGO_ZIGBUILD_ZIG_PATH="$$($(BIN)/python -c 'import ziglang; print(ziglang.__path__[0])')/zig" \
	  $(BIN)/maturin build --release --locked --zig --compatibility manylinux_2_28 --out target/wheels
	$(BIN)/python -m tests.wheels target/wheels/*.whl
else
	$(BIN)/maturin build --release --locked --out target/wheels
endif

docs: .venv/.docs-installed ## the documentation in target/site, read from disk; warnings are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	$(BIN)/python -m tests.lint.offline_site target/site

notebooks: .venv/.dev-installed ## run the notebooks and store their outputs (2 minutes)
	$(BIN)/python -m tests.notebooks

screenshots: .venv/.dev-installed ## pictures of the viewer: artefacts/screenshots, and those that docs/images shows
	$(BIN)/python -m tests.browser.screenshots

bench: .venv/.dev-installed ## benchmarks of the kernels and of the whole program
	cargo bench --locked
	for script in $(sort $(wildcard benchmarks/*.py)); do echo "== $$script"; $(BIN)/python "$$script" || exit; done

format: .venv/.dev-installed ## rewrite the sources in the project's format
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	$(BIN)/deno fmt $(VIEWER)
	cargo fmt --all

clean: ## remove what was built; .venv and runs/ stay
	rm -rf target python/lite_ensam/_kernels*.so .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	rm -f .venv/.demo-installed .venv/.dev-installed .venv/.docs-installed
	find python tests benchmarks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# One rule a linter: the hooks of .pre-commit-config.yaml name them.

ruff: .venv/.dev-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

mypy: .venv/.dev-installed
	$(BIN)/mypy

layers: .venv/.dev-installed
	$(BIN)/lint-imports --no-cache

stubs: .venv/.dev-installed
	$(BIN)/python -m mypy.stubtest lite_ensam._kernels --mypy-config-file pyproject.toml

prose: .venv/.dev-installed
	$(BIN)/python -m tests.lint.phrases

docstrings: .venv/.dev-installed
	$(BIN)/python -m tests.lint.docstrings
	$(BIN)/python -m tests.lint.reference

javascript: .venv/.dev-installed
	$(BIN)/deno fmt --check $(VIEWER)
	$(BIN)/deno lint $(VIEWER)
	$(BIN)/deno check $(VIEWER)

rustfmt: .venv/.dev-installed
	cargo fmt --all --check

clippy: .venv/.dev-installed
	cargo clippy --locked --workspace --all-targets -- -D warnings

# Set-up. A stamp is as old as the last install, which is repeated when the kernels or pyproject.toml change;
# pip asks the network only for what is missing.

.venv/.demo-installed: $(BUILT_FROM) | $(BIN)/pip
	$(call install,demo)
	@touch $@

.venv/.dev-installed: $(BUILT_FROM) | $(BIN)/pip
	$(call install,dev)
	cargo fetch --locked --quiet
	@touch $@

# The site is made from the sources: it needs neither the kernels nor a Rust toolchain.
DOCS_TOOLS := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["docs"], sep="\n")

.venv/.docs-installed: pyproject.toml | $(BIN)/pip
	$(BIN)/python -c '$(DOCS_TOOLS)' | $(BIN)/pip install --quiet --requirement /dev/stdin
	@touch $@

# The build tools go into .venv too, so that kernels can be rebuilt without a network.
BUILD_TOOLS := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")

define install_build_tools
	$(BIN)/python -c '$(BUILD_TOOLS)' | $(BIN)/pip install --quiet --requirement /dev/stdin
endef

define install
	@echo "== installing lite-ensam[$(1)] into .venv"
	@command -v cargo >/dev/null || { echo "cargo not found: a Rust toolchain is needed to build the kernels" >&2; exit 1; }
	$(install_build_tools)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pip install --no-build-isolation --editable '.[$(1)]'
endef

$(BIN)/pip:
	@for python in python3.11 python3; do \
	  if $$python -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "== making .venv with $$($$python --version)"; $$python -m venv .venv; exit; \
	  fi; \
	done; \
	echo "no CPython >= 3.11 with venv and pip found as python3.11 or python3 on PATH" >&2; exit 1
