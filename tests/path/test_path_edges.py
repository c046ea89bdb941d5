"""Folds, results and kept blocks at their edges."""

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shrinkage import MLPRegressorCV, RequestError
from shrinkage.cli.commands._cluster import on_cluster
from shrinkage.path import Block, BlockStore

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 2))
Y = X[:, 0]
LAST = np.arange(24) >= 16
FOLDS = [(np.flatnonzero(~LAST), np.flatnonzero(LAST)), (np.flatnonzero(LAST), np.flatnonzero(~LAST))]


def regressor(**changes: Any) -> MLPRegressorCV:
    given = {"lambdas": [0, 0.1, 1], "max_epochs": 3, "cv": FOLDS, "random_state": 0, "restarts": 2}
    given |= {"inputs": "standard", "search": "grid"}
    return MLPRegressorCV(**{"hidden_layer_sizes": (3,), **given, **changes})


def test_a_fold_may_be_a_mask():
    masks = [(~LAST, LAST), (LAST, ~LAST)]
    np.testing.assert_array_equal(regressor(cv=masks).fit(X, Y).predict(X), regressor().fit(X, Y).predict(X))


def test_a_fold_without_a_row_of_weight_is_refused():
    with pytest.raises(ValueError, match="fold 0 has 16 training and 0 validation rows of positive weight"):
        regressor().fit(X, Y, sample_weight=np.where(LAST, 0.0, 1.0))


def test_layers_are_whole_numbers_of_units():
    with pytest.raises(RequestError, match="hidden_layer_sizes=…: must be whole numbers"):
        MLPRegressorCV((2.5,)).fit(X, Y)  # pyright: ignore[reportArgumentType]


def test_weights_and_biases_of_the_chosen_network_have_a_layer_each():
    model = regressor(hidden_layer_sizes=(3, 2)).fit(X, Y)
    assert [w.shape for w in model.coefs_] == [(2, 3), (3, 2), (2, 1)]
    assert [b.shape for b in model.intercepts_] == [(3,), (2,), (1,)]


def test_training_losses_are_means_over_restarts_then_folds():
    path = regressor().fit(X, Y).path_
    np.testing.assert_allclose(path.train_folds, path.final_train_loss.mean(axis=2))
    np.testing.assert_allclose(path.train_mean, path.train_folds.mean(axis=1), rtol=1e-14)
    spread = path.train_folds.std(axis=1, ddof=1) / np.sqrt(2)
    np.testing.assert_allclose(path.train_se, spread, rtol=1e-12)


def test_a_block_with_a_true_checksum_that_holds_no_arrays_is_set_aside(tmp_path: Path):
    store, block = BlockStore(tmp_path, {"data": "d"}), Block(lambdas=(0.1,), members=((0, 0),))
    store.save(block, {"loss": np.ones(3)})
    (file,) = tmp_path.glob("*.block")
    file.write_bytes(b"nonsense" + hashlib.sha256(b"nonsense").digest())
    with pytest.warns(UserWarning, match="damaged: it was set aside"):
        assert store.load(block) is None
    assert [path.suffix for path in tmp_path.glob("*b*") if path.suffix != ".json"] == [".bad"]


def test_a_cluster_without_its_package_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(RequestError, match=r"pip install 'shrinkage\[cluster\]'"),
        on_cluster("tcp://nowhere:1"),
    ):
        pass
