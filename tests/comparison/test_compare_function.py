"""`compare` as a function: what it takes, what it refuses, what its result holds."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes

from comparison_cases import SMALL, diabetes, iris, small_comparison, table_of
from shrinkage._errors import RequestError
from shrinkage.comparison import Setting, Splitting, compare, compare_table
from shrinkage.comparison._splits import _rows_per_class
from shrinkage.tables import Table

QUICK: Any = {"methods": ["l2"], "lambdas": [0, 0.1], "folds": 2, "repeats": 1, "inner_folds": 2, "epochs": 2}


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_table_fits_80_columns_and_names_every_method(task):
    c = small_comparison(task)
    text = str(c)
    assert "s: seconds per split." in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80
    assert all(text.count(runs.method.name) >= 2 for runs in c.runs)


def test_the_dictionary_is_json_with_means_differences_and_pairs():
    c = small_comparison()
    found = json.loads(json.dumps(c.to_dict(), allow_nan=False))
    l2 = next(method for method in found["methods"] if method["key"] == "l2")
    assert l2["test_loss"]["value"] == pytest.approx(c.of("l2").test_loss.mean())
    none = next(method for method in found["methods"] if method["key"] == "none")
    assert l2["test_loss_minus_none"]["value"] == pytest.approx(
        l2["test_loss"]["value"] - none["test_loss"]["value"]
    )
    assert {pair["key"] for pair in found["pairs"] if pair["by_algebra"]} == {
        "original",
        "updated",
        "decoupled",
        "adam_original",
    }


def test_the_frame_has_a_row_a_method_and_split():
    frame = small_comparison().to_frame()
    assert len(frame) == 9 * 4
    own = np.asarray(frame["test_loss"])[np.asarray(frame["method"]) == "l2"]
    assert np.array_equal(own, small_comparison().of("l2").test_loss)


def test_arrays_frames_and_series_are_one():
    frame = iris()
    X, y = frame.drop(columns="target"), frame["target"]
    found = [
        compare(*pair, **QUICK) for pair in ((X, y), (X.to_numpy(), y.to_numpy()), (X, y.to_numpy().tolist()))
    ]
    for other in found[1:]:
        assert np.array_equal(found[0].of("l2").test_loss, other.of("l2").test_loss)
    assert found[0].target_names == ("target",)


def test_several_targets_and_a_name_that_is_taken():
    X, y = (np.asarray(part) for part in load_diabetes(return_X_y=True))
    frame = pd.DataFrame(X[:60, :3], columns=["a", "b", "y0"])
    c = compare(frame, np.column_stack([y[:60], -y[:60]]), **QUICK)
    assert c.task == "regression"
    assert c.target_names == ("y0 (target)", "y1")


def test_rows_are_drawn_with_the_classes_shares_and_reported():
    frame = pd.concat([iris()] * 3, ignore_index=True)
    c = compare_table(table_of(frame), ["target"], methods=["none"], rows=90, **SMALL)
    assert c.n_rows == 90
    assert any(note.startswith("90 of 225 rows were drawn") for note in c.notes)


def with_rare(n: int, rare: int) -> Table:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"x": rng.normal(size=n), "kind": np.where(np.arange(n) % 3, "a", "b").astype(object)}
    )
    frame.loc[frame.index[-rare:], "kind"] = "rare"
    return table_of(frame)


def test_the_draw_keeps_what_the_splits_need_of_a_rare_class():
    quick = SMALL | {"splitting": Splitting(folds=5, repeats=1), "setting": Setting(epochs=1)}
    c = compare_table(with_rare(4000, 6), ["kind"], methods=["none"], rows=300, **quick)
    assert c.n_rows == 300
    assert any("'rare' kept 5 rows, although its share would be 0.5" in note for note in c.notes)
    assert c.of("none").n_weights[0] == 8 * (1 + 3)


@pytest.mark.parametrize(
    "rare, inner_folds, says",
    [
        (4, 3, r"'rare' has 4 of the 4,000 rows.*Lower folds=… or inner_folds=…"),
        (40, 6, r"rows=…: must be >= 36 for 3 classes of at least 12.*'rare' would not"),
    ],
)
def test_a_class_that_the_draw_could_not_keep_is_refused_by_name(rare, inner_folds, says):
    splitting = Splitting(folds=2, inner_folds=inner_folds)
    with pytest.raises(RequestError, match=says):
        compare_table(with_rare(4000, rare), ["kind"], rows=35, **(SMALL | {"splitting": splitting}))


def test_several_columns_are_values_and_no_classes():
    table = table_of(pd.DataFrame({"x": np.arange(60.0), "p": [0, 1] * 30, "q": [1, 1, 0] * 20}))
    c = compare_table(table, ["p", "q"], methods=["none"], **SMALL)
    assert (c.task, c.target_names) == ("regression", ("p", "q"))
    with pytest.raises(RequestError, match="compare classifies one target column, got 2: 'p', 'q'"):
        compare_table(table, ["p", "q"], task="classification", methods=["none"], **SMALL)


@pytest.mark.parametrize("counts, most", [([10, 90, 4000], 300), ([6, 3994], 20), ([50, 50, 50], 100)])
def test_the_draw_keeps_shares(counts, most):
    kept = _rows_per_class(np.array(counts), most, least=5)
    assert kept.sum() == most
    assert (kept >= 5).all()
    assert (kept <= counts).all()
    shares = most * np.array(counts) / sum(counts)
    assert (np.abs(kept - shares)[shares >= 5] < 1 + np.maximum(5 - shares, 0).sum()).all()


def test_the_same_seed_gives_the_same_figures():
    first, second, other = (
        compare_table(
            table_of(iris()),
            ["target"],
            methods=["l2"],
            **(SMALL | {"splitting": Splitting(folds=2, inner_folds=2, seed=seed)}),
        )
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first.of("l2").test_loss, second.of("l2").test_loss)
    assert not np.array_equal(first.of("l2").test_loss, other.of("l2").test_loss)


def rare() -> pd.DataFrame:
    frame = iris()
    frame["target"] = np.array(["a", "b", "c"])[frame["target"]]
    frame.loc[frame.index[:3], "target"] = "rare"
    return frame


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"methods": ["l3"]}, r"methods=….*no 'l3'.*Known: none, l2"),
        ({"lambdas": [-1.0]}, r"every λ must be >= 0"),
        ({"splitting": Splitting(folds=2, inner_folds=3)}, r"Class 'rare' has 3 of the 75 rows"),
        ({"rows": 3}, r"rows=….*>= 8 for 2 folds, got 3"),
        ({"task": "clustering"}, r"must be 'auto', 'classification' or 'regression'"),
    ],
)
def test_refusals(changes, says):
    with pytest.raises(RequestError, match=says):
        compare_table(table_of(rare()), ["target"], **(SMALL | changes))


@pytest.mark.parametrize("field, value", [("folds", 1), ("inner_folds", 1), ("repeats", 0)])
def test_a_splitting_that_cannot_be(field, value):
    with pytest.raises(RequestError, match=f"{field}=….*must be >="):
        Splitting(**{field: value})


@pytest.mark.parametrize(
    "field, value",
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("learning_rate", -1.0),
        ("adam_learning_rate", np.inf),
        ("activation", "x"),
    ],
)
def test_a_setting_that_cannot_be(field, value):
    with pytest.raises(RequestError, match=f"^{field}=…: must be"):
        Setting(**{field: value})


@pytest.mark.parametrize(
    "X, y, says",
    [
        (np.zeros((4, 2)), np.zeros(3), "the same number of rows, got 4"),
        (np.zeros(4), np.zeros(4), "X must have two axes"),
    ],
)
def test_shapes_that_do_not_fit(X, y, says):
    with pytest.raises(RequestError, match=says):
        compare(X, y)


def test_an_unknown_key_is_answered_with_the_known_ones():
    with pytest.raises(RequestError, match="Known: none, l2"):
        small_comparison().of("l3")


def test_what_is_left_out_is_a_note_and_no_warning():
    frame = iris()
    frame["id"] = [f"row-{i:04d}" for i in range(len(frame))]
    c = compare_table(table_of(frame), ["target"], methods=["none"], **SMALL)
    assert [note for note in c.notes if note.startswith("Left out: 'id'")]
    assert c.n_features == 4


def test_a_name_cannot_steer_the_terminal():
    c = replace(small_comparison(), source="a\x1b[31mb.csv", notes=("of\x1b[2J\nit",))
    assert "\x1b" not in str(c)
    assert "a\\x1b[31mb.csv" in str(c)


def test_rows_of_a_regression_are_drawn_without_regard_to_its_target():
    c = compare_table(table_of(diabetes()), ["target"], methods=["none"], rows=40, **SMALL)
    assert c.n_rows == 40
    assert [note for note in c.notes if "rows" in note] == [
        "40 of 120 rows were drawn at random to save time; the option rows sets their number."
    ]


@pytest.mark.parametrize(
    "frame, says",
    [
        (
            diabetes().iloc[:7],
            r"2 outer and 2 inner folds need at least 8 rows, got 7. Lower folds=… to use fewer",
        ),
        (
            iris().assign(target="only"),
            r"target 'target' has one value \('only'\): there is nothing to learn",
        ),
    ],
    ids=["few rows", "one class"],
)
def test_a_table_that_cannot_be_split_or_learned(frame, says):
    task = "regression" if len(frame) < 10 else "classification"
    with pytest.raises(RequestError, match=says):
        compare_table(table_of(frame), ["target"], task=task, **SMALL)
