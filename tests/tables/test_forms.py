"""Forms of input: bounds that hold for every number, laws of weights, and the way to a file and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from shrinkage._errors import RequestError
from shrinkage.tables.forms import FORMS, Bounded, Piecewise, form_from, form_named

FINITE = st.floats(-3.4e38, 3.4e38, allow_nan=False)  # what a float32 holds; more is refused before
LEARNED = [name for name in FORMS if name != "standard"]


def table(seed=0, n=200):
    """A normal column, a heavy-tailed one, a rare level, a column mostly 0, and a constant one."""
    g = np.random.default_rng(seed)
    mostly = np.where(g.uniform(size=n) < 0.97, 0.0, g.normal(size=n))
    return np.column_stack(
        [g.normal(size=n), np.exp(4 * g.normal(size=n)), np.arange(n) == 3, mostly, np.full(n, 7.0)]
    ).astype(float)


@pytest.mark.parametrize("name", LEARNED)
@given(
    hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=FINITE),
    st.lists(st.floats(allow_nan=False), min_size=1, max_size=5),
)
def test_every_input_is_bounded_whatever_was_seen(name, X, new):
    form = FORMS[name].fit(X, None)
    for rows in (X, np.tile(np.array(new)[:, None], X.shape[1])):
        inputs = form(rows)
        assert np.isfinite(inputs).all()
        assert np.abs(inputs).max() <= 3


@pytest.mark.parametrize("name", FORMS)
def test_a_weight_of_two_is_the_row_twice_and_a_weight_of_zero_no_row(name):
    X, weight = table(), np.random.default_rng(1).integers(0, 3, 200).astype(float)
    weighted, repeated = (
        FORMS[name].fit(X, weight),
        FORMS[name].fit(np.repeat(X, weight.astype(int), axis=0), None),
    )
    np.testing.assert_allclose(weighted(X), repeated(X), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", FORMS)
def test_a_saved_form_gives_the_same_inputs(name):
    X = table()
    form = FORMS[name].fit(X, None)
    again = form_from(name, form.arrays())
    np.testing.assert_array_equal(again(table(2)), form(table(2)))
    assert len(form.names(list("abcde"))) == form(X).shape[1]


def test_far_values_keep_their_order_and_a_normal_column_its_scale():
    X = np.random.default_rng(0).normal(5, 2, (4000, 1))
    form = Bounded.fit(X, None)
    far = form(np.array([[5.0], [7.0], [20.0], [50.0], [1e6]]))[:, 0]
    assert (np.diff(far) > 0).all()
    assert far[0] == pytest.approx(0, abs=0.05)
    assert far[1] == pytest.approx(3 / np.sqrt(10), rel=0.05)  # z = 1: 1/√(1 + 1/9)


def test_a_rare_level_is_one_and_not_thirty_standard_deviations():
    inputs = Bounded.fit(table(), None)(table())
    assert set(inputs[:, 2]) == {0.0, 1.0}
    assert set(inputs[:, 4]) == {0.0}


def test_a_column_that_is_mostly_one_value_does_not_explode():
    X = np.zeros((1000, 1))
    X[:3, 0] = [1e-9, 2.0, 5.0]
    assert np.abs(Bounded.fit(X, None)(X)).max() <= 3


def test_codes_add_up_to_the_share_of_pieces_below():
    X = np.random.default_rng(0).uniform(size=(1600, 1))
    codes = Piecewise.fit(X, None)(X)[:, 1:]
    assert codes.shape[1] == 16
    # Each piece holds 1/16 of the rows, so that the sum of codes is nearly 16 times the rank.
    np.testing.assert_allclose(codes.sum(axis=1), 16 * X[:, 0].argsort().argsort() / 1600, atol=0.25)
    assert ((codes > 0) & (codes < 1)).sum(axis=1).max() == 1


def test_few_values_have_few_codes():
    X = np.repeat([[1.0], [2.0], [4.0]], 30, axis=0)
    assert Piecewise.fit(X, None)(np.array([[3.0]])).shape == (1, 3)
    np.testing.assert_allclose(Piecewise.fit(X, None)(np.array([[3.0]]))[0, 1:], [1, 0.5])


def test_an_unknown_form_is_named_with_those_there_are():
    with pytest.raises(
        RequestError, match="inputs=…: must be auto or one of standard, bounded, piecewise, got 'boundd'"
    ):
        form_named("boundd")
