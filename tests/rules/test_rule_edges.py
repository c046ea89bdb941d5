"""Where a formula meets 0/0, an equality or a tensor of one weight: what it says there, by hand."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

import shrinkage.rules as sr
from shrinkage.rules import CATALOGUE, Reading, Rule, View

NOW = Reading(lr=0.1, lr_max=0.1)


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def seen(rule: Rule, w: Tensor, **facts: Any) -> View:
    """A view of `w` that `rule` was attached to and has read."""
    view = View(w=w, now=NOW, strength=rule.strength, **facts)
    rule.start(view)
    rule.read([view])
    return view


def factor(rule: Rule, view: View) -> Tensor:
    assert rule.modulation is not None
    return torch.as_tensor(rule.modulation.factor(view, rule.force))


MODULATED = [
    sr.Cautious(sr.Decoupled(0.5)),
    sr.ScheduledDecay(0.5),
    sr.AdaptiveDecay(0.5),
    sr.AdaptiveL2(0.5),
    sr.SelectiveProjectionDecay(0.5),
    sr.UncertainDecay(0.5, batch=4),
    sr.ConstrainedNorm(0.5),
]


@pytest.mark.parametrize("rule", MODULATED, ids=lambda rule: rule.name)
@pytest.mark.parametrize(
    "need, fact",
    [("needs_previous", "previous"), ("needs_gradient", "grad"), ("needs_second_moment", "second_moment")],
)
def test_a_modulation_asks_for_what_it_cannot_do_without_and_for_nothing_else(
    rule: Rule, need: str, fact: str
):
    facts = {"previous": column(1, 3), "grad": column(0.5, -1), "second_moment": torch.tensor(2.0)}
    del facts[fact]
    if getattr(rule.modulation, need):
        with pytest.raises((AssertionError, IndexError)):
            factor(rule, seen(rule, column(1, 2), **facts))
    else:
        assert factor(rule, seen(rule, column(1, 2), **facts)).isfinite().all()


def test_which_modulations_read_exempt_parameters_and_which_have_a_unit_of_their_own():
    by_name = {rule.name: rule.modulation for rule in MODULATED if rule.modulation is not None}
    # v̄ is a mean over all parameters of the optimizer; the other two multiply a share and a multiplier.
    assert [name for name, m in by_name.items() if m.reads_all] == ["ScheduledDecay"]
    assert [name for name, m in by_name.items() if m.own_unit] == [
        "SelectiveProjectionDecay",
        "ConstrainedNorm",
    ]


@pytest.mark.parametrize("rule", MODULATED[-1:] + MODULATED[4:5], ids=lambda rule: rule.name)
def test_a_strength_in_a_unit_of_its_own_is_no_fraction_and_may_exceed_1(rule: Rule):
    assert not rule.is_fraction
    assert rule.with_strength(3.0).strength == 3.0


def test_a_rule_in_the_loss_has_an_objective_unless_it_is_modulated():
    rules = [sr.L2(0.1), sr.AdaptiveL2(0.1), sr.Decoupled(0.1), sr.Cautious(sr.Decoupled(0.1))]
    assert [rule.has_objective for rule in rules] == [True, False, False, False]


@pytest.mark.parametrize("rule", [sr.Projection(1.0, onto="box"), sr.Projection(1.0, onto="ball")], ids=str)
def test_a_set_adds_nothing_to_the_error_or_the_gradient(rule: Rule):
    w, grad = column(2, -3), column(0.5, 0.25)
    rule.add_gradient_(grad, w)
    assert rule.penalty(w).tolist() == [0, 0]
    assert grad.tolist() == [0.5, 0.25]


def test_a_view_without_a_strength_has_none():
    assert View(w=column(1), now=NOW).strength == 0


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_weight_at_its_anchor_is_not_pulled(name: str):
    assert float(CATALOGUE[name](0.5).force.pull(column(0.0))) == 0


def test_a_weight_of_the_size_of_the_threshold_is_left_alone():
    w = column(-1.5, 1.5, 1.75)
    sr.ConditionalDecay(0.5, threshold=1.5).shrink_(w, NOW)
    assert w.tolist() == [-1.5, 1.5, 0.875]


def test_an_update_of_0_lets_a_cautious_pull_through():
    w = column(2.0, -2.0)
    sr.Cautious(sr.Decoupled(0.5)).shrink_(w, NOW, previous=w.clone())
    assert w.tolist() == [1.9, -1.9]


def test_gradients_all_alike_decay_as_decoupled_does():
    """z is 0 there, and 2/(1 + e⁰) is 1."""
    rule = sr.AdaptiveDecay(0.1)
    assert factor(rule, seen(rule, column(1, 2, 3), grad=column(0.5, -0.5, 0.5))).tolist() == [1, 1, 1]


def test_of_two_gradients_each_is_one_standard_deviation_over_root_2_from_their_mean():
    rule = sr.AdaptiveDecay(0.1, alpha=3.0)
    got = factor(rule, seen(rule, column(1, 2), grad=column(-0.1, 0.2)))
    expected = [2 / (1 + math.exp(-3 * z / math.sqrt(2))) for z in (-1, 1)]
    torch.testing.assert_close(got, column(*expected), rtol=1e-12, atol=0)


def test_one_gradient_alone_has_no_spread():
    rule = sr.AdaptiveDecay(0.1)
    assert factor(rule, seen(rule, column(1), grad=column(0.3))).tolist() == [1]


def test_a_decay_by_the_second_moment_stands_still_before_there_is_one():
    rule, w = sr.ScheduledDecay(0.5), column(1.0, 2.0)
    rule.apply_(seen(rule, w, second_moment=column(0.0).sum()))
    assert w.tolist() == [1.0, 2.0]


def test_an_adaptive_l2_is_a_share_of_the_gradient_however_small_the_weights_and_0_of_none():
    rule = sr.AdaptiveL2(0.02)
    small = seen(rule, column(0.03, 0.04), grad=column(0.6, 0.8))
    assert float(rule.gradient(small).norm()) == pytest.approx(0.9 * 0.02 * 1.0, rel=1e-12)
    assert float(factor(rule, seen(rule, column(0, 0), grad=column(0.6, 0.8)))) == 0


def test_a_tensor_that_never_left_its_start_is_projected_to_where_it_is():
    rule, w = sr.SelectiveProjectionDecay(0.5), column(1.0, 2.0)
    rule.apply_(seen(rule, w, anchor=w.clone(), grad=column(0.0, 0.0)))
    assert w.tolist() == [1.0, 2.0]


def test_without_rows_and_without_penalty_nothing_is_determined():
    assert sr.determined(column(0.0, 2.0), 0.0).tolist() == [0.0, 1.0]
    assert sr.determined(column(0.1), 0.1).tolist() == [0.5]


def squared(rule: Rule, sizes: list[float]) -> list[float]:
    """κ after each step of a weight whose squares are `sizes`, the first of them at attach."""
    view = seen(rule, column(math.sqrt(sizes[0])))
    found = []
    for size in sizes[1:]:
        view.w = column(math.sqrt(size))
        factor(rule, view)
        found.append(float(view.state["kappa"]))
    return found


def test_the_inflection_is_where_the_smoothed_growth_first_slows_down():
    """R = 1, 2, 4, 4.2, 9: running means 1, 1.1, 1.39, 1.671, grown by 0.1, 0.29, 0.281."""
    rule = sr.ConstrainedNorm(0, "inflection")
    assert squared(rule, [1, 2, 4, 4.2, 9]) == pytest.approx([math.nan, math.nan, 4.2, 4.2], nan_ok=True)
    assert squared(rule, [1, 1, 1]) == pytest.approx([math.nan] * 2, nan_ok=True)


@pytest.mark.parametrize("value", [0, 1])
def test_the_first_step_is_the_first_that_can_be_named(value: int):
    assert squared(sr.ConstrainedNorm(value, "at_step"), [1, 2, 4]) == pytest.approx([2, 2])


def test_a_step_toward_an_anchor_moves_with_the_anchor():
    w, shift = column(0.5, -2.0), column(3.0, 1.0)
    for rule in (sr.Proximal(2.0, penalty="l1"), sr.Projection(1.0), sr.Decoupled(2.0), sr.WeightDecay(0.1)):
        rule, here, there = replace(rule, anchor="initial"), w.clone(), w + shift
        rule.shrink_(here, NOW, anchor=torch.zeros(2))
        rule.shrink_(there, NOW, anchor=shift)
        torch.testing.assert_close(there, here + shift, rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    "rule, scales",
    [
        (sr.Decoupled(0.1), True),
        (sr.WeightDecay(0.1), True),
        (sr.L2(0.1), False),
        (sr.Proximal(0.1), False),
        (sr.ConditionalDecay(0.1), False),
        (sr.Cautious(sr.Decoupled(0.1)), False),
        (replace(sr.Decoupled(0.1), anchor="initial"), False),
    ],
    ids=lambda case: getattr(case, "name", str(case)),
)
def test_only_plain_decay_is_a_factor_on_the_weights(rule: Rule, scales: bool):
    assert rule.scales_weights is scales


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_rule_of_the_catalogue_has_the_strength_it_is_given(name: str):
    assert CATALOGUE[name](0.25).strength == 0.25


def test_the_elastic_net_of_a_path_is_half_and_half_at_every_strength():
    for rule in (CATALOGUE["elastic_net"](0.4), sr.rule_named("elastic_net").with_strength(0.4)):
        torch.testing.assert_close(rule.penalty(column(3.0)), column(0.2 * 3 + 0.2 * 0.5 * 9))


def test_a_single_weight_and_a_row_of_models_are_counted_as_they_are():
    one = View(w=torch.tensor(2.0), now=NOW, strength=torch.tensor(0.1))
    assert (one.count(), float(one.total(one.w))) == (1, 2.0)
    models = View(w=column(1, 2, 3), now=NOW, strength=column(0.1, 0.1, 0.1))
    assert (models.count(), models.total(models.w).tolist()) == (1, [1, 2, 3])
