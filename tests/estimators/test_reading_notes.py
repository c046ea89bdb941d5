"""Notes in Python on how a frame is read, and the refusal of a target that is text."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shrinkage import MLPClassifierCV, MLPRegressorCV
from shrinkage._errors import RequestError
from shrinkage.tables import Preprocessor
from shrinkage.tables.learn._learned_columns import log_note

N = 60
FEW: dict[str, Any] = {"inputs": "standard", "lambdas": [0.01], "cv": 2, "max_epochs": 3, "max_extensions": 0}
NOISE = 0.5 * np.arange(N)


def cells(*given: str) -> list[str]:
    return [given[i % len(given)] for i in range(N)]


@pytest.mark.parametrize(
    "given, note",
    [
        (cells("12.50", "-", "8.25", "3.75"), "'-' in 15 cells read as missing (the dtype 'category' keeps"),
        (cells("12.31E", "8.20W", "120.55W"), "'W' was read as a minus sign, 'E' as plus"),
        (cells("12.50 Cr", "8.20 Dr", "3.75 Dr"), "'Dr' was read as a minus sign"),
        (cells("$12.50", "$ -", "$8.25"), "a dash beside the currency in 20 cells read as 0"),
        (cells("0:45", "1:30", "12:05"), "if they are durations, put that word into the column's name"),
        (cells("6d", "1w 2d", "3h 20m"), "holds durations: in hours, a day as 24 and a week as 168"),
        (cells("2024-01-05T13:05:00+02:00", "2024-02-05T13:05:00+02:00"), "converted to UTC"),
    ],
)
def test_a_decision_that_changes_what_cells_say_is_logged_once(
    given: list[str], note: str, caplog: pytest.LogCaptureFixture
):
    log_note.cache_clear()
    frame = pd.DataFrame({"c": given, "noise": NOISE})
    MLPRegressorCV((3,), **FEW).fit(frame, NOISE % 7)
    model = MLPRegressorCV((3,), **FEW).fit(frame, NOISE % 7)
    assert sum(note in text for text in caplog.messages) == 1
    assert model.preprocessor_ is not None
    assert any(note in text for text in model.preprocessor_.notes)


def test_every_decision_is_in_the_notes_and_the_report(tmp_path: Any):
    frame = pd.DataFrame(
        {"price": [f"${1000 + i}.50" for i in range(N)], "day": cells("13/04/2024", "02/05/2024")}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = MLPRegressorCV((3,), **FEW).fit(frame, NOISE % 7)
    assert model.preprocessor_ is not None
    notes = model.preprocessor_.notes
    assert any("their unit '$' was removed" in text for text in notes)
    assert any(
        "read with the day first, as in '13/04/2024' (pandas.to_datetime decides" in text for text in notes
    )
    model.report(tmp_path / "r.html")
    assert "read with the day first" in (tmp_path / "r.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("y", [cells("yes", "no", "Yes"), np.array(cells("yes", "no", "yes "))])
def test_classes_that_differ_by_spelling_are_named(y: Any):
    with pytest.warns(UserWarning, match="y has 'yes' in 20 and 'Yes' in 20 rows|'yes ' in 20 rows"):
        model = MLPClassifierCV((3,), **FEW).fit(NOISE[:, None] % 7, y)
    assert len(model.classes_) == 3


@pytest.mark.parametrize(
    "y, values",
    [
        ([f"{i} kg" for i in range(N)], np.arange(N)),
        ([f"${1000 * i:,}.50" for i in range(N)], 1000 * np.arange(N) + 0.5),
        ([f"{i},5" for i in range(N)], np.arange(N) + 0.5),
        ([f"{i % 9}:{i % 60:02d}" for i in range(N)], [i % 9 + i % 60 / 60 for i in range(N)]),
        ([f"{i % 9}:{i % 60:02d}:30" for i in range(N)], [i % 9 + i % 60 / 60 + 1 / 120 for i in range(N)]),
        ([f"{1 + i % 28}/05/2024" for i in range(N)], [8887 + i % 28 for i in range(N)]),
    ],
    ids=["unit", "currency", "comma", "hours", "clock", "dates"],
)
def test_the_way_out_of_a_text_target_gives_its_numbers(y: list[str], values: Any):
    with pytest.raises(RequestError, match=r"Convert it: y = ") as refused:
        MLPRegressorCV((3,), **FEW).fit(NOISE[:, None], y)
    expression = str(refused.value).split("Convert it: y = ")[1].rstrip(".")
    np.testing.assert_allclose(eval(expression, {"pandas": pd, "y": y}), values)


def test_a_column_of_nearly_the_same_name_is_pointed_out():
    fitted = Preprocessor().fit(pd.DataFrame({"Unit Price": NOISE, "b": NOISE % 7}))
    with pytest.raises(
        RequestError, match=r"'Unit Price' \(the table has 'unit_price': rename that to 'Unit Price'\)"
    ):
        fitted.transform(pd.DataFrame({"unit_price": NOISE, "b": NOISE}))
