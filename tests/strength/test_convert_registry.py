"""The table itself: names, sources, the printed form, the page made from it, and a light import."""

from __future__ import annotations

import doctest
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from shrinkage.strength import _conventions_page, _registry, conventions
from shrinkage.strength._conventions_page import page
from shrinkage.sweeps import _convert

DOCS = Path(__file__).parents[2] / "docs"


def test_every_name_is_there_once_with_a_formula_and_a_source():
    rows = list(conventions())
    assert len({c.name.lower() for c in rows}) == len(rows)
    assert all(c.formula and c.source for c in rows)


@pytest.mark.parametrize("c", [c for c in conventions() if c.default], ids=lambda c: c.name)
def test_the_stated_default_is_the_bare_name(c):
    assert _registry.find(f"{c.name}:{c.default}") is c
    assert _registry.find(c.name.upper()) is c


def test_the_table_prints_one_line_a_row_and_can_be_narrowed():
    narrowed = conventions("MLPRegressor")
    assert len(narrowed) == 3
    assert len(str(narrowed).splitlines()) == 2 + 3
    assert "λ = v/n" in str(narrowed)


def test_the_page_in_the_docs_is_the_one_the_registry_writes():
    assert (DOCS / "conventions.md").read_text(encoding="utf-8") == page()


def test_a_table_without_rows_is_its_head():
    assert str(conventions("qqqqqq")).splitlines() == [
        "convention  kind  its number v means  needs",
        "-" * 43,
    ]


def test_the_page_is_written_where_its_module_is_run_and_not_where_it_is_imported(
    capsys: pytest.CaptureFixture[str],
):
    for name, printed in (("shrinkage.strength._conventions_page", ""), ("__main__", page())):
        runpy.run_path(_conventions_page.__file__, run_name=name)
        assert capsys.readouterr().out == printed


def test_the_floor_needs_neither_torch_nor_numpy():
    code = "import sys, shrinkage.strength; print(sorted({'torch', 'numpy', 'sklearn', 'typer'} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("module", [_convert, _registry])
def test_the_examples_of_convert_run(module):
    outcome = doctest.testmod(module)
    assert outcome.attempted >= 1
    assert outcome.failed == 0
