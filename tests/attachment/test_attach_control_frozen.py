"""Controllers over weights that are frozen: what does not move says nothing about λ."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import shrinkage as sh

Batch = tuple[Tensor, Tensor]
CONTROLS: dict[str, Callable[[list[Batch]], Any]] = {
    "Hypergradient": lambda b: sh.Hypergradient(b, "cross_entropy", every=5),
    "by cg": lambda b: sh.Hypergradient(b, "cross_entropy", inverse="cg", training=b, every=5),
    "Evidence": lambda b: sh.Evidence(b, "cross_entropy", every=5),
    "TargetNorm": lambda b: sh.TargetNorm(0.5, every=5),
}


def data() -> Batch:
    g = torch.Generator().manual_seed(0)
    x = torch.randn(64, 3, generator=g)
    return x, (x[:, 0] + 0.5 * torch.randn(64, generator=g) > 0).long()


def net(frozen: tuple[int, ...]) -> nn.Sequential:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
    for i in frozen:
        model[i].requires_grad_(False)
    return model


def trace(
    model: nn.Module, batch: Batch, name: str, steps: int = 30, **options: Any
) -> dict[str, list[float]]:
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    handle = sh.attach(optimizer, sh.L2(1e-3), model=model, control=CONTROLS[name]([batch]), **options)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = cross_entropy(model(batch[0]), batch[1])
        if loss.requires_grad:
            loss.backward()
        optimizer.step()
    return handle.trace()


@pytest.mark.parametrize("name", CONTROLS)
def test_frozen_layers_before_the_head_are_as_if_they_were_the_inputs(name: str):
    x, y = data()
    model = net(frozen=(0,))
    head, features = copy.deepcopy(model[2]), model[1](model[0](x)).detach()
    assert trace(model, (x, y), name)["lam"] == pytest.approx(
        trace(head, (features, y), name)["lam"], rel=1e-4
    )


@pytest.mark.parametrize("name", CONTROLS)
def test_where_all_pulled_weights_are_frozen_the_strength_stays(name: str):
    model = net(frozen=(0, 2))
    model[2].bias.requires_grad_(True)
    assert set(trace(model, data(), name)["lam"]) == {1e-3}


@pytest.mark.parametrize("name", CONTROLS)
def test_a_frozen_layer_keeps_its_own_strength(name: str):
    found = trace(net(frozen=(0,)), data(), name, strengths="layers")
    assert set(found["0.weight"]) == {1e-3}
    assert len(set(found["2.weight"])) > 3
