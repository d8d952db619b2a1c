# Everything a developer or CI does with this checkout; needs make and Python 3.11 or later.

BIN := .venv/bin
MANAGE := $(BIN)/python manage.py
COMPILE := cd requirements && ../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make pins"
# Which tests `check` runs, in pytest's words.
TESTS := not slow and not browser
# Enough of a deployment's environment to check its settings; the keys open nothing.
NO_KEY := AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
DEPLOYMENT := DATABASE_URL=postgres://app@db.example/tradecounter REDIS_URL=redis://redis.example/0 \
	ALLOWED_HOSTS=tradecounter.example CURSOR_KEYS=$(NO_KEY) SEALING_KEYS=$(NO_KEY) \
	SECRET_KEY=not-a-secret-but-as-long-and-as-varied-as-one-0123456789

.PHONY: help run test test-all audit walks screenshots check format openapi pins bench bench-scale stop reset

help: ## Show this list (the default)
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; \
		do printf '  make %-11s %s\n' "$$name" "$$text"; done

run: .venv/.installed ## Start Tradecounter and two demo shops; Ctrl-C ends all
	@$(BIN)/python -m config.run

test: .venv/.installed ## Check everything on engines of its own, as CI does
	@$(call on_test_engines,check)

test-all: .venv/.installed ## The same with the tests that take minutes; writes docs/promises.md
	@$(call on_test_engines,check TESTS="not browser" REPORT="--junitxml=.venv/report.xml")
	@$(BIN)/python -m tests.figures .venv/report.xml

audit: .venv/.installed ## Ask the public advisories about the pinned packages; needs the internet
	$(BIN)/pip-audit --require-hashes --disable-pip --requirement requirements/production.txt

walks: .venv/.browser ## Walk through the staff site in the system's Chromium
	@$(call on_test_engines,walked)

screenshots: .venv/.browser ## Make docs/pictures anew
	@$(call on_test_engines,walked PICTURES="$(CURDIR)/docs/pictures" WALKS=tests/browser/test_pictures.py)

# Which walks are walked, and where the pictures go (nowhere if empty).
WALKS := tests/browser
PICTURES :=
.PHONY: walked
walked:
	PICTURES="$(PICTURES)" $(BIN)/pytest -m browser $(WALKS)

# The engines are ended however the checks end, and the exit code is the checks'.
define on_test_engines
export LOCAL=true TRADECOUNTER_DATA="$(CURDIR)/.data-test" TRADECOUNTER_FAST=1; \
	trap '$(MANAGE) engines stop' EXIT; trap 'exit 130' INT; trap 'exit 143' TERM; \
	$(MAKE) --no-print-directory $(1)
endef

check: .venv/.installed ## Format, lint, types, layers, migrations, contract, deployment, tests
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/mypy .
	@echo "$(MANAGE) check --deploy --fail-level WARNING"
	@LOCAL=false $(DEPLOYMENT) $(MANAGE) check --deploy --fail-level WARNING
	$(MANAGE) makemigrations --check
	$(MANAGE) spectacular --validate --fail-on-warn --file .venv/openapi_v1.yaml
	diff -u docs/openapi_v1.yaml .venv/openapi_v1.yaml
	$(BIN)/pytest -n 2 -m "$(TESTS)" $(REPORT)

format: .venv/.installed ## Format the code and mend what the linter can
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

openapi: .venv/.installed ## Write docs/openapi_v1.yaml anew
	$(MANAGE) spectacular --validate --fail-on-warn --file docs/openapi_v1.yaml

pins: .venv/.installed ## Pin what requirements/*.in ask for (UPGRADE=--upgrade for the newest)
	$(COMPILE) $(UPGRADE) uv.in --output-file uv.txt
	$(COMPILE) $(UPGRADE) production.in --output-file production.txt
	$(COMPILE) $(UPGRADE) development.in --output-file development.txt
	$(COMPILE) $(UPGRADE) browser.in --output-file browser.txt

bench-scale: .venv/.installed ## Measure prices with 1,000,000 SKUs and 5,000 customers (half an hour)
	@$(call bench_of,prices_at_scale)

bench: .venv/.installed ## Measure, on engines of its own (minutes)
	@$(call bench_of,requests)
	@$(call bench_of,polling_costs)
	@$(call bench_of,prices)
	@$(call bench_of,sweep_costs)
	@$(call bench_of,kind_costs)
	@$(call bench_of,webhooks)
	@$(call bench_of,deliveries)
	@$(call bench_of,overheads)
	@$(call bench_of,applying_costs)
	@$(call bench_of,admission_costs)
	@$(call bench_of,log_queries)
	@$(call bench_of,staff_pages)
	@$(call bench_of,rehearsals)
	@$(call bench_of,sandbox_costs)

define bench_of
export TRADECOUNTER_DATA="$(CURDIR)/.data-bench"; $(MANAGE) engines reset --yes >/dev/null; \
	trap '$(MANAGE) engines reset --yes >/dev/null' EXIT; $(BIN)/python -m benchmarks $(1)
endef

stop: .venv/.installed ## End the embedded engines
	@$(MANAGE) engines stop

reset: .venv/.installed ## Delete the data of the embedded engines
	@$(MANAGE) engines reset

.venv/.browser: .venv/.installed requirements/browser.txt
	@$(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --require-hashes \
		--requirement requirements/browser.txt
	@touch $@

.venv/.installed: requirements/uv.txt requirements/production.txt requirements/development.txt
	@for python in python3.11 python3; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
		then exec $$python -m venv --clear .venv; fi; \
	done; \
	echo "Tradecounter needs Python 3.11 or later, as python3.11 or python3 on the PATH." >&2; exit 1
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		--requirement requirements/uv.txt
	@$(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --require-hashes \
		--requirement requirements/development.txt
	@touch $@
