"""Planning, choosing, extending, resuming and refitting a path."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from path_cases import EVERYTHING, FOLDS, X, Y, fold
from shrinkage import JobError, RequestError
from shrinkage.path import (
    BlockStore,
    PathRequest,
    PathResult,
    Place,
    checked_lambdas,
    choose,
    cut,
    default_lambdas,
    extension,
    fit_path,
    fitted_scale,
)
from shrinkage.path._path_choice import judge_path
from shrinkage.rules import WeightDecay
from shrinkage.training import Backprop
from stack_cases import recipe


def request(**changes):
    given = {"lambdas": np.array([0.0, 0.01, 0.1]), "restarts": 2, "select": "min", "stop": "last", "seed": 1}
    training = recipe(optimizer="adam", batch_size=8, max_epochs=4, dtype="float32")
    return PathRequest(**{**given, "recipe": training, "max_extensions": 0, **changes})


def path_result(validation, se=0.1):
    """A path of which only the validation loss at the end matters: (L,) means, their standard error."""
    mean = np.asarray(validation, float)[:, None, None, None]
    half = se * np.ones((1, 2, 1, 1)) * np.array([1, -1])[None, :, None, None]
    curve = mean + half
    curves = ("train_loss", "train_metric", "validation_metric")
    finals = ("final_train_loss", "final_train_metric", "max_weight", "weight_norm", "final_penalty")
    other: dict[str, Any] = {name: np.zeros_like(curve) for name in curves}
    other |= {name: np.zeros(curve.shape[:3]) for name in finals}
    return PathResult(
        lambdas=np.arange(len(mean), dtype=float),
        loss_name="cross-entropy",
        metric_name="accuracy",
        validated=np.arange(1, curve.shape[3] + 1),
        validation_loss=curve,
        **other,
    )


def test_the_one_standard_error_rule_takes_the_largest_lambda_within():
    result = path_result([1.0, 0.5, 0.55, 0.59, 0.61, 0.9], se=0.1)
    assert result.validation_se == pytest.approx(np.full(6, 0.1))
    assert choose(result, "min", "last").lam == 1
    best = choose(result, "1se", "last")
    assert (best.lam, best.lam_min, best.lam_1se) == (3, 1, 3)


def test_repeated_folds_are_not_more_folds():
    asked = request(lambdas=np.array([0.0, 0.1]), restarts=1)
    once = fit_path(asked, FOLDS, EVERYTHING).result
    again = [fold(4 + f, FOLDS[f].validation) for f in range(4)]
    twice = fit_path(asked, [*FOLDS, *again], EVERYTHING).result
    assert (once.repeats, twice.repeats) == (1, 2)
    spread = twice.validation_loss[..., -1].mean(2).std(1, ddof=1)
    np.testing.assert_allclose(twice.validation_se, spread / np.sqrt(4))


def test_a_diverged_lambda_is_left_out_and_reported():
    result = path_result([1.0, np.nan, 0.7])
    choice = choose(result, "min", "last")
    assert choice.lam == 2
    assert choice.diverged == (1.0,)
    with pytest.raises(JobError, match="diverged"):
        choose(path_result([np.nan, np.inf]), "min", "last")


def test_stop_best_judges_each_lambda_at_its_own_epoch():
    base = path_result([0.0, 0.0])
    curve = np.array([[0.5, 0.2, 0.9], [0.6, 0.4, 0.3]])[:, None, None, :] * np.ones((1, 2, 1, 1))
    result = dataclasses.replace(base, validated=np.arange(1, 4), validation_loss=curve, train_loss=curve)
    best, last = choose(result, "min", "best"), choose(result, "min", "last")
    assert (best.lam, best.epoch, best.epochs.tolist()) == (0, 2, [2, 3])
    assert (last.lam, last.epoch) == (1, 3)


@pytest.mark.parametrize("stop", ["last", "best"])
def test_a_path_validated_now_and_then_is_the_path_with_fewer_points(stop):
    training = recipe(optimizer="adam", batch_size=8, max_epochs=8, dtype="float32")
    every, third = (
        fit_path(
            request(stop=stop, recipe=dataclasses.replace(training, validate_every=k)), FOLDS, EVERYTHING
        )
        for k in (1, 3)
    )
    assert every.result.validated.tolist() == list(range(1, 9))
    assert third.result.validated.tolist() == [3, 6, 8]
    points = third.result.validated - 1
    np.testing.assert_array_equal(third.result.validation_loss, every.result.validation_loss[..., points])
    np.testing.assert_array_equal(third.result.train_loss, every.result.train_loss)
    mean, _ = every.result.over_folds(every.result.validation_loss)
    best = third.result.validated[mean[:, points].argmin(1)]
    assert third.result.to_frame()["best_epoch"].tolist() == best.tolist()
    assert third.choice.epochs.tolist() == (best.tolist() if stop == "best" else [8, 8, 8])
    if stop == "last":
        assert third.choice.lam == every.choice.lam
        np.testing.assert_array_equal(third.networks, every.networks)


def test_an_edge_extends_the_grid_in_its_own_ratio_and_zero_is_no_edge():
    grid = np.array([0.0, 0.01, 0.1])
    assert extension(grid, 2) == pytest.approx([1, 10, 100, 1000])
    assert len(extension(grid, 1)) == len(extension(grid, 0)) == 0
    assert extension(grid[1:], 0) == pytest.approx([1e-6, 1e-5, 1e-4, 1e-3])
    assert extension(np.array([0.0, 0.1]), 1) == pytest.approx([1, 10, 100, 1000])
    assert len(extension(np.array([0.1]), 0)) == 0


def test_a_minimum_on_the_edge_is_followed_when_the_rule_chose_inside(monkeypatch):
    def minimum_on_the_lower_edge(result, select, stop):
        return dataclasses.replace(judge_path(result, select, stop), index=1, index_min=0)

    monkeypatch.setattr("shrinkage.path.search._grid_search.judge_path", minimum_on_the_lower_edge)
    asked = request(lambdas=np.array([0.1, 0.2, 0.4]), select="1se", restarts=1, max_extensions=1)
    fitted = fit_path(asked, FOLDS, EVERYTHING)
    assert fitted.result.lambdas[0] == pytest.approx(0.1 / 2**4)
    assert fitted.result.lambdas[-1] == 0.4


def test_the_path_follows_the_edge():
    """Pure noise wants all the penalty it can get."""
    grid = np.array([0.0, 1e-4, 1e-3])
    fitted = fit_path(request(lambdas=grid, max_extensions=2, restarts=1), FOLDS, EVERYTHING)
    assert fitted.choice.extended >= 1
    assert fitted.choice.lam > 1e-3
    assert not fitted.choice.at_edge
    assert fitted.result.lambdas[3:7] == pytest.approx([1e-2, 0.1, 1, 10])
    stuck = fit_path(request(lambdas=grid, restarts=1), FOLDS, EVERYTHING)
    assert stuck.choice.at_edge
    assert stuck.choice.extended == 0


def test_the_cut_covers_every_network_once():
    lambdas = [0.0, *np.logspace(-3, 0, 30)]
    for folds in (FOLDS, [*FOLDS, fold(4, np.arange(7))]):
        blocks = cut([Place(lam) for lam in lambdas], folds, 3, recipe(batch_size=8))
        nets = [(lam, *m) for block in blocks for m in block.members for lam in block.lambdas]
        assert len(nets) == len(set(nets)) == len(lambdas) * len(folds) * 3


def test_numbers_do_not_depend_on_the_cut_or_the_processes(monkeypatch):
    one = fit_path(request(keep_path=True), FOLDS, EVERYTHING)
    monkeypatch.setattr(Backprop, "networks_a_block", lambda *_: 2)
    other = fit_path(request(keep_path=True), FOLDS, EVERYTHING)
    spread = fit_path(request(keep_path=True, n_jobs=2), FOLDS, EVERYTHING)
    for again in (other, spread):
        np.testing.assert_array_equal(one.networks, again.networks)
        np.testing.assert_array_equal(one.result.validation_loss, again.result.validation_loss)


def test_kept_blocks_are_read_back_and_a_damaged_one_is_computed_again(tmp_path, monkeypatch):
    first = fit_path(request(), FOLDS, EVERYTHING, store=BlockStore(tmp_path, {"data": "a"}))
    kept = sorted(tmp_path.glob("*.block"))
    broken = bytearray(kept[0].read_bytes())
    broken[len(broken) // 2] ^= 1
    kept[0].write_bytes(broken)
    trained = []
    import shrinkage.path.blocks._run_blocks as run

    real = run.train_block
    monkeypatch.setattr(run, "train_block", lambda block, *rest: trained.append(block) or real(block, *rest))
    with pytest.warns(UserWarning, match="damaged"):
        again = fit_path(request(), FOLDS, EVERYTHING, store=BlockStore(tmp_path, {"data": "a"}))
    assert len(trained) == 1
    np.testing.assert_array_equal(first.networks, again.networks)
    np.testing.assert_array_equal(first.result.train_loss, again.result.train_loss)


def test_blocks_of_another_run_are_refused_naming_the_difference(tmp_path):
    BlockStore(tmp_path, {"data": "a", "seed": 1})
    with pytest.raises(RequestError, match="seed was 1 and is now 2"):
        BlockStore(tmp_path, {"data": "a", "seed": 2})


def test_the_refit_is_the_chosen_lambdas_best_restart_on_all_rows():
    fitted = fit_path(request(keep_path=True), FOLDS, EVERYTHING)
    members = [EVERYTHING.member(restart, "float32", "cpu") for restart in range(2)]
    tries = request().recipe.train([fitted.choice.lam], members, seed=1)
    objective = tries.final_train_loss[:, 0] + tries.final_penalty[:, 0]
    assert objective[0] != objective[1]
    np.testing.assert_array_equal(fitted.networks[fitted.chosen], tries.networks[objective.argmin(), 0])
    assert fitted.networks.shape == (3, fitted.layout.n_parameters)


def test_the_refit_stops_at_the_chosen_epoch_of_the_full_schedule():
    training = recipe(
        optimizer="adam", batch_size=8, dtype="float32", schedule="cosine", learning_rate=0.05, max_epochs=30
    )
    fitted = fit_path(request(recipe=training, restarts=1, stop="best"), FOLDS, EVERYTHING)
    assert fitted.choice.epoch < 30
    member = EVERYTHING.member(0, "float32", "cpu")
    taken = training.train([fitted.choice.lam], [member], seed=1, epochs=[fitted.choice.epoch])
    np.testing.assert_array_equal(fitted.networks[0], taken.networks[0, 0])


def test_an_extension_stays_within_what_the_rule_admits():
    """Half the weight a step is λ = 5 at this rate; a path of fractions can't go beyond the whole."""
    training = recipe(rule=WeightDecay(0.0, of="original"), learning_rate=0.1, batch_size=8, max_epochs=4)
    fitted = fit_path(
        request(recipe=training, lambdas=np.array([0.0, 0.5, 5.0]), max_extensions=3, restarts=1),
        FOLDS,
        EVERYTHING,
    )
    assert fitted.result.lambdas.max() * 0.1 <= 1
    with pytest.raises(RequestError, match="whole weight"):
        fit_path(request(recipe=training, lambdas=np.array([0.0, 50.0])), FOLDS, EVERYTHING)


