"""Titles are findings: the sentences must hold in the lucky cases and in the others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reporting_cases import made_choice, made_path, made_story
from shrinkage.evaluation import verdict
from shrinkage.reporting import StrengthElsewhere, _words, charts_of, render_fit_report
from shrinkage.reporting._agreement import _fit_of, _mistakes
from shrinkage.reporting.figures._epoch_figures import _lowest
from shrinkage.reporting.figures._weight_figures import histograms


def loss_title(path: Any, choice: Any) -> str:
    return _words.loss_title(path, choice, verdict(path, choice)).replace("\xa0", " ")


def test_the_minimum_is_named_with_what_it_gains_on_the_weakest_at_its_best_epoch() -> None:
    path = made_path()
    mean = path.over_folds(path.validation_loss)[0]
    choice = made_choice(path)
    gain = 100 * (1 - mean[choice.index, -1] / mean[0].min())
    how = "below" if gain > 0 else "above"
    title = loss_title(path, choice)
    assert title.startswith(
        f"The validation loss is lowest at λ = 0.01, {abs(gain):.1f} % {how} λ = 0 at its own best epoch"
    )


def test_the_one_standard_error_choice_is_distinguished_from_the_minimum() -> None:
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


def test_no_regularization_is_reported_best_when_it_was() -> None:
    path = made_path(lambdas=np.array([0.0, 5.0, 50.0]))
    assert loss_title(path, made_choice(path)) == (
        "No regularization did best here: the validation loss is lowest at λ = 0"
    )


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({}, ""),
        ({"extended": 1}, " The grid was extended once because the best λ was at its edge."),
        ({"extended": 3}, " The grid was extended 3 times because the best λ was at its edge."),
        ({"at_edge": True}, " The best λ is still at the edge of the grid: a λ beyond it may do better."),
        ({"diverged": (0.0, 0.5)}, " Left out because a net diverged: λ = 0, 0.5."),
        ({"dropped": (2.0,)}, " λs that were dropped after the first folds are not drawn."),
        (
            {"skipped": (2.0,)},
            " Only the points were trained; the lines between them were not measured.",
        ),
    ],
)
def test_limits_of_the_grid_are_reported(changes: dict[str, Any], sentence: str) -> None:
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
    assert "does not clearly raise" in _words.epochs_title(noisy, made_choice(path), 0)


def test_a_run_that_is_too_short_to_overfit_is_not_accused_of_it() -> None:
    path = made_path(epochs=60)
    falling = replace(path, validation_loss=np.sort(path.validation_loss, axis=-1)[..., ::-1].copy())
    title = _words.epochs_title(falling, made_choice(falling), 0)
    assert title.startswith("Longer training does not")


@pytest.mark.parametrize(
    "last, words",
    [
        (0.0, "At λ = 0.01 the validation loss ends at its lowest"),
        (0.004, "ends within 1 % of its lowest, at epoch 9"),
    ],
)
def test_the_end_is_called_the_lowest_only_where_it_is(last: float, words: str) -> None:
    """The dot of the chart is at the lowest epoch: the title must not say another."""
    path = made_path(lambdas=np.array([0.01]), epochs=10)
    curve = np.linspace(2.0, 1.0, 10)
    curve[-1], curve[-2] = (0.9, 1.0) if not last else (1.0 + last, 1.0)
    flat = replace(path, validation_loss=np.broadcast_to(curve, path.validation_loss.shape).copy())
    assert words in _words.epochs_title(flat, made_choice(flat), 0).replace("\xa0", " ")


@pytest.mark.parametrize(
    "sizes, verb",
    [
        ((26.0, 2.0), "falls from 26"),
        ((2.0, 26.0), "grows from 2"),
        ((2.0, 2.0), "The largest weight is 2 at λ\xa0=\xa00 and λ\xa0=\xa00.01"),
    ],
)
def test_the_largest_weight_is_reported_to_fall_only_when_it_does(
    sizes: tuple[float, float], verb: str
) -> None:
    path = made_path(lambdas=np.array([0.0, 0.01]))
    shown = histograms(path.lambdas, [np.array([size, 1.0]) for size in sizes], usable=np.ones(2, dtype=bool))
    assert verb in _words.weights_title(path, shown, 0, 1)


def test_the_weakest_usable_lambda_stands_in_for_a_diverged_zero() -> None:
    path = made_path()
    choice = replace(made_choice(path), diverged=(0.0,))
    html = render_fit_report(made_story(path=path, choice=choice))
    assert "at λ\xa0=\xa010⁻⁵</span>" in html
    assert "at λ\xa0=\xa00</span>" not in html


def test_a_strength_that_is_neither_of_the_two_is_named_beside_the_lowest() -> None:
    path = made_path()
    choice = made_choice(path)
    other = replace(choice, index=3, lam=float(path.lambdas[3]))
    assert loss_title(path, other).endswith(" was chosen; the validation loss is lowest at λ = 0.01")


def test_nets_that_all_diverged_have_no_lowest_place_and_no_dot() -> None:
    path = made_path(lambdas=np.array([0.0, 0.01]))
    lost = replace(path, validation_loss=np.full_like(path.validation_loss, np.nan))
    assert _words.map_title(lost, made_choice(path)) == "Every net diverged"
    assert _lowest(np.arange(1, 6), np.full(5, np.nan)) == []
    (dot,) = _lowest(np.array([5, 10, 12]), np.array([3.0, 1.0, np.nan]))
    assert (dot["x"], dot["y"]) == ([10], [1.0])


def test_a_curve_that_ends_in_nan_is_reported_as_diverged() -> None:
    path = made_path(lambdas=np.array([0.0, 0.01]))
    validation = path.validation_loss.copy()
    validation[0, ..., -1] = np.nan
    validation[1, ..., -1] = 3 * validation[1].max()
    choice = replace(made_choice(path), index=1, lam=0.01)
    title = _words.epochs_title(replace(path, validation_loss=validation), choice, 0).replace("\xa0", " ")
    assert title.startswith("At λ = 0 the validation loss diverges; at λ = 0.01 it turns up")


@pytest.mark.parametrize(
    "held_out, says",
    [
        ([0, 0, 1, 0], "The most common mistake: “malignant” predicted as “benign”, 1 time."),
        ([0, 0, 1, 1], None),
        ([np.nan] * 4, ""),
    ],
)
def test_the_most_common_mistake_is_reported_if_there_is_one(held_out: list[float], says: str | None) -> None:
    story = made_story(truth=np.array([0.0, 0.0, 1.0, 1.0]), held_out=np.array(held_out))
    guess = "Always guessing the most frequent class would be right for 50.0 %."
    words = _mistakes(story).replace("\xa0", " ")
    assert words == {None: guess, "": ""}.get(says, f"{guess} {says}")


def test_errors_are_in_the_targets_own_units() -> None:
    truth = np.array([1.0, 2.0, 3.0])
    assert _fit_of(truth, np.full(3, np.nan))[0] == 0
    rows, rmse, mean_absolute, deviation = _fit_of(np.ones(3), np.array([1.0, 1.0, 2.0]))
    assert (rows, deviation) == (3, 0)
    assert (rmse, mean_absolute) == pytest.approx((np.sqrt(1 / 3), 1 / 3))
    assert _fit_of(truth, truth) == (3, 0.0, 0.0, pytest.approx(np.std(truth)))


@pytest.mark.parametrize(
    "argument, value, typed, in_two",
    [
        (
            "torch.optim.SGD(weight_decay=…)",
            0.0046,
            "torch.optim.SGD(weight_decay=0.0046)",
            ("weight_decay=0.0046", "torch.optim.SGD"),
        ),
        ("λ", 0.5, "λ = 0.5", ("λ = 0.5", "")),
        (
            "torch.optim.AdamW(weight_decay=…)",
            "no equivalent",
            "torch.optim.AdamW(weight_decay=…): no equivalent",
            None,
        ),
    ],
)
def test_what_to_type_elsewhere_is_one_piece(argument: str, value: Any, typed: str, in_two: Any) -> None:
    told = StrengthElsewhere(framework="any", argument=argument, value=value)
    assert told.typed == typed
    assert told.in_two == (in_two or (typed, ""))


@pytest.mark.parametrize(
    "left, dropped, says",
    [
        ([0.0, 1.0], [2.0], "one λ of 3 (2) was"),
        ([0.0, 1.0], [2.0, 3.0], "2 λs of 4 (from 2 to 3) were"),
        ([0.0, 2.0], [1.0, 3.0, 4.0], "3 λs of 5 (1 and from 3 to 4) were"),
        ([0.0, 2.0, 4.0], [1.0, 3.0, 5.0, 6.0], "4 λs of 7 (1, 3 and from 5 to 6) were"),
        ([0.0, 2.0, 4.0, 6.0, 8.0], [1.0, 3.0, 5.0, 7.0, 9.0], "5 λs of 10 (between 1 and 9) were"),
    ],
)
def test_dropped_lambdas_are_reported_as_ranges_of_the_grid(left: Any, dropped: Any, says: str) -> None:
    path = made_path(lambdas=np.array(left))
    choice = replace(made_choice(path), dropped=tuple(dropped), dropped_after=(3,) * len(dropped))
    assert _words.dropped_words(path, choice).startswith(f"To save time {says} dropped after 3 of 5 folds")


@pytest.mark.parametrize(
    "diverged, ends", [((), "at 5 %."), ((3.0,), "at 5 %, or with a network that diverged.")]
)
def test_a_dropped_lambda_that_diverged_was_not_dropped_by_a_test(diverged: Any, ends: str) -> None:
    path = made_path(lambdas=np.array([0.0, 1.0]))
    choice = replace(made_choice(path), dropped=(2.0, 3.0), dropped_after=(3, 3), diverged=diverged)
    assert _words.dropped_words(path, choice).endswith(ends)


def test_the_page_counts_the_lambdas_that_are_left_among_all() -> None:
    path = made_path()
    choice = replace(made_choice(path), dropped=(2.0, 3.0), dropped_after=(3, 4))
    assert "17 of 19 λs × 5 folds" in render_fit_report(made_story(path=path, choice=choice))
    assert "17 λs × 5 folds" in render_fit_report(made_story(path=path))


def test_one_lambda_is_compared_with_no_other() -> None:
    path = made_path(lambdas=np.array([0.01]))
    page = render_fit_report(made_story(path=path, choice=made_choice(path))).replace("\xa0", " ")
    assert "1 λ × 5 folds" in page
    assert "λ = 0.01 against its rivals" in page
    assert "no stronger penalty" not in page
    assert "at λ = 0.01</span>" not in page
    assert "The slider" not in page
    assert "Both charts" not in page


def test_a_minimum_found_without_epochs_has_no_course() -> None:
    path = made_path(epochs=1)
    page = render_fit_report(made_story(path=path, choice=made_choice(path)))
    assert "17 λs × 5 folds ·" in page or "17 λs × 5 folds<" in page
    assert "Training over time" not in page


def test_no_regularization_is_0_in_every_framework() -> None:
    path = made_path(lambdas=np.array([0.0, 1.0]))
    story = made_story(path=path, choice=made_choice(path))
    assert story.choice.lam == 0
    same = replace(story.choice, lam=0.0)
    assert "λ = 0 is 0 in other frameworks" in render_fit_report(replace(story, choice=same)).replace(
        "\xa0", " "
    )


def test_a_chosen_lambda_that_is_the_weakest_is_drawn_once() -> None:
    path = made_path(lambdas=np.array([0.0, 1.0]))
    story = made_story(path=path, choice=made_choice(path))
    assert story.choice.index == 0
    assert {"epochs", "weights"} <= charts_of(story).keys()
    assert not {"epochs_1", "weights_1"} & charts_of(story).keys()
    assert "the second chart" not in render_fit_report(story)


def test_the_metric_of_a_quantile_is_called_a_share_of_values() -> None:
    path = replace(made_path(metric="R²"), metric_name="share below")
    page = render_fit_report(made_story("regression", path=path, target_names=("price",)))
    assert "Share of validation values at or below the prediction, mean over folds" in page
    assert "The share of values at or below the prediction is given above" in page


def test_untrained_lambdas_of_a_search_are_reported() -> None:
    path = made_path()
    n = len(path.lambdas)
    said = _words.skipped_words(path, replace(made_choice(path), skipped=(2.0, 3.0), dropped=(5.0,)))
    assert said.startswith(f"The search trained {n + 1} of {n + 3} λs of the grid")
