# `make` alone lists what can be made. Everything happens in .venv; nothing is installed elsewhere.
PYTHON ?= python3
BIN := .venv/bin
MEDIA := tesseract-ocr tesseract-ocr-mya tesseract-ocr-eng tesseract-ocr-chi-sim tesseract-ocr-tha ffmpeg espeak-ng \
  fonts-noto-core fonts-noto-cjk fonts-sil-padauk
BROWSER := chromium fonts-noto-core fonts-noto-cjk fonts-sil-padauk libicu-dev pkg-config
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq

# How long `make test` takes on two quiet cores, its static checks included: keep it true.
TEST_MINUTES := 10

.DEFAULT_GOAL := help
.PHONY: docs help demo setup-media setup-pds setup-web test-model test compiled-tests test-long torture bench soak lint lock clean

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|'

demo: .venv/.run ## a small world on this machine, the real daemon, real alerts: about 30 seconds
	@$(BIN)/communique demo

setup-media: .venv/.dev ## install what pictures and speech need: programs, fonts, packages, a test model
	@$(BIN)/python -m tests.media_packages $(MEDIA)
	@said=$$($(PIP) -qq install --require-hashes -r requirements/media.txt 2>&1) \
	  || printf 'left out: packages for pictures and speech: %s\n' "$$(printf '%s\n' "$$said" | grep -v '^$$' | tail -1)" >&2
	@$(BIN)/python -m tests.speech_model || true

setup-web: .venv/.dev ## install what tests of the reading room and of exports need: a browser, fonts, packages
	@$(BIN)/python -m tests.media_packages $(BROWSER)
	@said=$$($(PIP) -qq install --require-hashes -r requirements/room.txt 2>&1) \
	  || printf 'left out: packages for the reading room and exports: %s\n' "$$(printf '%s\n' "$$said" | grep -v '^$$' | tail -1)" >&2

setup-pds: .venv/.dev ## install a real Bluesky server for `make test-long`, with npm: some minutes, 230 MB
	@$(BIN)/python -m tests.sources.real_pds

test-model: .venv/.dev ## the Whisper weights that the tests of speech run on (130 MB, checked by SHA-256)
	@$(BIN)/python -m tests.speech_model

test: .venv/.dev say-how-long ## every check: ruff, mypy strict, import-linter, tests
	@$(MAKE) --no-print-directory -j 2 lint compiled-tests
	$(BIN)/python -m pytest -n 4 --dist worksteal # most of a test's time is waiting for a real process

# Without it each of the four processes would rewrite and compile all the tests, at the same time.
test compiled-tests: export PYTHONDONTWRITEBYTECODE :=
compiled-tests: .venv/.dev
	@$(BIN)/python -m pytest -qq --collect-only >/dev/null || true # what is wrong, the run itself shows

say-how-long:
	@echo "about $(TEST_MINUTES) minutes on two cores; a failure is shown when it happens"

test-long: .venv/.dev setup-pds ## many more rounds of every property, 50 kill cycles
	COMMUNIQUE_TEST_COLD=1 COMMUNIQUE_TEST_KILLS=50 $(BIN)/python -m pytest -m "" --hypothesis-profile=long

torture: .venv/.dev ## 200 kills over 2,000 alerts and more, compared with what the world showed; 5,000 worlds with faults
	COMMUNIQUE_TEST_COLD=1 COMMUNIQUE_TEST_KILLS=200 COMMUNIQUE_TEST_WORLDS=5000 $(BIN)/python -m pytest -s -p no:randomly \
	  tests/integration/test_killed_at_any_moment.py tests/integration/test_missed_while_blind.py \
	  tests/alerts/test_killed_while_held.py tests/telegram/test_kill.py tests/telegram/test_worlds.py

bench: .venv/.dev ## speed beside a floor of the same run: one table with goals and verdicts (QUICK=1: two minutes)
	$(BIN)/python -m bench $(if $(QUICK),--quick) $(ONLY)

soak: .venv/.dev ## 500 sources of mixed kinds for ten minutes: punctual, polite, of steady size (SOURCES=100 MINUTES=2 EVERY=20)
	$(BIN)/python -m bench._soak $(if $(SOURCES),--sources $(SOURCES)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(EVERY),--every $(EVERY))

lint: .venv/.dev ## the static checks alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/.dev ## write the pages that are made from the code
	$(BIN)/python -m tests.pages_of_docs

lock: .venv/.dev ## pin the newest allowed dependencies (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  pyproject.toml --group build -o requirements/run.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  pyproject.toml --extra apprise --extra datasette --extra templates --extra web --group build --group dev -c requirements/run.txt -o requirements/dev.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  pyproject.toml --extra apprise --extra datasette --extra ocr --extra rapidocr --extra sherpa --extra speech --extra templates --extra web --extra website --extra youtube --group build --group dev \
	  -c requirements/dev.txt -o requirements/media.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  pyproject.toml --extra apprise --extra datasette --extra export --extra templates --extra web --group build --group dev --group room \
	  -c requirements/media.txt -o requirements/room.txt

clean: ## remove .venv and every cache
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist

.venv/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: $(PYTHON) was not found" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -V); try: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "setting up .venv (once, about a minute)" >&2
	@$(PYTHON) -m venv .venv || { echo "python3-venv is missing: on Debian, apt install python3-venv" >&2; rm -rf .venv; exit 1; }

.venv/.run: .venv/bin/python requirements/run.txt pyproject.toml
	@$(PIP) install --require-hashes -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: .venv/bin/python requirements/dev.txt pyproject.toml
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch .venv/.run $@
