"""On tables of a few thousand rows and few columns, one network is wider than the given one, at a lower learning rate."""

import numpy as np
import pytest

import shrinkage as sh
from shrinkage.estimators.members._members import CODED_UP_TO, WIDE_FROM, WIDE_UP_TO, members_for

SMALL = ("standard", "bounded", "piecewise", "deep_piecewise", "linear", "additive")
MIDDLE = ("standard", "bounded", "piecewise", "wide_piecewise", "linear", "additive")
LARGE = ("standard", "bounded", "deep", "linear")


@pytest.mark.parametrize(
    "rows, columns, hidden, names",
    [
        (WIDE_FROM, WIDE_UP_TO, (64,), SMALL),
        (WIDE_FROM + 1, WIDE_UP_TO, (64,), MIDDLE),
        (WIDE_FROM + 1, WIDE_UP_TO, (8, 64), MIDDLE),
        (WIDE_FROM + 1, WIDE_UP_TO + 1, (64,), SMALL),
        (WIDE_FROM + 1, WIDE_UP_TO, (65,), SMALL),
        (WIDE_FROM + 1, WIDE_UP_TO, (8, 65), SMALL),
        (CODED_UP_TO, WIDE_UP_TO, (64,), MIDDLE),
        (CODED_UP_TO + 1, WIDE_UP_TO, (64,), LARGE),
        (CODED_UP_TO + 1, WIDE_UP_TO, (65,), LARGE),
    ],
)
def test_auto_depends_on_rows_columns_and_units(rows, columns, hidden, names):
    assert members_for(sh.MLPRegressorCV(hidden).get_params(deep=False), rows, columns) == names


@pytest.mark.parametrize(
    "embedding, names", [(None, LARGE), ("piecewise", SMALL[2:]), ("periodic", ("periodic", "linear"))]
)
def test_what_an_embedding_asks_for_stays(embedding, names):
    given = sh.MLPRegressorCV(embedding=embedding).get_params(deep=False)
    assert members_for(given, WIDE_FROM + 1, 2) == names


def fitted(hidden, inputs=("piecewise", "wide_piecewise"), **changes):
    g = np.random.default_rng(0)
    X = g.normal(size=(60, 2))
    settings = {"lambdas": [1e-3, 1e-2], "max_epochs": 3, "cv": 3, "max_extensions": 0, "random_state": 0}
    return sh.MLPRegressorCV(hidden, inputs=inputs, **{**settings, **changes}).fit(X, np.sin(2 * X[:, 0]))


@pytest.mark.parametrize(
    "asked, wide", [((3,), (12,)), ((5, 2), (20, 8)), ((100,), (256,)), ((300,), (300,))]
)
def test_layers_have_four_times_the_units_up_to_256(asked, wide):
    model = fitted(asked, max_epochs=1, lambdas=[1e-3], inputs="wide_piecewise")
    assert [len(biases) for biases in model.intercepts_[:-1]] == list(wide)


def test_it_trains_as_a_network_of_its_size_at_half_the_rate():
    both = fitted((4,)).forms_.paths[1].result
    alone = fitted((16,), inputs="piecewise", learning_rate_init=0.01)
    np.testing.assert_array_equal(both.validation_loss, alone.path_.validation_loss)
    given = fitted((4,), learning_rate_init=0.02).forms_.paths[1].result
    same = fitted((16,), inputs="piecewise", learning_rate_init=0.02)
    np.testing.assert_array_equal(given.validation_loss, same.path_.validation_loss)
