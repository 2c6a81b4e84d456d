# The front door. Needs Python 3.11+ with headers and venv, make and a C compiler; nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CORE   := $(wildcard src/isthmus/core/*.pyx src/isthmus/core/*.pxd)
JOBS   ?= 2

# Hundreds of processes are started: without this, each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

# With ccache installed, the same source is compiled once for all checkouts, branches and rebases.
CACHED := $(if $(shell command -v ccache),CC="ccache $(CC)" CCACHE_BASEDIR=$(CURDIR) CCACHE_NOHASHDIR=1)

.PHONY: help demo test check check-perf build bench soak sim docs clean prerequisites
help:            ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

demo: build      ## run the guide's whole scenario on an own temporary server
	@$(BIN)/isthmus demo

test: build      ## set everything up and run all tests
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

check: build $(VENV)/.check  ## format, lint, types, import contracts
	@$(BIN)/ruff format --check src tests bench setup.py
	@$(BIN)/ruff check src tests bench setup.py
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@PATH=$(CURDIR)/$(BIN):$$PATH cython-lint --max-line-length 100 src/isthmus/core

bench: build     ## measure beside the real nats-server: make bench [ROWS=name,name] [ARGS=--write]
	@$(BIN)/python -m bench $(if $(ROWS),--rows $(ROWS)) $(ARGS)

soak: build      ## randomised tests with fifty times the steps (SEED=… for given ones)
	@SOAK=1 $(BIN)/python -m pytest -n $(JOBS) -m soak --timeout 14400 -v --no-header -rN $(if $(SEED),--hypothesis-seed=$(SEED)) $(ARGS)

sim: build       ## make sim SEED=…: the randomised tests with the choices of that seed
	@test -n "$(SEED)" || { echo "make sim: which seed? make sim SEED=NUMBER, as a run printed it"; exit 2; }
	@$(BIN)/python -m pytest -m soak --hypothesis-seed=$(SEED) $(ARGS)

check-perf: build  ## instructions per message, beside where this branch left main (valgrind)
	@$(CACHED) $(BIN)/python -m bench.check_perf $(ARGS)

build: $(VENV)/.built  ## virtual environment and compiled core

prerequisites:
	@sh scripts/prerequisites.sh $(PYTHON)

$(VENV)/.installed: pyproject.toml setup.py | prerequisites
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (half a minute the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "setuptools>=77" "Cython>=3.1"
	@ISTHMUS_BUILD_CORE=0 $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[test]'
	@touch $@

$(VENV)/.built: $(VENV)/.installed $(CORE)
	@echo "compiling the core (one to three minutes the first time)"
	@$(CACHED) $(BIN)/python setup.py --quiet build_ext --inplace -j $(JOBS)
	@touch -c src/isthmus/core/*.so
	@touch $@

$(VENV)/.check: $(VENV)/.installed
	@ISTHMUS_BUILD_CORE=0 $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[test,check]'
	@touch $@

clean:           ## remove what was built
	@rm -rf build $(VENV) src/*.egg-info src/isthmus/core/*.so
