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


class Later:
    """A factory that changes its mind once training is under way."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> nn.Module:
        self.made += 1
        return nn.Linear(4, 2) if self.made < 8 else nn.Linear(4, 2, bias=False)


class LaterInDouble(Later):
    """A factory that changes its modules' numbers once training is under way."""

    def __call__(self) -> nn.Module:
        self.made += 1
        return nn.Linear(4, 2) if self.made < 8 else nn.Linear(4, 2).double()


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


class HostileDicts:
    def __len__(self) -> int:
        return 40

    def __getitem__(self, i: int) -> dict[str, Any]:
        return {"x": X[i], "label": y[i]}


BAD: dict[str, tuple[Callable[[], nn.Module] | Any, dict[str, Any], str]] = {
    "a module": (
        SAME,
        {},
        "make_module=…: must be a function that builds a new module in each call, got Linear(",
    ),
    "no module": (lambda: 3, {}, "make_module=…: must return a torch.nn.Module, got 3."),
    "other parameters later": (
        Later(),
        {},
        "make_module=…: must return modules of the same shapes each time; bias was (2,) and then missing.",
    ),
    "another dtype later": (
        LaterInDouble(),
        {},
        "must return modules of the same dtypes each time; weight was torch.float32 and then torch.float64.",
    ),
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
    "class late": (
        plain,
        {"y": torch.arange(40) % 2 + 5 * (torch.arange(40) == 39)},
        "for classes 0 to 1, but y has class 6.",
    ),
    "NaN late in y": (
        lambda: nn.Linear(4, 1),
        {"y": torch.where(torch.arange(40) == 39, torch.nan, X[:, 0]), "loss": "squared_error"},
        "y holds NaN or infinite numbers, first in row 39 (counted from 0).",
    ),
    "word out of range": (
        lambda: nn.Sequential(nn.Embedding(9, 2), nn.Flatten(), nn.Linear(6, 2)),
        {"X": torch.arange(120).view(40, 3) // 13},
        "index out of range in self.",
    ),
    "whole numbers": (
        plain,
        {"X": (9 * X).long()},
        "X holds int64: if these are measurements, give X as floats",
    ),
    "classes from 1": (plain, {"y": y + 1}, "but y has class 2. Class numbers start at 0: subtract 1."),
    "classes -1 and 1": (lambda: nn.Linear(4, 1), {"y": 2 * y - 1}, "Number the two classes 0 and 1."),
    "whole floats": (plain, {"y": y.float()}, "If these are classes, use y.long()."),
    "a column of classes": (plain, {"y": y[:, None]}, "Give y as one column: y[:, 0]."),
    "one-hot whole numbers": (
        plain,
        {"y": nn.functional.one_hot(y)},
        "Give one-hot rows as floats, or y.argmax(1).",
    ),
    "text": (
        plain,
        {"X": "data.csv"},
        "X=…: must be an array, a tensor, a tuple or dict of them, or a Dataset",
    ),
    "sparse": (plain, {"X": X.to_sparse()}, "is sparse; modules are given dense rows"),
    "lengths": (plain, {"y": y[:-1]}, "X and y must all have one row per example, got 40 and 39 rows."),
    "broadcast": (
        lambda: nn.Linear(4, 1),
        {"loss": lambda z, t: (z - t).square(), "y": X[:, 0]},
        "Outputs and targets of different shapes were broadcast against each other: give both one shape.",
    ),
    "losses of outputs": (
        plain,
        {"loss": nn.MSELoss(reduction="none"), "y": X[:, :2]},
        "Take the mean over the other axes, such as losses.flatten(1).mean(1).",
    ),
    "a class of losses": (
        plain,
        {"loss": nn.CrossEntropyLoss},
        "is a class; write CrossEntropyLoss(reduction='none').",
    ),
    "a loss that raises": (
        plain,
        {"loss": lambda z, t: 1 / 0},
        "it raised ZeroDivisionError: division by zero.",
    ),
    "an eps of 0": (
        lambda: nn.Linear(4, 2, dtype=torch.float16),
        {},
        "the eps of Adam, 1e-08, is 0 in float16, in which the module has trained parameters, so its steps would be NaN",
    ),
    "another optimizer": (
        plain,
        {"optimizer": lambda p: torch.optim.SGD([nn.Parameter(torch.zeros(2))], lr=1e-3)},
        "the optimizer doesn't hold the parameters that it was called with.",
    ),
    "two learning rates": (
        plain,
        {"optimizer": lambda p: torch.optim.SGD(p, lr=1.0), "learning_rate": 0.1},
        "learning_rate=0.1: your optimizer has 1. Give one of them, or both alike.",
    ),
    "a schedule of torch": (
        plain,
        {"schedule": lambda t: 0.5},
        "schedule=…: must be a function of (step, steps)",
    ),
    "a negative schedule": (
        plain,
        {"schedule": lambda t, T: -1.0},
        "must be >= 0 and finite, got -1 at step 0 of 10.",
    ),
    "no rate": (plain, {"learning_rate": "a"}, "learning_rate=…: must be > 0 and finite, got 'a'."),
    "a norm that is true": (
        plain,
        {"max_grad_norm": True},
        "max_grad_norm=…: must be > 0 and finite, got True.",
    ),
    "a search": (plain, {"search": "random"}, "search=…: must be one of grid, bracket, got 'random'."),
    "processes": (plain, {"n_jobs": 0}, "n_jobs=…: must be 'auto', None, a number of processes >= 1"),
    "extensions": (plain, {"max_extensions": -1}, "max_extensions=…: must be a whole number >= 0, got -1."),
    "no λ": (plain, {"lambdas": []}, "must be 'auto', a count or at least one λ"),
    "text for λ": (plain, {"lambdas": ["a"]}, "must be 'auto', a count or at least one λ"),
    "a seed": (
        plain,
        {"random_state": "a"},
        "random_state=…: must be None, a whole number or a numpy RandomState",
    ),
    "one fold": (plain, {"cv": 1}, "cv=…: the rows can't be divided into folds: k-fold"),
    "rows that don't exist": (
        plain,
        {"cv": [([0, 1], [2, 40])]},
        "cv=…: fold 0 must name rows 0 to 39, got [2, 40].",
    ),
    "a negative weight": (
        plain,
        {"sample_weight": [-1.0] * 40},
        "sample_weight=…: must be finite and >= 0, got -1 in row 0 (counted from 0).",
    ),
    "items of several lengths": (
        plain,
        {"X": [(X[i, : 2 + i % 3], int(y[i])) for i in range(40)], "y": None},
        "All must have the same shapes: pad sequences, crop images.",
    ),
    "words as targets": (
        plain,
        {"X": [(X[i], "yes") for i in range(40)], "y": None},
        "must hold numbers, got 'yes'. Encode words as class numbers.",
    ),
    "items that are dicts": (
        plain,
        {"X": HostileDicts(), "y": None},
        "must be (inputs, target), got dict. Let it return ({…}, target).",
    ),
    "no length": (plain, {"X": NoLength(), "y": None}, "has no length"),
    "a class": (
        nn.Linear,
        {},
        "called without arguments it raised TypeError: Linear.__init__() missing 2 required",
    ),
    "a factory that fails": (
        lambda: 1 // 0,
        {},
        "raised ZeroDivisionError: integer division or modulo by zero.",
    ),
    "no folds": (plain, {"cv": []}, "cv=…: it contains no fold. Give at least one"),
}


def path(make: Any, *, X: Any = X, y: Any = y, **settings: Any) -> Any:
    quick: dict[str, Any] = {"lambdas": [0, 1e-2], "cv": 2, "max_epochs": 2, "max_extensions": 0}
    given: dict[str, Any] = {"random_state": 0, "n_jobs": 1} | quick | settings
    return sh.lambda_path(make, X, y, **given)


@pytest.mark.parametrize("name", BAD)
@pytest.mark.filterwarnings("ignore:The least populated class")
def test_untrainable_modules_are_refused_in_a_sentence(name: str) -> None:
    make, settings, words = BAD[name]
    with pytest.raises(RequestError, match=re.escape(words)) as error:
        path(make, **settings)
    (said,) = error.value.problems
    assert said[0].isprintable()
    assert said.endswith((".", "'"))
    assert "\n" not in said


def test_what_a_dataset_or_an_optimizer_raises_becomes_one_sentence() -> None:
    class Failing(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return 40

        def __getitem__(self, i: int) -> Any:
            if i == 37:
                raise OSError("no such image")
            return X[i], y[i]

    with pytest.raises(JobError, match="item 37 of the Dataset Failing raised OSError: no such image"):
        path(plain, X=Failing(), y=None)
    with pytest.raises(
        RequestError, match="2 trained parameters it raised ValueError: Muon only supports 2D"
    ):
        path(plain, optimizer=lambda p: torch.optim.Muon(p, weight_decay=0.0))
    with pytest.raises(RequestError, match="leaves out 1 of the module's 2 trained parameters"):
        path(plain, optimizer=lambda p: torch.optim.SGD([each for each in p if each.ndim > 1], lr=0.1))


def test_a_loss_that_mixes_rows_and_folds_that_overlap_are_warned_of() -> None:
    def mixed(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return (z - t).square().mean(1)

    with pytest.warns(
        UserWarning, match="loss=mixed: the loss of a row depends on the other rows of its batch"
    ):
        path(lambda: nn.Linear(4, 1), y=X[:, 0], loss=mixed)
    with pytest.warns(UserWarning, match="fold 0 validates on 20 rows that it also trains on"):
        path(plain, cv=[(range(40), range(20))])


def test_a_path_that_diverges_everywhere_is_reported() -> None:
    with pytest.raises((RequestError, JobError), match="diverged"):
        path(plain, X=100 * X, optimizer="sgd", learning_rate=1e30)
