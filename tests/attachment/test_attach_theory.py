"""What theory says of the rules, measured: equilibrium, flat norms, cautious fixed points, the constraint."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attachment_cases import make_model, train
from shrinkage.attachment import attach
from shrinkage.rules import L2, Cautious, ConstrainedNorm, Decoupled, Rule, SelectiveProjectionDecay

D = 4096


class ScaleFree(nn.Module):
    """A weight whose length does not matter: random gradients, orthogonal to it, falling with its norm."""

    def __init__(self, size: float):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        start = torch.randn(D, 1, generator=generator, dtype=torch.float64)
        self.weight = nn.Parameter(size * start / start.norm())
        self.generator = generator

    def draw(self) -> None:
        w = self.weight.detach()
        grad = torch.randn(D, 1, generator=self.generator, dtype=torch.float64)
        direction = w / w.norm()
        self.weight.grad = (grad - direction * (direction * grad).sum()) / w.norm()


def norms_and_angles(model: ScaleFree, optimizer: torch.optim.Optimizer, steps: int) -> tuple[Tensor, Tensor]:
    norms, angles = [], []
    for _ in range(steps):
        model.draw()
        before = model.weight.detach().clone()
        optimizer.step()
        now = model.weight.detach()
        norms.append(now.norm())
        cosine = (before * now).sum() / (before.norm() * now.norm())
        angles.append(torch.arccos(cosine.clamp(max=1.0)))
    return torch.stack(norms), torch.stack(angles)


def test_equilibrium_of_adamw():
    """‖w‖ = √(η d/2λ), angle √(2ηλ(1 − β₁)/(1 + β₁)): Kosson et al., ICML 2024, table 1."""
    lr, lam, beta1 = 1e-2, 0.1, 0.9
    expected = math.sqrt(lr * D / (2 * lam))
    model = ScaleFree(expected)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, betas=(beta1, 0.999), weight_decay=0)
    handle = attach(optimizer, Decoupled(lam), model=model)
    norms, angles = norms_and_angles(model, optimizer, 4000)
    assert float(norms[1000:].mean()) == pytest.approx(expected, rel=0.01)
    assert float(angles[1000:].square().mean().sqrt()) == pytest.approx(
        math.sqrt(2 * lr * lam * (1 - beta1) / (1 + beta1)), rel=0.01
    )
    assert handle.log()["shrinkage/group0/equilibrium_norm"] == pytest.approx(expected, rel=1e-9)


def test_equilibrium_of_sgd_with_momentum():
    """‖w‖⁴ = η‖g̃‖²/(2λ(1 − μ)), angle √(2ηλ/(1 + μ)), g̃ the gradient at unit norm; λ in the loss."""
    lr, lam, mu = 0.1, 5e-3, 0.9
    expected = (lr * (D - 1) / (2 * lam * (1 - mu))) ** 0.25
    model = ScaleFree(expected)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=mu)
    handle = attach(optimizer, L2(lam), model=model)
    norms, angles = norms_and_angles(model, optimizer, 6000)
    assert float(norms[2000:].mean()) == pytest.approx(expected, rel=0.01)
    assert float(angles[2000:].square().mean().sqrt()) == pytest.approx(
        math.sqrt(2 * lr * lam / (1 + mu)), rel=0.01
    )
    assert handle.log()["shrinkage/group0/equilibrium_norm"] == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("clock, flat", [("corrected", True), ("lr", False)])
def test_the_norm_is_flat_under_the_corrected_clock(clock, flat: bool):
    """AdamC holds the norm while the learning rate falls to a tenth; AdamW's norm falls with √lr."""
    lr, lam, steps = 2e-2, 1.0, 4000
    expected = math.sqrt(lr * D / (2 * lam))
    model = ScaleFree(expected)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.99), weight_decay=0)
    attach(optimizer, Decoupled(lam, clock=clock), model=model)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, total_iters=steps)
    norms = []
    for _ in range(steps):
        norms.append(norms_and_angles(model, optimizer, 1)[0])
        scheduler.step()
    last = float(norms[-1])
    assert (last == pytest.approx(expected, rel=0.02)) if flat else (last < 0.6 * expected)


