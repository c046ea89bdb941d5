"""Where there is very little noise, the networks after the first train for more epochs, and say so."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import shrinkage as sh
from cli_cases import shrinkage
from shrinkage.estimators.members import _members
from shrinkage.estimators.members._members import LONGER

QUICK = {
    "hidden_layer_sizes": (8,),
    "lambdas": [0, 1e-3],
    "cv": 3,
    "random_state": 0,
    "max_extensions": 0,
    "search": "grid",
}


def problem(noise):
    g = np.random.default_rng(0)
    X = g.normal(size=(90, 2))
    return X, np.tanh(X[:, 0]) + 0.5 * X[:, 1] + noise * g.normal(size=90)


def epochs(model):
    return dict(zip(model.forms_.names, [path.result.n_epochs for path in model.forms_.paths], strict=True))


def test_later_networks_train_longer_where_errors_are_small():
    X, y = problem(0.01)
    model = sh.MLPRegressorCV(inputs=("standard", "bounded", "linear"), **QUICK).fit(X, y)
    first = model.budget_.epochs
    assert epochs(model) == {"standard": first, "bounded": LONGER * first, "linear": 1}
    assert model.budget_.longer == LONGER * first
    assert str(model.budget_).endswith(f"later networks train for {LONGER * first} epochs.")
    assert model.recipe_.max_epochs == epochs(model)[model.forms_.names[model.forms_.main]]
    alone = sh.MLPRegressorCV(inputs="standard", **QUICK).fit(X, y)
    assert_array_equal(model.forms_.paths[0].result.validation_loss, alone.path_.validation_loss)
    assert alone.budget_.longer == 0


@pytest.mark.parametrize(
    "noise, given",
    [(1.0, {}), (0.01, {"max_epochs": 200}), (0.01, {"loss": "huber"}), (0.01, {"rows": 80})],
    ids=["noise", "epochs given", "another loss", "more rows"],
)
def test_elsewhere_all_train_alike(noise, given, monkeypatch):
    given = dict(given)
    monkeypatch.setattr(_members, "LONGER_UP_TO", given.pop("rows", 2_000))
    X, y = problem(noise)
    model = sh.MLPRegressorCV(inputs=("standard", "bounded"), **QUICK, **given).fit(X, y)
    assert epochs(model) == {"standard": 200, "bounded": 200}
    assert model.budget_.longer == 0
    assert "later" not in str(model.budget_)


def test_the_command_says_it_and_the_report_shows_it(tmp_path):
    X, y = problem(0.01)
    table = tmp_path / "table.csv"
    np.savetxt(table, np.column_stack([X, y]), delimiter=",", header="a,b,y", comments="")
    options = ["--target", "y", "--out", str(tmp_path / "model"), "--hidden", "8", "--folds", "3"]
    done = shrinkage("fit", table, *options, "--lambdas", "0,0.001", "--search", "grid", "--seed", "0")
    assert "later networks train for 600 epochs" in " ".join(done.stdout.split() + done.stderr.split())
    assert '<td class="n">600</td>' in (tmp_path / "model" / "report.html").read_text()
