"""Random tables through fit, predict and load: no crash, no silent change of rows."""

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import KFold, StratifiedKFold

from shrinkage import MLPClassifierCV, MLPRegressorCV
from shrinkage._errors import JobError
from shrinkage.estimators import Runtime, load_model, save_model
from shrinkage.tables import read_table, write_predictions
from tables_cases import frames

FOLDS = 2
LABELS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=4)
"""A NUL is refused where a table is split: no CSV could hold the predictions."""


@st.composite
def problems(draw: Any) -> tuple[pd.DataFrame, np.ndarray]:
    """A table, and numbers or classes for its rows; each class often enough for two folds."""
    frame = draw(frames(min_rows=6, max_rows=24))
    n = len(frame)
    if draw(st.booleans()):
        values = draw(st.lists(st.floats(-1e6, 1e6), min_size=n, max_size=n))
        return frame, np.array(values)
    labels = draw(st.lists(LABELS, min_size=2, max_size=3, unique=True))
    return frame, np.array([labels[i % len(labels)] for i in range(n)], dtype=object)


def too_far(frame: pd.DataFrame, target: np.ndarray) -> bool:
    """Whether a number of one fold, in units of what the other spreads by, is so large that float32 may overflow."""
    is_number = target.dtype.kind == "f"
    columns = [np.asarray(numbers, np.float64) for _, numbers in frame.select_dtypes("number").items()]
    splits = (KFold if is_number else StratifiedKFold)(FOLDS).split(frame, target)
    for train, held in splits:
        for column in [*columns, *([target] if is_number else [])]:
            known, other = (part[np.isfinite(part)] for part in (column[train], column[held]))
            if not len(known) or not len(other):
                continue
            scale = known.std() or 1.0  # as the scale of a constant is
            if np.abs(other - known.mean()).max() > 1e9 * scale:
                return True
    return False


def goes_through(frame: pd.DataFrame, target: np.ndarray) -> None:
    kind = MLPRegressorCV if target.dtype.kind == "f" else MLPClassifierCV
    model = kind((2,), lambdas=[0, 0.1], cv=FOLDS, max_epochs=1, random_state=0)
    with warnings.catch_warnings():
        # Said of the random cells: left-out columns, mixed ones, and targets that are all alike in a fold.
        warnings.simplefilter("ignore", UserWarning)
        try:
            model._fit(frame, target, None, Runtime(as_table=True, rivals=True))
        except JobError as error:
            # 1e19 among zeros, targets of 1e-94 beside one of 1e6: a sentence, never a number that means nothing.
            if "diverged" in str(error) and too_far(frame, target):
                return
            raise
        predicted = model.predict(frame)
        assert len(predicted) == len(frame)
        other_way = model.predict(frame[::-1])[::-1]
        if isinstance(model, MLPRegressorCV):  # a product of matrices rounds its last rows in another order
            near = 1e-6 * np.abs(predicted).max()
            np.testing.assert_allclose(other_way, predicted, rtol=1e-6, atol=near)
        else:
            np.testing.assert_array_equal(other_way, predicted)
        assert model.linear_ is not None
        assert np.isfinite(model.out_of_fold_).all()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            assert model.preprocessor_ is not None
            save_model(model, model.preprocessor_, ("y",), folder)
            loaded = load_model(folder)
            np.testing.assert_array_equal(np.ravel(loaded.predict(frame)), predicted)
            write_predictions(pd.DataFrame({"y": predicted}), folder / "out.csv")
            assert len(read_table(folder / "out.csv", sep=",").frame) >= 1


@pytest.mark.parametrize("examples", [8, pytest.param(1000, marks=pytest.mark.slow)])
def test_any_table_is_fitted_predicted_saved_and_loaded(examples: int):
    checks = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)
    strategy = given(problems())(lambda problem: goes_through(*problem))
    settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=checks)(strategy)()
