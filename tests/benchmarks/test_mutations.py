"""The hunt for mutants: which changes there are, which functions they are in, and what it says of a known survivor."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SOURCE = """
LIMIT: int = 3

def below(x: float = 1.0) -> bool:
    check = lambda y: y < LIMIT
    return check(-x)
"""


@pytest.fixture
def mutations(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module("_mutations")


@pytest.fixture
def module(tmp_path: Path) -> Path:
    file = tmp_path / "module.py"
    file.write_text(SOURCE)
    return file


def test_one_expression_is_changed_at_a_time_and_types_are_not(mutations: Any, module: Path):
    words = {(mutant.line, mutant.words) for mutant in mutations.mutants_of(module)}
    assert words == {
        (2, "3 → 4"),
        (4, "1.0 → 2.0"),
        (5, "y < LIMIT → y <= LIMIT"),
        (6, "-x → x"),
        (6, "return check(-x) → return None"),
    }


def test_a_change_in_a_function_is_new_code_for_it_and_one_on_import_is_not(mutations: Any, module: Path):
    old = compile(SOURCE, str(module), "exec")
    found = {
        mutant.words: mutations.swaps(old, compile(mutant.tree, str(module), "exec"))
        for mutant in mutations.mutants_of(module)
    }
    assert found["3 → 4"] is None
    assert found["1.0 → 2.0"] is None
    assert [code.co_name for code, _ in found["-x → x"]] == ["below"]
    assert [code.co_name for code, _ in found["y < LIMIT → y <= LIMIT"]] == ["<lambda>", "below"]


@pytest.mark.slow
def test_the_hunt_says_what_survived(tmp_path: Path):
    out = tmp_path / "found.json"
    command = [
        sys.executable,
        "benchmarks/mutants.py",
        "strength",
        "--only",
        "_timescales",
        "--out",
        str(out),
    ]
    subprocess.run(command, cwd=BENCHMARKS.parent, check=True, capture_output=True)
    found = json.loads(out.read_text())["strength"]
    assert found["tried"] > 20
    assert found["killed"] > 0.9
    again = tmp_path / "again.json"
    found["survivors"].append("src/shrinkage/strength/_timescales.py:1:0: no such → change")
    out.write_text(json.dumps({"strength": found}))
    command = [sys.executable, "benchmarks/mutants.py", "strength", "--again", str(out), "--out", str(again)]
    subprocess.run(command, cwd=BENCHMARKS.parent, check=True, capture_output=True)
    later = json.loads(again.read_text())["strength"]
    assert later["tried"] == found["tried"] - 1
    assert later["survivors"] + later["gone"] == found["survivors"]
