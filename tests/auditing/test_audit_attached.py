"""The rules of this library, attached to an optimizer, are read as what they are."""

import pytest
import torch

from auditing_cases import codes, first_reading, matrices, net
from shrinkage.attachment import attach
from shrinkage.auditing import audit
from shrinkage.auditing.showing._rule_in_words import in_words
from shrinkage.rules import L1, L2, L2SP, Cautious, Decoupled, Proximal, Rule, WeightDecay

# With lr 0.1 and momentum 0.9: rule, what is read, in words.
RULES = {
    "l2": (L2(1e-3), {"lam": 1e-3}, "L2 in the gradient, through momentum"),
    "l1": (L1(1e-3), {}, "L1, a pull of constant size"),
    "l2_sp": (L2SP(1e-3), {"lam": 1e-3}, "L2 in the gradient, through momentum, toward weights other than 0"),
    "lr": (Decoupled(0.1), {"shrink": 0.01, "lam": 0.01}, "decay before the step, × lr"),
    "schedule": (
        Decoupled(rate=0.01, clock="schedule"),
        {"shrink": 0.01},
        "decay before the step, × lr/lr_max",
    ),
    "constant": (
        Decoupled(rate=0.01, clock="constant"),
        {"shrink": 0.01},
        "decay before the step, whatever the lr",
    ),
    "corrected": (Decoupled(0.1, clock="corrected"), {"shrink": 0.01}, "decay before the step, × lr²/lr_max"),
    "updated": (WeightDecay(0.02), {"shrink": 0.02}, "decay after the step, whatever the lr"),
    "original": (
        WeightDecay(0.02, of="original"),
        {"shrink": 0.02},
        "decay before the step, whatever the lr",
    ),
    "cautious": (
        Cautious(Decoupled(0.1)),
        {"shrink": 0.01},
        "decay beside the gradient, × lr, only where the update agrees",
    ),
}


@pytest.mark.parametrize("rule, numbers, words", RULES.values(), ids=RULES)
def test_attached_rules(rule, numbers, words):
    def build(model):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        attach(optimizer, rule, model=model)
        return optimizer

    reading = first_reading(build)
    assert in_words(reading) == words
    assert {name: getattr(reading, name) for name in numbers} == pytest.approx(numbers, rel=1e-3)


def test_what_rounding_takes_is_carried_by_an_attached_rule():
    def found(decay, attached):
        model = net()
        optimizer = torch.optim.AdamW(matrices(model), lr=1e-4, weight_decay=decay)
        if attached:
            attach(optimizer, Decoupled(attached), model=model)
        return codes(optimizer, model) - {"in-no-group"}

    assert found(1e-4, 0) == {"rounded-away"}
    assert found(0.0, 1e-4) == set()


HEAVY = {"momentum": 0.9}
LOGGED = [
    (L2(0.01), {}),
    (L2(0.01), HEAVY),
    (L2(0.01), {**HEAVY, "nesterov": True}),
    (L2(0.01), {**HEAVY, "dampening": 0.5}),
    (Decoupled(0.01), HEAVY),
    (Decoupled(rate=0.01, clock="constant"), {**HEAVY, "dampening": 0.5}),
    (WeightDecay(0.02), {}),
    (WeightDecay(0.02, of="original"), {}),
    (Proximal(0.1), {}),
]


@pytest.mark.parametrize("rule, options", LOGGED, ids=lambda x: getattr(x, "name", None) or str(x))
def test_the_log_of_a_rule_is_what_is_measured_of_it(rule, options):
    model = torch.nn.Linear(6, 5, bias=False, dtype=torch.float64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, **options)
    log = attach(optimizer, rule, model=model, lower=False).log()
    (group,) = audit(optimizer, model).groups
    assert log["shrinkage/group0/lam"] == pytest.approx(group.lam, rel=1e-6)
    assert log["shrinkage/group0/shrink"] == pytest.approx(group.shrink, rel=1e-6)


def test_a_shrink_that_differs_from_weight_to_weight_is_neither_logged_nor_measured():
    model = torch.nn.Linear(6, 5, bias=False)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    log = attach(optimizer, L2(0.01), model=model).log()
    (group,) = audit(optimizer, model).groups
    assert log["shrinkage/group0/lam"] == pytest.approx(group.lam, rel=1e-3)
    assert "shrinkage/group0/shrink" not in log
    assert group.shrink is None


@pytest.mark.parametrize("rule", [L2(0.01), L2SP(0.01)], ids=["L2", "L2SP"])
def test_a_rule_in_the_gradient_of_adamw_is_no_flag_of_the_optimizer(rule: Rule):
    model = net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0)
    attach(optimizer, rule, model=model)
    found = {finding.code: finding for finding in audit(optimizer, model).findings}
    assert "adamw-is-adam" not in found
    assert found["adam-l2"].advice.startswith(
        "Replace the attached rule by one that acts outside the gradient"
    )
