# Every target installs what it needs first. PYTHON may name any Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The build of vLLM, cpu or gpu: the one that is installed, else the one that fits this machine.
CHOICE := $(or $(patsubst $(VENV)/.installed-%,%: it is installed,$(wildcard $(VENV)/.installed-[cg]pu)),$(shell envs/choose-build))
BUILD ?= $(firstword $(subst :, ,$(CHOICE)))
INSTALLED := $(VENV)/.installed-$(BUILD)
# Two engines at a time on CPUs take 8 GB; on a machine with less free memory one.
MEMINFO := /proc/meminfo
ENGINES := $(shell awk '/MemAvailable/ && $$2 < 9000000 {print "--resources gpu=1"}' $(MEMINFO))
SNAKEMAKE := $(BIN)/snakemake --workflow-profile workflow/profiles/$(BUILD) $(ENGINES)
PYTEST = $(if $(filter gpu,$(BUILD)),$(error The tests run vLLM's build for CPUs: make $@ BUILD=cpu VENV=.venv-cpu))$(BIN)/pytest --numprocesses=2
LOCKS_cpu := envs/torch-cpu.lock envs/generate.lock
LOCKS_gpu := envs/vllm-gpu.lock
LOCKS := $(LOCKS_$(BUILD)) envs/workflow.lock envs/data.lock envs/evaluate.lock envs/sandbox.lock envs/report.lock
# What runs with the workflow; the licences of tools that are only started do not matter.
LOCKED = $(shell sed -n 's/^\([A-Za-z0-9._-]*\)==.*/\1/p' $(LOCKS))
SCRIPTS = $(shell git ls-files | xargs grep -lE '^\#!.*bash')
DOCKERFILES = $(shell git ls-files '*Dockerfile')
empty :=
space := $(empty) $(empty)
comma := ,
PURE := $(subst $(space),$(comma),$(foreach module,algorithm/allocation algorithm/branching algorithm/entropy algorithm/markers algorithm/tree_state evaluation/answers/matching evaluation/answers/boxes evaluation/answers/equivalence evaluation/answers/exact_numbers evaluation/answers/letters evaluation/statistics/metrics evaluation/answers/normalize evaluation/answers/quantities evaluation/answers/sets evaluation/statistics/inference evaluation/answers/unicode_math evaluation/statistics/draws evaluation/statistics/equal_compute evaluation/statistics/parallel_curve evaluation/statistics/work evaluation/statistics/rivals evaluation/answers/upstream report/tables/comparison,*/eager/$(module).py))
TORCH_INDEX := https://download.pytorch.org/whl/cpu

.DEFAULT_GOAL := help
.PHONY: help setup dev demo test test-all test-slow lint fuzz coverage mutants audit archive readme bench bench-check gpu-check same-tokens images test-containers lock clean

help:  ## Say what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: $(INSTALLED)  ## Install what runs into .venv, exact versions with hashes (BUILD=gpu: vLLM for GPUs, also where none is)

dev: $(VENV)/.installed-dev  ## Install what tests and lint need besides

demo: setup  ## Real model, small data set, all four methods; ends with the table and the report
	$(SNAKEMAKE) --quiet rules
	@cat results/demo/tables/summary.md
	@echo "figures: results/demo/figures"
	@echo "report, open it in a browser: file://$(CURDIR)/results/demo/report.html"

archive: setup  ## Pack the demo as one file (RO-Crate) and verify it
	$(SNAKEMAKE) --quiet rules -- archive
	$(BIN)/eager verify results/demo/archive.zip

readme: setup  ## Make the parts of README.md and of the page on deviations again, from the demo
	$(SNAKEMAKE) --quiet rules
	$(BIN)/python -m tools.docs readme
	$(BIN)/python -m tools.deviations

test: dev  ## The tests of every day, in minutes (STAGE=sandbox: only those of one stage)
	$(PYTEST) -m "not long and not slow" $(if $(STAGE),$(or $(wildcard tests/$(STAGE) tests/unit/$(STAGE)),$(error STAGE=$(STAGE): no such folder in tests or tests/unit)))

test-all: dev  ## What `make test` leaves out: the real engine in every part, Docker, Slurm, a browser
	$(PYTEST) -m "long and not slow"

test-slow: dev  ## Comparisons of many minutes each, one after another; they print what they measure
	$(BIN)/pytest -m slow -s

lint: dev  ## Rules, formatting, types, imports, shell, Dockerfiles, spelling, licences
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=workflow $(BIN)/lint-imports --no-cache
	PATH="$(CURDIR)/$(BIN):$$PATH" snakefmt --check Snakefile workflow/Snakefile workflow/rules
	$(BIN)/shellcheck $(SCRIPTS)
	$(BIN)/hadolint $(DOCKERFILES)
	$(BIN)/codespell
	$(BIN)/pip-licenses --packages $(LOCKED) >/dev/null
	$(BIN)/pytest --quiet tests/unit/test_structure.py
	$(BIN)/pytest --quiet tests/plans/test_plans.py -k "lint or schemas"

fuzz: dev  ## Damaged input of every kind, other at each run (EXAMPLES=3000 of each; make test has 200)
	EAGER_FUZZ_EXAMPLES=$(or $(EXAMPLES),3000) $(BIN)/pytest tests/fuzz

coverage: dev  ## Lines that the tests reach: 90 % of the package, all of the pure modules
	$(BIN)/coverage erase
	$(PYTEST) --cov --cov-report=
	$(BIN)/coverage report --fail-under=90 --skip-covered --show-missing
	$(BIN)/coverage report --fail-under=100 --include="$(PURE)"

mutants: dev  ## Change the decisions in small ways and see whether tests notice; continues where it stopped
	mkdir -p build/mutation/src
	cp -R workflow/eager build/mutation/src
	cp -R tests pyproject.toml build/mutation
	cd build/mutation && PYTHONPATH= $(abspath $(BIN))/mutmut run
	$(BIN)/python -m tests.mutation.score

audit: dev  ## Known vulnerabilities of locked versions (asks PyPI, so it is not part of lint)
	for lock in $(LOCKS) envs/dev.lock; do $(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement $$lock || exit 1; done

bench: dev  ## Measure speed, memory and disk against the engine's limit and the reference implementation
	$(BIN)/python -m tests.benchmarks

bench-check: dev  ## Fail if a figure of the last make bench is worse by a third than the committed one
	$(BIN)/python -m tests.benchmarks.check

# The demo's prompts are made first, if they are not there: without the engine, in seconds. Only then:
# another profile may have made them with other software.
gpu-check: setup  ## Is this machine ready: GPUs, software, results of the real engine, speed; results/gpu-check
	test -f results/demo/SmolLM2-135M-Instruct/arithmetic/prompts.parquet || $(SNAKEMAKE) --quiet rules --until encode_prompts
	$(BIN)/eager check-machine

same-tokens: demo  ## Does changed code generate and judge as before? If so, what is stored stays valid (KINDS="tokens answers programs")
	$(BIN)/python -m tests.golden $(KINDS)

images: setup  ## Build the images that changed (IMAGES="stages ..."; BASE=local: without a registry; ENGINE=podman)
	$(BIN)/python -m tools.images build --engine $(or $(ENGINE),docker) $(if $(BASE),--base $(BASE)) $(IMAGES)

test-containers: dev  ## The whole demo in containers, compared with the demo without (Docker; minutes)
	$(BIN)/pytest -m slow -s tests/containers

lock: dev  ## Lock the packages of envs/*.in that are not locked (UPGRADE=1: again), then all made from locks
	envs/lock.sh
	$(BIN)/python -m tools.images lock --files-only

clean:  ## Remove results, logs and build of every experiment, the store included
	rm -rf results/* logs benchmarks build .snakemake
	git checkout -- results/README.md

# The torch wheel for CPUs is on PyTorch's own index, so it has a step of its own: few retries, so
# that an unreachable index costs seconds. Its hash is known for CPython 3.11; the name and version
# are exact for every Python. The builds of vLLM share files, so that one cannot follow the other.
# pip would compile with one core; some packages carry files that are not for this Python.
$(INSTALLED): $(LOCKS) pyproject.toml
	$(if $(LOCKS_$(BUILD)),,$(error BUILD=$(BUILD): write cpu or gpu))
	@echo "Installs vLLM's build for $(BUILD)s. This machine: $(CHOICE)"
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv $(if $(filter-out $@,$(wildcard $(VENV)/.installed-[cg]pu)),--clear) $(VENV)
ifeq ($(BUILD),cpu)
	if $(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; \
	then $(BIN)/pip install --quiet --no-compile --no-deps --retries 1 --timeout 20 --extra-index-url $(TORCH_INDEX) --require-hashes -r envs/torch-cpu.lock; \
	else $(BIN)/pip install --quiet --no-compile --no-deps --retries 1 --timeout 20 --extra-index-url $(TORCH_INDEX) $$(sed -n 's/^\(torch==[^ ]*\).*/\1/p' envs/torch-cpu.lock); fi
endif
	$(BIN)/pip install --quiet --no-compile --no-deps --require-hashes $(patsubst %,-r %,$(filter-out envs/torch-cpu.lock,$(LOCKS)))
	$(BIN)/pip install --quiet --no-compile --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q -j 0 -x '/tests?/' $(VENV)/lib >/dev/null || true
	touch $@

$(VENV)/.installed-dev: $(INSTALLED) envs/dev.lock
	$(BIN)/pip install --quiet --no-deps --require-hashes -r envs/dev.lock
	touch $@
