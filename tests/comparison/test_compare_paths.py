"""The λs by which a split extended the grid: kept, drawn, and told where they end."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from comparison_cases import small_comparison, table_of
from shrinkage.comparison import Comparison, Setting, Splitting, compare_table
from shrinkage.comparison.page._path_figure import _axis, path_figure, path_table

ASKED = [0.0, 0.003, 0.01]


@cache
def extended() -> Comparison:
    """Forty rows that are mostly noise, and a grid that ends where the good λs begin."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(40, 8)), columns=list("abcdefgh"))
    frame["y"] = 0.8 * frame["a"] + rng.normal(size=40)
    return compare_table(
        table_of(frame),
        ["y"],
        methods=["l2", "decay_original"],
        lambdas=ASKED,
        setting=Setting(epochs=20),
        splitting=Splitting(folds=2, inner_folds=2),
    )


def test_every_chosen_strength_is_on_the_path_and_given_ones_have_all_splits():
    for runs in extended().runs[1:]:
        assert set(runs.lam) <= set(runs.lambdas)
        assert runs.lam.max() > ASKED[-1]
        assert (runs.path_splits[: len(ASKED)] == 4).all()
        assert runs.path_splits[-1] < 4


def test_each_split_chose_the_lowest_of_its_own_path():
    for runs in extended().runs[1:]:
        assert np.array_equal(runs.lambdas[np.nanargmin(runs.path, axis=0)], runs.lam)


def test_the_chart_draws_what_was_added():
    c = extended()
    figure = path_figure(c)
    ticks = figure.layout["xaxis"]["ticktext"]
    assert len(ticks) == len(c.of("l2").lambdas) > len(ASKED)
    line, rings = (trace for trace in figure.data if trace["text"][0].startswith("L2"))
    l2 = c.of("l2")
    assert np.isfinite(np.array(rings["y"], dtype=float)).sum() >= 2
    for i, (n, mean) in enumerate(zip(l2.path_splits, l2.validation_path, strict=True)):
        drawn, empty = (line, rings) if n == 4 else (rings, line)
        expected = mean if mean < 1e3 else np.nan  # a browser can't place the loss of a net that diverged
        assert np.array(drawn["y"], dtype=float)[i] == pytest.approx(expected, rel=1e-4, nan_ok=True)
        assert empty["y"][i] is None
    assert rings["text"][7].endswith(f"({l2.path_splits[7]} of 4 splits)")


def test_the_table_says_of_how_many_splits_a_mean_is():
    c = extended()
    table = path_table(c)
    assert len(table.rows) == len(c.of("l2").lambdas)
    assert str(table.rows[-1][1]).endswith(f"({c.of('l2').path_splits[-1]} of 4)")
    assert table.rows[-1][2] == "–"  # the fraction a step would be above 1


def test_the_means_leave_out_no_split_that_took_a_strength():
    l2 = extended().of("l2")
    for values, mean in zip(l2.path, l2.validation_path, strict=True):
        assert mean == pytest.approx(np.nanmean(values))


def test_a_choice_on_the_edge_is_a_note_only_where_a_larger_one_is_possible():
    wide = extended()
    assert wide.of("decay_original").lam.max() == wide.of("decay_original").lambdas[-1]
    assert not any("the largest of" in note for note in wide.notes)
    short = compare_table(
        table_of(pd.DataFrame({"a": np.arange(40.0), "y": np.tile([0.0, 1.0, 0.5, 0.2], 10)})),
        ["y"],
        methods=["l2"],
        lambdas=[0.0, 1e-9, 1.1e-9],
        setting=Setting(epochs=3),
        splitting=Splitting(folds=2, repeats=1, inner_folds=2),
    )
    edge = int(short.of("l2").at_edge.sum())
    assert edge
    assert f"L2 in the error: on {edge} of 2 splits the chosen λ is the largest of" in short.notes[-1]


def test_the_axis_shows_the_high_point_and_the_flat_part():
    flat = np.array([0.080, 0.079, 0.081, 0.084, 0.2, 1.1])
    axis, high = _axis([flat, np.array([0.08, np.nan])])
    assert high == 1.1
    assert axis["type"] == "log"
    low, top = 10 ** np.array(axis["range"])
    assert low < 0.079
    assert top > 1.1
    assert axis["ticktext"] == ["0.1", "0.2", "0.5", "1"]
    near, _ = _axis([flat[:4]])
    assert near["range"] == pytest.approx([0.0787, 0.0843])  # differences fill the height
    assert _axis([np.array([0.1, 0.2, 1e72])])[1] == 0.2  # no browser can place it
    assert _axis([])[1] == 1.0


def test_rings_are_drawn_only_where_some_split_has_no_number():
    figure = path_figure(small_comparison())
    symbols = [trace["marker"].get("symbol") for trace in figure.data]
    drawn = [runs for runs in small_comparison().runs if (runs.path_splits < len(runs.lam)).any()]
    assert symbols.count("circle-open") == len(drawn)
