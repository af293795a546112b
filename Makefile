# Everything runs in .venv/, which is made on first use. See README.md.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || echo python3)
VENV := .venv
PIP := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-input --root-user-action ignore

.PHONY: help install install-dev run run-hub up reload bench faults faults-idle drill test fuzz mutation audit lint docs messages screenshots clean

help: ## List what there is.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

install: $(VENV)/.installed ## Make .venv with what the program needs.

install-dev: $(VENV)/.installed-dev ## Make .venv with what its development needs as well.

run: $(VENV)/.installed ## Start everything in one process, on http://localhost:3001 (PORT, HOST and DATA_DIR move it).
	@exec $(VENV)/bin/python -m restaurant_integration.embedded

# What it may call on this machine is the platform of `make run`.
run-hub: $(VENV)/.installed ## Start the NEXARA hub in one process, on http://localhost:3002, with a database of its own.
	@ROLE=hub OUTBOUND_ALLOWED_ORIGINS="$${OUTBOUND_ALLOWED_ORIGINS-http://localhost:3001}" exec $(VENV)/bin/python -m restaurant_integration.embedded

up: $(VENV)/.installed ## Run every production process, on DATABASE_URL and REDIS_URL (PORT and SOCKETS_PORT move them).
	@exec $(VENV)/bin/python -m deploy.up

reload: $(VENV)/.installed ## Let web of `make up` take up a new version, and nginx a new certificate, without an answer lost (DATA_DIR).
	@exec $(VENV)/bin/python -m deploy.reload

faults-idle: $(VENV)/.installed-dev ## Leave a socket alone for half an hour, and check that it stays up.
	@exec $(VENV)/bin/python -m benchmarks.faults --idle-minutes 30 socket-idle

faults: $(VENV)/.installed-dev ## Kill, hang and cut things under load, and check that no order is lost (SCENARIO=name runs one).
	@exec $(VENV)/bin/python -m benchmarks.faults $(SCENARIO)

drill: $(VENV)/.installed-dev ## Back up under load, restore it, and check that nothing is missing and nothing is told twice.
	@exec $(VENV)/bin/python -m deploy.drill $(ARGS)

bench: $(VENV)/.installed-bench ## Measure throughput, answer times, sockets, start-up and more (NAME="burst due" measures these; ARGS=--write keeps them).
	@exec $(VENV)/bin/python -m benchmarks.speed $(NAME) $(ARGS)

test: $(VENV)/.installed-dev ## Run the test suite on SQLite, and again on Postgres and Redis.
	@exec $(VENV)/bin/python .ci/test.py $(ARGS)

fuzz: $(VENV)/.installed-dev ## Send 20,000 signed bodies damaged in every way, always the same ones (FUZZ_EXAMPLES per provider and dialect).
	@FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-2500} exec env -u DATABASE_URL -u REDIS_URL $(VENV)/bin/python -m pytest -p no:logging integration/tests/test_fuzz.py $(ARGS)

mutation: $(VENV)/.installed-mutation ## Change signatures, state machine and claims in every small way, and see that a test notices.
	@exec $(VENV)/bin/python .ci/mutation.py

audit: $(VENV)/.installed-mutation ## Ask OSV whether a package that is installed has a known weakness; fail where it does not answer.
	@exec $(VENV)/bin/python .ci/audit.py $(ARGS)

lint: $(VENV)/.installed-dev ## Check style, format and types.
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy .

docs: $(VENV)/.installed-dev ## Build the documentation as a site into var/docs/; fail on any warning.
	@exec $(VENV)/bin/python .ci/docs.py

messages: $(VENV)/.installed ## Bring the Arabic catalogue up to date, and tell what has no Arabic yet.
	@exec $(VENV)/bin/python -m restaurant_integration.catalogue

screenshots: $(VENV)/.installed-dev ## Take a picture of every page in both languages, for docs/screenshots/.
	@exec $(VENV)/bin/python .ci/screenshots.py

clean: ## Remove .venv and what tools leave behind; DATA_DIR stays.
	rm -rf $(VENV) mutants .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* htmlcov

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed; PYTHON=/path/to/python3.11 names one." >&2; exit 1; }
	@echo "Making $(VENV) ..." >&2
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Making $(VENV) failed: on Debian, install python3-venv." >&2; exit 1; }

# The stamps stand inside .venv, so that removing it starts anew.
$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	@echo "Installing requirements.txt ..." >&2
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt requirements.txt | $(VENV)/bin/python
	@echo "Installing requirements-dev.txt ..." >&2
	@$(PIP) -r requirements-dev.txt
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-bench: requirements-bench.txt requirements-dev.txt requirements.txt | $(VENV)/bin/python
	@echo "Installing requirements-bench.txt ..." >&2
	@$(PIP) -r requirements-bench.txt
	@touch $@ $(VENV)/.installed-dev $(VENV)/.installed

$(VENV)/.installed-mutation: requirements-mutation.txt requirements-dev.txt requirements.txt | $(VENV)/bin/python
	@echo "Installing requirements-mutation.txt ..." >&2
	@$(PIP) -r requirements-mutation.txt
	@touch $@ $(VENV)/.installed-dev $(VENV)/.installed
