"""What `minimize` promises besides its numbers: who learns of whom, death, stopping, shared randomness, errors."""

from __future__ import annotations

import pytest
import torch

from shrinkage._errors import RequestError
from shrinkage.training import SWARM_VARIANTS, Box, Swarm, Swarms, SwarmVariant, minimize
from shrinkage.training.swarm._swarm_moves import Draw
from swarm_cases import FUNCTIONS, box, check_bounds_stop, check_decay_precedes_evaluation

sphere = FUNCTIONS["sphere"].f


def flight(variant: str = "constriction", D: int = 3, P: int = 6, **settings) -> Swarms:
    return Swarms(sphere, box(1.0, D), [(0,)], Swarm(variant=variant, particles=P, **settings))


def test_ring_learns_of_its_two_neighbours():
    swarms = flight("ring", P=6)
    swarms.fp = torch.tensor([[5.0, 1.0, 4.0, 6.0, 2.0, 3.0]], dtype=torch.float64)
    best_of = [1, 1, 1, 4, 4, 4]  # particle 0 sees 5, 0, 1; particle 3 sees 2, 3, 4; …
    torch.testing.assert_close(swarms._best_known()[0], swarms.p[0, best_of], rtol=0, atol=0)


def test_random_informants_include_oneself_and_about_three():
    told = flight("spso2011", P=40)._informants()
    assert bool(told.diagonal(dim1=1, dim2=2).all())
    assert told.sum(1).max() <= 4  # each informs itself and at most three


def test_sphere_move_stays_in_the_ball():
    variant = SWARM_VARIANTS["spso2011"]
    x, v, p, best = torch.randn(4, 1, 9, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    p[0, 0] = best[0, 0]  # its own best informant
    old = v.clone()
    share = torch.linspace(0, 1, 9, dtype=torch.float64).view(1, 9, 1)
    variant.move_(x, v, p, best, Draw(torch.ones_like(x), share))
    centre = x + variant.attraction * ((p - x) + (best - x)) / 3
    centre[0, 0] = x[0, 0] + variant.attraction * (p - x)[0, 0] / 2
    radius = (centre - x).norm(dim=-1)
    distance = (x + v - variant.inertia * old - centre).norm(dim=-1)
    torch.testing.assert_close(distance, radius * share[..., 0])


def test_velocity_limit_is_symmetric():
    swarms = flight(max_velocity=0.01)
    before = swarms.x.clone()
    swarms.step()
    moved = swarms.x - before
    assert float(moved.abs().max()) <= 0.01 + 1e-15
    assert float(moved.min()) < -0.009
    assert float(moved.max()) > 0.009


def test_bounds_take_the_velocity():
    check_bounds_stop()


def test_decay_acts_between_the_move_and_the_evaluation():
    check_decay_precedes_evaluation()


@pytest.mark.parametrize("rebirth, remembers", [("remember", True), ("forget", False)])
def test_death_and_rebirth(rebirth, remembers):
    swarms = flight(P=20, death=1.0, rebirth=rebirth)
    first, best = swarms.p.clone(), swarms.best_error.clone()
    swarms.step()
    assert bool((swarms.x.abs() <= 1).all())
    better = sphere(swarms.x) < sphere(first)
    expected = torch.where(better[..., None], swarms.x, first) if remembers else swarms.x
    torch.testing.assert_close(swarms.p, expected, rtol=0, atol=0)
    assert bool((swarms.best_error <= best).all())


def test_swarms_of_one_key_differ_by_their_errors_alone():
    offset = torch.tensor([0.0, 5.0])[:, None]
    found = minimize(lambda x: sphere(x) + offset, box(1.0, 4), keys=[(1,), (1,)], iterations=30)
    torch.testing.assert_close(found.positions[0], found.positions[1], rtol=0, atol=1e-12)
    torch.testing.assert_close(found.errors[1] - found.errors[0], torch.tensor(5.0, dtype=torch.float64))


def test_stops_by_error_each_swarm_for_itself():
    settings = Swarm(stop_error=1e-3)
    keys = [(0, i) for i in range(8)]
    found = minimize(sphere, box(1.0, 4), keys=keys, swarm=settings, iterations=500)
    assert bool((found.errors <= 1e-3).all())
    assert len(found.iterations.unique()) > 1
    for i in range(3):
        until = int(found.iterations[i])
        alone = minimize(sphere, box(1.0, 4), keys=[keys[i]], iterations=until)
        torch.testing.assert_close(alone.positions[0], found.positions[i], rtol=0, atol=0)
        before = minimize(sphere, box(1.0, 4), keys=[keys[i]], iterations=until - 1)
        assert float(before.errors) > 1e-3


def test_stops_by_stagnation_and_by_budget():
    flat = minimize(lambda x: x.new_ones(x.shape[:2]), box(1.0), keys=[(0,)], swarm=Swarm(patience=7))
    assert flat.iterations.tolist() == [7]
    calls = []
    counted = minimize(lambda x: (calls.append(1), sphere(x))[1], box(1.0), keys=[(0,)], iterations=12)
    assert counted.iterations.tolist() == [12]
    assert len(calls) == 13


def test_an_error_that_is_never_finite_is_infinite():
    found = minimize(lambda x: x.sum(-1) * torch.nan, box(1.0), keys=[(0,)], iterations=3)
    assert found.errors.tolist() == [torch.inf]


@pytest.mark.parametrize(
    "bad, says",
    [
        (lambda: Swarm(variant="pso"), r"variant=…: must be one of constriction|inertia"),
        (lambda: Swarm(particles=1), r"particles=…\): must be >= 2, got 1"),
        (lambda: Swarm(death=1.5), r"death=…\): must be a probability"),
        (lambda: Swarm(rebirth="never"), r"rebirth=…\): must be 'remember' or 'forget'"),  # pyright: ignore[reportArgumentType] the wrong value is the point
        (lambda: Swarm(max_velocity=0.0), r"max_velocity=…\): must be > 0"),
        (lambda: Swarm(patience=0), r"patience=…\): must be >= 1"),
        (lambda: Swarm(initial_velocity=-1.0), r"initial_velocity=…\): must be >= 0"),
        (lambda: SwarmVariant(inertia=2.0, attraction=1.0), r"inertia must be 0 to 1"),
        (lambda: Box(torch.ones(2), torch.zeros(2)), r"low < high"),
        (
            lambda: minimize(lambda x: x, box(1.0), keys=[(0,)]),
            r"one number per particle, shape \(1, 30\), got",
        ),
        (lambda: minimize(sphere, box(1.0), keys=[(0,)], iterations=-1), r"iterations=…\): must be >= 0"),
    ],
)
def test_errors_are_sentences(bad, says):
    with pytest.raises(RequestError, match=says):
        bad()
