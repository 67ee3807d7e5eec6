# Two commands on a fresh machine: `make demo` and `make test`; with a GPU a third, `make gpu`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test quick lint unit notebooks benchmarks gpu docs dist coverage clean

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

# On a machine with CUDA: everything that needs a GPU, in one command. DRY_RUN=--dry-run tries it on a CPU at toy size;
# TORCH_INDEX is for drivers or processors that the wheel of PyPI is not for.
gpu: .venv/gpu
	$(BIN)/python -m pytest -m gpu -q -n 4 tests
	$(BIN)/python -m tests.benchmarks.gpu $(DRY_RUN)
	$(if $(DRY_RUN),,$(BIN)/python -m tests.benchmarks readme)

# The site, into build/site: offline, warnings are errors, notebooks as they are stored.
docs: .venv/test
	$(BIN)/python -m sphinx -b html -c docs -d build/doctrees -W --keep-going -q . build/site

# The wheel and the sdist, into dist/, each installed into an environment of its own and imported there.
dist: .venv/test
	DIST=dist $(BIN)/python -m pytest -q tests/library/test_dist.py

coverage: .venv/test
	$(BIN)/python -m coverage run -m pytest -m "not slow"
	$(BIN)/python -m coverage combine
	$(BIN)/python -m coverage html
	$(BIN)/python -m coverage report

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
