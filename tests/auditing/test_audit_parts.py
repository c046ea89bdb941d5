"""Parts of the audit by themselves: thinned state, plans of the learning rate, words, saved names, spacings."""

import functools
import math
import weakref
from collections import namedtuple
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from shrinkage.auditing import audit
from shrinkage.auditing._facts import _aliases, weights_of
from shrinkage.auditing.measuring._rounding_shared import spacing
from shrinkage.auditing.measuring._statistics import mean_log_shrink, spread
from shrinkage.auditing.measuring._step_reading import AT_REST
from shrinkage.auditing.measuring._timeline import Timeline
from shrinkage.auditing.showing._rule_in_words import formula
from shrinkage.auditing.subjects._sampling import grid, grid_like
from shrinkage.auditing.subjects._stored import rebuilt
from shrinkage.networks._roles import places_of


class Flat(torch.optim.Optimizer):
    """Momentum kept in one long row, as quantized states are."""

    def __init__(self, params, lr, weight_decay):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for p in group["params"]:
                buffer = self.state[p].setdefault("flat", torch.zeros(p.numel(), dtype=p.dtype))
                buffer.mul_(0.9).add_(p.grad.flatten())
                p.mul_(1 - group["lr"] * group["weight_decay"]).sub_(group["lr"] * buffer.view_as(p))


@pytest.mark.parametrize("shape", [(5, 7), (48, 64), (3, 40, 50)], ids=str)
@pytest.mark.parametrize("kind", [torch.optim.Adafactor, Flat])
def test_a_large_weight_with_a_state_of_another_shape_reads_like_a_small_one(kind, shape):
    """Of a large one a part is stepped on, and its factored or flattened moments have to fit that part."""
    p = nn.Parameter(torch.randn(shape, generator=torch.Generator().manual_seed(0)))
    optimizer = kind([p], lr=1e-2, weight_decay=0.1)
    p.grad = torch.ones_like(p)
    optimizer.step()
    (group,) = audit(optimizer).groups
    assert group.shrink == pytest.approx(1e-3, rel=1e-3)
    assert group.rule.startswith("decay before the step")


def test_the_state_is_thinned_where_its_parameter_is():
    shape, limit = (6, 40, 50), 300
    rows, columns, depth = grid(shape, limit)
    assert grid_like(shape, shape, limit) == (rows, columns, depth)
    assert grid_like((6, 1, 50), shape, limit) == (rows, slice(None), depth)
    assert grid_like((40, 1), shape, limit) == (columns, slice(None))
    assert grid_like((50,), shape, limit) == (depth,)
    assert grid_like((50, 6), shape, limit) is None
    assert grid_like((300,), shape, limit) is None


Pair = namedtuple("Pair", ["scale", "name"])


class Slotted:
    __slots__ = ("__weakref__", "scale")

    def __init__(self):
        self.scale = torch.ones(())


def with_an_empty_cell():
    if math.pi < 3:
        later = 1

    def reading():
        return later  # pyright: ignore[reportPossiblyUnboundVariable] the cell is empty

    return reading


class Laden(torch.optim.SGD):
    """Keeps what an optimizer may keep, and changes it at every step."""

    def __init__(self, params):
        super().__init__(params, lr=0.1, weight_decay=1e-3)
        self.calls = 0
        self.count = functools.partial(self._count, by=2)
        self.slotted = Slotted()
        self.alive, self.gone = weakref.ref(self.slotted), weakref.ref(Slotted())
        self.pair = Pair(torch.ones(()), "pair")
        self.seen = {"first"}
        self.generator = torch.Generator().manual_seed(3)
        self.unset = with_an_empty_cell()

    def _count(self, by):
        self.calls += by

    def step(self, closure: Any = None) -> Any:
        self.count()
        assert self.alive() is self.slotted, "the weak reference is to another object"
        assert self.gone() is None
        self.slotted.scale.mul_(0.5)
        self.pair.scale.mul_(0.5)
        self.seen.add("later")
        torch.rand(3, generator=self.generator)
        return super().step(closure)


def test_what_an_optimizer_carries_is_copied_with_it():
    optimizer = Laden(nn.Linear(4, 3).parameters())
    drawn = optimizer.generator.get_state()
    (group,) = audit(optimizer).groups
    assert group.shrink == pytest.approx(1e-4, rel=1e-6)
    assert optimizer.calls == 0
    assert optimizer.slotted.scale == optimizer.pair.scale == 1
    assert optimizer.seen == {"first"}
    assert torch.equal(optimizer.generator.get_state(), drawn)


