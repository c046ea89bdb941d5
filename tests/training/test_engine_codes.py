"""Piecewise-linear codes in the compiled engine, against the torch stack, which multiplies by every code."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from engine_cases import LAMBDAS, OPTIMIZERS, assert_same, both, coded_members
from shrinkage.rules import L1, L2
from shrinkage.tables.forms import Piecewise
from shrinkage.training import Rows
from shrinkage.training.engine._coded_rows import coded_rows
from stack_cases import ACTIVATION_NAMES, member, problem, recipe


def test_the_form_says_how_many_codes_each_number_has():
    X, _ = problem(200, 5, 2, "softmax")
    X[:, 1] = (X[:, 1] > 0).double()
    X[:, 2] = X[:, 2].clamp(-1, 1).round()
    form = Piecewise.fit(X.numpy(), None)
    assert form.pieces == (16, 2, 16, 16)
    assert form(X.numpy()).shape[1] == 5 + sum(form.pieces)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_two_numbers_say_what_the_codes_say(dtype):
    (one,) = coded_members(90, 70, dtype=dtype, folds=1, far=True)
    assert one.validation is not None
    for rows in (one.train, one.validation):
        compact, dense = coded_rows(rows, one.pieces), rows.read(torch.arange(len(rows))).X
        plain = dense.shape[1] - sum(one.pieces)
        assert torch.equal(compact.X[:, :plain], dense[:, :plain])
        restored = torch.zeros(len(rows), sum(one.pieces), dtype=dense.dtype)
        start = 0
        for number, count in enumerate(one.pieces):
            piece, share = compact.X[:, plain + 2 * number].long(), compact.X[:, plain + 2 * number + 1]
            for i in range(len(rows)):
                restored[i, start : piece[i]] = 1
                restored[i, piece[i]] = share[i]
            start += count
        assert torch.equal(restored, dense[:, plain:])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [7, 29])
@pytest.mark.parametrize("hidden", [(4,), (20, 7), (70,), (130, 3)], ids=str)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_and_width(optimizer, hidden, batch_size, dtype):
    members = coded_members(37, 29, dtype=dtype, far=True)
    changes = {"hidden_layer_sizes": hidden, "dtype": dtype, **OPTIMIZERS[optimizer]}
    results = both(members, batch_size=batch_size, **changes)
    if dtype == "float32" and "adam" in optimizer:
        # Where a gradient's terms cancel, Adam divides what rounding left by its own size: compare what it leads to.
        results = [replace(each, networks=np.zeros(0)) for each in results]
    assert_same(results, dtype)


@pytest.mark.parametrize("rule", [L2(0.0), L1(0.0)], ids=["l2", "l1"])
@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
def test_every_activation(activation, rule):
    for decay_biases in (False, True):
        changes = {"activation": activation, "rule": rule, "decay_biases": decay_biases}
        assert_same(both(coded_members(37, 29), batch_size=8, **changes))


@pytest.mark.parametrize("rows", [300, 1000])
def test_batches_longer_than_a_piece(rows):
    members = coded_members(rows + 20, rows, loss="squared_error", outputs=2, folds=1)
    changes = {"hidden_layer_sizes": (60,), "learning_rate": 1e-3, "max_epochs": 2}
    assert_same(both(members, loss="squared_error", batch_size=700, **changes))


def test_weights_and_row_numbers():
    X, Y = problem(60, 4, 2, "softmax")
    form = Piecewise.fit(X.numpy(), None)
    inputs = torch.from_numpy(form(X.numpy()))
    index = torch.randperm(60, generator=torch.Generator().manual_seed(5))
    weight = torch.rand(60, 1, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    train, validation = (
        Rows(X=inputs, Y=Y, index=some, weight=weight[some] / weight[some].mean())
        for some in (index[:40], index[40:])
    )
    one = replace(member(inputs, Y), train=train, validation=validation, pieces=form.pieces)
    assert_same(both([one], batch_size=8))


def test_without_hidden_layers_the_codes_are_plain_inputs():
    assert_same(both(coded_members(37, 29), hidden_layer_sizes=(), batch_size=8))


def test_a_network_does_not_depend_on_its_neighbours():
    members = coded_members(80, 60, folds=2)
    opts = recipe(engine="compiled", batch_size=8, hidden_layer_sizes=(20,), optimizer="adam")
    together = opts.train(LAMBDAS, members, seed=1)
    alone = opts.train(LAMBDAS[1:2], members[1:], seed=1)
    assert np.array_equal(together.networks[1:, 1:2], alone.networks)
    assert_close(together.train_loss[1:, 1:2], alone.train_loss, rtol=0, atol=0)
