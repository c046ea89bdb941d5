"""Mistakes that swarms elsewhere have made: each must fail a check that the swarm passes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

import swarm_cases
from shrinkage.training import SWARM_VARIANTS, Swarms, SwarmVariant
from shrinkage.training.swarm._swarm_moves import Draw
from swarm_cases import (
    check_alone_as_in_batch,
    check_band,
    check_bounds_stop,
    check_decay_precedes_evaluation,
    check_independence,
    check_nan_patches,
    check_stationary_law,
    check_translation,
)

draw = Swarms._draw


def one_number_for_all_dimensions(self):
    numbers = draw(self)
    return Draw(numbers.first[..., :1], numbers.second[..., :1])


def one_number_for_all_particles(self):
    numbers = draw(self)
    return Draw(numbers.first[:, :1], numbers.second[:, :1])


def one_number_for_both_pulls(self):
    numbers = draw(self)
    return Draw(numbers.first, numbers.first)


def one_number_for_all_swarms(self):
    numbers = draw(self)
    return Draw(numbers.first[:1], numbers.second[:1])


def numbers_of_the_running_generator(self):
    torch.manual_seed(self.iteration)
    return Draw(torch.rand_like(self.x), torch.rand_like(self.x))


def velocity_clamped_to_the_box(self, x, v, p, best, draw):
    move_(self, x, v, p, best, draw)
    half = 5.12
    centre = (x.mean() / 60).round() * 60
    v.clamp_(centre - half, centre + half)


def constriction_of_half_the_pull(self, x, v, p, best, draw):
    v.add_((p - x) * self.attraction * draw.first).add_((best - x) * self.attraction * draw.second)
    v.mul_(self.inertia)


move_ = SwarmVariant.move_


def no_memory(self, fx):
    self.p, self.fp = self.x.clone(), fx


def keeps_its_velocity_at_the_bound(self, bounds):
    self.x.clamp_(bounds.low, bounds.high)


def errors_as_they_are(self):
    return self.error(self.x).nan_to_num(nan=-1.0, neginf=-1.0)


def decay_after_the_evaluation(self):
    decay, self.decay = self.decay, None
    step(self)
    self.decay = decay
    decay(self.x, self.x)


step = Swarms.step


@pytest.mark.parametrize(
    "where, what, mutant, check",
    [
        (Swarms, "_draw", one_number_for_all_dimensions, check_independence),
        (Swarms, "_draw", one_number_for_all_particles, check_independence),
        (Swarms, "_draw", one_number_for_all_swarms, check_independence),
        (Swarms, "_draw", one_number_for_both_pulls, lambda: check_stationary_law("constriction", 1.0432)),
        (Swarms, "_draw", numbers_of_the_running_generator, lambda: check_alone_as_in_batch("ring")),
        (SwarmVariant, "move_", velocity_clamped_to_the_box, check_translation),
        (
            SwarmVariant,
            "move_",
            constriction_of_half_the_pull,
            lambda: check_stationary_law("constriction", 1.0432),
        ),
        (Swarms, "_remember", no_memory, lambda: check_band("constriction", "rastrigin")),
        (Swarms, "_put_back", keeps_its_velocity_at_the_bound, check_bounds_stop),
        (Swarms, "_errors", errors_as_they_are, check_nan_patches),
        (Swarms, "step", decay_after_the_evaluation, check_decay_precedes_evaluation),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_checks_kill_the_mutant(monkeypatch, where: type, what: str, mutant: Callable, check: Callable):
    monkeypatch.setattr(where, what, mutant)
    with pytest.raises(AssertionError):
        check()


def test_nothing_is_patched_here():
    # The mutants above are measured against these: a check that fails anyway would kill anything.
    assert swarm_cases.Swarms._draw is draw
    check_bounds_stop()
    check_decay_precedes_evaluation()
    check_stationary_law("constriction", SWARM_VARIANTS["constriction"].stationary_sd)
