"""A run that is continued: in its own form, whichever is faster now, and only if nothing in it was changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import shrinkage as sh
from module_training_cases import perceptron, table
from shrinkage import RequestError
from shrinkage.estimators.given._runtime import Runtime
from shrinkage.estimators.modules import _kept_form

X, y = table(24)


def quick(blocks: Path, make: Any = perceptron, **changes: Any) -> Any:
    settings: dict[str, Any] = {
        "lambdas": [0, 1e-2],
        "cv": 2,
        "max_epochs": 2,
        "max_extensions": 0,
        "n_jobs": 1,
        "random_state": 0,
        "blocks": blocks,
    }
    return sh.lambda_path(make, X, y, **(settings | changes))


def forced(monkeypatch: pytest.MonkeyPatch, *, stacked: bool) -> None:
    """Let one form be the faster one."""

    def choose(kind: Any, *_: Any) -> Any:
        return kind if stacked else kind.one_by_one("that is faster for it here")

    monkeypatch.setattr(_kept_form, "faster_form", choose)


class Counting(nn.Module):
    """With a buffer that training changes and one that it doesn't."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(5, 3).double()
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("scale", torch.ones(5, dtype=torch.float64))
        self.scale: Tensor

    def forward(self, x: Tensor) -> Tensor:
        self.seen += 1
        return self.linear(x * self.scale)


@pytest.mark.parametrize("make", [perceptron, Counting])
@pytest.mark.parametrize("first", [True, False], ids=["stacked", "one by one"])
def test_a_run_keeps_to_its_form_when_the_other_is_faster_later(
    make: Any, first: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forced(monkeypatch, stacked=first)
    before = quick(tmp_path, make)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.block")}
    forced(monkeypatch, stacked=not first)
    again = quick(tmp_path, make)
    assert kept == {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.block")}
    assert again.stacked_.startswith("stacked" if first else "one by one")
    np.testing.assert_array_equal(again.path_.validation_loss, before.path_.validation_loss)
    for name, tensor in before.module_.state_dict().items():
        assert torch.equal(again.module_.state_dict()[name], tensor)


def test_modules_that_cannot_be_stacked_are_continued(tmp_path: Path) -> None:
    def make() -> nn.Module:
        return nn.Sequential(nn.Linear(5, 4), nn.RReLU(), nn.Linear(4, 3)).double()

    words = [quick(tmp_path, make).stacked_ for _ in range(2)]
    assert words[0] == words[1]
    assert "rrelu" in words[0]


def test_an_estimator_keeps_to_its_form_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Linear(inputs, 4), nn.Tanh(), nn.Linear(4, outputs))

    def fit() -> Any:
        model = sh.MLPClassifierCV(
            network=make,
            lambdas=[0, 1e-2],
            cv=2,
            max_epochs=2,
            max_extensions=0,
            random_state=0,
            search="grid",
        )
        return model._fit(X.numpy(), y.numpy(), None, runtime=Runtime(blocks=tmp_path))

    forced(monkeypatch, stacked=False)
    before = fit()
    forced(monkeypatch, stacked=True)
    np.testing.assert_array_equal(fit().path_.validation_loss, before.path_.validation_loss)


class Smoothed(nn.CrossEntropyLoss):
    """Of one name, whatever its smoothing."""

    def __init__(self, label_smoothing: float) -> None:
        super().__init__(reduction="none", label_smoothing=label_smoothing)


def shifted(by: float) -> Any:
    def forward(self: Any, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias) + by * x[:, :3]

    kind = type("Linear", (nn.Linear,), {"forward": forward})
    return lambda: kind(5, 3).double()


CHANGED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "optimizer": (
        {"optimizer": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)},
        {"optimizer": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.5)},
        "optimizer",
    ),
    "schedule": (
        {"schedule": lambda step, steps: 1 - step / steps},
        {"schedule": lambda step, steps: 1.0},
        "schedule",
    ),
    "loss": ({"loss": Smoothed(0.1)}, {"loss": Smoothed(0.2)}, "module"),
    "forward": ({"make": shifted(0.0)}, {"make": shifted(1.0)}, "module"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_changed_function_of_the_same_name_is_another_run(name: str, tmp_path: Path) -> None:
    first, second, differing = CHANGED[name]
    quick(tmp_path, stacked=True, **first)
    with pytest.raises(RequestError, match=f"belong to another run: {differing} was"):
        quick(tmp_path, stacked=True, **second)
    quick(tmp_path, stacked=True, **first)  # and the first is still continued


def test_one_by_one_keeps_every_buffer_whichever_way_it_came_about(monkeypatch: pytest.MonkeyPatch) -> None:
    forced(monkeypatch, stacked=False)
    settings: dict[str, Any] = {"lambdas": [0], "cv": 2, "max_epochs": 1, "max_extensions": 0, "n_jobs": 1}
    found = [
        sh.lambda_path(Counting, X, y, random_state=0, stacked=form, **settings)._kind.module_layout
        for form in ("auto", False)
    ]
    assert [slot.name for slot in found[0].buffers] == [slot.name for slot in found[1].buffers]
    assert found[0] == found[1]
