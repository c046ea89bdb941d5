"""A block by the compiled engine and by the torch stack, which the other tests hold against autograd and the formulas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch.testing import assert_close

from shrinkage.tables.forms import Piecewise
from shrinkage.training import BlockResult, Member
from shrinkage.training.engine._engine_trainee import engine_takes
from stack_cases import member, problem, recipe

LAMBDAS = [0.0, 0.01, 0.3]
OPTIMIZERS = {
    "sgd": {"optimizer": "sgd"},
    "momentum": {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.02},
    "nesterov": {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.02, "nesterov": True},
    "adam": {"optimizer": "adam", "learning_rate": 0.01},
    "adam, cosine": {"optimizer": "adam", "learning_rate": 0.01, "schedule": "cosine"},
}
# Sums in another order: what roundings grow to in 87 steps of momentum and of L1's trembling signs.
TOLERANCE = {"float64": (1e-10, 1e-11), "float32": (2e-4, 2e-5)}


def both(members: Sequence[Member], **changes: Any) -> tuple[BlockResult, BlockResult]:
    """The same block by the engine and by the stack."""
    compiled, stacked = (recipe(engine=engine, **changes) for engine in ("compiled", "torch"))
    assert engine_takes(compiled)
    return compiled.train(LAMBDAS, members, seed=1), stacked.train(LAMBDAS, members, seed=1)


def assert_same(results: Sequence[BlockResult], dtype: str = "float64") -> None:
    compiled, stacked = results
    rtol, atol = TOLERANCE[dtype]
    for name in compiled.arrays:
        got, expected = (torch.from_numpy(getattr(result, name)) for result in (compiled, stacked))
        assert_close(got, expected, rtol=rtol, atol=atol, equal_nan=True, msg=lambda m, n=name: f"{n}: {m}")


def coded_members(
    n: int,
    train: int,
    *,
    loss: str = "softmax",
    dtype: str = "float64",
    outputs: int = 3,
    folds: int = 2,
    far: bool = False,
) -> list[Member]:
    """Members whose columns are numbers, a level and a number of few values, in the piecewise form."""
    X, Y = problem(n, 5, outputs, loss)
    X[:, 1] = (X[:, 1] > 0).double()
    X[:, 2] = X[:, 2].mul(2).round()
    if far:
        X[train:] *= 50
    form = Piecewise.fit(X[:train].numpy(), None)
    inputs = torch.from_numpy(form(X.numpy())).to(getattr(torch, dtype))
    made = [member(inputs, Y.to(inputs), fold=fold, n_train=train) for fold in range(folds)]
    return [replace(each, pieces=form.pieces) for each in made]
