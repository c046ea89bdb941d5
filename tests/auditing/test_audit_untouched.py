"""An audit leaves everything as it was, bit for bit."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from auditing_cases import net, trained
from shrinkage import RequestError
from shrinkage.attachment import attach
from shrinkage.auditing import audit, audit_step
from shrinkage.rules import Cautious, Decoupled, WeightDecay


def snapshot(model, optimizer):
    """All that a step could change, as bytes and plain values."""
    state = [
        (key, value.clone() if isinstance(value, torch.Tensor) else value)
        for entry in optimizer.state.values()
        for key, value in entry.items()
    ]
    groups = [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups]
    tensors = [t.clone() for t in (*model.parameters(), *model.buffers())]
    grads = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    modes = [m.training for m in model.modules()]
    seeds = (torch.get_rng_state(), random.getstate(), np.random.get_state(legacy=False)["state"]["key"])
    return tensors, grads, state, groups, modes, seeds, [*optimizer.__dict__]


def assert_same(a, b):
    if isinstance(a, torch.Tensor | np.ndarray):
        assert type(a) is type(b)
        assert bool((a == b).all())
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    else:
        assert a == b


def adamw(model):
    return torch.optim.AdamW(model.parameters(), lr=1e-3)


def scheduled(model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
    torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=50)
    return optimizer


def tensor_lr(model):
    return torch.optim.Adam(model.parameters(), lr=torch.tensor(1e-3), weight_decay=0.1, amsgrad=True)


def attached(rule):
    def build(model):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        attach(optimizer, rule, model=model)
        return optimizer

    return build


def with_closure_hook(model):
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)

    def hook(own, args, kwargs):
        with torch.no_grad():
            for p in model.parameters():
                p.mul_(0.999)

    optimizer.register_step_post_hook(hook)
    return optimizer


BUILDS = {
    "adamw": adamw,
    "scheduled": scheduled,
    "tensor lr": tensor_lr,
    "attached": attached(Decoupled(0.1)),
    "attached after": attached(WeightDecay(0.01)),
    "attached cautious": attached(Cautious(Decoupled(0.1))),
    "hook with closure": with_closure_hook,
}


@pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)
def test_nothing_changes(build):
    model = nn.Sequential(net(), nn.BatchNorm1d(4), nn.Dropout(0.5))
    optimizer = trained(model, build(model))
    before = snapshot(model, optimizer)
    x = torch.randn(8, 12, generator=torch.Generator().manual_seed(1))
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1 / (1 + t))
    groups = [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups]
    audit(optimizer, model, rows=100, batch_size=10, steps=20, scheduler=scheduler, inputs=x)
    after = snapshot(model, optimizer)
    assert_same(before[:3], after[:3])
    assert_same(groups, after[3])
    assert_same(before[4:6], after[4:6])
    assert scheduler.last_epoch == 0


@pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)
def test_the_next_step_is_the_one_without_an_audit(build):
    weights = []
    for look in (False, True):
        model = net()
        optimizer = trained(model, build(model))
        if look:
            audit(optimizer, model)
        trained(model, optimizer)
        weights.append([p.detach().clone() for p in model.parameters()])
    assert_same(*weights)


def test_a_step_in_place_is_undone():
    p = nn.Parameter(torch.randn(4, 3))
    p.grad = grad = torch.ones(4, 3)
    before = p.detach().clone()

    def step():
        with torch.no_grad():
            p.sub_(torch.zeros_like(p) if p.grad is None else p.grad + 0.01 * p, alpha=0.1)

    audit_step(step, [p])
    assert_same([before], [p.detach()])
    assert p.grad is grad
    assert_same([grad], [torch.ones(4, 3)])


class Hidden:
    """Holds a model where no copy looks: on a class."""

    model: nn.Module


def reach_the_live_model(own, args, kwargs):
    with torch.no_grad():
        for p in Hidden.model.parameters():
            p.mul_(0.9)


def test_weights_that_a_hook_reached_are_restored_and_reported():
    Hidden.model = net()
    optimizer = torch.optim.SGD(Hidden.model.parameters(), lr=0.1)
    optimizer.register_step_post_hook(reach_the_live_model)
    before = [p.detach().clone() for p in Hidden.model.parameters()]
    with pytest.raises(RequestError, match=r"wrote to the live weights, .* put back"):
        audit(optimizer, Hidden.model)
    assert_same(before, [p.detach() for p in Hidden.model.parameters()])


def test_a_large_model_is_not_copied_but_watched(monkeypatch):
    monkeypatch.setattr("shrinkage.auditing.subjects._untouched._SMALL", 0)
    Hidden.model = net()
    optimizer = torch.optim.SGD(Hidden.model.parameters(), lr=0.1, momentum=0.9)
    assert audit(optimizer, Hidden.model).groups
    optimizer.register_step_post_hook(reach_the_live_model)
    before, versions = zip(
        *((p.detach().clone(), p._version) for p in Hidden.model.parameters()), strict=True
    )
    with pytest.raises(RequestError, match="wrote to the live weights"):
        audit(optimizer, Hidden.model)
    assert_same(list(before), [p.detach() for p in Hidden.model.parameters()])
    assert versions == tuple(p._version for p in Hidden.model.parameters())
