# `make` alone lists what there is. `make serve` runs the tasks API on this machine and installs everything it needs
# into .venv. HOST and PORT, from the environment, the command line or .env, say where it listens.

# The Python to make .venv with, and the one inside.
PYTHON3 ?= python3
VENV := .venv
PYTHON := $(VENV)/bin/python
# What `make bench` compares with is kept out of it.
BENCH_VENV := .venv-bench
BENCH_PYTHON := $(BENCH_VENV)/bin/python
PIP := -m pip install --quiet --disable-pip-version-check
PIP_INSTALL := $(PIP) -c constraints.txt

# The tests of auth and app that need no server run on every version of CPython that is on this machine, and with the
# lowest versions of what they need; with CASES=3 at most three cases of each test. pyenv keeps its interpreters in a
# folder for each version; its shims work for the chosen one only.
PYTHONS := 3.11 3.12 3.13 3.14
PYTHON_FOLDERS := $(filter-out %/shims,$(subst :, ,$(PATH))) $(wildcard $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions/*/bin)
find_python = $(firstword $(wildcard $(PYTHON_FOLDERS:%=%/python$(1))))
PYTHONS_HERE := $(foreach version,$(PYTHONS),$(if $(call find_python,$(version)),$(version)))
LOWEST_VENV := .venv-lowest
TEST_TOOLS := asgiref freezegun hypothesis openapi-spec-validator opentelemetry-instrumentation-flask opentelemetry-sdk \
    pytest pytest-xdist time-machine flask-cors flask-wtf
# One more than there are cores: now and then a test waits.
PROCESSES := $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
SUITES := python -m pytest -q -n $(PROCESSES) --tb=short -p no:cacheprovider $(CASES:%=--cases=%) -m 'not server' \
    tests/auth tests/app

# Made anew whenever the dependencies change.
INSTALLED_APP := $(VENV)/.installed-app
INSTALLED_DEV := $(VENV)/.installed-dev
INSTALLED_BENCH := $(BENCH_VENV)/.installed
DEPENDENCIES := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help
# A line that begins with ##@ opens a group.
help: ## List what make can do.
	@sed -En -e 's/^##@ (.*)/@\1/p' -e 's/^([a-z-]+):.* ## (.*)/\1@\2/p' Makefile | while IFS='@' read -r name what; do \
	    if [ -n "$$name" ]; then printf '  make %-13s %s\n' "$$name" "$$what"; else printf '\n%s\n' "$$what"; fi; \
	done

##@ Run
.PHONY: serve
.DELETE_ON_ERROR:

# gunicorn reads WEB_CONCURRENCY before its configuration, and ends in a traceback if it is empty.
ifeq ($(WEB_CONCURRENCY),)
unexport WEB_CONCURRENCY
endif

# The first command says in one sentence if gunicorn could not start, before anything else is printed.
serve: $(INSTALLED_APP) .env ## Run the tasks API on this machine.
	@$(PYTHON) gunicorn.conf.py
	@$(VENV)/bin/flask db upgrade
	@echo
	@address=$$($(PYTHON) -m app.development address); \
	echo "  Swagger UI: $$address/docs"; \
	if token=$$($(VENV)/bin/flask auth token alice 2>/dev/null); then \
	    echo "  Paste the token of the user alice after Authorize there, or these lines into another terminal (for one hour):"; \
	    echo; \
	    echo "export TOKEN=$$token"; \
	    echo "curl -H \"Authorization: Bearer \$$TOKEN\" $$address/api/alice/tasks"; \
	else \
	    echo "  No token: this .env does not allow development tokens. Use one of your authorization server."; \
	fi
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
	@$(PYTHON) $(PIP_INSTALL) -e '.[app,dev,docs]'
	@touch $@ $(INSTALLED_APP)

$(INSTALLED_BENCH): $(DEPENDENCIES) | $(BENCH_PYTHON)
	@echo "Installing the app and what it is measured against into $(BENCH_VENV) …"
	@$(BENCH_PYTHON) $(PIP_INSTALL) -e '.[app,postgres,bench]'
	@touch $@

$(PYTHON) $(BENCH_PYTHON) $(LOWEST_VENV)/bin/python: %/bin/python:
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "Python 3.11 or newer is needed: make PYTHON3=/path/to/python3 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON3) -m venv $* \
	    || { rm -rf $*; echo "No virtual environment without ensurepip: apt-get install python3-venv"; exit 1; }

##@ Check and test
# Everything that is checked, in three parts: what computes, on all cores; what needs the machine for itself; what mostly
# waits for other programs, several at once. pytest comes last, so that its summary is the last line.
WITH_PROGRAMS := tests/integration tests/browser
.PHONY: test check format
test: check ## Check and test everything.
	@$(PYTHON) -m pytest -q -n $(PROCESSES) --cov --cov-fail-under=100 $(WITH_PROGRAMS:%=--ignore=%)
	@$(PYTHON) -m pytest -m alone $(WITH_PROGRAMS)
	@$(PYTHON) -m pytest -n 3 --dist loadfile -m 'not alone' $(WITH_PROGRAMS)

check: $(INSTALLED_DEV) ## Check format, style and types.
	@$(VENV)/bin/ruff format --check --quiet .
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/mypy
	@said=$$($(VENV)/bin/lint-imports --no-logo) || { echo "$$said"; exit 1; }

format: $(INSTALLED_DEV) ## Format the code and correct its style.
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .

# On all cores. Tests that start a PostgreSQL or a Redis are left out.
.PHONY: unit
unit: $(INSTALLED_DEV) ## Run the tests of auth and app that need no server, in about a minute.
	@$(PYTHON) -m pytest -q -n auto -m 'not server' tests/auth tests/app

# `make test` calls the three below; tests/integration/test_versions.py says which versions must be here.
.PHONY: pythons test-pythons test-lowest
pythons: ## Print which of the tested versions of CPython are on this machine.
	@echo $(PYTHONS_HERE)

test-pythons: $(PYTHONS_HERE:%=test-on-%) ## Run what make unit runs on each of them; make test-on-3.12 on one.

test-on-%: .venv-%/.installed
	@echo "CPython $*:"
	@.venv-$*/bin/$(SUITES)

test-lowest: $(LOWEST_VENV)/.installed ## Run what make unit runs with the lowest versions that are allowed.
	@echo "Lowest versions:"
	@$(LOWEST_VENV)/bin/$(SUITES) -W default

.PRECIOUS: .venv-%/bin/python .venv-%/.installed
.venv-%/.installed: $(DEPENDENCIES) | .venv-%/bin/python
	@echo "Installing the dependencies of app and tests into .venv-$* …"
	@.venv-$*/bin/python $(PIP_INSTALL) -e '.[app,postgres]' $(TEST_TOOLS)
	@touch $@

.venv-%/bin/python:
	@$(or $(call find_python,$*),$(error CPython $* is not on this machine)) -m venv .venv-$* || { rm -rf .venv-$*; exit 1; }

$(LOWEST_VENV)/.installed: $(DEPENDENCIES) tests/support/lowest_versions.py | $(LOWEST_VENV)/bin/python
	@echo "Installing the lowest versions that are allowed into $(LOWEST_VENV) …"
	@$(LOWEST_VENV)/bin/python tests/support/lowest_versions.py > $(LOWEST_VENV)/requirements.txt
	@$(LOWEST_VENV)/bin/python $(PIP) -r $(LOWEST_VENV)/requirements.txt $(TEST_TOOLS)
	@touch $@

##@ Test harder
# What reads text of strangers, guided by coverage: FUZZ_SECONDS for each target, FUZZ_TARGETS for some of them.
.PHONY: fuzz fuzz-api
fuzz: $(INSTALLED_DEV) ## Fuzz what reads tokens, keys, cursors and settings, a minute for each.
	@$(PYTHON) -m fuzz $(FUZZ_TARGETS) --seconds $${FUZZ_SECONDS:-60} --seed $${FUZZ_SEED:-0}

# Compare the OpenAPI document with the running service, for long and with other requests each time.
fuzz-api: $(INSTALLED_DEV) ## Hold the running service against its OpenAPI document for some minutes.
	@FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-1000} FUZZ_SEED=$${FUZZ_SEED:-$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')} \
	    $(PYTHON) -m pytest tests/integration/test_schemathesis.py

# MUTANTS='auth.rules.* auth.wire.*' and the like say which mutants are tested; `.venv/bin/mutmut browse` shows them afterwards.
.PHONY: mutants
mutants: $(INSTALLED_DEV) ## Change the modules that decide, and see whether a test notices each change.
	@set -f; $(PYTHON) -m tests.support.mutants $(MUTANTS)

# How fast it all is, beside its peers; BENCH='--only guard' and the like say what is measured.
.PHONY: bench
bench: $(INSTALLED_BENCH) ## Measure library and service beside their peers.
	@$(BENCH_PYTHON) -m benchmarks $(BENCH)

##@ Publish
# Every warning stops it: a dead link, a page that no list leads to, a name that does not exist.
SITE := site
.PHONY: docs
docs: $(INSTALLED_DEV) ## Build the documentation site into site/.
	@$(PYTHON) -m sphinx --quiet --fail-on-warning --keep-going docs $(SITE)
	@echo "The site is in $(SITE)/index.html."

# The wheel is built from the source distribution, as pip does for those who install no wheels. Nothing is uploaded.
DIST := dist
.PHONY: dist
dist: $(INSTALLED_DEV) ## Build the source distribution and the wheel into dist/, and check both.
	@rm -f $(DIST)/flask_resource_server-*
	@$(PYTHON) -m build --no-isolation --outdir $(DIST) . >/dev/null
	@$(PYTHON) -m twine check --strict $(DIST)/flask_resource_server-*

##@ Tidy up
# .env, instance/ and the inputs that fuzzing has found stay: they cannot be made again.
.PHONY: clean
clean: ## Remove the virtual environments, and everything that these commands have built.
	@rm -rf .venv .venv-* $(SITE) $(DIST) build *.egg-info mutants .coverage* .*_cache .hypothesis .schemathesis \
	    tests/node/node_modules examples/better-auth/node_modules
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
