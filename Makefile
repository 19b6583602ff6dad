# make demo: the main job on real data that comes with the package.
# make test: all tests, with everything they need.
PYTHON ?= python3
DEMO := .venv-demo
TEST := .venv-test

.PHONY: demo test lint clean

demo: $(DEMO)/ready
	$(DEMO)/bin/landbridge demo

test: $(TEST)/ready
	$(TEST)/bin/python -m pytest -n auto --dist worksteal -q

lint: $(TEST)/ready
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/mypy
	$(TEST)/bin/lint-imports

$(DEMO)/ready: pyproject.toml
	$(PYTHON) -m venv --clear $(DEMO)
	$(DEMO)/bin/python -m pip install --quiet --editable .
	touch $@

$(TEST)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear $(TEST)
	$(TEST)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(DEMO) $(TEST) landbridge-demo
