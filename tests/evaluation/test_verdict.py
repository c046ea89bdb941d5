"""What the chosen λ is held against, on curves whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reporting_cases import made_choice, made_path
from shrinkage._paired import paired_difference
from shrinkage.evaluation import fold_losses, verdict


def test_the_fair_rival_stops_at_the_epoch_of_the_smallest_mean() -> None:
    path = made_path()
    choice = made_choice(path)
    found = verdict(path, choice)
    mean = path.validation_loss[0, :, 0].mean(axis=0)
    assert found.best_epoch == mean.argmin() + 1 < path.n_epochs
    assert found.stopped is not None
    assert found.to_the_end is not None
    assert found.stopped.loss == pytest.approx(mean.min())
    assert found.to_the_end.loss == pytest.approx(mean[-1])
    assert found.stopped.chosen_loss == pytest.approx(path.validation_mean[choice.index])


def test_the_interval_is_that_of_compare() -> None:
    path = made_path(folds=5)
    choice = made_choice(path)
    found = verdict(path, choice).to_the_end
    losses = path.validation_loss[:, :, 0, -1]
    assert found is not None
    assert found.gain == paired_difference(losses[0], losses[choice.index], test_share=1 / 4)


def test_repeated_folds_are_not_as_many_independent_ones() -> None:
    path = replace(made_path(folds=10), repeats=2.0)
    choice = made_choice(path)
    losses = path.validation_loss[:, :, 0, -1]
    found = verdict(path, choice).to_the_end
    assert found is not None
    assert found.gain.se == paired_difference(losses[0], losses[choice.index], test_share=1 / 4).se


def test_epochs_are_those_that_were_validated() -> None:
    whole = made_path()
    places = np.array([9, 29, 59])
    path = replace(
        whole,
        validated=places + 1,
        validation_loss=whole.validation_loss[..., places],
        validation_metric=whole.validation_metric[..., places],
    )
    found = verdict(path, made_choice(path))
    assert found.best_epoch in (10, 30, 60)
    np.testing.assert_allclose(fold_losses(path, 0, 30), whole.validation_loss[0, :, 0, 29])


def test_a_rival_that_diverged_late_is_met_where_it_was_best() -> None:
    path = made_path()
    loss = path.validation_loss.copy()
    loss[0, 2, 0, 40:] = np.nan
    path = replace(path, validation_loss=loss)
    found = verdict(path, made_choice(path))
    assert found.to_the_end is None
    assert found.stopped is not None
    assert found.best_epoch <= 40
    loss[0, 2] = np.nan
    assert verdict(replace(path, validation_loss=loss), made_choice(path)).stopped is None


def test_one_split_has_no_interval_and_no_answer() -> None:
    path = made_path(folds=1)
    found = verdict(path, made_choice(path), constant=np.array([9.0]))
    assert found.constant is not None
    assert not found.constant.gain.is_known
    assert not found.constant.is_better
    assert not found.loses_to_constant


def test_a_constant_of_no_larger_loss_wins() -> None:
    path = made_path()
    choice = made_choice(path)
    own = fold_losses(path, choice.index, choice.epoch)
    assert verdict(path, choice, constant=own).loses_to_constant
    assert verdict(path, choice, constant=own - 0.01).loses_to_constant
    assert not verdict(path, choice, constant=own + 0.01).loses_to_constant
    assert not verdict(path, choice).loses_to_constant
