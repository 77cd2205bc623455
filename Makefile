# make demo   renders the sample            make test       the tests
# make lint   ruff and mypy                 make test-all   the slow tests, too
#
# An environment that stands at $(VENV) already is used, with whatever build of torch it has.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OLDEST := $(shell sed -n 's/^requires-python = ">=\(.*\)"/\1/p' pyproject.toml)

.PHONY: demo test test-all lint
# An environment that is half made, as where Debian lacks python3-venv, is none: the next call makes it again.
.DELETE_ON_ERROR:

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= tuple(map(int, "$(OLDEST)".split("."))) or sys.exit( \
	    "This needs Python $(OLDEST) or newer, and $(PYTHON) is " + sys.version.split()[0] + ": name another by PYTHON=")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

demo: $(VENV)/.installed
	mkdir -p demo
	$(BIN)/cleanplate render samples/clip.mp4 --plate samples/plate.png --background samples/background.jpg \
	    -o demo/composite.mp4 --alpha demo/alpha.mkv --sheet demo/sheet.png --overwrite
	@echo "composite:     demo/composite.mp4"
	@echo "alpha:         demo/alpha.mkv"
	@echo "contact sheet: demo/sheet.png"

# Some tests at a time; a module's own things are made as seldom as may be.
test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m "not slow" --numprocesses auto --maxprocesses 4 --dist worksteal

test-all: $(VENV)/.installed-test
	$(BIN)/python -m pytest

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
