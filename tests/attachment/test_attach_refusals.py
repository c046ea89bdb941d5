"""What `attach` refuses, and what it says."""

from typing import Any

import pytest
import torch
from torch import nn

import shrinkage.attachment
import shrinkage.rules
from shrinkage._errors import RequestError

# The arguments are wrong on purpose, so the type checker is not asked.
attach: Any = shrinkage.attachment.attach
rules: Any = shrinkage.rules
L2, Decoupled, WeightDecay, Cautious = rules.L2, rules.Decoupled, rules.WeightDecay, rules.Cautious
Projection, ConstrainedNorm, ScheduledDecay = rules.Projection, rules.ConstrainedNorm, rules.ScheduledDecay


def linear(bias: bool = True) -> nn.Linear:
    return nn.Linear(3, 2, bias=bias)


def sgd(model: nn.Module, **options) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), **{"lr": 0.1, **options})


def twice(model: nn.Module) -> torch.optim.Optimizer:
    optimizer = sgd(model)
    optimizer.param_groups.append({**optimizer.param_groups[0], "params": [model.weight]})
    return optimizer


def constant(optimizer: torch.optim.Optimizer) -> Any:
    return torch.optim.lr_scheduler.ConstantLR(optimizer)


REFUSED = {
    "a lazy module": (
        lambda m: attach(sgd(nn.LazyLinear(2)), L2(0.1), model=m),
        r"lazy module, which has no shape yet. Run the model once on a batch",
    ),
    "no values to log": (
        lambda m: attach(sgd(nn.Linear(3, 2, device="meta")), L2(0.1), exempt=()).log(),
        r"log\(\): the optimizer's parameters are on the meta device",
    ),
    "not an optimizer": (lambda m: attach(m, L2(0.1), model=m), r"must be a torch.optim.Optimizer"),
    "not a rule": (
        lambda m: attach(sgd(m), 0.1, model=m),
        r"must be a rule, such as Decoupled\(0.1\), got 0.1",
    ),
    "roles without a model": (
        lambda m: attach(sgd(m), L2(0.1)),
        r"roles are found in the model. Give model=…",
    ),
    "one word": (
        lambda m: attach(sgd(m), L2(0.1), model=m, exempt="bias"),
        r"must be a sequence, got 'bias'",
    ),
    "keep": (
        lambda m: attach(sgd(m), L2(0.1), model=m, keep="old"),
        r"one of None, 'new', 'checkpoint', got 'old'",
    ),
    "rows": (lambda m: attach(sgd(m), L2(0.1), model=m, rows="some"), r"attach\(rows=…\)"),
    "lr_max": (
        lambda m: attach(sgd(m), L2(0.1), model=m, lr_max=0.0),
        r"lr_max=…\): must be > 0 and finite, got 0",
    ),
    "a list of models": (
        lambda m: attach(sgd(m), L2(0.1), model=[m]),
        r"attach\(model=…\): must be a torch.nn.Module, got \[",
    ),
    "a parameter twice": (
        lambda m: attach(twice(m), L2(0.1), model=m),
        r"the optimizer holds weight twice, so each step would move and decay it twice",
    ),
    "lr_max of another kind": (
        lambda m: attach(sgd(m), L2(0.1), model=m, lr_max="0.1"),
        r"must be the peak learning rate, a number > 0, or the optimizer's learning rate scheduler, got '0.1'",
    ),
    "lr_max of another's scheduler": (
        lambda m: attach(sgd(m), L2(0.1), model=m, lr_max=constant(sgd(linear()))),
        r"lr_max=ConstantLR\): the scheduler is of another optimizer. Give the one that steps this SGD",
    ),
    "lr_max of a scheduler without": (
        lambda m: attach((o := sgd(m, lr=0.0)), L2(0.1), model=m, lr_max=constant(o)),
        r"ConstantLR\): the scheduler knows of no learning rate above 0 for group 0. Give the peak as a number",
    ),
    "several schedules": (
        lambda m: attach((o := sgd(m)), L2(0.1), model=m, schedule=[constant(o)]),
        r"schedule=…\): must be a function of the number of steps done, or one scheduler, got \[",
    ),
    "the learning rate as a schedule": (
        lambda m: attach((o := sgd(m)), L2(0.1), model=m, schedule=constant(o)),
        r"schedule=ConstantLR\): its values are learning rates, but schedule=… takes factors on the strength",
    ),
    "native decay": (
        lambda m: attach(torch.optim.AdamW(m.parameters()), Decoupled(0.5), model=m),
        r"attach\(Decoupled 0.5\): group 0 of AdamW already has a weight decay, 0.01",
    ),
    "native decay of Muon": (
        lambda m: attach(torch.optim.Muon([m.weight]), Decoupled(0.5), model=m),
        r"group 0 of Muon already has a weight decay, 0.1",
    ),
    "adopting another meaning": (
        lambda m: attach(sgd(m, weight_decay=0.1), Decoupled(0.5), model=m, native="adopt"),
        r"the weight decay of SGD, 0.1, is coupled and cannot be used for this rule",
    ),
    "sparse adam": (
        lambda m: attach(torch.optim.SparseAdam(m.parameters()), L2(0.1), model=m),
        r"SparseAdam accepts only sparse gradients",
    ),
    "lbfgs without objective": (
        lambda m: attach(torch.optim.LBFGS(m.parameters()), Decoupled(0.1), model=m),
        r"line search and the curvature of LBFGS need an objective",
    ),
    "second moment of sgd": (
        lambda m: attach(sgd(m), ScheduledDecay(1e-3), model=m),
        r"scaled by Adam's second moment, which SGD does not keep",
    ),
    "second moment of adamax": (
        lambda m: attach(torch.optim.Adamax(m.parameters()), ScheduledDecay(1e-3), model=m),
        r"which Adamax does not keep",
    ),
    "differentiable steps": (
        lambda m: attach(sgd(m, differentiable=True), L2(0.1), model=m),
        r"with differentiable=True the steps are part of the graph",
    ),
    "twice": (
        lambda m: [attach(o := sgd(m), L2(0.1), model=m), attach(o, Decoupled(0.1), model=m)],
        r"weight already has the rule L2\.",
    ),
    "strengths without a stack": (
        lambda m: attach(sgd(m), L2(torch.tensor([0.1, 0.2])), model=m),
        r"2 strengths do not fit weight, which holds 1 model",
    ),
    "cautious penalty": (lambda m: Cautious(L2(0.1)), r"has no pull of its own to mask"),
    "rate above one": (lambda m: WeightDecay(1.5), r"between 0 and 1"),
    "negative radius": (lambda m: Projection(-1.0), r"must be >= 0 and finite, got -1"),
    "unknown set": (lambda m: Projection(1.0, onto="cube"), r"must be 'box', 'ball' or 'sphere', got 'cube'"),
    "unknown target": (lambda m: ConstrainedNorm(1.0, "norm"), r"got 'norm'"),
    "unknown clock": (lambda m: Decoupled(0.1, clock="step"), r"must be one of lr, schedule"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(case: str):
    act, message = REFUSED[case]
    with pytest.raises(RequestError, match=message):
        act(linear())


def test_a_refused_attachment_leaves_the_optimizer_alone():
    model = linear()
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.3)
    with pytest.raises(RequestError):
        attach(optimizer, Decoupled(0.5), model=model)
    assert len(optimizer.param_groups) == 1
    assert optimizer.param_groups[0]["weight_decay"] == 0.3
    assert not optimizer._optimizer_step_pre_hooks


def test_adopting_takes_the_numbers_of_every_group():
    model = nn.Sequential(linear(), nn.Linear(2, 2))
    groups = [{"params": [*model[0].parameters()], "weight_decay": 0.1}, {"params": [*model[1].parameters()]}]
    optimizer = torch.optim.AdamW(groups, lr=0.1, weight_decay=0.2)
    handle = attach(optimizer, Cautious(Decoupled(9.0)), model=model, native="adopt")
    rules = {row.name: row.rule for row in handle.table() if row.how}
    assert rules == {"0.weight": "Cautious(Decoupled) 0.1 × lr", "1.weight": "Cautious(Decoupled) 0.2 × lr"}
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.0, 0.0]


class SignOfMomentum(torch.optim.Optimizer):
    """Lion's kind: two betas, and no second moment."""

    def __init__(self, params):
        super().__init__(params, {"lr": 0.1, "betas": (0.9, 0.99)})

    def step(self, closure: Any = None) -> Any:
        for p in self.param_groups[0]["params"]:
            self.state[p].setdefault("exp_avg", torch.zeros_like(p))


def test_an_optimizer_that_turns_out_to_keep_no_second_moment():
    model = linear(bias=False)
    optimizer = SignOfMomentum(model.parameters())
    attach(optimizer, ScheduledDecay(1e-3), model=model)
    model.weight.grad = torch.ones_like(model.weight)
    optimizer.step()
    with pytest.raises(RequestError, match=r"SignOfMomentum keeps no 'exp_avg_sq'. Use Adam"):
        optimizer.step()
