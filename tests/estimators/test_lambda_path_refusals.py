"""What a user can get wrong about a module, its loss or its rows: a sentence each, before anything is trained."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

import shrinkage as sh
from shrinkage import JobError, RequestError

X = torch.randn(40, 4, generator=torch.Generator().manual_seed(0))
y = (X[:, 0] > 0).long()
SAME = nn.Linear(4, 2)
SHARED = nn.Linear(4, 4)
WIDTHS = [3]


def plain() -> nn.Module:
    return nn.Linear(4, 2)


def growing() -> nn.Module:
    WIDTHS.append(WIDTHS[-1] + 1)
    return nn.Sequential(nn.Linear(4, WIDTHS[-1]), nn.Linear(WIDTHS[-1], 2))


class Unread(nn.Module):
    """Its outputs come from no parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :2] * self.layer.weight.detach().sum()


class NoLength(Dataset[Any]):
    def __getitem__(self, i: int) -> Any:
        return X[i], y[i]


def infinite() -> nn.Module:
    layer = nn.Linear(4, 2)
    nn.init.constant_(layer.weight, torch.inf)
    return layer


def mean(z: Tensor, y: Tensor) -> Tensor:
    return nn.functional.cross_entropy(z, y)


BAD: dict[str, tuple[Callable[[], nn.Module] | Any, dict[str, Any], str]] = {
    "a module": (
        SAME,
        {},
        "make_module=…: must be a function that builds a new module in each call, got Linear(",
    ),
    "no module": (lambda: 3, {}, "make_module=…: must return a torch.nn.Module, got 3."),
    "no weight": (
        lambda: nn.Sequential(nn.BatchNorm1d(4)),
        {},
        "the module has no weight to decay: all its trained parameters are biases, gains of normalizations or single",
    ),
    "nothing is learned": (
        Unread,
        {},
        "the loss doesn't depend on any trained parameter, so nothing can be learned.",
    ),
    "same module": (
        lambda: SAME,
        {},
        "make_module=…: returned the same module twice, so all networks would share",
    ),
    "shared layer": (
        lambda: nn.Sequential(SHARED, nn.Linear(4, 2)),
        {},
        "make_module=…: two modules share the weights of 0.weight. Build new layers in each call.",
    ),
    "other shapes": (
        growing,
        {},
        "must return modules of the same shapes each time; 0.weight was (",
    ),
    "lazy": (
        lambda: nn.LazyLinear(2),
        {},
        "weight has no shape yet (a lazy module). Run the module on one batch",
    ),
    "another device": (
        lambda: nn.Linear(4, 2, device="meta"),
        {},
        "the module is on meta (weight), but device='cpu'. Build it on the CPU, or give device='meta'.",
    ),
    "can't run": (
        lambda: nn.Linear(5, 2),
        {},
        "the module can't run on a batch of X: mat1 and mat2 shapes cannot be",
    ),
    "few outputs": (
        lambda: nn.Linear(4, 1),
        {"y": torch.arange(40) % 3},
        "the module has one output per row, which fits classes 0 and 1, but y has [0, 1, 2].",
    ),
    "outputs and classes": (
        plain,
        {"y": torch.arange(40) % 3},
        "the module has 2 outputs per row, for classes 0 to 1, but y has class 2.",
    ),
    "outputs and values": (
        plain,
        {"y": torch.randn(40, 3), "loss": "squared_error"},
        "outputs and targets must have the same shape, got outputs (20, 2) of float32 for y (20, 3) of float32.",
    ),
    "values as classes": (
        plain,
        {"y": X[:, 0]},
        "y must be class numbers (whole numbers), got (20,) of float32",
    ),
    "one number": (
        plain,
        {"loss": mean},
        "loss=mean: must return one loss per row, a tensor (20,) for 20 rows, got a tensor ().",
    ),
    "no strength": (
        plain,
        {"rule": "weight_decay_original", "lambdas": [0, 1e6], "learning_rate": 1.0},
        "more than the whole weight",
    ),
    "negative": (plain, {"lambdas": [-1.0, 1e-3]}, "lambdas"),
    "NaN in X": (
        plain,
        {"X": torch.full((40, 4), torch.nan)},
        "the loss of an untrained module is NaN or infinite on the first batch.",
    ),
    "infinite weights": (
        infinite,
        {},
        "the loss of an untrained module is NaN or infinite on the first batch.",
    ),
    "no length": (plain, {"X": NoLength(), "y": None}, "has no length"),
}


def path(make: Any, *, X: Any = X, y: Any = y, **settings: Any) -> Any:
    quick: dict[str, Any] = {"lambdas": [0, 1e-2], "cv": 2, "max_epochs": 2, "max_extensions": 0}
    given: dict[str, Any] = {"random_state": 0, "n_jobs": 1} | quick | settings
    return sh.lambda_path(make, X, y, **given)


@pytest.mark.parametrize("name", BAD)
def test_untrainable_modules_are_refused_in_a_sentence(name: str) -> None:
    make, settings, words = BAD[name]
    with pytest.raises(RequestError, match=re.escape(words)) as error:
        path(make, **settings)
    (said,) = error.value.problems
    assert said[0].isprintable()
    assert said.endswith((".", "'"))
    assert "\n" not in said


def test_a_path_that_diverges_everywhere_is_reported() -> None:
    with pytest.raises((RequestError, JobError), match="diverged"):
        path(plain, X=100 * X, optimizer="sgd", learning_rate=1e30)
