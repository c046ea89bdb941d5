"""K stacked models under one rule are K models under their own: for every rule of the catalogue."""

import pytest
import torch
from torch import Tensor

from rules_cases import ROWS
from shrinkage.rules import CATALOGUE, Projection, Reading, Rule, View, rule_named

K, STEPS = 3, 6
NOW = Reading(lr=0.1, lr_max=0.2)
START = 0.5 * torch.randn(K, 4, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
GRADS = torch.randn(STEPS, K, 4, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64) - START
SCALES = torch.tensor([0.5, 1.0, 0.25], dtype=torch.float64)


def run(rule: Rule, start: Tensor, grads: Tensor, moment: float | Tensor) -> Tensor:
    """SGD under `rule` through views, as an attachment drives it."""
    w = start.clone()
    anchor = start.clone() if rule.anchor == "initial" else None
    state: dict[str, Tensor] = {}
    rule.start(View(w=w, now=NOW, strength=rule.strength, anchor=anchor, state=state))
    for grad in grads:
        view = View(w=w, now=NOW, strength=rule.strength, anchor=anchor, state=state, grad=grad)
        view.previous, view.second_moment = w.clone(), torch.as_tensor(moment)
        rule.read([view])
        if rule.acts == "gradient":
            grad = grad + rule.gradient(view)
        elif rule.acts == "before":
            rule.apply_(view)
        w -= NOW.lr * grad
        if rule.acts == "after":
            rule.apply_(view)
    return w


@pytest.mark.parametrize("name", ROWS)
def test_a_stack_is_its_models(name: str):
    rule = ROWS[name].rule
    strengths = SCALES * rule.strength
    stacked = run(
        rule.with_strength(strengths.reshape(K, 1, 1)), START, GRADS, moment=torch.full((K, 1, 1), 20.0)
    )
    for k in range(K):
        alone = run(rule.with_strength(float(strengths[k])), START[k], GRADS[:, k], moment=20.0)
        torch.testing.assert_close(stacked[k], alone, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_rules_of_a_path_begin_without_strength(name: str):
    assert rule_named(name).strength == 0


def test_one_model_in_a_stack_is_one_model():
    rule = Projection(torch.full((1, 1, 1), 0.5, dtype=torch.float64), onto="sphere")
    w = START[:1].clone()
    rule.shrink_(w, NOW)
    assert float(w.norm()) == pytest.approx(0.5)
