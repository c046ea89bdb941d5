"""Forces: a pull is the slope of its penalty, a proximal step is the minimum it claims, and limits meet neighbours."""

import pytest
import torch

from shrinkage.rules import (
    Ball,
    Box,
    EliminationForce,
    Force,
    HuberForce,
    L1Force,
    L2Force,
    MixedForce,
    Sphere,
    ThresholdForce,
)

FORCES: dict[str, Force] = {
    "l2": L2Force(),
    "l1": L1Force(),
    "mixed": MixedForce(0.3),
    "huber": HuberForce(0.7),
    "elimination": EliminationForce(0.7),
    "threshold": ThresholdForce(0.7),
}
CONVEX = [name for name in FORCES if name != "elimination"]
D = torch.linspace(-2.013, 2.003, 41, dtype=torch.float64)


@pytest.mark.parametrize("name", FORCES)
def test_the_pull_is_the_slope_of_the_penalty(name: str):
    d = D.clone().requires_grad_()
    (slope,) = torch.autograd.grad(FORCES[name].value(d).sum(), d)
    torch.testing.assert_close(FORCES[name].pull(D), slope, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("t", [0.0, 0.1, 0.8, 3.0])
@pytest.mark.parametrize("name", CONVEX)
def test_the_proximal_step_is_the_minimum(name: str, t: float):
    force, grid = FORCES[name], torch.linspace(-2.1, 2.1, 42001, dtype=torch.float64)
    objective = 0.5 * (grid[:, None] - D).square() + t * force.value(grid)[:, None]
    torch.testing.assert_close(force.prox(D, t), grid[objective.argmin(0)], rtol=0, atol=1.1e-4)


@pytest.mark.parametrize("name", CONVEX)
def test_a_small_proximal_step_is_a_pull(name: str):
    t = 1e-7
    step = (D - FORCES[name].prox(D, t)) / t
    torch.testing.assert_close(step, FORCES[name].pull(D), rtol=1e-5, atol=1e-6)


def test_a_strength_that_is_a_tensor_is_a_strength_each():
    d, t = D.expand(3, -1), torch.tensor([[0.1], [0.5], [2.0]], dtype=torch.float64)
    for name in CONVEX:
        rows = torch.stack([FORCES[name].prox(D, float(x)) for x in t])
        torch.testing.assert_close(FORCES[name].prox(d, t), rows, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    "force, limit",
    [
        (HuberForce(1e9), L2Force()),
        (EliminationForce(1e9), L2Force()),
        (ThresholdForce(0.0), L2Force()),
        (MixedForce(0.0), L2Force()),
        (MixedForce(1.0), L1Force()),
    ],
    ids=repr,
)
def test_every_force_meets_its_neighbour(force: Force, limit: Force):
    torch.testing.assert_close(force.pull(D), limit.pull(D), rtol=1e-14, atol=0)
    torch.testing.assert_close(force.value(D), limit.value(D), rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("sign", [1, -1])
def test_hubers_pull_stops_growing(sign: int):
    assert HuberForce(0.7).pull(torch.tensor(sign * 100.0)) == pytest.approx(sign * 0.7)


def test_large_weights_escape_elimination():
    pulls = EliminationForce(0.5).pull(torch.tensor([0.1, 0.5 / 3**0.5, 5.0]))
    assert pulls[1] == pulls.max()
    assert pulls[2] < 0.001


@pytest.mark.parametrize("radius", [0.0, 0.5, 100.0])
@pytest.mark.parametrize("onto", [Box(), Ball(), Sphere()], ids=repr)
def test_projecting_twice_is_projecting_once(onto: Force, radius: float):
    once = onto.prox(D, radius)
    torch.testing.assert_close(onto.prox(once, radius), once, rtol=1e-14, atol=0)


def test_projections_are_where_they_should_be():
    assert float(Box().prox(D, 0.5).abs().max()) == 0.5
    assert float(Ball().prox(D, 0.5).norm()) == pytest.approx(0.5)
    assert torch.equal(Ball().prox(D, 100.0), D)
    assert float(Sphere().prox(D, 100.0).norm()) == pytest.approx(100.0)
    assert torch.equal(Sphere().prox(torch.zeros(3), 1.0), torch.zeros(3))
    assert torch.equal(Ball().prox(torch.zeros(3), 0.0), torch.zeros(3))
