# `make help` lists what there is to do here.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
LOCALSTACK_VENV := .venv-localstack
LOCALSTACK := $(LOCALSTACK_VENV)/installed
AWS_VENV := .venv-terraform
AWS := $(AWS_VENV)/installed
CELERY_VENV := .venv-celery
CELERY := $(CELERY_VENV)/installed
CHECKOV_VENV := .venv-checkov
CHECKOV := $(CHECKOV_VENV)/installed

# Development is what `make` is for; production sets its own environment.
export APP_ENV ?= development
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help

.PHONY: help up demo test test-long test-localstack test-terraform test-package test-celery model simulate faults bench lint format lock clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/' | expand -t 17

up: $(INSTALLED) ## Set up and run everything on this machine; Ctrl-C stops it
	@python -m dev.up

demo: $(INSTALLED) ## Post a stream of orders to the running `make up` and print what becomes of them
	@python -m dev.demo

# checkov is large, and for people without Terraform of no use. Tests that wait leave the processors to others: there are
# more workers than these. Files go in their order, where those of tests/e2e come early: xdist would begin with the
# files of the most tests, and wait for one of few and long ones at the end.
test: $(INSTALLED) $(if $(shell command -v terraform),$(CHECKOV)) ## Run the tests of this project; installs MariaDB, redis, Chromium and curl where they are missing
	@sh tests/install-packages.sh
	@pytest -n 4 --dist loadfile --no-loadscope-reorder -m "not plain and not long and not terraform and not package"

test-long: $(INSTALLED) ## Run the tests that take their time: a browser, many processes, a million rows, real time limits
	@sh tests/install-packages.sh
	@pytest -n 3 --dist loadfile -m "long and not alone"
	@pytest -m "long and alone"

# TestQueueComesBack stops the emulator, and LocalStack forgets its queues then. The last line is what
# `make test` leaves out to be short: that plain Celery still has the defects that ours has not.
test-localstack: $(INSTALLED) $(LOCALSTACK) ## Install LocalStack, run on it all that talks to SQS, and try plain Celery
	@sh tests/install-packages.sh
	@pytest --emulator localstack tests/localstack tests/emulators tests/integration/test_transport.py tests/plain tests/e2e \
		-m "not long" --ignore tests/e2e/test_make_up.py --deselect tests/e2e/test_outages.py::TestQueueComesBack
	@pytest -m plain tests/plain

test-terraform: $(INSTALLED) $(AWS) $(CHECKOV) ## Apply terraform/ on emulators, use and destroy it, and plant faults into it
	@sh tests/install-packages.sh
	@pytest -n 2 --dist loadfile -m terraform tests/terraform

test-package: $(INSTALLED) ## Build celery-sqs, install it alone, and run its README's example
	@pytest -m package tests/package

# The suite has a part of its own for CI: ARGS="--part ci".
test-celery: $(INSTALLED) $(CELERY) ## Run Celery's own integration tests; ARGS="--broker redis" or "--broker kombu" to compare
	@sh tests/install-packages.sh
	@python -m tests.celery_suite $(ARGS)

model: $(INSTALLED) ## Search the largest worlds of docs/model.md, and have a million random lives, 20 minutes or more
	@python -m tests.model

simulate: $(INSTALLED) ## Have lives of workers in virtual time for SECONDS=60; SEED=3 replays one with its trace
	@python -m tests.simulation $(if $(SEED),--seed $(SEED),--seconds $(or $(SECONDS),60) --first $(or $(FIRST),0))

faults: $(INSTALLED) ## Run orders through random faults, 45 minutes; ARGS="--seed 3" repeats one run
	@sh tests/install-packages.sh
	@python -m tests.faults $(ARGS)

bench: $(INSTALLED) ## Measure against the peers, 50 minutes; QUICK=1 takes 3
	@sh tests/install-packages.sh
	@python -m bench $(if $(QUICK),--quick) $(ARGS)

lint: $(INSTALLED) ## Check style, types, import directions and sizes
	@ruff check .
	@ruff format --check .
	@mypy
	@lint-imports --no-logo
	@pytest -q tests/contract/test_sizes.py

format: $(INSTALLED) ## Format the code
	@ruff format .
	@ruff check --fix .

lock: $(INSTALLED) ## Compile the pinned requirements anew
	uv pip compile -q --upgrade --python-version 3.11 --custom-compile-command "make lock" requirements.in -o requirements.txt
	uv pip compile -q --upgrade --python-version 3.11 --custom-compile-command "make lock" requirements-dev.in -o requirements-dev.txt
	uv pip compile -q --upgrade --python-version 3.11 --custom-compile-command "make lock" -c requirements-dev.txt requirements-celery.in -o requirements-celery.txt
	uv pip compile -q --upgrade --python-version 3.11 --custom-compile-command "make lock" -c requirements.txt requirements-otel.in -o requirements-otel.txt
	uv pip compile -q --upgrade --python-version 3.11 --custom-compile-command "make lock" requirements-localstack.in -o requirements-localstack.txt
	uv pip compile -q --upgrade --python-version 3.11 --custom-compile-command "make lock" requirements-terraform.in -o requirements-terraform.txt
	uv pip compile -q --upgrade --python-version 3.11 --custom-compile-command "make lock" requirements-checkov.in -o requirements-checkov.txt
	for peer in peers/plain_celery peers/hand_loop peers/dramatiq_sqs plots; do \
		uv pip compile -q --upgrade --python-version 3.11 --custom-compile-command "make lock" -c requirements.txt bench/$$peer/requirements.in -o bench/$$peer/requirements.txt || exit; done
	uv pip compile -q --upgrade --python-version 3.11 --custom-compile-command "make lock" bench/peers/taskiq_sqs/requirements.in -o bench/peers/taskiq_sqs/requirements.txt
	cd bench/peers/node && npm install --package-lock-only

clean: ## Remove the virtual environment and all state of `make up`
	rm -rf $(VENV) $(LOCALSTACK_VENV) $(AWS_VENV) $(CELERY_VENV) $(CHECKOV_VENV) tests/node/node_modules tests/node/generated var

# celery-sqs is installed, too: celery finds the framework's commands by its entry point.
$(INSTALLED): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "This needs Python 3.11 or newer; set PYTHON=")'
	@echo "Installing into $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# An environment of its own: what LocalStack is pinned to would hold back our packages.
$(LOCALSTACK): requirements-localstack.txt
	@echo "Installing LocalStack into $(LOCALSTACK_VENV) ..."
	@$(PYTHON) -m venv $(LOCALSTACK_VENV)
	@$(LOCALSTACK_VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements-localstack.txt
	@touch $@

# The same for ministack's newest and moto, and for checkov, which agree with each other as little.
$(AWS): requirements-terraform.txt
	@echo "Installing emulators of AWS into $(AWS_VENV) ..."
	@$(PYTHON) -m venv $(AWS_VENV)
	@$(AWS_VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements-terraform.txt
	@touch $@

# Django and a client for redis, which Celery's own tests need.
$(CELERY): requirements-celery.txt
	@echo "Installing what Celery's tests need into $(CELERY_VENV) ..."
	@$(PYTHON) -m venv $(CELERY_VENV)
	@$(CELERY_VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements-celery.txt
	@touch $@

$(CHECKOV): requirements-checkov.txt
	@echo "Installing checkov into $(CHECKOV_VENV) ..."
	@$(PYTHON) -m venv $(CHECKOV_VENV)
	@$(CHECKOV_VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements-checkov.txt
	@touch $@
