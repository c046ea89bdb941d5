"""Nested cross-validation: the same splits for all, and test rows that nothing has seen."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from comparison_cases import SMALL, diabetes, iris, mixed, small_comparison, table_of
from shrinkage._errors import JobError
from shrinkage.comparison import METHODS, Setting, Splitting, compare_table
from shrinkage.comparison._nested import run_methods
from shrinkage.comparison._splits import splits
from shrinkage.comparison.page._comparison_page import render_comparison
from shrinkage.tables import split_target

FIGURES = ("train_loss", "validation_loss", "test_loss", "test_metric", "max_weight", "weight_norm")


def problem_of(frame, target="target"):
    return split_target(table_of(frame), target)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_every_method_has_every_figure_on_every_split(task):
    c = small_comparison(task)
    assert [runs.method.key for runs in c.runs] == list(METHODS)
    for runs in c.runs:
        assert all(np.isfinite(getattr(runs, figure)).all() for figure in FIGURES)
        assert len(runs.lam) == 4
        assert runs.method.has_gamma == np.isfinite(runs.gamma).all()
        assert not (runs.gamma > runs.n_weights).any()


def test_outer_folds_test_each_row_once_a_repeat_and_inner_folds_stay_inside():
    problem = problem_of(iris())
    found = list(splits(problem, Splitting(folds=3, repeats=2, inner_folds=2)))
    counts = np.bincount(np.concatenate([split.test for split in found]))
    assert (counts == 2).all()
    for split in found:
        assert not np.intersect1d(split.train, split.test).size
        for fold in split.folds:
            assert fold.validation is not None
            assert not np.intersect1d(np.concatenate([fold.train, fold.validation]), split.test).size
            assert np.array_equal(np.sort(np.concatenate([fold.train, fold.validation])), split.train)


def test_test_rows_change_nothing_but_the_test_figures():
    """Rows of one outer test fold get nonsense for features and targets: what was chosen and trained stays."""
    frame, splitting = mixed(), Splitting(folds=2, repeats=1, inner_folds=2)
    first = next(iter(splits(problem_of(frame, "kind"), splitting)))
    spoiled = frame.copy()
    spoiled.loc[first.test, "size"] = 1e6 * np.arange(len(first.test))
    spoiled.loc[first.test, "colour"] = "violet"
    kinds = frame["kind"].to_numpy()
    # Neighbours that swap their classes leave the stratified folds where they are, unless a class is first met there.
    swapped = [i for i in first.test[2:-1] if i + 1 in first.test and kinds[i] == "a" and kinds[i + 1] == "b"]
    assert swapped
    for i in swapped:
        spoiled.loc[[i, i + 1], "kind"] = ["b", "a"]
    assert np.array_equal(next(iter(splits(problem_of(spoiled, "kind"), splitting))).test, first.test)
    methods = [METHODS[key] for key in ("none", "l2", "early_stopping")]
    arguments = (methods, np.array([0.0, 0.1]), Setting(epochs=4), splitting)
    clean, other = (run_methods(problem_of(each, "kind"), *arguments) for each in (frame, spoiled))
    for a, b in zip(clean, other, strict=True):
        for figure in ("lam", "epoch", "train_loss", "validation_loss", "weight_norm"):
            assert getattr(a, figure)[0] == getattr(b, figure)[0]
        assert a.test_loss[0] != b.test_loss[0]


def test_processes_change_no_figure():
    problem, splitting = problem_of(iris()), Splitting(folds=2, repeats=1, inner_folds=2)
    methods = [METHODS[key] for key in ("none", "l2")]
    alone, shared = (
        run_methods(problem, methods, np.array([0.0, 0.1]), Setting(epochs=3), splitting, n_jobs=jobs)
        for jobs in (1, 2)
    )
    for a, b in zip(alone, shared, strict=True):
        assert np.array_equal(a.test_loss, b.test_loss)
        np.testing.assert_array_equal(a.path, b.path)


def test_progress_grows_to_the_whole():
    told: list[tuple[float, float]] = []
    compare_table(
        table_of(iris()),
        ["target"],
        methods=["l2"],
        progress=lambda done, total: told.append((done, total)),
        **SMALL,
    )
    done = [part for part, _ in told]
    assert done == sorted(done)
    assert told[-1][0] == pytest.approx(told[-1][1])


def test_l2_of_plain_sgd_and_decay_of_the_original_weight_are_one_row():
    c = small_comparison()
    l2, decay = c.of("l2"), c.of("decay_original")
    assert np.array_equal(l2.lam, decay.lam)
    np.testing.assert_allclose(l2.test_loss, decay.test_loss, rtol=1e-12)
    np.testing.assert_allclose(l2.path, decay.path, rtol=1e-12)


def test_figures_are_those_of_the_estimator():
    """λ = 0 alone: the test error of one split, once more by the regressor on the same rows."""
    from sklearn.metrics import r2_score

    from shrinkage import MLPRegressorCV

    frame, splitting = diabetes(), Splitting(folds=3, repeats=1, inner_folds=2)
    problem = problem_of(frame)
    (runs,) = run_methods(problem, [METHODS["none"]], np.zeros(1), Setting(epochs=5), splitting)
    split = next(iter(splits(problem, splitting)))
    X, y = problem.features.to_numpy(np.float32).astype(float), problem.target
    plain: Any = {"solver": "sgd", "momentum": 0, "nesterovs_momentum": False, "learning_rate": "constant"}
    model = MLPRegressorCV(
        (8,),
        inputs="standard",
        lambdas=[0.0],
        activation="tanh",
        learning_rate_init=0.1,
        batch_size=32,
        max_epochs=5,
        cv=2,
        **plain,
    )
    fitted = _with_seed(model, X[split.train], y[split.train], split.seed)
    expected = r2_score(y[split.test], fitted.predict(X[split.test]))
    assert runs.test_metric[0] == pytest.approx(expected, abs=1e-6)


def _with_seed(model, X, y, seed):
    """The model fitted with this seed of weights and batches."""
    request = model._request

    def seeded(*arguments):
        return replace(request(*arguments), seed=seed)

    model._request = seeded
    return model.fit(X, y)


DIVERGING: Any = {
    "lambdas": [0.0],
    "setting": Setting(epochs=30, learning_rate=1e4, activation="identity", hidden_layer_sizes=()),
    "splitting": Splitting(folds=2, repeats=1, inner_folds=2),
}


def test_a_method_that_diverges_has_no_means_and_a_note(tmp_path):
    c = compare_table(table_of(diabetes()), ["target"], methods=["adam_l2"], **DIVERGING)
    assert c.of("none").diverged == 2
    assert c.best.method.key == "adam_l2"
    assert any("diverged on 2 of 2 splits" in note for note in c.notes)
    c.to_html(tmp_path / "page.html")
    page = re.sub(
        r"<style.*?</style>|<script>.*?</script>|<[^>]+>",
        " ",
        (tmp_path / "page.html").read_text(),
        flags=re.DOTALL,
    )
    for text in (" ".join(str(c).split()), " ".join(page.split())):
        assert not re.search(r"\bnan\b|contains 0|– to –|end –|by –| – apart|= –|norm of – ", text)
        assert "diverged with no regularization on 2 of 2 splits" in text


def test_on_the_splits_that_did_not_diverge_the_median_is_taken_and_said():
    whole = small_comparison()
    torn = {name: getattr(whole.of("l2"), name).copy() for name in ("lam", "test_loss", "seconds")}
    torn["lam"][:] = 0.1, 0.1, 0.1, np.nan
    torn["test_loss"][3] = torn["seconds"][3] = np.nan
    runs = tuple(replace(each, **torn) if each.method.key == "l2" else each for each in whole.runs)
    c = replace(whole, runs=runs)
    assert c.of("l2").median("lam") == 0.1
    text = " ".join(str(c).split())
    assert not re.search(r"\bnan\b|– to –", text)
    assert (
        "The swarm can't be compared with L2 by back-propagation: training diverged with L2 in the error on 1 of 4"
        in text
    )
    page = render_comparison(c)
    assert "0.1 (3 of 4 splits" in page
    assert "Its effect here is unknown: training diverged with L2 in the error on 1 of 4 splits" in page


def test_nothing_is_compared_when_all_diverge():
    with pytest.raises(JobError, match="diverged with every method"):
        compare_table(table_of(diabetes()), ["target"], methods=["l2"], **DIVERGING)