def test_rows_are_judged_by_networks_that_had_not_seen_them():
    """A net that has memorised random labels predicts them on its own rows and not on those held out."""
    wide = recipe(
        hidden_layer_sizes=(64,), optimizer="adam", learning_rate=0.05, max_epochs=200, dtype="float32"
    )
    fitted = fit_path(request(lambdas=np.zeros(1), recipe=wide, held_out=True), FOLDS, EVERYTHING)
    assert fitted.held_out is not None
    right = (fitted.held_out.argmax(1) == Y.argmax(1)).mean()
    assert fitted.result.final_train_metric.min() > 0.95
    assert right < 0.8
    assert fitted.held_out.sum(1) == pytest.approx(np.ones(40))


@pytest.mark.parametrize(
    "score", [None, lambda fold, p: float((p.argmax(1) == Y[fold.validation].argmax(1)).mean())]
)
def test_networks_too_large_to_keep_are_trained_once_more_to_the_same_bits(score, monkeypatch):
    asked = request(held_out=True, score=score, score_name="accuracy" if score else "")

    def networks_trained() -> tuple[Any, float]:
        seen = []
        fitted = fit_path(asked, FOLDS, EVERYTHING, progress=lambda done, total: seen.append(done))
        return fitted, seen[-1] / asked.recipe.max_epochs

    kept, few = networks_trained()
    monkeypatch.setattr("shrinkage.path._fit_path.KEPT_BYTES", 0)
    again, more = networks_trained()
    assert more == few + len(FOLDS) * asked.restarts
    np.testing.assert_array_equal(kept.held_out, again.held_out)
    np.testing.assert_array_equal(kept.fold_networks, again.fold_networks)
    np.testing.assert_array_equal(kept.networks, again.networks)


