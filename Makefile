# Everything a developer types. Each target installs what it needs and nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --quiet --disable-pip-version-check

# Programs of others that tests speak to: mail clients, scanners for spam, a broker, Compose, Prometheus.
OTHERS := curl swaks msmtp nodejs npm php-cli libphp-phpmailer ruby ruby-mail rspamd spamassassin spamd \
	rabbitmq-server docker-compose prometheus php-symfony-mailer php-illuminate-mail ruby-actionmailer libjakarta-mail-java

.PHONY: run test lint bench crash-test browser-test screenshots others clean

## Start the whole product on this machine, from nothing.
run: $(VENV)/installed
	@$(BIN)/python manage.py run

## Run every test but those in a browser. Those of programs that are not here say so and are skipped.
test: $(VENV)/installed-dev others
	$(BIN)/python -m pytest --numprocesses auto --dist loadgroup $(ARGS)

lint: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .

## Measure the whole product; ARGS names scenarios, see docs/benchmarks.md.
bench: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks $(ARGS)

## Kill each process under load and count what is lost; ARGS such as --cycles 50 --seed 7.
crash-test: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.crashes $(ARGS)

## Test the pages in Chromium, which Debian's package brings.
browser-test: $(VENV)/installed-dev
	@command -v chromium >/dev/null || (apt-get -qq update && apt-get -qq install -y chromium)
	$(BIN)/python -m pytest -m browser $(ARGS)

## Take a picture of every page, light and dark, into docs/screenshots.
screenshots: $(VENV)/installed-dev
	@command -v chromium >/dev/null || (apt-get -qq update && apt-get -qq install -y chromium)
	$(BIN)/python -m benchmarks.screenshots

## Install what is missing of OTHERS, where we may (Debian, as root); no daemon is started.
others:
	@command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] || exit 0; \
	missing=$$(for one in $(OTHERS); do { command -v $$one || dpkg -s $$one; } >/dev/null 2>&1 || echo $$one; done); \
	[ -z "$$missing" ] || apt-get -qq update; \
	for one in $$missing; do \
	  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
	    $$one >/dev/null || echo "$$one cannot be installed; its tests are skipped"; \
	done

clean:
	rm -rf $(VENV) var

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "CloudMTA needs Python 3.11 or later; set PYTHON=…")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.txt requirements-embedded.txt | $(VENV)/bin/python
	$(PIP) install -r requirements-embedded.txt
	@touch $@

$(VENV)/installed-dev: requirements.txt requirements-embedded.txt requirements-dev.txt | $(VENV)/bin/python
	$(PIP) install -r requirements-dev.txt
	@touch $@ $(VENV)/installed
