# Poststelle: `make demo` shows the main job, `make test` runs every check. Both set the machine up first (`make setup`).
BIN := .venv/bin
# tests that take minutes; give `ARGS="-k kill"` to choose
ARGS ?=

.PHONY: setup demo test test-long bench lint lock clean

setup:  ## system packages, .venv and the locked dependencies; quick and offline when nothing changed
	@.ci/setup

demo: setup  ## the main job on samples/, in a fresh installation in demo/
	@$(BIN)/poststelle demo demo

test: setup lint  ## every check
	@$(BIN)/pytest -q -n auto --dist loadfile $(ARGS)

test-long: setup  ## what takes longer: kill -9 over real scans, bulk
	@$(BIN)/pytest -q -m long $(ARGS)

bench: setup  ## measurements, not tests; prints CPU seconds
	@$(BIN)/pytest -q -s -m bench $(ARGS)
	@for bench in overhead box idle small_pdfs read plan letters split; do $(BIN)/python tests/bench/$$bench.py; done

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

# The lock holds hashes and no index addresses, so that it works with any mirror. Made with Python 3.11, used with 3.11 and 3.12.
lock:  ## after a change of the dependencies in pyproject.toml
	CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --no-emit-index-url \
	  --no-emit-find-links --no-emit-trusted-host --strip-extras --extra dev -o requirements.lock pyproject.toml

clean:
	rm -rf .venv build dist demo *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
