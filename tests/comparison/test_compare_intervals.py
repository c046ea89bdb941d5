"""The corrected resampled t-test, against its formula, its limit and a simulation."""

from __future__ import annotations

import doctest
from importlib import import_module

import numpy as np
import pytest
from scipy.stats import ttest_rel

from shrinkage.comparison import Mean, corrected_se, paired_difference
from shrinkage.comparison._means import with_sign


def test_without_overlap_it_is_the_paired_t_test():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=12), rng.normal(size=12)
    expected = ttest_rel(a, b).confidence_interval()
    found = paired_difference(a, b, test_share=0.0)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_the_correction_adds_the_share_of_test_rows():
    values = np.arange(10.0)
    ratio = corrected_se(values, 0.25) / corrected_se(values, 0.0)
    assert ratio == pytest.approx(np.sqrt((1 / 10 + 0.25) / (1 / 10)))


def test_more_repeats_do_not_make_it_vanish():
    values = np.random.default_rng(0).normal(size=100_000)
    assert corrected_se(values, 0.25) == pytest.approx(0.5, rel=0.02)


def test_on_data_without_a_difference_it_misses_rarely():
    """Two constant predictors of equal error, 5 folds × 2: the plain interval misses 0 too often, this one does not."""
    rng = np.random.default_rng(1)
    missed = dict.fromkeys((0.0, 0.25), 0)
    for _ in range(300):
        y = rng.normal(size=60)
        gaps = []
        for _ in range(2):
            for test in np.array_split(rng.permutation(60), 5):
                train = np.setdiff1d(np.arange(60), test)
                first, second = y[train[::2]].mean(), y[train[1::2]].mean()
                gaps.append(np.mean((y[test] - first) ** 2) - np.mean((y[test] - second) ** 2))
        for share in missed:
            missed[share] += paired_difference(gaps, np.zeros(10), share).excludes_zero
    assert missed[0.25] / 300 <= 0.07
    assert missed[0.25] < missed[0.0]


def test_rounding_is_no_difference():
    assert not paired_difference([1 + 2e-16, 1 + 2.1e-16], [1.0, 1.0], 0.25).excludes_zero


def test_one_split_has_no_interval():
    assert np.isnan(paired_difference([1.0], [0.0], 0.25).low)


def test_a_difference_from_a_diverged_split_is_not_known():
    gap = paired_difference([1.0, np.nan], [0.0, 0.0], 0.25)
    assert not gap.is_known
    assert not gap.excludes_zero
    assert with_sign(gap.value, 2) == "–"
    assert paired_difference([1.0, 2.0], [0.0, 0.0], 0.25).is_known


@pytest.mark.parametrize(
    "mean, text",
    [
        (Mean(1.5, np.inf), "1.500 ± –"),
        (Mean(np.nan, np.nan), "–"),
        (Mean(1.5, 0.25), "1.50 ± 0.25"),
        (Mean(1.5, 1e-30), "1.500 ± 0.000"),
    ],
)
def test_a_mean_is_shown_whatever_its_error(mean, text):
    assert str(mean) == text


@pytest.mark.parametrize("module", ["_paired", "comparison._means", "comparison._compare"])
def test_examples_run(module):
    result = doctest.testmod(import_module(f"shrinkage.{module}"))
    assert result.attempted > 0
    assert result.failed == 0
