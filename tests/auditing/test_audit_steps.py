"""Updates written by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from shrinkage import RequestError
from shrinkage.auditing import audit_step


def articles(sign):
    """The update of the 2017 articles: the penalty's gradient joins the error's, with one sign or the other."""

    def step(weights, gradients, lr):
        for w, g in zip(weights, gradients, strict=True):
            w -= lr * (g + sign * 0.005 * w)

    return step


def test_the_published_sign_makes_weights_grow():
    audit = audit_step(articles(-1), [np.random.randn(10, 8), np.random.randn(8, 4)], lr=0.01)
    assert [f.code for f in audit.findings] == ["grows"]
    assert audit.groups[0].lam == pytest.approx(-0.005, rel=1e-6)


def test_with_the_right_sign_it_is_l2():
    audit = audit_step(articles(+1), [np.random.randn(10, 8), np.random.randn(8, 4)], lr=0.01)
    assert audit.findings == []
    assert audit.groups[0].lam == pytest.approx(0.005, rel=1e-6)
    assert audit.groups[0].rule == "L2, here the same as weight decay, × lr"


def articles_of_l1(sign):
    """The same with the penalty λ Σ |w| of the companion article."""

    def step(weights, gradients, lr):
        for w, g in zip(weights, gradients, strict=True):
            w -= lr * (g + sign * 0.005 * np.sign(w))

    return step


@pytest.mark.parametrize(
    "sign, codes, shown", [(-1, ["grows"], "g − 0.005·sgn w"), (+1, [], "g + 0.005·sgn w")]
)
def test_the_published_sign_of_l1_is_distinguished_from_the_right_one(sign, codes, shown):
    audit = audit_step(articles_of_l1(sign), [np.random.randn(10, 8), np.random.randn(8, 4)], lr=0.01)
    assert [f.code for f in audit.findings] == codes
    assert audit.groups[0].formula.endswith(shown)


def test_the_demo_of_2013_decays_after_the_step_and_outside_its_momentum():
    velocity = [np.zeros((4, 7))]

    def step(weights, gradients, lr):
        delta = -lr * gradients[0]
        weights[0] += delta + 0.01 * velocity[0]
        weights[0] -= 1e-4 * weights[0]
        velocity[0] = delta

    audit = audit_step(
        step, [np.zeros((4, 7))], lr=0.05, reset=lambda: velocity.__setitem__(0, np.zeros((4, 7)))
    )
    assert audit.groups[0].shrink == pytest.approx(1e-4, rel=1e-6)
    assert audit.groups[0].rule == "decay beside the gradient, whatever the lr"


def test_a_step_that_returns_named_weights():
    def step(weights, gradients):
        return {k: 0.98 * (w - 0.1 * gradients[k]) for k, w in weights.items()}

    audit = audit_step(step, {"W1": torch.randn(5, 3), "b1": torch.zeros(3)}, rows=1000, batch_size=10)
    assert audit.groups[0].parameters == ("W1", "b1")
    assert audit.groups[0].shrink == pytest.approx(0.02, rel=1e-9)
    assert audit.groups[0].epochs == pytest.approx(0.5, rel=1e-9)
    assert [f.code for f in audit.findings] == ["vanishes", "timescale-short"]


def test_a_step_in_place_by_the_gradients():
    parameters = [nn.Parameter(torch.randn(6, 5, dtype=torch.float64))]
    buffers = [torch.zeros(6, 5, dtype=torch.float64)]

    @torch.no_grad()
    def step():
        for p, b in zip(parameters, buffers, strict=True):
            b.mul_(0.9).add_(1e-3 * p if p.grad is None else p.grad + 1e-3 * p)
            p.sub_(b, alpha=0.1)

    audit = audit_step(step, parameters, reset=lambda: [b.zero_() for b in buffers])
    assert audit.groups[0].rule == "L2 in the gradient, through momentum"
    assert audit.groups[0].lam == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize(
    "step, weights, sentence",
    [
        (lambda w, g: w, [], "must be tensors, or NumPy arrays"),
        (lambda w, g: [1.0], [np.zeros((2, 2))], "must return the new weights, in the order and shapes"),
        (lambda w, g: w + "x", [np.zeros((2, 2))], r"step\(weights, gradients\) raised TypeError"),
        (lambda: None, [np.zeros((2, 2))], "needs torch parameters with .grad"),
    ],
)
def test_wrong_steps_are_refused_in_a_sentence(step, weights, sentence):
    with pytest.raises(RequestError, match=sentence):
        audit_step(step, weights)
