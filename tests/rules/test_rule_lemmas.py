"""What is equal to what, exactly: float64, plain SGD, on a quadratic and on a curved loss."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from shrinkage.rules import CATALOGUE, L2, Decoupled, Proximal, Reading, Rule, WeightDecay

LR, STEPS = 0.1, 200
GENERATOR = torch.Generator().manual_seed(5)
A = torch.randn(8, 6, generator=GENERATOR, dtype=torch.float64)
B = torch.randn(8, generator=GENERATOR, dtype=torch.float64)
START = torch.randn(6, generator=GENERATOR, dtype=torch.float64)


def slope(w: Tensor) -> Tensor:
    """Of a curved loss: (1/n) Σ log cosh(residual)."""
    return A.T @ torch.tanh(A @ w - B) / len(A)


def quadratic_slope(w: Tensor) -> Tensor:
    return A.T @ (A @ w - B) / len(A)


def sgd(
    rule: Rule, *, lr: float = LR, steps: int = STEPS, slope: Callable[[Tensor], Tensor] = slope
) -> Tensor:
    """Every point of a run of plain SGD under `rule`."""
    w, now, points = START.clone(), Reading(lr=lr, lr_max=LR), []
    for _ in range(steps):
        grad = slope(w)
        if rule.acts == "gradient":
            rule.add_gradient_(grad, w)
        elif rule.acts == "before":
            rule.shrink_(w, now)
        w = w - lr * grad
        if rule.acts == "after":
            rule.shrink_(w, now)
        points.append(w.clone())
    return torch.stack(points)


def same(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=5e-15)


@pytest.mark.parametrize("lam", [0.0, 0.3, 3.0])
def test_in_the_loss_is_before_the_step(lam: float):
    same(sgd(L2(lam)), sgd(Decoupled(lam)))


def test_a_fraction_of_the_original_weight_is_before_the_step():
    w, points = START.clone(), []
    for _ in range(STEPS):
        w = w - LR * slope(w) - 0.02 * w
        points.append(w)
    same(sgd(WeightDecay(0.02, of="original")), torch.stack(points))


@pytest.mark.parametrize("rate", [0.02, 0.5])
def test_after_the_step_is_before_it_at_a_shorter_learning_rate(rate: float):
    before = Decoupled(rate=rate, clock="constant")
    same(sgd(WeightDecay(rate)), sgd(before, lr=LR * (1 - rate)))


@pytest.mark.parametrize("s", [0.02, 1.0])
def test_proximal_is_after_the_step_with_a_smaller_fraction(s: float):
    same(sgd(Proximal(rate=s, clock="constant")), sgd(WeightDecay(s / (1 + s))))


ROUGH = ("l1", "elastic_net", "conditional", "l2_sp")
SMOOTH = [name for name, rule in CATALOGUE.items() if name not in ROUGH and rule(0.0).modulation is None]


@pytest.mark.parametrize("name", SMOOTH)
def test_at_lambda_is_the_canonical_strength(name: str):
    """Where plain SGD rests, ∇loss + λ·F(w) = 0, whatever the rule's own unit."""
    rule, lam = CATALOGUE[name](0.0).at_lambda(0.2, LR), 0.2
    end = sgd(rule, steps=20_000, slope=quadratic_slope)[-1]
    torch.testing.assert_close(quadratic_slope(end), -lam * rule.force.pull(end), rtol=0, atol=1e-12)


def test_proximal_l1_rests_where_lasso_does():
    """Zero where |∇loss| ≤ λ, and ∇loss = −λ sgn w elsewhere: the lasso's own conditions, with exact zeros."""
    end = sgd(Proximal(0.3, penalty="l1"), steps=20_000, slope=quadratic_slope)[-1]
    grad, zero = quadratic_slope(end), end == 0
    assert 0 < int(zero.sum()) < len(end)
    assert (grad[zero].abs() <= 0.3).all()
    torch.testing.assert_close(grad[~zero], -0.3 * end[~zero].sign(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", CATALOGUE)
def test_lambda_at_undoes_at_lambda(name: str):
    rule = CATALOGUE[name](0.0)
    assert rule.at_lambda(0.7, LR).lambda_at(LR) == pytest.approx(0.7, rel=1e-14)


@pytest.mark.parametrize("mu, dampening", [(0.0, 0.0), (0.5, 0.0), (0.9, 0.0), (0.9, 0.4)])
def test_coupled_and_decoupled_rest_at_one_point_under_momentum(mu: float, dampening: float):
    """Coupled λ in the buffer, decoupled λ·(1 − dampening)/(1 − μ) outside it."""
    lam, ends = 0.3, []
    for coupled in (True, False):
        w, buffer = START.clone(), torch.zeros_like(START)
        for _ in range(6_000):
            grad = quadratic_slope(w)
            if coupled:
                grad = grad + lam * w
            buffer = mu * buffer + (1 - dampening) * grad
            if not coupled:
                Decoupled(lam * (1 - dampening) / (1 - mu)).shrink_(w, Reading(lr=0.02, lr_max=0.02))
            w = w - 0.02 * buffer
        ends.append(w)
    hessian = A.T @ A / len(A) + lam * torch.eye(6, dtype=torch.float64)
    torch.testing.assert_close(ends[0], torch.linalg.solve(hessian, A.T @ B / len(A)), rtol=0, atol=1e-12)
    same(ends[0], ends[1])


@pytest.mark.parametrize(
    "clock, factor",
    [("lr", 0.04), ("schedule", 0.4), ("constant", 1.0), ("corrected", 0.016)],
)
def test_clocks(clock, factor: float):
    w = torch.ones(1, dtype=torch.float64)
    strength = {"rate" if clock in ("schedule", "constant") else "lam": 0.5}
    Decoupled(**strength, clock=clock).shrink_(w, Reading(lr=0.04, lr_max=0.1))
    assert float(w) == pytest.approx(1 - 0.5 * factor, rel=1e-15)


@pytest.mark.parametrize(
    "rule",
    [Decoupled(rate=0.5, clock="schedule"), Decoupled(0.5, clock="corrected")],
    ids=["schedule", "corrected"],
)
def test_a_clock_without_a_peak_stands_still(rule):
    w = torch.ones(1)
    rule.shrink_(w, Reading(lr=0.0, lr_max=0.0))
    assert float(w) == 1.0


def test_without_gradient_the_weights_follow_the_product():
    w, product = START.clone(), 1.0
    rule = Decoupled(0.4)
    for t in range(100):
        lr = 0.05 * (1 + math.cos(math.pi * t / 100))
        rule.shrink_(w, Reading(lr=lr, lr_max=0.1))
        product *= 1 - 0.4 * lr
    torch.testing.assert_close(w, START * product, rtol=1e-13, atol=0)


def test_weights_are_the_moving_average_of_their_updates():
    """Wang and Aitchison: w_T = Σ s(1 − s)^(T−1−t) u_t + (1 − s)^T w₀ with u_t = −Δ_t/s (decay before the step)."""
    s, deltas = 0.05, torch.randn(50, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    w, rule = START.clone(), Decoupled(rate=s, clock="constant")
    for delta in deltas:
        rule.shrink_(w, Reading(lr=1.0, lr_max=1.0))
        w = w - delta
    powers = (1 - s) ** torch.arange(49, -1, -1, dtype=torch.float64)
    average = (s * powers[:, None] * (-deltas / s)).sum(0) + (1 - s) ** 50 * START
    torch.testing.assert_close(w, average, rtol=0, atol=1e-14)
