"""The standard functions of the swarm literature, and the checks that the swarm passes and its mutants must fail."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from shrinkage.training import Box, Swarm, SwarmResult, Swarms, SwarmVariant, minimize

__all__ = [
    "BANDS",
    "FUNCTIONS",
    "Function",
    "box",
    "check_alone_as_in_batch",
    "check_band",
    "check_bounds_stop",
    "check_decay_precedes_evaluation",
    "check_independence",
    "check_nan_patches",
    "check_scaling",
    "check_stationary_law",
    "check_translation",
    "run",
    "stagnant",
]


@dataclass(frozen=True)
class Function:
    """f: (…, D) ↦ (…), its minimum 0 within ± half."""

    f: Callable[[Tensor], Tensor]
    half: float


def _rosenbrock(x: Tensor) -> Tensor:
    return (100 * (x[..., 1:] - x[..., :-1].square()).square() + (1 - x[..., :-1]).square()).sum(-1)


def _rastrigin(x: Tensor) -> Tensor:
    return (x.square() - 10 * torch.cos(2 * math.pi * x) + 10).sum(-1)


def _ackley(x: Tensor) -> Tensor:
    near = -20 * torch.exp(-0.2 * x.square().mean(-1).sqrt())
    return near - torch.exp(torch.cos(2 * math.pi * x).mean(-1)) + 20 + math.e


def _griewank(x: Tensor) -> Tensor:
    root = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype).sqrt()
    return x.square().sum(-1) / 4000 - torch.cos(x / root).prod(-1) + 1


def _schwefel(x: Tensor) -> Tensor:
    return 418.9828872724338 * x.shape[-1] - (x * x.abs().sqrt().sin()).sum(-1)


FUNCTIONS: dict[str, Function] = {
    "sphere": Function(lambda x: x.square().sum(-1), 100.0),
    "rosenbrock": Function(_rosenbrock, 30.0),
    "rastrigin": Function(_rastrigin, 5.12),
    "ackley": Function(_ackley, 32.0),
    "griewank": Function(_griewank, 600.0),
    "schwefel": Function(_schwefel, 500.0),
}


def box(half: float, D: int = 10, centre: float = 0.0) -> Box:
    ends = torch.full((D,), half, dtype=torch.float64)
    return Box(centre - ends, centre + ends)


def run(
    name: str,
    variant: str = "constriction",
    *,
    swarms: int = 64,
    D: int = 10,
    iterations: int = 1000,
    shift: float = 0.0,
    scale: float = 1.0,
    seed: int = 0,
) -> SwarmResult:
    """40 particles a swarm, started over the whole box, which is also the bound; half-difference velocities.

    With `shift` and `scale` the same function is moved and stretched, and its box with it.
    """
    function = FUNCTIONS[name]
    start = box(function.half * scale, D, shift)
    return minimize(
        lambda x: function.f((x - shift) / scale),
        start,
        keys=[(seed, i) for i in range(swarms)],
        swarm=Swarm(variant=variant, particles=40, initial_velocity="half-difference"),
        iterations=iterations,
        bounds=start,
    )


BANDS: dict[tuple[str, str], tuple[float, float]] = {
    ("constriction", "sphere"): (2.5e-50, 2.5e-46),
    ("constriction", "rosenbrock"): (0.14, 13.5),
    ("constriction", "rastrigin"): (4.0, 8.0),
    ("constriction", "ackley"): (0.0, 1e-14),
    ("constriction", "griewank"): (0.022, 0.165),
    ("constriction", "schwefel"): (237.0, 1070.0),
    ("ring", "sphere"): (1.6e-26, 1.6e-23),
    ("ring", "rosenbrock"): (0.04, 5.4),
    ("ring", "rastrigin"): (1.99, 9.95),
    ("ring", "ackley"): (7e-14, 1e-12),
    ("ring", "griewank"): (1e-10, 0.066),
    ("ring", "schwefel"): (237.0, 844.0),
}
"""Where the median of 64 swarms of 40 lies after 1,000 iterations in 10 dimensions, from an independent run."""


def check_band(variant: str, name: str) -> None:
    low, high = BANDS[variant, name]
    median = float(run(name, variant).errors.median())
    assert low <= median <= high, f"{variant} on {name}: median {median:.3g} outside [{low:g}, {high:g}]"


def stagnant(variant: str | SwarmVariant, steps: int = 400, seed: int = 0) -> Tensor:
    """(steps, 50, 20, 8) positions of swarms whose best positions stay at p = 0 and l = 1, after 100 more steps."""
    ends = torch.ones(8, dtype=torch.float64)
    swarms = Swarms(
        lambda x: x.new_zeros(x.shape[:2]),
        Box(-ends, ends),
        [(seed, i) for i in range(50)],
        Swarm(variant=variant, particles=20),
    )
    swarms.p = torch.zeros_like(swarms.x)
    swarms.best = torch.ones_like(swarms.best)
    seen = []
    for step in range(100 + steps):
        swarms.step()
        if step >= 100:
            seen.append(swarms.x.clone())
    return torch.stack(seen)


def check_stationary_law(variant: str | SwarmVariant, sd: float) -> None:
    x = stagnant(variant)
    assert abs(float(x.mean()) - 0.5) < 0.02
    assert abs(float(x.std()) / sd - 1) < 0.02, (
        f"standard deviation {float(x.std()):.4f}, the law gives {sd:.4f}"
    )


def check_independence() -> None:
    """Neither dimensions nor particles nor swarms move alike."""
    x = stagnant("constriction") - 0.5
    variance = x.square().mean()
    for axis, what in ((1, "swarms"), (2, "particles"), (3, "dimensions")):
        together = float((x * x.roll(1, axis)).mean() / variance)
        assert abs(together) < 0.02, f"correlation {together:.3f} between {what}"


def check_translation() -> None:
    """In a box around 60 the swarm does what it does around 0."""
    here = run("rastrigin", iterations=25)
    there = run("rastrigin", iterations=25, shift=60.0)
    torch.testing.assert_close(there.positions - 60.0, here.positions, rtol=0, atol=1e-9)


def check_scaling() -> None:
    """On a function stretched by 2, in a box stretched by 2, the swarm finds the same errors bit for bit."""
    here, there = (run("rastrigin", iterations=200, scale=scale).errors for scale in (1.0, 2.0))
    torch.testing.assert_close(there, here, rtol=0, atol=0)


def check_nan_patches() -> None:
    """Where the error is not a number the swarm does not settle, and it finds the minimum next to such places."""

    def error(x: Tensor) -> Tensor:
        hole = torch.where(x[..., 0] < 0, torch.nan, torch.where(x[..., 1] < 0, -torch.inf, 0.0))
        return x.square().sum(-1) + hole

    keys = [(0, i) for i in range(16)]
    found = minimize(error, box(100.0, 4), keys=keys, iterations=300, bounds=box(100.0, 4))
    assert bool((found.positions[:, :2] >= 0).all())
    assert float(found.errors.median()) < 1e-6


def check_alone_as_in_batch(variant: str) -> None:
    """A swarm of odd sizes does bit for bit the same alone and among others."""

    def found(places: list[int]) -> Tensor:
        return minimize(
            FUNCTIONS["rastrigin"].f,
            box(5.12, 3),
            keys=[(7, place) for place in places],
            swarm=Swarm(variant=variant, particles=7, max_velocity=1.0, death=0.01),
            iterations=60,
            bounds=box(5.12, 3),
        ).positions

    together = found([0, 1, 2, 3, 4])
    for place in range(5):
        torch.testing.assert_close(found([place])[0], together[place], rtol=0, atol=0)


def check_bounds_stop() -> None:
    """A particle that is put back onto a bound has lost its velocity there."""
    swarms = Swarms(lambda x: -x.sum(-1), box(1.0, 3), [(0,)], Swarm(particles=5), bounds=box(1.0, 3))
    for _ in range(20):
        swarms.step()
    at_bound = swarms.x == 1
    assert bool(at_bound.any())
    assert bool((swarms.v[at_bound] == 0).all())


def check_decay_precedes_evaluation() -> None:
    """What is evaluated, and remembered, is the position after the decay."""
    seen: list[Tensor] = []

    def error(x: Tensor) -> Tensor:
        seen.append(x.clone())
        return (x - 1).square().sum(-1)

    def decay(x: Tensor, before: Tensor) -> None:
        x[..., 0] = 0.25

    swarms = Swarms(error, box(1.0, 3), [(0,)], Swarm(particles=5), decay=decay)
    swarms.step()
    assert bool((seen[1][..., 0] == 0.25).all())
    assert bool((swarms.x == seen[1]).all())
