# PYTHON=...  the interpreter (3.11 or newer) to make .venv with; default: the first one found
export PYTHON

python := .venv/bin/python
on = $(filter-out 0 no false,$(1))

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all test-endpoints browser clean django-suite long-run stop-at-every-statement fuzz queue-simulation bench screenshots

help: ## show this
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{ printf "%-29s %s\n", $$1, $$2 }'

setup: ## make .venv from uv.lock; instant when nothing changed
	@.ci/setup

demo: setup ## sell one seat to one of 60 fans and show the proof; ONCE=1 ends after it, BUYERS=200, PORT=8000
	@$(python) manage.py demo $(if $(call on,$(ONCE)),--once) $(if $(BUYERS),--buyers $(BUYERS)) $(if $(PORT),--port $(PORT))

test: setup ## everything that must pass: lint, then the tests; ONLY=dsql one subject, ARGS='-k seat' for pytest
	@$(python) -m tests.gate --only "$$ONLY" --args "$$ARGS"

test-all: setup ## the gate and all that is too long for it (hours); ONLY='full fuzz' some parts of it
	@$(python) -m tests.gate.everything $(ONLY)

test-endpoints: setup ## the product's tests through the TLS endpoint of us-east-1 (minutes); ARGS='-k seat' goes to pytest
	@WORLDSEAT_TEST_THROUGH=endpoints $(python) -m pytest tests/sales tests/accounts tests/api tests/pages tests/admin tests/stampede $(ARGS)

browser: setup ## say which Chromium the browser tests use; fetches one from npm if there is none
	@$(python) -m tests.helpers.chromium

django-suite: setup ## Django's own tests behind DSQL's rules (minutes); LABELS='schema basic', JSON=file
	@$(python) -m tests.django_suite $(LABELS) $(if $(JSON),--json $(JSON))
	@echo "The migrations of stock apps, stopped and resumed: make stop-at-every-statement"

long-run: setup ## drive the sale by chance, from two regions with faults, for minutes; ROUNDS=100
	@WORLDSEAT_LONG_RUN=$(or $(ROUNDS),100) $(python) -m pytest --timeout 1800 tests/sales/machine

stop-at-every-statement: setup ## migrate stock apps and ours, stopped at every statement (minutes)
	@WORLDSEAT_EVERY_STATEMENT=1 $(python) -m pytest tests/dsql/served/test_stock_migrations.py tests/dsql/served/test_own_migrations.py

fuzz: setup ## send the API what schemathesis thinks of, by its schema (minutes); REQUESTS=200 of each kind
	@WORLDSEAT_FUZZ=$(or $(REQUESTS),100) $(python) -m pytest tests/api/test_fuzz.py

queue-simulation: setup ## a waiting room with 100,000 fans, Valkey restarted in the middle (minutes); JOINERS=1000
	@WORLDSEAT_QUEUE_JOINERS=$(or $(JOINERS),100000) $(python) -m pytest -s tests/sales/waiting_room/test_simulation.py -k as_many

bench: setup ## how fast, beside floors in the same run (22 minutes); ONLY=sale, ROUNDS=5; JSON=file, MARKDOWN=file keep it
	@$(python) -m tests.benchmarks $(ONLY) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(JSON),--json $(JSON)) $(if $(MARKDOWN),--markdown $(MARKDOWN))

screenshots: setup ## draw the pictures of docs/images anew (minutes)
	@WORLDSEAT_SCREENSHOTS=1 $(python) -m pytest tests/browser/test_screenshots.py

clean: ## remove .venv, the local servers' data and the caches
	@rm -rf .venv .worldseat staticfiles .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
