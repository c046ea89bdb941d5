"""Every named rule by itself, without an attachment, beside its formula written out: two tensors, step by step."""

from typing import Any

import pytest
import torch
from torch import Tensor

from rules_cases import ROWS, Moment, Row
from shrinkage.rules import Reading, View

RATES = [0.05, 0.1, 0.1, 0.07, 0.03, 0.02]
FIRST = torch.Generator().manual_seed(5)
STARTS = [0.5 * torch.randn(shape, generator=FIRST, dtype=torch.float64) for shape in [(4, 5), (3, 2)]]
# Gradients that lead back to the start now and then, on a momentum that goes on from it all the same.
NOISE = [[torch.randn(w.shape, generator=FIRST, dtype=torch.float64) for w in STARTS] for _ in RATES]
V_HAT = [0.04, 0.05, 0.03, 0.07, 0.02, 0.01]


def steps(row: Row, act: Any) -> list[Tensor]:
    """SGD with momentum; `act(moment, t, weights, olds, grads)` is the rule, asked at both sides of the step."""
    weights, velocity = [w.clone() for w in STARTS], [torch.zeros_like(w) for w in STARTS]
    for t, lr in enumerate(RATES):
        olds = [w.clone() for w in weights]
        grads = [noise + w for noise, w in zip(NOISE[t], weights, strict=True)]
        grads = act("gradient", t, weights, olds, grads)
        act("before", t, weights, olds, grads)
        for w, v, grad in zip(weights, velocity, grads, strict=True):
            w -= lr * v.mul_(0.9).add_(grad)
        act("after", t, weights, olds, grads)
    return weights


def by_rule(row: Row) -> list[Tensor]:
    rule, views = row.rule, []
    for w in STARTS:
        anchor = w.clone() if rule.anchor == "initial" else None
        views.append(
            View(w=w.clone(), now=Reading(lr=0.0, lr_max=0.1), strength=rule.strength, anchor=anchor)
        )
        rule.start(views[-1])

    def act(when: str, t: int, weights: Any, olds: Any, grads: Any) -> Any:
        for view, w, old, grad in zip(views, weights, olds, grads, strict=True):
            view.w, view.previous, view.now = w, old, Reading(lr=RATES[t], lr_max=0.1)
            if when == "gradient":
                view.grad, view.second_moment = grad, torch.tensor(V_HAT[t] * w.numel(), dtype=torch.float64)
        if when == "gradient":
            rule.read(views)
        if when == rule.acts == "gradient":
            return [grad + rule.gradient(view) for grad, view in zip(grads, views, strict=True)]
        if when == rule.acts:
            for view in views:
                rule.apply_(view)
        return grads

    return steps(row, act)


def by_twin(row: Row) -> list[Tensor]:
    memories: list[dict[str, Any]] = [{} for _ in STARTS]

    def act(when: str, t: int, weights: Any, olds: Any, grads: Any) -> Any:
        if when != row.acts:
            return grads
        norms = {
            "norm": float(sum(w.square().sum() for w in olds) ** 0.5),
            "grad_norm": float(sum(g.square().sum() for g in grads) ** 0.5),
            "v_hat_mean": V_HAT[t],
        }
        new = [
            row.twin(Moment(w, old, grad, start, RATES[t], 0.1, memory, norms))
            for w, old, grad, start, memory in zip(weights, olds, grads, STARTS, memories, strict=True)
        ]
        if when == "gradient":
            return new
        for w, value in zip(weights, new, strict=True):
            w.copy_(value)
        return grads

    return steps(row, act)


@pytest.mark.parametrize("name", ROWS)
def test_a_rule_is_its_formula(name: str):
    for ours, theirs in zip(by_rule(ROWS[name]), by_twin(ROWS[name]), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ROWS)
def test_a_rule_moves_the_weights(name: str):
    bare = steps(ROWS[name], lambda when, t, weights, olds, grads: grads)
    assert any(float((a - b).abs().max()) > 1e-4 for a, b in zip(by_rule(ROWS[name]), bare, strict=True))
