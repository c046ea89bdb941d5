"""What the table prints of a convention is what a conversion does with its number."""

import math

import pytest

from shrinkage.strength import (
    Convention,
    Quantities,
    asymptotic_shrink,
    conventions,
    effective_lr,
    momentum_gain,
)
from shrinkage.strength._schedule import CLOCKS

RUN = Quantities(
    lr=0.1, rows=50, batch_size=5, epochs=4, outputs=2, l1_ratio=0.25, noise_variance=3.0, loss="mse"
)
SCALES = {
    "λ = v": 1.0,
    "λ₁ = v": 1.0,
    "s_t = η_t·v": 1.0,
    "s = v": 1.0,
    "λ = 2v": 2.0,
    "λ = v/n": 1 / 50,
    "λ = v/B": 1 / 5,
    "λ = v·σ²/n": 3 / 50,
    "s_t = η_t/η_ref·v·√(B/(n·E))": math.sqrt(5 / 200),
}
PRINTED = [c for c in conventions() if c.formula in SCALES]


@pytest.mark.parametrize("c", PRINTED, ids=lambda c: c.name)
def test_the_printed_formula_is_the_factor_on_the_number(c: Convention):
    assert c.form.to(0.7, RUN) == pytest.approx(0.7 * SCALES[c.formula], rel=1e-14)
    assert c.form.back(0.7 * SCALES[c.formula], RUN) == pytest.approx(0.7, rel=1e-14)


def test_most_of_the_table_is_printed_so():
    assert len(PRINTED) > len(conventions()) / 3


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_clock_has_the_power_of_the_learning_rate_that_its_words_show(clock: str):
    words = CLOCKS[clock].words.split(",")[0]
    assert CLOCKS[clock].power == words.count("η_t") + words.count("²") - words.count("/η")


def test_without_momentum_the_shrink_is_the_product():
    assert asymptotic_shrink(0.1, 0.5) == pytest.approx(0.05, rel=1e-14)
    assert momentum_gain() == 1
    assert effective_lr(0.25, 0.4) == pytest.approx(0.3)


AVERAGED = [c for c in conventions("schedulefree.") if c.kind == "decoupled"]


@pytest.mark.parametrize("c", AVERAGED, ids=lambda c: c.name)
def test_a_decay_of_an_average_follows_its_formula_only_later(c: Convention):
    assert c.first_order
