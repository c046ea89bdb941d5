"""1 − γ: the limits, the published identity, and the estimate of h against the exact Gauss–Newton diagonal."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shrinkage._errors import RequestError
from shrinkage.attachment import attach
from shrinkage.estimators import MLPClassifierCV
from shrinkage.rules import Reading, UncertainDecay, View, determined

NOW = Reading(lr=0.1, lr_max=0.1)


def decayed(h: float, lam: float) -> float:
    """Share of a weight taken off in one step at curvature h."""
    w, grad = torch.ones(1, dtype=torch.float64), torch.full((1,), (h / 4) ** 0.5, dtype=torch.float64)
    rule = UncertainDecay(lam, batch=4)
    view = View(w=w, now=NOW, strength=lam, grad=grad)
    rule.read([view])
    rule.apply_(view)
    return 1 - float(w)


@pytest.mark.parametrize("h, rate", [(0.0, 0.1), (1e-4, 0.1 / 1.01), (0.01, 0.05), (1.0, 0.1 * 0.01 / 1.01)])
def test_the_rate_is_that_of_ivon(h: float, rate: float):
    """Per λ: with λ = .01 and η = .1, h = 0, 1e-4, .01, 1 give .1, .099, .05, .00099."""
    assert decayed(h, 0.01) / 0.01 == pytest.approx(rate, rel=1e-9)


def test_without_curvature_it_is_decoupled_decay_and_at_zero_nothing():
    assert decayed(0.0, 0.5) == pytest.approx(0.05)
    assert decayed(0.0, 0.0) == 0.0


def test_the_effective_parameters_of_a_design_with_known_curvature():
    """For ½-free squared error the curvature of a standardized column is 2: γ = D·2/(2 + λ)."""
    h = torch.full((7,), 2.0)
    assert float(determined(h, 0.5).sum()) == pytest.approx(7 * 2 / 2.5)
    assert float(determined(h, 0.0).sum()) == 7


def logistic_rows(n: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    scales = torch.tensor([0.1, 0.5, 1.0, 2.0], dtype=torch.float64)
    X = torch.randn(n, 4, generator=generator, dtype=torch.float64) * scales
    w = torch.tensor([1.0, -1.0, 0.5, 0.2], dtype=torch.float64)
    y = torch.bernoulli(torch.sigmoid(X @ w), generator=generator)
    return X, y, w


def test_the_running_mean_finds_the_gauss_newton_diagonal():
    """At the teacher's weights, the model being right: batch·g² has the mean Σ p(1 − p)x²/n."""
    X, y, w = logistic_rows(64_000)
    p = torch.sigmoid(X @ w)
    exact = (p * (1 - p))[:, None].mul(X.square()).mean(0)
    rule = UncertainDecay(0.1, batch=16, memory=0.9999)
    view = View(w=w.clone(), now=NOW, strength=0.1)
    for rows in torch.arange(len(X)).split(16):
        view.grad = ((p - y)[rows, None] * X[rows]).mean(0)
        rule.read([view])
    found = view.state["curvature"] / view.state["seen"]
    torch.testing.assert_close(found, exact, rtol=0.1, atol=0.0)


def test_an_input_that_is_always_0_loses_its_weight_and_the_others_keep_theirs():
    X, y, _ = logistic_rows(2048)
    X[:, 0] = 0
    model = nn.Linear(4, 1, bias=False).double()
    nn.init.ones_(model.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    attach(optimizer, UncertainDecay(0.05, batch=64, memory=0.9), model=model)
    for rows in torch.arange(2048).repeat(10).split(64):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(model(X[rows])[:, 0], y[rows]).backward()
        optimizer.step()
    w = model.weight.detach()[0]
    assert float(w[0]) == pytest.approx((1 - 0.2 * 0.05) ** 320)
    assert float(w[1]) < -0.5


@pytest.mark.parametrize(
    "arguments, says",
    [({"batch": 0}, r"batch=….*>= 1, got 0"), ({"batch": 1, "memory": 1.0}, r"memory=….*< 1, got 1")],
)
def test_refusals(arguments, says):
    with pytest.raises(RequestError, match=says):
        UncertainDecay(0.1, **arguments)


def test_swarms_refuse_it_with_what_to_do():
    """They have no gradient to read."""
    model = MLPClassifierCV(
        (3,), rule=lambda lam: UncertainDecay(lam, batch=8), trainer="swarm", lambdas=[0, 0.1]
    )
    with pytest.raises(RequestError, match="a swarm has none"):
        model.fit(np.arange(40.0)[:, None], np.tile([0, 1], 20))
