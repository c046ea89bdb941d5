"""An optimizer that takes the weights' direction out of the gradient has the decay of the one inside it, and no other."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from auditing_cases import codes, matrices, net, rest
from shrinkage.auditing import audit


class Orthogonal(torch.optim.Optimizer):
    """The gradient without its part along the weights, at its old norm (arXiv 2501.04697), then the step of `base`."""

    def __init__(self, base: torch.optim.Optimizer):
        super().__init__(base.param_groups, base.defaults)
        self.base = base
        self.param_groups, self.state = base.param_groups, base.state

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    w, g = p.flatten(), p.grad.flatten()
                    left = g - (w @ g) / (w @ w + 1e-30) * w
                    p.grad.copy_((left * g.norm() / (left.norm() + 1e-30)).view_as(p))
        self.base.step()


def projected(base: Any, model: nn.Module, strength: float, **options: Any) -> torch.optim.Optimizer:
    groups = [
        {"params": matrices(model), "weight_decay": strength},
        {"params": rest(model), "weight_decay": 0.0},
    ]
    return Orthogonal(base(groups, lr=0.01, **options))


@pytest.mark.parametrize("base", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop])
def test_a_projection_without_a_decay_is_no_decay(base: Any):
    model = net()
    found = audit(projected(base, model, 0.0), model)
    assert found.findings == []
    assert {row.rule for row in found.groups} == {"no decay"}


@pytest.mark.parametrize(
    "base, options", [(torch.optim.SGD, {}), (torch.optim.AdamW, {}), (torch.optim.SGD, {"momentum": 0.9})]
)
def test_the_decay_beside_a_projection_is_that_of_the_optimizer_inside(base: Any, options: dict[str, Any]):
    one, other = net(), net()
    ours = audit(projected(base, one, 0.1, **options), one).groups
    groups = [{"params": matrices(other), "weight_decay": 0.1}, {"params": rest(other), "weight_decay": 0.0}]
    plain = audit(base(groups, lr=0.01, **options), other).groups
    for a, b in zip(ours, plain, strict=True):
        assert (a.rule, a.lam) == (b.rule, None if b.lam is None else pytest.approx(b.lam, rel=1e-6))
        assert a.shrink == pytest.approx(b.shrink, rel=1e-6)


def test_a_penalty_behind_a_projection_is_found_as_one():
    model = net()
    assert codes(projected(torch.optim.Adam, model, 0.1), model) == {"adam-l2"}


@pytest.mark.frameworks
@pytest.mark.filterwarnings("ignore")
def test_orthograd_of_the_package():
    package = pytest.importorskip("pytorch_optimizer", reason="needs the extra 'frameworks'")
    model = net()
    optimizer = package.OrthoGrad(torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.0))
    assert codes(optimizer, model) == set()
