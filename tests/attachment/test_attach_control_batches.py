"""Batches given to a controller that the model or the loss does not take: a sentence with their shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

import shrinkage as sh

CLASSES = torch.zeros(8, dtype=torch.long)


def ce(outputs: Any, targets: Any) -> torch.Tensor:
    return cross_entropy(outputs, targets)


BATCHES: dict[str, Any] = {
    "other inputs": (torch.ones(8, 5), CLASSES),
    "other targets": (torch.ones(8, 3), torch.zeros(7, dtype=torch.long)),
    "two inputs": (torch.ones(8, 3), 1, CLASSES),
}
CONTROLS: dict[str, Callable[[Any], Any]] = {
    "Hypergradient": lambda batch: sh.Hypergradient([batch], ce, every=1),
    "Evidence": lambda batch: sh.Evidence([batch], "cross_entropy", rows=8, every=1),
}


def train_twice(control: Any) -> None:
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    sh.attach(optimizer, sh.L2(1e-3), model=model, control=control)
    for _ in range(2):
        optimizer.zero_grad()
        ce(model(torch.ones(8, 3)), CLASSES).backward()
        optimizer.step()


@pytest.mark.parametrize("name", CONTROLS)
@pytest.mark.parametrize("which", BATCHES)
def test_a_batch_that_the_model_does_not_take_is_reported_with_its_shapes(which: str, name: str):
    what = rf"{name}\(batches=…\): the model or the loss can't take batch 1, inputs of shape \[8, .\].*targets of shape"
    with pytest.raises(sh.RequestError, match=what) as caught:
        train_twice(CONTROLS[name](BATCHES[which]))
    assert "Error: " in str(caught.value)
    assert ".." not in str(caught.value)


def test_a_function_that_has_no_more_batches_is_reported():
    control = sh.Hypergradient(iter([(torch.ones(8, 3), CLASSES)]).__next__, ce, every=1)
    with pytest.raises(sh.RequestError, match="ran out of batches"):
        train_twice(control)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: sh.Hypergradient(every=0), r"^Hypergradient\(every=…\): must be a whole number"),
        (lambda: sh.Hypergradient(inverse="newton"), r"^Hypergradient\(inverse=…\): must be one of step"),
        (lambda: sh.Evidence(sample=0), r"^Evidence\(sample=…\): must be a whole number"),
    ],
)
def test_a_setting_that_is_wrong_is_named_with_its_controller(make: Callable[[], Any], words: str):
    with pytest.raises(sh.RequestError, match=words):
        make()


@pytest.mark.parametrize("rows, loss", [(8, float("nan")), (0, float("nan")), (8, float("inf"))])
def test_a_loss_that_is_not_finite_is_warned_of_once(rows: int, loss: float):
    batch = torch.full((rows, 3), 1.0 if rows == 0 else loss), CLASSES[:rows]
    with pytest.warns(UserWarning, match=r"the loss of batch 1 is nan, so λ stays") as caught:
        train_twice(sh.Hypergradient([batch], ce, every=1))
    assert len(caught) == 1


def test_a_loss_without_a_graph_is_refused():
    batch = torch.ones(8, 3), CLASSES
    with pytest.raises(sh.RequestError, match="the loss of batch 1 has no graph"):
        train_twice(sh.Hypergradient([batch], lambda z, y: ce(z, y).detach(), every=1))
