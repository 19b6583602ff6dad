# make demo: the main job on real data that comes with the package.
# make test: all tests, with everything they need.
# make peers: our mappings under skada's own tests, our estimator under its scorers (optional).
PYTHON ?= python3
DEMO := .venv-demo
TEST := .venv-test
PEERS := .venv-peers

.PHONY: demo test lint peers clean

demo: $(DEMO)/ready
	$(DEMO)/bin/landbridge demo

test: $(TEST)/ready
	$(TEST)/bin/python -m pytest -n auto --dist worksteal -q

lint: $(TEST)/ready
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/mypy
	$(TEST)/bin/lint-imports

peers: $(PEERS)/ready
	$(PEERS)/bin/python -m pytest -q tests/peers/test_skada_tools.py
	$(PEERS)/bin/python tests/peers/skada_own/run.py

$(DEMO)/ready: pyproject.toml
	$(PYTHON) -m venv --clear $(DEMO)
	$(DEMO)/bin/python -m pip install --quiet --editable .
	touch $@

$(TEST)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear $(TEST)
	$(TEST)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

$(PEERS)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[peers]'
	touch $@

clean:
	rm -rf $(DEMO) $(TEST) $(PEERS) landbridge-demo
