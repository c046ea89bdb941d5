"""The order of 2013's update, one item at a time, against a plain loop."""

from __future__ import annotations

import random

import numpy as np
import pytest

from shrinkage.comparison import demo, demo_page
from shrinkage.comparison.demonstrations import _backprop_2013
from shrinkage.comparison.demonstrations._backprop_2013 import DECAY, ETA, MOMENTUM, RUNS, _columns, _step
from shrinkage.comparison.demonstrations._replay import gradients, initial


def test_decay_comes_last_is_not_scaled_by_eta_and_takes_biases():
    runs = [run for run in RUNS if run.name in ("decay 1e-4 after the step", "the same, biases exempt")]
    nets = initial(random.Random(0), (4, 7, 3), 2)
    plain = [w.astype(np.float64) for w in nets.parts]
    old = [np.zeros_like(w) for w in nets.parts]
    before = [np.zeros_like(w) for w in plain]
    going = np.ones(2, dtype=np.float32)
    numbers = np.random.default_rng(0)
    for label in (0, 2, 1):
        x = np.repeat(numbers.normal(size=(1, 4)), 2, 0).astype(np.float32)
        t = np.repeat(np.eye(3, dtype=np.float32)[[label]], 2, 0)
        slopes = gradients(nets, x, t)
        for i in range(4):
            delta = ETA * slopes[i].astype(np.float64)
            plain[i] = plain[i] + delta + MOMENTUM * before[i]
            plain[i][0] -= DECAY * plain[i][0]
            plain[i][1] -= DECAY * plain[i][1] * (i % 2 == 0)
            before[i] = delta
        _step(nets, x, t, going, *_columns(runs), old)
    for w, expected in zip(nets.parts, plain, strict=True):
        np.testing.assert_allclose(w, expected, rtol=1e-4, atol=1e-7)


def test_a_run_that_has_stopped_stays():
    nets = initial(random.Random(0), (4, 7, 3), len(RUNS))
    kept = [w.copy() for w in nets.parts]
    going = np.zeros(len(RUNS), dtype=np.float32)
    x, t = np.ones((len(RUNS), 4), dtype=np.float32), np.eye(3, dtype=np.float32)[[0] * len(RUNS)]
    _step(nets, x, t, going, *_columns(list(RUNS)), [np.zeros_like(w) for w in kept])
    for w, expected in zip(nets.parts, kept, strict=True):
        np.testing.assert_array_equal(w, expected)


def test_the_first_epochs_shrink_as_they_should(monkeypatch):
    """12 epochs of 120 steps that each take off 1e-4 leave exp(−0.144) of what is not learned anew."""
    monkeypatch.setattr(_backprop_2013, "EPOCHS", 12)
    result = demo("backprop-2013", repeats=2)
    (table,) = result.tables
    norm = {row[0]: table.row(row[0])["‖w‖"].value for row in table.rows}
    decayed, penalized = norm["decay 1e-4 after the step"], norm["L2 in the gradient, λ = 0.002"]
    assert penalized == pytest.approx(decayed, rel=0.01)
    assert norm["decay 1e-3 after the step"] < decayed < norm["the same, biases exempt"] < norm["none"]
    assert all(table.row(name)["epochs"].value == 12 for name in norm)
    page = demo_page(result)
    assert f"Decay of 1e-4 per step ends at ‖w‖ = {decayed:.3g}" in page
    assert "half of η would be λ = 0.004" in str(result)


def test_a_run_stops_where_it_has_reached_the_error(monkeypatch):
    monkeypatch.setattr(_backprop_2013, "STOP", 10.0)
    (table,) = demo("backprop-2013", repeats=2).tables
    assert all(row[table.columns.index("epochs")].value == _backprop_2013.CHECKED_EVERY for row in table.rows)
