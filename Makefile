# Two commands on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test quick lint unit notebooks benchmarks clean

demo: .venv/demo
	$(BIN)/rnn-dynamics demo

test: lint unit notebooks

quick: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python tests/quick.py -n auto

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

unit: .venv/test
	$(BIN)/python -m pytest -n auto --dist worksteal

notebooks: .venv/test
	$(BIN)/python notebooks/run.py

benchmarks: .venv/test
	$(BIN)/python -m tests.benchmarks

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	touch $@

.venv/test: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[test,notebooks]"
	touch .venv/demo $@

clean:
	rm -rf .venv demo build dist
