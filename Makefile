# Kontaktwerk on one machine. Needs Python 3.11 or newer and make, nothing else.
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-containers up lint format bench matching chaos fuzz lock

VENV_PYTHON := .venv/bin/python

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Set up .venv from requirements-dev.lock (a no-op when nothing changed)
	@sh deploy/local/setup.sh

demo: setup ## Show the whole way of a contact once, on a real Kafka and a real Postgres
	@$(VENV_PYTHON) -m deploy.local.demo

test: setup ## Run the test suite on real Kafka and real Postgres (ARGS="-k name" to choose)
	@$(VENV_PYTHON) -m pytest $(ARGS)

test-containers: setup ## The system from docker-compose.yml, and the contract tests on testcontainers; needs a Docker engine
	@docker info >/dev/null 2>&1 || { echo "test-containers: no Docker engine answers (docker info)" >&2; exit 1; }
	@TEST_STACK=containers $(VENV_PYTHON) -m pytest tests/containers tests/contract $(ARGS)

up: setup ## Run the same system until Ctrl-C, data in .local/data (ARGS="--port 8001")
	@./kontaktwerk up $(ARGS)

lint: setup ## Check style, types (mypy and pyright, strict), import contracts and house rules
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m ruff format --check .
	@$(VENV_PYTHON) -m mypy
	@$(VENV_PYTHON) -m pyright
	@if [ -f .importlinter ]; then .venv/bin/lint-imports; fi
	@if [ -d tests/architecture ]; then $(VENV_PYTHON) -m pytest -q tests/architecture; fi

format: setup ## Format the code and mend what can be mended alone
	@$(VENV_PYTHON) -m ruff check --fix-only .
	@$(VENV_PYTHON) -m ruff format .

bench: setup ## Measure contacts a second, the CPU time of every process, and the front door alone
	@$(VENV_PYTHON) -m tests.bench $(ARGS)
	@$(VENV_PYTHON) -m tests.bench.front_door

DATASETS ?= ../shared/datasets

matching: setup ## Measure how right matching is on labelled sets, on persons no model has seen (DATASETS=FOLDER ARGS=--splink)
	@case " $(ARGS) " in *" --splink "*) test -x .local/splink/bin/python || { $(VENV_PYTHON) -m venv .local/splink && \
		.local/splink/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-splink.lock; };; esac
	@$(VENV_PYTHON) -m tests.bench.matching $(DATASETS) $(ARGS)

EVENTS ?= 200000
KILLS ?= 200

chaos: setup ## Kill, freeze, cut and restart everything under load, then count what is lost or twice (EVENTS= KILLS= SEED=)
	@$(VENV_PYTHON) -m tests.chaos --events $(EVENTS) --kills $(KILLS) $(if $(SEED),--seed $(SEED)) $(ARGS)

fuzz: setup ## Ask every endpoint for what it cannot know, and read what nobody meant (ARGS="--examples 60 --seed 11")
	@test -x .local/fuzz/bin/schemathesis || { $(VENV_PYTHON) -m venv .local/fuzz && \
		.local/fuzz/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-fuzz.lock; }
	@$(VENV_PYTHON) -m tests.bench.bodies
	@$(VENV_PYTHON) -m tests.bench.endpoints --schemathesis .local/fuzz/bin/schemathesis $(ARGS)

lock: ## Resolve requirements*.in anew into requirements*.lock (needs uv)
	@for name in requirements requirements-dev requirements-fuzz requirements-splink; do \
		uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--no-emit-find-links --no-annotate --no-header $$name.in --output-file $$name.lock || exit 1; \
	done
