"""The gallery's scripts keep to one question, one figure and one page; the interactive figure shows what it says."""

import ast
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

DOCS = Path(__file__).parents[1] / "docs"
EXAMPLES = sorted((DOCS / "examples").glob("plot_*.py"))
LONGEST = 60


def test_there_are_examples():
    assert len(EXAMPLES) >= 6


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_one_question_one_figure_and_its_assertion(path: Path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    title = (ast.get_docstring(tree) or "").splitlines()[0]
    assert title.endswith("?")
    assert len(text.splitlines()) <= LONGEST
    assert text.count("plt.subplots(") == 1
    assert any(isinstance(node, ast.Assert) for node in tree.body)


@pytest.fixture(scope="module")
def frames() -> list[dict[str, Any]]:
    text = (DOCS / "_static" / "boundary-data.js").read_text(encoding="utf-8")
    return json.loads(text.removeprefix("window.BOUNDARY = ").rstrip(";\n"))["frames"]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_boundary", DOCS / "make_boundary.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_a_penalty_weights_are_large_and_new_rows_fare_worse(frames: list[dict[str, Any]]):
    largest = [max(map(abs, frame["weights"])) for frame in frames]
    best = min(range(len(frames)), key=lambda k: frames[k]["new"])
    assert frames[0]["lam"] == 0
    assert largest[0] > 15 > 5 > largest[best]
    assert 0 < best < len(frames) - 1
    assert frames[0]["train"] < frames[best]["train"]
    assert frames[0]["new"] > 8 * frames[best]["new"]


def test_the_figure_is_what_the_script_computes(frames: list[dict[str, Any]], script: ModuleType):
    """At the largest λ that is no plateau, to the digits that any machine gives."""
    lam = script.LAMBDAS[-3]
    x, y = script.data(script.ROWS, script.SEED)
    parameters = script.initial()
    for each in sorted(script.LAMBDAS, reverse=True)[1:3]:
        parameters = script.trained(parameters, each, x, y)
    fresh, kept = script.frame(parameters, lam), next(frame for frame in frames if frame["lam"] == lam)
    assert fresh["train"] == pytest.approx(kept["train"], abs=2e-3)
    assert fresh["new"] == pytest.approx(kept["new"], abs=2e-3)