def valley(
    kind: Callable[[Any], torch.optim.Optimizer], rule: Rule, steps: int
) -> tuple[float, float, float]:
    """Where (x, y) ends on f = (y − 3 − (x − 3)²)² from (5, 7), and f there."""
    model = nn.Module()
    model.weight = nn.Parameter(torch.tensor([[5.0, 7.0]], dtype=torch.float64))
    optimizer = kind(model.parameters())
    attach(optimizer, rule, model=model)
    for _ in range(steps):
        x, y = model.weight[0]
        optimizer.zero_grad()
        (y - 3 - (x - 3) ** 2).square().backward()
        optimizer.step()
    x, y = model.weight[0].tolist()
    return x, y, (y - 3 - (x - 3) ** 2) ** 2


def test_cautious_decay_ends_in_the_valley_and_decay_in_its_box():
    """The toy of arXiv 2510.12402: the valley's end on the way to smaller weights, against |w| ≤ 1/λ."""
    x, y, loss = valley(partial(torch.optim.SGD, lr=0.003), Cautious(Decoupled(0.5)), 3000)
    assert (x, y) == (pytest.approx(3.0, abs=0.006), pytest.approx(3.0, abs=1e-3))
    assert loss < 1e-10
    adamw = partial(torch.optim.AdamW, lr=0.01, betas=(0.9, 0.99), weight_decay=0)
    x, y, loss = valley(adamw, Decoupled(0.5), 6000)
    assert (x, y) == (pytest.approx(2.0, abs=0.02), pytest.approx(2.0, abs=0.02))
    assert loss == pytest.approx(4.0, rel=0.05)


@pytest.mark.parametrize(
    "target, value, bound", [("uniform", 0.25, 0.25), ("relative", 0.5, 0.5), ("at_step", 1, 1.0)]
)
def test_the_constraint_drives_the_size_to_its_bound(target, value: float, bound: float):
    """Weights that want a mean square of 4 and start at 1: the multiplier rises until they are at the bound."""
    model = nn.Linear(50, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        model.weight.fill_(1.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    handle = attach(optimizer, ConstrainedNorm(value, target, rate=0.01), model=model)
    for _ in range(6000):
        optimizer.zero_grad()
        (0.5 * (model.weight - 2).square().sum()).backward()
        optimizer.step()
    assert float(model.weight.detach().square().mean()) == pytest.approx(bound, rel=0.01)
    assert float(handle.claims[model.weight].state["multiplier"]) > 0


def test_selective_projection_never_moves_away_on_a_triggered_step():
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    attach(optimizer, SelectiveProjectionDecay(1.0), model=model)
    start, distance, triggered = model.get_parameter("0.weight").detach().clone(), 0.0, 0
    weight = model.get_parameter("0.weight")
    for t in range(30):
        before = weight.detach().clone()
        train(model, optimizer, 1, start=t)
        assert weight.grad is not None
        now = float((weight.detach() - start).norm())
        if float((weight.grad * (before - start)).sum()) > 0:
            triggered += 1
            assert now <= distance * (1 + 1e-12)
        distance = now
    assert triggered > 0


def test_the_log_is_numbers_that_can_be_checked():
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    handle = attach(optimizer, Decoupled(rate=0.03, clock="schedule"), model=model)
    log = handle.log()
    norm = math.sqrt(sum(float(p.detach().square().sum()) for p in model.parameters() if p.ndim > 1))
    assert log["shrinkage/group0/norm"] == pytest.approx(norm, rel=1e-12)
    assert log["shrinkage/group0/shrink"] == pytest.approx(0.03)
    assert log["shrinkage/group0/timescale"] == pytest.approx(1 / 0.03)
    assert log["shrinkage/group0/lam"] == pytest.approx(0.3)
    optimizer.param_groups[0]["lr"] = 0.05
    assert handle.log()["shrinkage/group0/shrink"] == pytest.approx(0.015)
    assert all(isinstance(value, float) for value in log.values())


def test_the_log_of_stacked_models_names_no_single_strength():
    models = [torch.nn.Linear(2, 3) for _ in range(2)]
    parameters, _ = torch.func.stack_module_state(models)  # pyright: ignore[reportArgumentType] a list of modules
    optimizer = torch.optim.SGD(list(parameters.values()), lr=0.1)
    handle = attach(optimizer, L2(torch.tensor([0.1, 0.2])), model=models[0], parameters=parameters)
    norm = math.sqrt(sum(float(m.weight.detach().square().sum()) for m in models))
    assert handle.log() == {
        "shrinkage/group0/lr": pytest.approx(0.1),
        "shrinkage/group0/norm": pytest.approx(norm, rel=1e-6),
    }
