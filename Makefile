# Two commands do everything on a machine that has Python 3.11 to 3.13 and make:
#   make meta-train   makes .venv, installs umir and meta-trains the nano model (15 to 30 minutes)
#   make test         the same environment with the test extra: lint, types, the whole suite
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: meta-train test install install-test lint types clean

meta-train: install
	$(BIN)/python -m umir.meta_train $(ARGS)

test: install-test lint types
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The folders side by side, linked as they install: mypy does not follow the package mapping.
types:
	rm -rf .cache/installed && mkdir -p .cache/installed/umir
	ln -s $(CURDIR)/umir/* .cache/installed/umir/
	ln -s $(CURDIR)/tasks $(CURDIR)/meta $(CURDIR)/wave_unet .cache/installed/umir/
	MYPYPATH=.cache/installed $(BIN)/mypy -p umir

install: $(VENV)/.installed

install-test: $(VENV)/.installed-test

# A stamp per extra: pip runs again only when pyproject.toml changes.
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info < (3, 14), "umir needs Python 3.11 to 3.13"'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
