# One command each; `make help` lists them. All set-up happens in .venv.

PORT ?= 8080
DATA ?= var/demo
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run test coverage quick check format bench clean

help: ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

run: ## Set everything up and start the demo (PORT=8080 DATA=var/demo)
	@sh tools/setup.sh runtime
	@exec $(BIN)/heliograph demo --port $(PORT) --data $(DATA)

test: check ## Set everything up and run every test, PostgreSQL included
	@sh tools/tests.sh

coverage: ## The same with branch coverage, which takes twice as long
	@sh tools/setup.sh test
	@sh tools/tests.sh --cov --cov-report=term:skip-covered

quick: ## Unit tests, contracts on SQLite and conformance, in under a minute
	@sh tools/setup.sh test
	@sh tools/tests.sh -p no:schemathesis --hypothesis-profile=quick -k "not postgresql" --ignore=tests/contract/http2/test_real_servers.py tests/unit tests/contract tests/conformance

check: ## Format, lint, types, imports and file sizes, without changing anything
	@sh tools/setup.sh test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@sh tools/tests.sh --numprocesses=0 tests/unit/test_tree.py

format: ## Format and mend what a tool can mend
	@sh tools/setup.sh test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: ## Measure, against the peers that can be installed
	@sh tools/setup.sh test
	$(BIN)/python -m bench

clean: ## Remove what set-up and tests made
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .schemathesis .import_linter_cache .coverage
	find src tests bench -name __pycache__ -prune -exec rm -rf {} +
