# Two commands on a fresh machine: `make demo` and `make test`; with a GPU a third, `make gpu`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test quick lint unit notebooks benchmarks gpu docs dist clean

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

# The site, into build/site: offline, from notebooks as they are stored; any warning ends it.
docs: .venv/test
	$(BIN)/python docs/gallery.py docs/pictures
	$(BIN)/python -m sphinx -W --keep-going -c docs -d build/doctrees -b html . build/site

# Wheel and sdist, into dist, as they are put on PyPI.
dist: .venv/test
	$(BIN)/python -m build --no-isolation

# On a machine with CUDA: everything that needs a GPU, in one command. DRY_RUN=--dry-run tries it on a CPU at toy size;
# TORCH_INDEX is for drivers or processors that the wheel of PyPI is not for.
gpu: .venv/gpu
	$(BIN)/python -m pytest -m gpu -q -n 4 tests
	$(BIN)/python -m tests.benchmarks.gpu $(DRY_RUN)
	$(if $(DRY_RUN),,$(BIN)/python -m tests.benchmarks readme)

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	touch $@

.venv/test: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[test,notebooks,docs]"
	touch .venv/demo $@

.venv/gpu: .venv/bin/python pyproject.toml constraints.txt
	$(if $(TORCH_INDEX),$(BIN)/python -m pip install --quiet -c constraints.txt --index-url $(TORCH_INDEX) torch)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[test]"
	touch $@

clean:
	rm -rf .venv demo build dist
