"""A fast path: what falls out of the race, and that what stays has the bits of the whole path."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris, load_wine, make_classification

import shrinkage as sh
import shrinkage.path._rounds as rounds_module
import shrinkage.path.blocks._run_blocks as run_module
import shrinkage.path.search._over_folds as over_folds
from path_cases import EVERYTHING, FOLDS, fold
from shrinkage.path import BlockStore, PathRequest, fit_path
from shrinkage.path.search._race import judged_losses, laps, still_racing
from stack_cases import recipe

CURVES = ["train_loss", "train_metric", "validation_loss", "validation_metric"]
FINALS = ["final_train_loss", "final_train_metric", "final_penalty", "max_weight", "weight_norm"]
LEADER = np.array([1.0, 2.0, 3.0])
T2 = 2.919986
"""95 % quantile of Student's t with 2 degrees of freedom."""
CHI2 = 0.102587
"""5 % quantile of χ² with 2 degrees of freedom."""


# ------------------------------------------------------------------------------------------- who falls out


@pytest.mark.parametrize(
    "behind, stays",
    [
        ([0, 0, 0], True),
        ([5, 5, 5], False),
        ([1, 2, 3], False),
        ([0, 2, 4], True),
        ([T2 / 3**0.5 - 1.001, T2 / 3**0.5 - 0.001, T2 / 3**0.5 + 0.999], True),
        ([T2 / 3**0.5 - 0.999, T2 / 3**0.5 + 0.001, T2 / 3**0.5 + 1.001], False),
        ([np.nan, 0, 0], False),
        ([0, np.inf, 0], False),
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_a_lambda_falls_out_when_it_is_worse_by_the_paired_t_test(behind, stays, place):
    losses = np.insert(LEADER[None] + np.array([behind]), 1 - place, LEADER, axis=0)
    assert still_racing(losses, "min").tolist() == ([stays, True] if place == 0 else [True, stays])


@pytest.mark.parametrize("excess, stays", [(0.999, True), (1.001, False)])
def test_of_the_one_standard_error_rule_a_stronger_one_has_to_be_worse_than_that_error(excess, stays):
    """sd(ℓ*) = 1; the differences are constant, so that the t-test alone would drop both others."""
    above = excess * np.sqrt(2 / CHI2) / np.sqrt(3)
    losses = LEADER + above * np.array([[1.0], [0.0], [1.0]])
    assert still_racing(losses, "min").tolist() == [False, True, False]
    assert still_racing(losses, "1se").tolist() == [False, True, stays]


def test_what_is_within_one_standard_error_so_far_stays_for_that_rule():
    rng = np.random.default_rng(0)
    for _ in range(200):
        losses = rng.normal(size=(6, 4)).cumsum(axis=0) + rng.normal(size=4)
        mean, best = losses.mean(axis=1), losses.mean(axis=1).argmin()
        within = mean <= mean[best] + losses[best].std(ddof=1) / 2
        assert still_racing(losses, "1se")[best:][within[best:]].all()
        assert (still_racing(losses, "1se") >= still_racing(losses, "min")).all()


@pytest.mark.parametrize("select", ["min", "1se"])
def test_the_leading_lambda_never_falls_out_and_no_better_one_does(select):
    rng = np.random.default_rng(1)
    for scale in (1e-300, 1e-3, 1.0, 1e150):
        losses = scale * rng.normal(size=(5, 3))
        mean, stays = losses.mean(axis=1), still_racing(losses, select)
        assert stays[mean.argmin()]
        assert (mean[~stays] > mean.min()).all()


def test_where_everything_diverged_nothing_falls_out():
    """`choose` says so with what to do about it."""
    assert still_racing(np.full((3, 3), np.nan), "1se").all()


def test_repeated_folds_are_not_more_folds():
    """Six folds that are twice the same three: what six would settle three do not."""
    losses = np.array([np.zeros(6), 1.5 + np.array([-1, 0, 1, -1, 0, 1.0])])
    assert still_racing(losses, "min").tolist() == [True, False]
    assert still_racing(losses, "min", repeats=2).tolist() == [True, True]
    losses[1] += 0.5
    assert still_racing(losses, "min", repeats=2).tolist() == [True, False]


def test_without_a_degree_of_freedom_only_what_is_not_finite_falls_out():
    losses = np.array([[1.0, 1.0, 1.0], [90.0, 91.0, 92.0], [np.nan, 0.0, 0.0]])
    for select in ("min", "1se"):
        assert still_racing(losses, select, repeats=3).tolist() == [True, True, False]


@pytest.mark.parametrize(
    "n_folds, sizes", [(1, [1]), (2, [2]), (3, [2, 1]), (4, [3, 1]), (5, [3, 1, 1]), (7, [3, 1, 1, 1, 1])]
)
def test_the_laps_are_all_folds_in_order(n_folds, sizes):
    found = laps(range(n_folds))
    assert [len(lap) for lap in found] == sizes
    assert [fold for lap in found for fold in lap] == list(range(n_folds))


def test_losses_are_those_of_the_epoch_that_choose_judges():
    curves = np.array([[[3.0, 1.0, 2.0], [3.0, 2.0, 2.0]], [[1.0, 5.0, np.nan], [2.0, 5.0, 4.0]]])
    np.testing.assert_array_equal(judged_losses(curves, "last"), [[2, 2], [np.nan, 4]])
    np.testing.assert_array_equal(judged_losses(curves, "best"), [[1, 2], [1, 2]])


# --------------------------------------------------------------------------------- laws of the path as a whole

TABLES: dict[str, Any] = {
    "iris": load_iris(return_X_y=True),
    "wine": load_wine(return_X_y=True),
    "made": make_classification(200, 12, n_informative=4, flip_y=0.1, random_state=0),
    "diabetes": load_diabetes(return_X_y=True),
}


def fitted(table: str, **changes: Any) -> Any:
    X, y = TABLES[table]
    kind = sh.MLPRegressorCV if table == "diabetes" else sh.MLPClassifierCV
    given = {
        "hidden_layer_sizes": (12,),
        "lambdas": 12,
        "restarts": 1,
        "random_state": 0,
        "inputs": "standard",
        "search": "grid",
        "max_epochs": 40,
        "batch_size": 32,
        "learning_rate_init": 5e-3,
    }
    return kind(**{**given, **changes}).fit(X, y)


@pytest.mark.parametrize("select", ["min", "1se"])
@pytest.mark.parametrize("table", TABLES)
def test_a_fast_path_is_part_of_the_whole_one_and_chooses_alike(table, select):
    whole, fast = fitted(table, select=select), fitted(table, select=select, fast=True)
    choice, left = fast.choice_, fast.lambdas_
    assert whole.choice_.dropped == ()
    assert len(choice.dropped) == len(choice.dropped_after) > 0
    assert sorted([*left, *choice.dropped]) == whole.lambdas_.tolist()
    assert set(choice.dropped_after) <= {3, 4}

    places = np.searchsorted(whole.lambdas_, left)
    for name in (*CURVES, *FINALS):
        np.testing.assert_array_equal(getattr(fast.path_, name), getattr(whole.path_, name)[places], name)
    assert fast.lambda_ == whole.lambda_
    assert (choice.at_edge, choice.extended) == (whole.choice_.at_edge, whole.choice_.extended)
    np.testing.assert_array_equal(fast.networks_.rows, whole.networks_.rows)

    folds = whole.path_.validation_folds
    for lam, after in zip(choice.dropped, choice.dropped_after, strict=True):
        so_far = folds[:, :after].mean(axis=1)
        assert so_far[whole.lambdas_ == lam] > so_far[places].min()


@pytest.mark.parametrize(
    "table, changes",
    [
        ("made", {"stop": "best"}),
        ("made", {"stop": "best", "validate_every": 7}),
        ("made", {"restarts": 2}),
        ("wine", {"cv": 3}),
        ("made", {"cv": 8}),
    ],
)
def test_the_other_options_leave_the_bits_alone(table, changes):
    whole, fast = fitted(table, **changes), fitted(table, fast=True, **changes)
    places = np.searchsorted(whole.lambdas_, fast.lambdas_)
    assert fast.choice_.dropped
    assert (fast.lambda_, fast.n_iter_) == (whole.lambda_, whole.n_iter_)
    np.testing.assert_array_equal(fast.path_.validation_loss, whole.path_.validation_loss[places])
    np.testing.assert_array_equal(fast.choice_.epochs, whole.choice_.epochs[places])


def test_processes_and_what_is_kept_change_nothing():
    one, two = fitted("made", fast=True), fitted("made", fast=True, n_jobs=2, keep_path=True)
    assert one.choice_.dropped == two.choice_.dropped
    np.testing.assert_array_equal(one.path_.validation_loss, two.path_.validation_loss)
    np.testing.assert_array_equal(two.networks_.lambdas, two.lambdas_)
    assert two.predict(TABLES["made"][0], lam=two.lambdas_[0]).shape == (200,)


def test_with_two_folds_there_is_nothing_to_judge():
    assert fitted("made", fast=True, cv=2).choice_.dropped == ()


# ------------------------------------------------------------------------------------ edges, divergence, resuming

NOISE = np.array([0.0, 1e-4, 1e-3])
"""Of the λs of this grid the strongest does best on `X` and `Y`, which are noise."""


def path(fast=True, settings: Any = None, **changes: Any):
    training = recipe(
        **{"optimizer": "adam", "batch_size": 8, "max_epochs": 4, "dtype": "float32", **(settings or {})}
    )
    given = {"lambdas": NOISE, "restarts": 1, "select": "min", "stop": "last", "seed": 1}
    folds, store, progress = (changes.pop(name, None) for name in ("folds", "store", "progress"))
    request = PathRequest(**{**given, "recipe": training, "max_extensions": 0, "fast": fast, **changes})
    return fit_path(request, folds or FOLDS, EVERYTHING, store=store, progress=progress)


def race_that_drops(monkeypatch, *places):
    def stays(losses, select, *, repeats):
        return ~np.isin(np.arange(len(losses)), [len(losses) + p if p < 0 else p for p in places])

    monkeypatch.setattr(over_folds, "still_racing", stays)


def test_a_dropped_strongest_lambda_leaves_no_false_edge(monkeypatch):
    assert path(fast=False).choice.at_edge
    race_that_drops(monkeypatch, -1)
    found = path(max_extensions=3)
    assert found.choice.dropped == (1e-3,)
    assert found.choice.lam == found.result.lambdas[-1] == 1e-4
    assert (found.choice.at_edge, found.choice.extended) == (False, 0)


def test_a_dropped_weak_lambda_hides_no_edge(monkeypatch):
    race_that_drops(monkeypatch, 1)
    found = path()
    assert found.choice.lam == found.result.lambdas[-1] == 1e-3
    assert found.choice.at_edge


def test_the_weakest_lambda_stays_to_be_held_against(monkeypatch):
    race_that_drops(monkeypatch, 0, 1)
    assert path().result.lambdas.tolist() == [0.0, 1e-3]


def test_an_extension_races_against_what_is_there():
    grid = [0.0, 1e-4, 1e-3]
    whole, fast = (fitted("made", lambdas=grid, max_extensions=2, fast=fast) for fast in (False, True))
    assert fast.choice_.extended == whole.choice_.extended > 0
    assert fast.lambda_ == whole.lambda_
    assert fast.choice_.dropped
    assert min(fast.choice_.dropped) > grid[-1]
    assert sorted([*fast.lambdas_, *fast.choice_.dropped]) == whole.lambdas_.tolist()


@pytest.mark.parametrize("select", ["min", "1se"])
@pytest.mark.parametrize("later", [{0.0, 1e-4}, {1e-4}])
def test_where_a_leader_diverges_later_what_was_dropped_is_trained_after_all(monkeypatch, later, select):
    whole = path(fast=False, lambdas=NOISE)
    diverging(monkeypatch, later)
    monkeypatch.setattr(over_folds, "leading", lambda losses: 1)
    race_that_drops(monkeypatch, 2)
    found = path(lambdas=NOISE, select=select)
    assert found.choice.dropped == ()
    assert found.choice.diverged == tuple(sorted(later))
    assert found.choice.lam == 1e-3
    assert np.array_equal(found.result.validation_loss[2], whole.result.validation_loss[2])


def test_where_another_one_diverges_later_what_was_dropped_stays_out(monkeypatch):
    diverging(monkeypatch, {0.0})
    monkeypatch.setattr(over_folds, "leading", lambda losses: 1)
    race_that_drops(monkeypatch, 2)
    assert path().choice.dropped == (1e-3,)


def diverging(monkeypatch, lambdas):
    """Has the nets of these λs diverge in the last fold."""
    run = rounds_module.run_blocks

    def ended(blocks, *given, **settings):
        results = run(blocks, *given, **settings)
        for block, arrays in zip(blocks, results, strict=True):
            for g, (number, _) in enumerate(block.members):
                for i, lam in enumerate(block.lambdas):
                    if number == len(FOLDS) - 1 and lam in lambdas:
                        arrays["validation_loss"][g, i] = np.nan
        return results

    monkeypatch.setattr(rounds_module, "run_blocks", ended)


def test_what_an_earlier_round_has_left_stays(monkeypatch):
    """Its folds are trained: to drop it would save nothing."""

    def drops_the_second_in_the_second_round(losses, *_, **__):
        return (np.arange(len(losses)) != 1) | (len(losses) == len(NOISE))

    monkeypatch.setattr(over_folds, "still_racing", drops_the_second_in_the_second_round)
    found = path(max_extensions=1)
    assert len(found.result.lambdas) == 7
    assert found.choice.dropped == ()


def test_the_race_knows_repeated_folds(monkeypatch):
    told = []

    def none(losses, select, *, repeats):
        told.append((losses.shape[1], repeats))
        return np.ones(len(losses), bool)

    monkeypatch.setattr(over_folds, "still_racing", none)
    rows = np.arange(0, 40, 20)[:, None] + np.arange(20)
    folds = [fold(number, rows[number % 2]) for number in range(6)]
    path(folds=folds)
    assert sorted(set(told)) == [(3, 1.5), (4, 2.0), (5, 2.5)]


def test_an_extension_with_nothing_left_ends_there(monkeypatch):
    race_that_drops(monkeypatch, 3, 4, 5, 6)
    found = path(max_extensions=3)
    assert found.result.lambdas.tolist() == NOISE.tolist()
    assert found.choice.dropped == pytest.approx((1e-2, 0.1, 1, 10))
    assert (found.choice.at_edge, found.choice.extended, found.choice.lam) == (False, 1, 1e-3)


@pytest.mark.parametrize("stop", ["last", "best"])
def test_a_diverged_lambda_is_dropped_and_reported_as_diverged(stop):
    grid = np.array([0.0, 1e-3, 2e38])
    settings = {"optimizer": "sgd", "learning_rate": 0.1, "max_epochs": 4}
    whole, fast = (path(fast=fast, settings=settings, lambdas=grid, stop=stop) for fast in (False, True))
    assert whole.choice.diverged == fast.choice.diverged == (2e38,)
    assert (fast.choice.dropped, fast.choice.dropped_after) == ((2e38,), (3,))
    assert fast.choice.lam == whole.choice.lam


def test_a_race_that_only_loses_is_no_divergence(monkeypatch):
    race_that_drops(monkeypatch, -1)
    assert path().choice.diverged == ()


GRID = np.array([0.0, *np.logspace(-4, 1, 9)])


@pytest.mark.parametrize("stopped_at", [1, 3, 5])
def test_a_fast_path_that_was_stopped_goes_on_to_the_same_end(tmp_path, monkeypatch, stopped_at):
    monkeypatch.setattr("shrinkage.training.Backprop.networks_a_block", lambda *_: 4)
    undisturbed = path(lambdas=GRID, keep_path=True)
    assert undisturbed.choice.dropped
    real, calls = run_module.train_block, []

    def failing(block, *rest):
        calls.append(block)
        if len(calls) == stopped_at:
            raise KeyboardInterrupt
        return real(block, *rest)

    monkeypatch.setattr(run_module, "train_block", failing)
    store = BlockStore(tmp_path, {"data": "a"})
    with pytest.raises(KeyboardInterrupt):
        path(lambdas=GRID, keep_path=True, store=store)
    resumed = path(lambdas=GRID, keep_path=True, store=store)
    assert resumed.choice.dropped == undisturbed.choice.dropped
    np.testing.assert_array_equal(resumed.networks, undisturbed.networks)
    np.testing.assert_array_equal(resumed.result.validation_loss, undisturbed.result.validation_loss)
    before = len(calls)
    path(lambdas=GRID, keep_path=True, store=store)
    assert len(calls) == before


def test_fewer_networks_are_trained_and_progress_still_reaches_its_total(monkeypatch):
    real, sizes = run_module.train_block, []
    monkeypatch.setattr(
        run_module, "train_block", lambda block, *rest: sizes.append(block.size) or real(block, *rest)
    )
    seen = []
    found = path(lambdas=GRID, keep_path=True, progress=lambda done, total: seen.append((done, total)))
    on_folds = 4 * len(found.result.lambdas) + sum(found.choice.dropped_after)
    assert sum(sizes) == on_folds + len(found.result.lambdas)
    assert on_folds < 4 * len(GRID)
    done, total = np.array(seen).T
    assert (np.diff(done) >= 0).all()
    assert (np.diff(total) <= 0).all()
    assert len(set(total)) == 2  # the race is judged once, and what follows is known from then on
    assert done[-1] == total[-1]