def test_scales_are_of_the_training_rows_alone():
    train = FOLDS[0].train
    moved = X.copy()
    moved[FOLDS[0].validation] += 1e6
    for scale in (fitted_scale(X, train, None), fitted_scale(moved, train, None)):
        np.testing.assert_allclose(scale.shift, X[train].mean(0), rtol=1e-12)
        np.testing.assert_allclose(scale.scale, X[train].std(0), rtol=1e-12)


def test_progress_reaches_its_total_and_never_falls():
    seen = []
    fit_path(
        request(held_out=True), FOLDS, EVERYTHING, progress=lambda done, total: seen.append((done, total))
    )
    done, total = np.array(seen).T
    assert (np.diff(done) >= 0).all()
    assert done[-1] == total[-1]
    assert set(total) == {total[0]}


@pytest.mark.parametrize(
    "lambdas, message",
    [("all", "auto"), (0, "count"), ([0, -1], ">= 0"), ([np.nan], "finite"), ([], "finite")],
)
def test_wrong_lambdas_are_named(lambdas, message):
    with pytest.raises(RequestError, match=message):
        checked_lambdas(lambdas)


def test_lambdas_are_sorted_and_unique_and_auto_begins_at_zero():
    assert checked_lambdas([1, 0, 1]).tolist() == [0, 1]
    assert default_lambdas()[0] == 0
    assert len(checked_lambdas("auto")) == 20
    assert len(checked_lambdas(7)) == 7


def test_the_frame_holds_what_the_curves_say():
    fitted = fit_path(request(), FOLDS, EVERYTHING)
    frame = fitted.result.to_frame()
    per_fold = fitted.result.validation_loss[..., -1].mean(2)
    np.testing.assert_allclose(frame["validation_loss"], per_fold.mean(1))
    np.testing.assert_allclose(frame["validation_loss_se"], per_fold.std(1, ddof=1) / 2)
    assert frame["lambda"].tolist() == [0.0, 0.01, 0.1]
