"""The algebra of strengths: laws between the units, exact small cases, and what the errors say."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import shrinkage.strength as strength
from shrinkage._errors import RequestError
from shrinkage.strength import _timescales, _units

positive = st.floats(1e-9, 1e6)
small = st.floats(1e-9, 0.5)
momenta = st.floats(0, 0.99)


def near(value: float):
    return pytest.approx(value, rel=1e-9, abs=1e-300)


@given(lam=positive, lr=positive, momentum=momenta, dampening=st.floats(0, 0.99))
def test_lam_to_shrink_and_back_is_the_identity(lam, lr, momentum, dampening):
    shrink = strength.shrink_from_lam(lam, lr, momentum=momentum, dampening=dampening)
    back = strength.lam_from_shrink(shrink, lr, momentum=momentum, dampening=dampening)
    assert back == near(lam)


@given(shrink=small, rows=st.integers(1, 10**9), batch=st.integers(1, 10**6))
def test_timescales_and_half_life_and_back_are_the_identity(shrink, rows, batch):
    assert strength.shrink_from_steps(strength.steps_from_shrink(shrink)) == near(shrink)
    epochs = strength.epochs_from_shrink(shrink, rows=rows, batch_size=batch)
    assert strength.shrink_from_epochs(epochs, rows=rows, batch_size=batch) == near(shrink)
    half_life = strength.half_life_from_shrink(shrink)
    assert strength.shrink_from_half_life(half_life) == near(shrink)


@given(lam=positive, rows=st.integers(1, 10**9))
def test_prior_precision_and_back_is_the_identity(lam, rows):
    precision = strength.prior_from_lam(lam, rows=rows)
    assert strength.lam_from_prior(precision, rows=rows) == near(lam)


@pytest.mark.parametrize("of", ["updated", "original"])
@given(lam=st.floats(1e-9, 1e2), lr=st.floats(1e-6, 5e-3))
def test_the_engineers_rate_and_back_is_the_identity(of, lam, lr):
    rate = strength.rate_from_lam(lam, lr, of=of)
    assert strength.lam_from_rate(rate, lr, of=of) == pytest.approx(lam, rel=1e-9)


@given(w=st.floats(-5, 5), grad=st.floats(-5, 5), rate=st.floats(0, 0.9), lr=st.floats(0.01, 1))
def test_a_fraction_of_the_updated_weight_is_sgd_with_l2_at_a_smaller_lr(w, grad, rate, lr):
    lam, lr_inside = strength.lam_from_rate(rate, lr), strength.effective_lr(rate, lr)
    assert (w - lr * grad) * (1 - rate) == pytest.approx(w - lr_inside * (grad + lam * w), abs=1e-12)


@given(w=st.floats(-5, 5), grad=st.floats(-5, 5), rate=st.floats(0, 0.9), lr=st.floats(0.01, 1))
def test_a_fraction_of_the_original_weight_is_sgd_with_l2(w, grad, rate, lr):
    lam = strength.lam_from_rate(rate, lr, of="original")
    assert w - lr * grad - rate * w == pytest.approx(w - lr * (grad + lam * w), abs=1e-12)


@pytest.mark.parametrize("lam", [0.0, 1e-3, 0.02, 3.0, 30.0])
@pytest.mark.parametrize(
    "momentum, dampening, nesterov",
    [(0.0, 0.0, False), (0.9, 0.0, False), (0.5, 0.3, False), (0.95, 0.0, False), (0.9, 0.0, True)],
)
def test_asymptotic_shrink_is_the_spectral_radius_of_one_step(lam, momentum, dampening, nesterov):
    lr, kept = 0.1, 1 - dampening if momentum else 1
    velocity = np.array([kept * lam, momentum])  # of (w, velocity)
    look_ahead = np.array([lam, 0]) + momentum * velocity if nesterov else velocity
    step = np.array([np.array([1, 0]) - lr * look_ahead, velocity])
    radius = max(abs(np.linalg.eigvals(step)))
    got = strength.asymptotic_shrink(lam, lr, momentum=momentum, dampening=dampening, nesterov=nesterov)
    assert got == pytest.approx(1 - radius, rel=1e-9, abs=1e-12)


@given(momentum=momenta, dampening=st.floats(0, 0.9))
def test_the_momentum_formula_is_the_first_order_of_the_exact_one(momentum, dampening):
    lam, lr = 1e-6, 1e-2
    first = strength.shrink_from_lam(lam, lr, momentum=momentum, dampening=dampening)
    exact = strength.asymptotic_shrink(lam, lr, momentum=momentum, dampening=dampening)
    assert first == pytest.approx(exact, rel=1e-3)


def test_no_decay_has_an_infinite_timescale():
    assert strength.steps_from_shrink(0) == strength.half_life_from_shrink(0) == math.inf
    assert strength.shrink_from_steps(math.inf) == strength.shrink_from_half_life(math.inf) == 0


def test_remaining_keeps_shrinks_below_the_rounding_of_one():
    assert 1 - strength.remaining([1e-17] * 100) == pytest.approx(1e-15, rel=0.2)


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        ("shrink_from_lam", {"lam": -1, "lr": 0.1}, r"\(lam=…\): must be a number >= 0 and finite, got -1\."),
        ("shrink_from_lam", {"lam": 1, "lr": 0}, r"\(lr=…\): must be a number > 0 and finite, got 0\."),
        (
            "lam_from_shrink",
            {"shrink": 1, "lr": 1, "momentum": 1},
            r"\(momentum=…\): .* in \[0, 1\), got 1\.",
        ),
        ("half_life_from_shrink", {"shrink": 1.0}, r"\(shrink=…\): must be a number in \[0, 1\), got 1\.0\."),
        ("prior_from_lam", {"lam": 1, "rows": 0}, r"\(rows=…\): must be a number >= 1 and finite, got 0\."),
        ("lam_from_prior", {"precision": math.nan, "rows": 1}, r"\(precision=…\): .* got nan\."),
        (
            "lam_from_rate",
            {"rate": 0.1, "lr": 1, "of": "both"},
            r'must be "updated" or "original", got \'both\'\.',
        ),
        ("steps_from_shrink", {"shrink": "1"}, r"must be a number .* got '1'\."),
        ("steps_from_shrink", {"shrink": True}, r"must be a number .* got True\."),
    ],
)
def test_errors_name_the_argument_the_rule_and_what_was_got(name, arguments, message):
    with pytest.raises(RequestError, match=rf"{name}{message}" if message.startswith(r"\(") else message):
        getattr(strength, name)(**arguments)


@pytest.mark.parametrize("module, examples", [(_units, 9), (_timescales, 7)])
def test_every_example_in_the_docstrings_runs(module, examples):
    outcome = doctest.testmod(module)
    assert outcome.attempted >= examples
    assert outcome.failed == 0