@pytest.mark.parametrize(
    "clock, expected",
    [
        ("lr", [0.02, 0.01, 0.0]),
        ("schedule", [0.02, 0.01, 0.0]),
        ("constant", [0.02, 0.02, 0.02]),
        ("corrected", [0.02, 0.005, 0.0]),
        ("lr squared", [0.02, 0.005, 0.0]),
        ("affine", [0.02, 0.014, 0.008]),
    ],
)
def test_the_shrink_of_every_step_to_come(clock, expected):
    """Measured 0.02 at lr = 0.4; the clock `affine` leaves 0.008 at lr = 0."""
    reading = replace(AT_REST, path="decoupled", shrink=0.02, clock=clock, intercept=0.008)
    plan = Timeline(lrs=np.array([0.4, 0.2, 0.0]), strengths=np.ones(3))
    assert plan.shrinks(reading, 0.4) == pytest.approx(expected)
    twice = replace(plan, strengths=np.full(3, 2.0))
    assert twice.shrinks(reading, 0.4) == pytest.approx(2 * np.array(expected))


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({"path": "none"}, "w ← w + Δ"),
        ({"path": "coupled", "lam": 0.02}, "g ← g + 0.02·w"),
        ({"path": "coupled", "lam": -0.02}, "g ← g + (-0.02)·w"),
        ({"path": "coupled", "lam": None}, "g ← g + λ·Ω′(w)"),
        ({"path": "mixed", "shrink": 0.1, "lam": None}, "w ← w − s·w + Δ, s differs"),
        ({"path": "decoupled", "shrink": None}, "w ← w − s·w + Δ, s differs"),
        ({"path": "decoupled", "shrink": 0.02, "clock": "lr"}, "w ← (1 − lr·0.2)·w + Δ"),
        ({"path": "decoupled", "shrink": 0.02, "clock": "lr squared"}, "w ← (1 − lr²·2)·w + Δ"),
        (
            {"path": "decoupled", "shrink": 0.02, "clock": "affine", "intercept": 0.008},
            "w ← (1 − (0.008 + lr·0.12))·w + Δ",
        ),
        ({"path": "decoupled", "shrink": 0.02, "entry": "after"}, "w ← (1 − 0.02)·(w + Δ)"),
        ({"path": "decoupled", "shrink": 0.02, "anchored": True}, "w ← w − 0.02·(w − a) + Δ"),
        ({"path": "decoupled", "shrink": 0.02, "cautious": True}, "w ← w − 0.02·w + Δ"),
        ({"path": "plain", "shrink": -0.7, "first": 3.0}, "w ← (1 − 3)·w + Δ"),
        ({"path": "plain", "shrink": -0.02, "first": -0.02, "clock": "lr"}, "w ← (1 + lr·0.2)·w + Δ"),
    ],
)
def test_the_rule_in_symbols(changes, expected):
    assert formula(replace(AT_REST, **changes), 0.1) == expected


def test_saved_names_tell_what_the_modules_were():
    shapes = {
        "wte.weight": (20, 8),
        "block.0.norm.weight": (8,),
        "block.0.norm.bias": (8,),
        "block.0.mix.weight": (8, 8),
        "block.0.mix.bias": (8,),
        "block.1.mix.weight": (8, 8),
    }
    model = rebuilt({name: torch.zeros(shape) for name, shape in shapes.items()})
    assert {p.name: p.role for p in weights_of(model)} == {
        "wte.weight": "embedding",
        "block.0.norm.weight": "norm",
        "block.0.norm.bias": "norm",
        "block.0.mix.weight": "weight",
        "block.0.mix.bias": "bias",
        "block.1.mix.weight": "weight",
    }


def test_what_has_no_elements_shares_no_memory():
    model = nn.ParameterDict({"a": nn.Parameter(torch.empty(0)), "b": nn.Parameter(torch.empty(0))})
    assert _aliases(places_of(model)) == []
    whole = torch.zeros(3)
    model = nn.ParameterDict({"a": nn.Parameter(whole), "b": nn.Parameter(whole)})
    assert _aliases(places_of(model)) == [("a", "b")]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_the_format_of_weights_is_inferred_from_their_digits(dtype):
    weights = torch.randn(200, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)
    assert spacing(torch.cat([weights.double(), torch.zeros(3)])) == torch.finfo(dtype).eps


def test_nothing_measured_is_no_agreement_and_no_shrink():
    assert spread(torch.empty(0)) == math.inf
    assert mean_log_shrink(torch.zeros(4, 3)) == 0.0
