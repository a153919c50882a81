# `make serve` runs the tasks API on this machine; everything it needs is installed into .venv.
# HOST and PORT, from the environment, the command line or .env, say where.

# The Python to make .venv with, and the one inside.
PYTHON3 ?= python3
VENV := .venv
PYTHON := $(VENV)/bin/python
# What `make bench` compares with is kept out of it.
BENCH_VENV := .venv-bench
BENCH_PYTHON := $(BENCH_VENV)/bin/python
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check -c constraints.txt

# Made anew whenever the dependencies change.
INSTALLED_APP := $(VENV)/.installed-app
INSTALLED_DEV := $(VENV)/.installed-dev
INSTALLED_BENCH := $(BENCH_VENV)/.installed
DEPENDENCIES := pyproject.toml constraints.txt

.DEFAULT_GOAL := serve
.PHONY: serve
.DELETE_ON_ERROR:

# gunicorn reads WEB_CONCURRENCY before its configuration, and ends in a traceback if it is empty.
ifeq ($(WEB_CONCURRENCY),)
unexport WEB_CONCURRENCY
endif

# The first command says in one sentence if gunicorn could not start, before anything else is printed.
serve: $(INSTALLED_APP) .env
	@$(PYTHON) gunicorn.conf.py
	@$(VENV)/bin/flask db upgrade
	@echo
	@echo "  Swagger UI  $$($(PYTHON) -m app.development address)/docs"
	@echo "  Token of the user alice, for development, valid for one hour:"
	@$(VENV)/bin/flask auth token alice 2>/dev/null \
	    || echo "  none: this .env does not allow development tokens; use one of your authorization server."
	@echo
	@exec $(VENV)/bin/gunicorn

# For development on this machine; a .env that is there already is never touched.
.env: | $(INSTALLED_APP)
	@$(PYTHON) -m app.development settings

$(INSTALLED_APP): $(DEPENDENCIES) | $(PYTHON)
	@echo "Installing the dependencies of the app into $(VENV) …"
	@$(PYTHON) $(PIP_INSTALL) -e '.[app]'
	@touch $@

$(INSTALLED_DEV): $(DEPENDENCIES) | $(PYTHON)
	@echo "Installing the dependencies of app and tests into $(VENV) …"
	@$(PYTHON) $(PIP_INSTALL) -e '.[app,dev]'
	@touch $@ $(INSTALLED_APP)

$(INSTALLED_BENCH): $(DEPENDENCIES) | $(BENCH_PYTHON)
	@echo "Installing the app and what it is measured against into $(BENCH_VENV) …"
	@$(BENCH_PYTHON) $(PIP_INSTALL) -e '.[app,postgres,bench]'
	@touch $@

$(PYTHON) $(BENCH_PYTHON): %/bin/python:
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "Python 3.11 or newer is needed: make PYTHON3=/path/to/python3 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON3) -m venv $* \
	    || { rm -rf $*; echo "No virtual environment without ensurepip: apt-get install python3-venv"; exit 1; }

# Everything that is checked. pytest comes last, so that its summary is the last line.
.PHONY: test check format
test: check
	@$(PYTHON) -m pytest --cov --cov-fail-under=100

# The OpenAPI document held against the running service, for long and with other requests each time.
.PHONY: fuzz
fuzz: $(INSTALLED_DEV)
	@FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-1000} FUZZ_SEED=$${FUZZ_SEED:-$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')} \
	    $(PYTHON) -m pytest tests/integration/test_schemathesis.py

# How fast it all is, beside its peers; BENCH='--only guard' and the like say what is measured.
.PHONY: bench
bench: $(INSTALLED_BENCH)
	@$(BENCH_PYTHON) -m benchmarks $(BENCH)

check: $(INSTALLED_DEV)
	@$(VENV)/bin/ruff format --check --quiet .
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/mypy
	@said=$$($(VENV)/bin/lint-imports --no-logo) || { echo "$$said"; exit 1; }

format: $(INSTALLED_DEV)
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .
