"""Titles are findings: the sentences must hold in the lucky cases and in the others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reporting_cases import made_choice, made_path, made_story
from shrinkage.reporting import _words, render_fit_report
from shrinkage.reporting._judged import judge
from shrinkage.reporting._weight_figures import histograms


def loss_title(path: Any, choice: Any) -> str:
    return _words.loss_title(path, choice, judge(path, choice)).replace("\xa0", " ")


def test_the_minimum_is_named_with_what_it_gains() -> None:
    path = made_path()
    choice = made_choice(path)
    loss = path.validation_mean
    gain = 100 * (1 - loss[choice.index] / loss[0])
    assert loss_title(path, choice) == f"The validation loss is lowest at λ = 0.01, {gain:.1f} % below λ = 0"


def test_the_one_standard_error_choice_is_told_from_the_minimum() -> None:
    path = made_path()
    choice = replace(
        made_choice(path, select="1se"),
        index=13,
        index_1se=13,
        lam=path.lambdas[13],
        lam_1se=path.lambdas[13],
    )
    assert loss_title(path, choice) == (
        "λ = 0.1 is the strongest within one standard error of the lowest validation loss, at λ = 0.01"
    )


def test_no_regularization_is_said_to_be_best_when_it_was() -> None:
    path = made_path(lambdas=np.array([0.0, 5.0, 50.0]))
    assert loss_title(path, made_choice(path)) == (
        "No regularization did best here: the validation loss is lowest at λ = 0"
    )


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({}, ""),
        ({"extended": 1}, " The grid was extended once because the best λ lay on its edge."),
        ({"extended": 3}, " The grid was extended 3 times because the best λ lay on its edge."),
        ({"at_edge": True}, " The best λ still lies on the edge of the grid: one beyond it may do better."),
        ({"diverged": (0.0, 0.5)}, " Left out because a net diverged: λ = 0, 0.5."),
    ],
)
def test_what_the_grid_left_open_is_said(changes: dict[str, Any], sentence: str) -> None:
    assert _words.edge_words(replace(made_choice(made_path()), **changes)) == sentence


def test_overfitting_with_time_is_found_at_lambda_zero_only() -> None:
    path = made_path()
    mean = path.over_folds(path.validation_loss)[0][0]
    title = _words.epochs_title(path, made_choice(path), 0).replace("\xa0", " ")
    assert f"At λ = 0 the validation loss turns up after epoch {mean.argmin() + 1} and ends at " in title
    assert f"{mean[-1] / mean.min():.1f} times its lowest" in title


def test_a_rise_within_the_standard_error_is_not_called_a_turn() -> None:
    path = made_path(lambdas=np.array([0.0, 0.01]))
    noise = np.array([0.5, 1.5, 0.5, 1.5, 1.0])[None, :, None, None]
    noisy = replace(path, validation_loss=path.validation_loss * noise)
    assert _words.epochs_title(noisy, made_choice(path), 0).startswith("At λ")
    noisy = replace(
        path, validation_loss=(0.9 * path.validation_loss[..., :1] + 0.1 * path.validation_loss) * noise
    )
    assert "clearly turn up" in _words.epochs_title(noisy, made_choice(path), 0)


def test_a_run_that_is_too_short_to_overfit_is_not_accused_of_it() -> None:
    path = made_path(epochs=60)
    falling = replace(path, validation_loss=np.sort(path.validation_loss, axis=-1)[..., ::-1].copy())
    title = _words.epochs_title(falling, made_choice(falling), 0)
    assert title.startswith("Neither at")


@pytest.mark.parametrize("sizes, verb", [((26.0, 2.0), "falls from 26"), ((2.0, 26.0), "grows from 2")])
def test_the_largest_weight_is_said_to_fall_only_when_it_does(sizes: tuple[float, float], verb: str) -> None:
    path = made_path(lambdas=np.array([0.0, 0.01]))
    shown = histograms(path.lambdas, [np.array([size, 1.0]) for size in sizes], usable=np.ones(2, dtype=bool))
    assert verb in _words.weights_title(path, shown, 0, 1)


def test_the_weakest_usable_lambda_stands_in_for_a_diverged_zero() -> None:
    path = made_path()
    choice = replace(made_choice(path), diverged=(0.0,))
    html = render_fit_report(made_story(path=path, choice=choice))
    assert "at λ\xa0=\xa010⁻⁵</span>" in html
    assert "at λ\xa0=\xa00</span>" not in html
