# make run    the panel, the runner and the local venue on http://127.0.0.1:8501 (PORT=... for another port), PAPER mode
# make test   lint, types and tests: about eleven minutes of two cores
# make t1, browser, killpoints, campaign, mutants, fuzz, soak, coverage   what takes longer; each is explained below
# Needs Python 3.11 or newer and make. Everything is installed into .venv/ once; the stamps notice changed requirements.
# All paths are relative, so a checkout may lie below a folder with spaces in its name.

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help run test tests lint format types collected pytest coverage killpoints campaign mutants fuzz t1 browser soak clean

help:
	@sed -n '1,4s/^# //p' Makefile

run: $(VENV)/.installed-run
	@$(PY) -m trader up

# While mypy has one core, the tests are begun on the other. In a new checkout they are collected first: then pytest's workers
# find their modules compiled.
test: lint
	@$(MAKE) --no-print-directory -j 2 types tests

tests: collected
	@$(MAKE) --no-print-directory pytest

lint: $(VENV)/.installed-test
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

format: $(VENV)/.installed-test
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

types: $(VENV)/.installed-test
	$(PY) -m mypy --strict trader

collected: $(VENV)/.installed-test
	@test -d tests/__pycache__ || $(PY) -m pytest --collect-only -q -n 0 >/dev/null || true

# Six workers on two cores: most of a long test's time is waiting for a process. A file stays with one worker and so shares
# its fixtures. The slowest tests are named at the end; what takes minutes belongs to `make t1`.
# At the end stands which lines of the core the tests have reached; that costs a few seconds (`make test COVERAGE=` without).
COVERAGE := core
pytest: $(VENV)/.installed-test
	COVERAGE=$(COVERAGE) $(PY) -m pytest -n 6 --dist loadfile --no-loadscope-reorder --durations=25 --durations-min=3

# The same tests, and the lines of the whole program; a line run only in a process of its own counts as not reached.
coverage: $(VENV)/.installed-test
	COVERAGE=all $(PY) -m pytest -n 6 --dist loadfile --no-loadscope-reorder

# The real runner killed at every kill point and during recovery; minutes, so not part of `make test`.
killpoints: $(VENV)/.installed-test
	$(PY) -m tests.killpoints --all

# The simulated campaign at length (SESSIONS=... SEED=...): sessions drawn by seeds, a death at every kill point of the
# directed ones, and deaths while recovering from one. `make test` has the first 200 seeds and each sixteenth point, `make t1`
# 2,000 with the tables of faults and commands by phase.
campaign: $(VENV)/.installed-test
	$(PY) -m trader simulate --sessions $(or $(SESSIONS),20000) --seed $(or $(SEED),1) --jobs 2
	$(PY) -m trader simulate --kills all --sessions 1 --seed 1 --jobs 2
	$(PY) -m trader simulate --kills double --sessions 2000 --seed 1 --jobs 2

# Every known defect put in and looked for, then 200 random small changes of the engine.
mutants: $(VENV)/.installed-test
	$(PY) -m tests.mutants
	$(PY) -m tests.mutants --random 200 --seed 1

# 50,000 requests to the HTTP API, drawn from its document and broken on purpose (REQUESTS=... SEED=...); a sample is a test.
fuzz: $(VENV)/.installed-test
	$(PY) -m tests.api.fuzz --requests $(or $(REQUESTS),50000) --seed $(or $(SEED),1)

# What breaks around the real runner, at length: disk, clock, database, signals, streams; 2,000 sessions with the tables of
# faults and commands by phase; the commands of the documents that take minutes or install; the benchmarks of whole processes.
# More than an hour, most of it waiting.
t1: $(VENV)/.installed-test
	$(PY) -m pytest -m t1

# The panel in a real browser: frame, living board, start and result, presets and history; one after the other, minutes.
browser: $(VENV)/.installed-test
	$(PY) -m pytest -m t1 tests/browser

# An hour of 1,000 market messages a second through the real runner and the real venue; SECS=180 for a short one.
soak: $(VENV)/.installed-test
	$(PY) -m tests.soak --secs $(or $(SECS),3600)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The first interpreter that really runs, is new enough and can make environments (a version manager's shim may be on
# the PATH and yet refuse). PYTHON=/path/to/python overrides the search.
$(VENV)/.made:
	@for candidate in "$(PYTHON)" python3.11 python3.12 python3.13 python3.14 python3 python; do \
	  if [ -n "$$candidate" ] && "$$candidate" -c 'import sys, ensurepip, sqlite3, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    found="$$candidate"; break; \
	  fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "Strangle Desk needs Python 3.11 or newer with venv and sqlite3; none was found on the PATH (set PYTHON=/path/to/python)." >&2; \
	  exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$found" --version)"; \
	"$$found" -m venv --clear $(VENV) && touch $@

$(VENV)/.installed-run: requirements.txt $(VENV)/.made
	@echo "Installing what the panel needs (once; a minute or two)"
	@$(PIP) install -r requirements.txt
	@touch $@

$(VENV)/.installed-test: requirements.txt requirements-dev.txt requirements-ccxt.txt $(VENV)/.made
	@echo "Installing what the tests need (once; a minute or two)"
	@$(PIP) install -r requirements-dev.txt
	@$(PIP) install --no-deps -r requirements-ccxt.txt
	@touch $(VENV)/.installed-run $@
