"""Levels and classes that differ by their spelling alone are reported; white space around them makes no difference."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from shrinkage.tables import Preprocessor, alike_levels, check_table
from shrinkage.tables.learn._learned_columns import log_note
from tables_cases import text_table

N = 40
SAME = [
    (["yes", "no", "Yes", "maybe"], "'yes' in 10 and 'Yes' in 10 rows, which differ only by case"),
    (
        ["New York", "new  york", "Rome"],
        "'New York' in 14 and 'new  york' in 13 rows, which differ only by white space",
    ),
    (["a\u00e9", "ae\u0301", "b"], "which differ only by white space or case"),
    (["a\u00a0b", "a b", "c"], "in 14 and 'a b' in 13 rows, which differ only by white space or case"),
]


def columns(cells: list[str]) -> str:
    rows = [f"{cells[i % len(cells)]}|{i % 7}|{i % 3}.5" for i in range(N)]
    return "\n".join(["c|a|y", *rows]) + "\n"


@pytest.mark.parametrize("cells, note", SAME, ids=["case", "blanks", "accents", "wide blank"])
def test_levels_that_differ_by_spelling_are_named_with_their_rows(
    cells: list[str], note: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    table = text_table(tmp_path / "t.csv", columns(cells), sep="|")
    (found,) = [text for text in check_table(table, "y") if "differ only" in text]
    assert found.startswith("Column 'c' has ")
    assert note in found
    assert "Target 'c' has" in " ".join(check_table(table, "c"))
    frame = pd.read_csv(tmp_path / "t.csv", sep="|")
    log_note.cache_clear()
    Preprocessor().fit(frame[["c", "a"]])
    assert found in caplog.messages


@pytest.mark.parametrize("cells", [["yes", "no", "Yes", "NO"], ["red", "green"], ["1", "2"]])
def test_truth_values_and_other_words_get_no_note(cells: list[str], tmp_path: Path):
    table = text_table(tmp_path / "t.csv", columns(cells), sep="|")
    assert not any("differ only" in text for text in check_table(table, "y"))
    assert not alike_levels("y", np.array([1, 2, 2]))


@pytest.mark.parametrize("dtype", [object, "str", "category"])
def test_white_space_around_a_level_makes_no_other_level(dtype: str, tmp_path: Path):
    padded = pd.DataFrame({"c": pd.Series(["red", "blue ", " red", "blue"] * 10, dtype=dtype), "a": range(N)})
    text_table(tmp_path / "t.csv", "c,a\nred,1\nblue ,2\n")
    fitted = Preprocessor(keep_columns=["a"]).fit(padded)
    assert fitted.feature_names_out == ["a", "c=blue", "c=red"]
    new = pd.DataFrame({"c": ["red ", "blue"], "a": [0, 1]})
    assert fitted.transform(new)[:, 1:].tolist() == [[0, 1], [1, 0]]
