"""The swarm demonstrations: what they teach, on few data sets here and on all in the slow tests."""

from __future__ import annotations

import pytest

from shrinkage.comparison import demo


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
    assert table.row("decay at 2b, 1 % a step")["at the bound"].value == 0
    assert table.row("start in ±1, |v| ≤ .1")["max |w|"].value < 5
    assert table.row("start in ±1, |v| ≤ .1")["gain on fresh"].value > 0


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
