"""Schedules: relative rates against torch's own schedulers, and totals matched over a run."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch

from shrinkage.strength._quantities import Quantities
from shrinkage.strength._schedule import relative_rates
from shrinkage.sweeps import convert

ADAMW, CORRECTED = "timm.optim.AdamWLegacy", "timm.optim.AdamWLegacy:corrected_weight_decay=True"
CONSTANT, COMPOSER = "tfa.optimizers.AdamW", "composer.optim.DecoupledAdamW"
RUN: dict[str, Any] = {"lr": 1e-3}


def mean_of_cosine(low: float) -> float:
    """The mean of half a cosine between 1 and `low`."""
    return (1 + low) / 2


def mean_square_of_cosine(low: float) -> float:
    return low + 3 / 8 * (1 - low) ** 2


ONE_CYCLE_SQUARE = 0.3 * mean_square_of_cosine(1 / 25) + 0.7 * mean_square_of_cosine(4e-6)


def scheduled_by_torch(name: str, steps: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedulers = torch.optim.lr_scheduler
    build = {
        "constant": lambda: schedulers.ConstantLR(optimizer, factor=1.0),
        "linear": lambda: schedulers.LinearLR(optimizer, 1.0, 0.0, total_iters=steps),
        "cosine": lambda: schedulers.CosineAnnealingLR(optimizer, T_max=steps),
        "one-cycle": lambda: schedulers.OneCycleLR(optimizer, max_lr=1.0, total_steps=steps),
    }
    scheduler, rates = build[name](), []
    for _ in range(steps):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scheduler.step() if len(rates) < steps else None
    return rates


@pytest.mark.parametrize("steps", [10, 37, 200])
@pytest.mark.parametrize("name", ["constant", "linear", "cosine", "one-cycle"])
def test_named_schedules_are_those_of_torch(name, steps):
    ours = [s for s, _ in relative_rates(Quantities(schedule=name, steps=steps))]
    assert ours == pytest.approx(scheduled_by_torch(name, steps), abs=1e-12)


@pytest.mark.parametrize(
    "schedule, mean, mean_square",
    [
        ("constant", 1, 1),
        ("linear", 1 / 2, 1 / 3),
        ("cosine", 1 / 2, 3 / 8),
        ("one-cycle", 0.3 * mean_of_cosine(1 / 25) + 0.7 * mean_of_cosine(4e-6), ONE_CYCLE_SQUARE),
    ],
)
def test_means_of_a_schedule_and_of_its_square(schedule, mean, mean_square):
    to_constant = convert(0.1, ADAMW, CONSTANT, schedule=schedule, **RUN)
    assert to_constant.value == pytest.approx(1e-4 * mean, rel=1e-6)
    assert convert(0.1, ADAMW, CORRECTED, schedule=schedule).value == pytest.approx(
        0.1 * mean / mean_square, rel=1e-6
    )
    squared = convert(20, "schedulefree.AdamCScheduleFreePlus", "shrink", schedule=schedule, **RUN)
    assert squared.value == pytest.approx(20 * 1e-3**2 * mean_square, rel=1e-6)


@pytest.mark.parametrize(
    "value, source, target, expected",
    [
        (0.98, "keep_factor", "torch.optim.SGD", 0.02 / (0.1 * 0.98) * 2),
        (0.02, "torch.optim.SGD", "shrinkage.WeightDecay", 0.001 / 1.001),
        (0.02, "proximal", "shrinkage.WeightDecay", 0.002 / 1.002 / 2),
        (0.02, "shrinkage.WeightDecay", "proximal", 0.04 / 0.96 / 0.1),
        (0.02, "shrinkage.Decoupled:clock=schedule", "shrinkage.WeightDecay", 0.01),
        (0.02, "shrinkage.WeightDecay", "shrinkage.Decoupled:clock=schedule", 0.04),
    ],
)
def test_decays_after_the_step_agree_in_total_under_a_falling_rate(value, source, target, expected):
    """The rate falls evenly to 0: a shrink that follows it from s does half of what a constant s does."""
    conversion = convert(value, source, target, lr=0.1, schedule="linear")
    assert conversion.value == pytest.approx(expected, rel=1e-12)


def test_a_run_of_one_step_is_a_run():
    assert convert(0.1, ADAMW, CONSTANT, steps=1, **RUN).value == pytest.approx(1e-4)


@pytest.mark.parametrize("target", [CONSTANT, CORRECTED, "megatron.AdamW:style=cosine"])
@pytest.mark.parametrize("schedule", ["linear", "cosine", "one-cycle", [1e-3, 5e-4, 2e-4, 1e-3]])
def test_the_total_decay_is_the_same_and_the_note_says_that_the_timing_is_not(target, schedule):
    conversion = convert(0.1, ADAMW, target, schedule=schedule, steps=4, start_share=0.0, **RUN)
    rates = relative_rates(Quantities(schedule=schedule, steps=4, **RUN))
    theirs = {
        CONSTANT: [1.0] * 4,
        CORRECTED: [1e-3 * s * s for s, _ in rates],
        "megatron.AdamW:style=cosine": [
            1e-3 * s * (1 + torch.cos(torch.tensor(torch.pi * (1 - u))).item()) / 2 for s, u in rates
        ],
    }[target]
    total = sum(0.1 * 1e-3 * s for s, _ in rates)
    assert conversion.value * sum(theirs) == pytest.approx(total, rel=1e-6)
    assert not conversion.exact
    assert "timing is not matched" in conversion.note


@pytest.mark.parametrize("schedule", ["linear", "cosine", "one-cycle", [1e-3, 5e-4]])
def test_clocks_that_tick_alike_stay_exact_under_any_schedule(schedule):
    conversion = convert(0.1, ADAMW, COMPOSER, schedule=schedule, **RUN)
    assert conversion.value == pytest.approx(1e-4)
    assert conversion.exact


def test_a_list_of_rates_alone_gives_its_peak():
    listed = convert(0.1, ADAMW, CORRECTED, schedule=[1e-3, 1e-3, 5e-4])
    assert listed.value == pytest.approx(0.1 * 2.5 / 2.25)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("target", ["tfa.optimizers.SGDW", "timescale_steps"])
def test_no_note_claims_equal_steps_where_only_the_totals_are(target, momentum):
    conversion = convert(1e-4, "torch.optim.SGD", target, lr=0.1, momentum=momentum, schedule="cosine")
    assert not conversion.exact
    assert "timing is not matched" in conversion.note
    assert not any(claim in conversion.note for claim in ("one by one", "same exactly", "per step"))
