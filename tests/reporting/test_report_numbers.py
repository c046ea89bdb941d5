"""The numbers behind the pages, against closed forms and against scikit-learn's."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, root_mean_squared_error

from reporting_cases import LAMBDAS, made_choice, made_path, made_story
from shrinkage.pages import clean, number, plain, plotly_text
from shrinkage.reporting import render_fit_report
from shrinkage.reporting._agreement import agreement_section, confusion
from shrinkage.reporting.figures._judged import judge
from shrinkage.reporting.figures._lambda_axis import LambdaAxis
from shrinkage.reporting.figures._weight_figures import histograms

SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e200, max_value=1e200), st.integers(1, 6))
def test_a_shown_number_reads_back_to_its_digits(value: float, digits: int) -> None:
    text = number(value, digits).replace("\xa0", "").replace("−", "-").replace(",", "")
    factor, _, power = text.rpartition("10") if set("⁻⁰¹²³⁴⁵⁶⁷⁸⁹") & set(text) else (text, "", "0")
    factor = factor.removesuffix("×")
    shown = float(f"{factor}1" if factor in {"", "-"} else factor) * 10.0 ** int(
        power.translate(SUPERSCRIPTS)
    )
    assert shown == pytest.approx(value, rel=0.51 * 10.0 ** (1 - digits), abs=1e-300)


@pytest.mark.parametrize(
    "value, text",
    [
        (0.0, "0"),
        (0.012345, "0.0123"),
        (999.9, "1,000"),
        (-25.04, "−25"),
        (1e-5, "10⁻⁵"),
        (-2.5e-7, "−2.5\xa0×\xa010⁻⁷"),
        (float("nan"), "–"),
        (float("-inf"), "−∞"),
    ],
)
def test_numbers_are_shown_as_a_reader_wants_them(value: float, text: str) -> None:
    assert number(value) == text


@given(st.text(st.characters(codec=None), max_size=200))
def test_clean_text_is_one_line_that_encodes(text: str) -> None:
    shown = clean(text, 60)
    assert len(shown) <= 60
    assert shown.splitlines() in ([], [shown])
    shown.encode()


def test_labels_of_plotly_hold_no_tag_and_no_entity() -> None:
    assert plotly_text("<b>&lt;") == "&lt;b&gt;&amp;lt;"
    assert plain(np.array([[1.0, np.nan], [np.inf, 2.0]])) == [[1.0, None], [None, 2.0]]


def test_lambda_zero_has_a_place_left_of_the_rest_behind_a_gap() -> None:
    axis = LambdaAxis(LAMBDAS)
    np.testing.assert_allclose(np.diff(axis.places[1:]), 1 / 3, atol=1e-12)
    assert axis.places[0] < axis.places[1] - 1 / 3
    x, y = axis.line(np.arange(17.0))
    assert (x[1], y[1]) == (None, None)
    assert [place for place in x if place is not None] == pytest.approx(list(axis.places))


@pytest.mark.parametrize("lambdas", [np.zeros(1), np.array([0.0, 0.3]), np.array([0.02, 0.03]), LAMBDAS])
def test_every_axis_has_ticks_within_its_range(lambdas: np.ndarray) -> None:
    layout = LambdaAxis(lambdas).layout()
    low, high = layout["range"]
    assert layout["tickvals"]
    assert all(low <= tick <= high for tick in layout["tickvals"])
    assert len(layout["tickvals"]) == len(layout["ticktext"]) <= 7
    assert low < high


def test_the_gap_s_error_is_that_of_the_folds_own_differences() -> None:
    path = made_path()
    differences = (path.validation_loss[..., -1] - path.final_train_loss)[:, :, 0]
    gap = judge(path, made_choice(path)).gap
    np.testing.assert_allclose(gap.mean, differences.mean(axis=1))
    np.testing.assert_allclose(gap.se, differences.std(axis=1, ddof=1) / np.sqrt(5))


def test_each_lambda_is_judged_after_its_own_epochs() -> None:
    path = made_path()
    choice = made_choice(path, stop="best")
    judged = judge(path, choice)
    np.testing.assert_allclose(
        judged.validation_loss.mean, path.over_folds(path.validation_loss)[0].min(axis=1)
    )
    early = int(choice.epochs.argmin())
    assert choice.epochs[early] < path.n_epochs
    expected = path.train_loss[early, :, 0, choice.epochs[early] - 1].mean()
    assert judged.train_loss.mean[early] == pytest.approx(expected)


def test_histograms_count_every_finite_weight_once() -> None:
    weights = [np.array([-3.0, 0.0, 3.0, np.nan]), np.array([np.inf, 1.0]), np.array([np.nan])]
    shown = histograms(np.array([0.0, 0.1, 1.0]), weights, usable=np.array([True, True, True]))
    assert shown.counts.sum(axis=1).tolist() == [3, 1, 0]
    assert shown.counts[0, [0, 60, 120]].tolist() == [1, 1, 1]
    np.testing.assert_allclose(shown.centres, -shown.centres[::-1], atol=1e-12)
    np.testing.assert_array_equal(shown.largest, [3, 1, np.nan])
    assert shown.rms[0] == pytest.approx(np.sqrt(6))


def test_a_diverged_net_does_not_stretch_the_bins_of_the_others() -> None:
    weights = [np.array([1e30, -5.0]), np.array([-2.0, 1.0])]
    shown = histograms(np.array([0.0, 0.1]), weights, usable=np.array([False, True]))
    assert shown.centres[-1] < 2
    assert shown.counts.sum(axis=1).tolist() == [2, 2]


def test_the_confusion_matrix_is_scikit_learns() -> None:
    story = made_story(class_names=("a", "b", "c"))
    counts, names = confusion(story)
    np.testing.assert_array_equal(counts, confusion_matrix(story.truth, story.held_out))
    assert names == ["a", "b", "c"]


def test_many_classes_are_lumped_without_losing_a_row() -> None:
    story = made_story(class_names=[f"c{i}" for i in range(80)], n_rows=3000)
    counts, names = confusion(story)
    assert counts.shape == (30, 30)
    assert counts.sum() == 3000
    assert names[-1] == "51 other classes"
    assert f"{int((story.truth == story.held_out).sum()):,} of 3,000" in agreement_section(story).title


def test_rmse_of_each_target_is_scikit_learns() -> None:
    story = made_story("regression", target_names=("u", "v"))
    rows = agreement_section(story).tables[0].rows
    expected = np.asarray(root_mean_squared_error(story.truth, story.held_out, multioutput="raw_values"))
    assert [row[2] for row in rows] == pytest.approx(expected.tolist())


def test_the_title_sets_the_rmse_beside_that_of_the_mean() -> None:
    story = made_story("regression", target_names=("price",))
    truth = np.asarray(story.truth, dtype=float).ravel()
    rmse = root_mean_squared_error(truth, np.asarray(story.held_out).ravel())
    title = agreement_section(story).title.replace("\xa0", " ")
    assert f"off by {rmse:.3g} (RMSE), and always predicting the mean by {truth.std():.3g}" in title
    two = made_story("regression", target_names=("price", "size"))
    title = agreement_section(two).title.replace("\xa0", " ")
    first = np.asarray(two.truth, dtype=float)[:, 0].std()
    assert f"for “price” (always predicting its mean: {first:.3g})" in title


def test_one_report_has_one_r2() -> None:
    """The mean over folds, in the tile, in the words and in the path's table; the chart of predictions has none."""
    story = made_story("regression", target_names=("price",))
    expected = story.path.validation_metric[story.choice.index, :, 0, -1].mean()
    text = re.sub(r"<(script|style).*?</\1>", "", render_fit_report(story), flags=re.DOTALL).replace(
        "\xa0", " "
    )
    assert f"<strong>{expected:.3g} <small>±" in text
    assert f"reached R² {expected:.3g} ±" in text
    assert not re.search(r"R²[^<]*%|%[^<]*R²|explain", text)


def test_rows_without_a_prediction_are_left_out() -> None:
    story = made_story()
    held_out = np.asarray(story.held_out, dtype=float)
    held_out[:69] = np.nan
    assert "of 500 rows" in agreement_section(made_story(held_out=held_out)).title
