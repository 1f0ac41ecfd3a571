# make demo   watch voices being kept while others are deleted: nothing else is needed
# make test   the tests; what is not on this machine is skipped, visibly
# make chaos  weeks of faults in virtual time, for four minutes: no savable voice may be lost
# make check  everything, nothing may be skipped: lint, types, layers, every database, the built wheel

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests wait for much (leases, timeouts, servers), so one more runs at a time than there are processors.
WORKERS ?= $(shell $(PYTHON) -c "import os; print(os.cpu_count() + 1)")
# Who has none left takes tests over from the others: some take a minute.
AT_ONCE := --numprocesses=$(WORKERS) --dist=worksteal
# Which tests `make check` runs: all, unless a caller has just run the others.
CHECK_TESTS ?=
READY := $(VENV)/.ready

.PHONY: demo test check whole lint wheel bench chaos lock clean

demo: $(READY)
	$(BIN)/voicekeeper demo

# Compiled beforehand: where Python is told to write no bytecode, each process of a test would do it anew.
test: $(READY)
	$(BIN)/python -m compileall -q voicekeeper
	$(BIN)/pytest $(AT_ONCE)

check: lint wheel whole

whole: $(READY)
	$(BIN)/python -m compileall -q voicekeeper
	VOICEKEEPER_TEST_REQUIRE_ALL=1 $(BIN)/pytest $(AT_ONCE) $(CHECK_TESTS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The wheel alone, in an environment of its own and outside the checkout, does the main job.
wheel: $(READY)
	rm -rf build/elsewhere build/venv build/*.whl && mkdir -p build/elsewhere
	$(BIN)/python -m hatchling build -t wheel -d build
	$(PYTHON) -m venv build/venv
	build/venv/bin/pip install --quiet --require-hashes -r requirements.lock
	build/venv/bin/pip install --quiet --no-deps build/*.whl
	cd build/elsewhere && ../venv/bin/voicekeeper --version && ../venv/bin/voicekeeper demo --seconds 12
	cd build/elsewhere && ../venv/bin/python -c "import voicekeeper.web.dashboard.templates as t; t.PAGES.get_template('base.html')"

bench: $(READY)
	$(BIN)/python -m bench

# Weeks in virtual time with random faults, for some minutes on every core: docs/reliability.md. `SECONDS_OF_CHAOS=30`
# is the short form. A seed that fails is printed with its smallest plan; `--replay SEED` shows all that happened.
SECONDS_OF_CHAOS ?= 240
chaos: $(READY)
	$(BIN)/python -m tests.simulation.chaos --seconds $(SECONDS_OF_CHAOS)

# A new lock holds hashes and no address of an index.
lock:
	$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet uv
	build/lock/bin/uv pip compile pyproject.toml --all-extras --universal --generate-hashes \
		--no-header --no-annotate --upgrade --quiet -o requirements.lock

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(READY)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
