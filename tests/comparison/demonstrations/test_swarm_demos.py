"""The swarm demonstrations: what they teach, on few data sets here and on all in the slow tests."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from shrinkage.comparison import Mean, demo
from shrinkage.comparison.demonstrations._demo_views import SHOWN
from shrinkage.comparison.demonstrations._swarm_2015 import verdict


def test_2015_shows_the_gap_beside_the_gain():
    table, chosen = demo("swarm-2015", repeats=3).tables
    wide = {row[1]: dict(zip(table.columns, row, strict=True)) for row in table.rows[:4]}
    small = {row[1]: dict(zip(table.columns, row, strict=True)) for row in table.rows[4:]}
    # The penalty's gain at the wide start is a gap that closes; from the small start there is neither.
    assert wide["none"]["gap"].value > 3 * wide["L2 .001"]["gap"].value
    assert small["none"]["gap"].value < 0.005
    assert small["none"]["test"].value > wide["none"]["test"].value
    assert all(row["gap"].value > -1e-3 for row in (*wide.values(), *small.values()))
    assert wide["none"]["published train"] == 0.85
    assert chosen.rows[0][0] == "as printed"


def test_2013_pins_weights_to_the_bound_unless_decayed():
    (table,) = demo("swarm-2013", repeats=4).tables
    assert table.row("as printed")["at the bound"].value > 0.01
    assert table.row("decay at 2b, 1 % per step")["at the bound"].value == 0
    assert table.row("start in ±1, |v| ≤ .1")["max |w|"].value < 5
    assert table.row("start in ±1, |v| ≤ .1")["gain on fresh"].value > 0


@pytest.mark.parametrize(
    "wide, small, says",
    [
        ((0.045, 0.008), (0.0, 0.001), "the penalty repairs the start"),
        ((0.045, 0.008), (0.02, 0.002), "helps from either start"),
        ((0.045, 0.008), (0.03, 0.03), "can't separate the start from the penalty"),
        ((0.001, 0.008), (0.02, 0.002), "only from the small start"),
        ((0.010, 0.008), (-0.02, 0.002), "no gain of the penalty from either start"),
    ],
)
def test_the_verdict_of_2015_follows_the_gains(wide, small, says):
    assert says in verdict(Mean(*wide), Mean(*small))


def test_headline_of_2015_tells_the_gains_of_another_run():
    result = demo("swarm-2015", repeats=2)
    table = result.tables[0]
    place = table.columns.index("gain")
    rows = [list(row) for row in table.rows]
    rows[1][place], rows[5][place] = Mean(0.031, 0.004), Mean(0.021, 0.002)
    other = replace(result, tables=(replace(table, rows=tuple(map(tuple, rows))), result.tables[1]))
    headline = SHOWN["swarm-2015"].headline(other)
    assert "+3.1 ± 0.4 points" in headline
    assert "+2.1 ± 0.2 points" in headline
    assert "helps from either start" in headline


def test_shares_are_percentages_and_gains_points_wherever_they_are_shown():
    result = demo("swarm-2013", repeats=2)
    (table,) = result.tables
    heads, printed, *_ = table.texts()
    assert heads[2:6] == ("train (24), %", "test (6), %", "fresh (120), %", "gain on fresh, points")
    shown = float(printed[4].partition(" ")[0])
    assert shown == pytest.approx(100 * table.row("as printed")["fresh (120)"].value, abs=0.1)
    told = " ".join(result.says)
    assert told.count(" points, ") == 2
    assert not re.search(r"-\d", told + str(table))


@pytest.mark.slow
def test_2015_over_20_tables():
    table = demo("swarm-2015").tables[0]
    gain = table.rows[1][table.columns.index("gain")]
    assert gain.value > 3 * gain.se  # the wide start gains by the penalty
    small = table.rows[5][table.columns.index("gain")]
    assert small.value < 3 * small.se + 1e-9  # the small start does not


@pytest.mark.slow
def test_2013_backprop_decay_is_l2_at_the_converted_strength():
    (table,) = demo("backprop-2013", repeats=2).tables
    decayed, penalized = table.row("decay 1e-4 after the step"), table.row("L2 in the gradient, λ = 0.002")
    assert penalized["‖w‖"].value == pytest.approx(decayed["‖w‖"].value, rel=0.01)
    assert table.row("none")["‖w‖"].value > 1.5 * decayed["‖w‖"].value
