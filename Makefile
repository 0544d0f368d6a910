# Everything a developer types. Each target installs what it needs and nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --quiet --disable-pip-version-check

.PHONY: run test lint bench browser-test clean

## Start the whole product on this machine, from nothing.
run: $(VENV)/installed
	@$(BIN)/python manage.py run

## Run every test but those in a browser.
test: $(VENV)/installed-dev
	$(BIN)/python -m pytest --numprocesses auto --dist loadgroup $(ARGS)

lint: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .

## Measure the whole product; ARGS names scenarios, see docs/benchmarks.md.
bench: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks $(ARGS)

## Test the pages in Chromium, which Debian's package brings.
browser-test: $(VENV)/installed-dev
	@command -v chromium >/dev/null || (apt-get -qq update && apt-get -qq install -y chromium)
	$(BIN)/python -m pytest -m browser $(ARGS)

clean:
	rm -rf $(VENV) var

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "CloudMTA needs Python 3.11 or later; set PYTHON=…")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.txt | $(VENV)/bin/python
	$(PIP) install -r requirements.txt
	@touch $@

$(VENV)/installed-dev: requirements.txt requirements-dev.txt | $(VENV)/bin/python
	$(PIP) install -r requirements-dev.txt
	@touch $@ $(VENV)/installed
