"""What a rule takes and what it refuses, at the very edge of each range; its defaults; that nothing in it changes."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch

import shrinkage.rules as sr
from shrinkage._errors import RequestError
from shrinkage.rules import Reading, Rule, View

INF, NAN = float("inf"), float("nan")
UNTYPED: Any = sr  # for words that no type checker would let through

TAKEN: list[Callable[[], Any]] = [
    lambda: sr.L2(0.0),
    lambda: sr.L2(7.0),
    lambda: sr.L2(torch.tensor([0.0, 7.0])),
    lambda: sr.WeightDecay(1.0),
    lambda: sr.WeightDecay(torch.tensor([0.0, 1.0])),
    lambda: sr.Decoupled(7.0),
    lambda: sr.Decoupled(7.0, clock="corrected"),
    lambda: sr.Proximal(rate=7.0, clock="constant"),
    lambda: sr.SelectiveProjectionDecay(7.0),
    lambda: sr.ElasticNet(0.0, 0.1),
    lambda: sr.ElasticNet(0.1, 0.0),
    lambda: sr.ConditionalDecay(0.1, threshold=0.0),
    lambda: sr.UncertainDecay(0.1, batch=1, memory=0.0),
    lambda: sr.ConstrainedNorm(0.0, "uniform"),
    lambda: sr.TimescaleDecay(1.0, batch=1, rows=1),
    lambda: sr.NormalizedDecay(0.5, batch=1, rows=1, epochs=0.5),
    lambda: sr.linear(0.0, 0.0, steps=1),
]
REFUSED: list[tuple[Callable[[], Any], str]] = [
    (lambda: sr.L2(-0.1), r"L2: the strength must be >= 0 and finite, got -0\.1"),
    (lambda: sr.L2(INF), "L2: the strength must be >= 0 and finite, got inf"),
    (lambda: sr.L2(NAN), "got nan"),
    (lambda: sr.L2(torch.tensor([0.1, -0.2])), r"got -0\.2"),
    (lambda: sr.L2(torch.tensor([0.1, INF])), "got inf"),
    (lambda: sr.WeightDecay(1.01), r"must be between 0 and 1, .* got 1\.01"),
    (lambda: sr.WeightDecay(torch.tensor([0.0, 1.5])), r"must be between 0 and 1, .* got 1\.5"),
    (lambda: sr.WeightDecay(-0.5), r"must be between 0 and 1, .* got -0\.5"),
    (lambda: sr.Decoupled(rate=1.01, clock="schedule"), "must be between 0 and 1"),
    (
        lambda: UNTYPED.Decoupled(0.1, clock="hours"),
        "clock=….: must be one of lr, schedule, constant, corrected",
    ),
    (lambda: sr.ElasticNet(-0.1, 0.3), "both must be >= 0"),
    (lambda: sr.ElasticNet(0.3, -0.1), "both must be >= 0"),
    (lambda: sr.Huber(0.1, delta=0.0), "delta=….: must be > 0 and finite"),
    (lambda: sr.Huber(0.1, delta=INF), "delta=….: must be > 0 and finite"),
    (lambda: sr.WeightElimination(0.1, scale=0.0), "scale=….: must be > 0 and finite"),
    (lambda: sr.ConditionalDecay(0.1, threshold=-0.1), "threshold=….: must be >= 0 and finite"),
    (lambda: sr.ConditionalDecay(0.1, threshold=INF), "threshold=….: must be >= 0 and finite"),
    (lambda: sr.UncertainDecay(0.1, batch=0), "batch=….: must be >= 1"),
    (lambda: sr.UncertainDecay(0.1, batch=1, memory=1.0), "memory=….: must be >= 0 and < 1"),
    (lambda: sr.UncertainDecay(0.1, batch=1, memory=-0.1), "memory=….: must be >= 0 and < 1"),
    (lambda: sr.ConstrainedNorm(-0.1), "value=….: must be >= 0 and finite"),
    (lambda: sr.ConstrainedNorm(INF), "value=….: must be >= 0 and finite"),
    (lambda: UNTYPED.ConstrainedNorm(1.0, "soon"), "target=….: must be one of uniform, relative"),
    (lambda: UNTYPED.WeightDecay(0.1, of="both"), "of=….: must be 'updated' or 'original'"),
    (lambda: UNTYPED.Proximal(0.1, penalty="l3"), "penalty=….: must be 'l2' or 'l1'"),
    (lambda: UNTYPED.Projection(0.1, onto="line"), "onto=….: must be 'box', 'ball' or 'sphere'"),
    *(
        (lambda keywords=keywords: sr.NormalizedDecay(0.1, **keywords), "all must be > 0")
        for keywords in (
            {"batch": 0, "rows": 1, "epochs": 1},
            {"batch": 1, "rows": 0, "epochs": 1},
            {"batch": 1, "rows": 1, "epochs": 0},
        )
    ),
    (lambda: sr.TimescaleDecay(0, batch=1, rows=1), "all must be > 0"),
    (lambda: sr.TimescaleDecay(1, batch=0, rows=1), "all must be > 0"),
    (lambda: sr.TimescaleDecay(1, batch=1, rows=0), "all must be > 0"),
    (lambda: sr.linear(INF, 1, steps=2), "factors must be >= 0 and finite"),
    (lambda: sr.linear(0, INF, steps=2), "factors must be >= 0 and finite"),
    (lambda: sr.linear(0, -1, steps=2), "factors must be >= 0 and finite"),
    (lambda: sr.rule_named("l22"), "did you mean 'l2'"),
    (lambda: sr.rule_named("???"), r"there is no rule '\?\?\?'\. Known: l2, l1"),
    (lambda: sr.Cautious(sr.L2(0.1)), r"Cautious\(L2\(…\)\)"),
    (lambda: sr.Cautious(sr.Cautious(sr.Decoupled(0.1))), "is already modulated"),
]


@pytest.mark.parametrize("index", range(len(TAKEN)))
def test_the_edge_of_a_range_is_inside(index: int):
    TAKEN[index]()


@pytest.mark.parametrize("index", range(len(REFUSED)))
def test_what_lies_beyond_is_refused_with_the_reason(index: int):
    call, says = REFUSED[index]
    with pytest.raises(RequestError, match=says):
        call()


@pytest.mark.parametrize(
    "bare, said",
    [
        (sr.AdaptiveDecay(0.1), sr.AdaptiveDecay(0.1, alpha=4)),  # IEEE Access 2019, section IV
        (sr.AdaptiveL2(0.1), sr.AdaptiveL2(0.1, exponent=1)),
        (sr.UncertainDecay(0.1, batch=8), sr.UncertainDecay(0.1, batch=8, memory=0.999)),
        (sr.ConstrainedNorm(0.5), sr.ConstrainedNorm(0.5, "relative", rate=1)),
        (sr.ConditionalDecay(0.1), sr.ConditionalDecay(0.1, threshold=1)),
        (sr.Huber(0.1), sr.Huber(0.1, delta=1)),
        (sr.WeightElimination(0.1), sr.WeightElimination(0.1, scale=1)),
    ],
    ids=lambda rule: rule.name,
)
def test_defaults_are_the_articles(bare: Rule, said: Rule):
    assert (bare.force, bare.modulation) == (said.force, said.modulation)
    assert bare.strength == said.strength


def test_a_constant_schedule_is_1_by_default():
    assert sr.factor_at(sr.constant(), 3) == 1


PARTS = [
    sr.L2(0.1),
    Reading(lr=0.1, lr_max=0.1),
    *(
        row.force
        for row in (sr.L2(0.1), sr.L1(0.1), sr.ElasticNet(1, 1), sr.Huber(1), sr.WeightElimination(1))
    ),
    *(sr.Projection(1.0, onto).force for onto in ("box", "ball", "sphere")),
    sr.ConditionalDecay(0.1).force,
    *(
        rule.modulation
        for rule in (
            sr.Cautious(sr.Decoupled(0.1)),
            sr.ScheduledDecay(0.1),
            sr.AdaptiveDecay(0.1),
            sr.AdaptiveL2(0.1),
            sr.SelectiveProjectionDecay(0.1),
            sr.UncertainDecay(0.1, batch=1),
            sr.ConstrainedNorm(1.0),
        )
    ),
    sr.linear(0, 1, steps=1),
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: type(part).__name__)
def test_a_rule_and_its_parts_never_change(part: Any):
    name = next((field.name for field in dataclasses.fields(part)), "name")
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(part, name, 0.2)


def test_rules_differ_by_identity_whatever_their_strengths():
    one, other = (sr.L2(torch.tensor([0.1, 0.2])) for _ in range(2))
    assert one != other
    assert len({one, other, one}) == 2


@pytest.mark.parametrize("kind", [Rule, View])
def test_a_part_is_named_by_keyword(kind: Any):
    with pytest.raises(TypeError, match="takes 1 positional argument"):
        kind(torch.ones(2), 0.1)
