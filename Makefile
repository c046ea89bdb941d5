# The commands of this repository. `make` lists them.
python := .venv/bin/python

help:  ## List the commands.
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /: /'

install:  ## Make .venv with everything the tests and checks need.
	python3 -m venv .venv
	.venv/bin/pip install -q -c constraints.txt -e '.[test,dev]'

test:  ## Run the default tests.
	$(python) -m pytest -n auto

long:  ## Run the suites over whole products of rules, optimizers and kinds.
	.ci/long

style:  ## Format the code and check it.
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

types:  ## Check the types.
	.venv/bin/pyright

site:  ## Build the docs into build/site.
	.venv/bin/pip install -q -c constraints.txt -e '.[docs]'
	.ci/site

wheel:  ## Build the wheel and the sdist, and try them in a bare environment.
	.ci/wheel

arm:  ## Cross-compile the wheel for aarch64 and run its engine under emulation (as root, on Debian).
	.ci/aarch64

gate:  ## Run everything that a commit must pass.
	.ci/run

.PHONY: help install test long style types site wheel arm gate
