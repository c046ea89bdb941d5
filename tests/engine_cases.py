"""A block by the compiled engine and by the torch stack, which the other tests hold against autograd and the formulas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.testing import assert_close

from shrinkage.training import BlockResult, Member
from shrinkage.training.engine._engine_trainee import engine_takes
from stack_cases import recipe

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
