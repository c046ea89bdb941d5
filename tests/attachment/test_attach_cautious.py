"""Cautious decay before the step, where the optimizer's direction is known, against its definition by the update."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attachment_cases import loss_at, make_model
from shrinkage.attachment import attach
from shrinkage.rules import Cautious, Decoupled

SGD, Adam, AdamW = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW
KNOWN: dict[str, Any] = {
    "SGD": partial(SGD, lr=0.05),
    "SGD maximize": partial(SGD, lr=0.05, maximize=True),
    "SGD dampening": partial(SGD, lr=0.05, momentum=0.9, dampening=0.4),
    "SGD nesterov": partial(SGD, lr=0.05, momentum=0.8, nesterov=True, fused=True),
    "Adam": partial(Adam, lr=0.01, betas=(0.6, 0.9)),
    "Adam without momentum": partial(Adam, lr=0.01, betas=(0.0, 0.9)),
    "Adam maximize": partial(Adam, lr=0.01, maximize=True, fused=True),
    "AdamW amsgrad": partial(AdamW, lr=0.01, amsgrad=True, fused=True, weight_decay=0),
}


def layer(w: Tensor) -> nn.Linear:
    module = nn.Linear(w.shape[1], w.shape[0], bias=False, dtype=w.dtype)
    module.weight.data.copy_(w)
    return module


def by_the_update(w: Tensor, bare: Tensor, shrink: float) -> Tensor:
    """From the weights before the step and those that the bare optimizer made of them."""
    return torch.where((w - bare) * w >= 0, bare - shrink * w, bare)


@pytest.mark.parametrize("name", KNOWN)
def test_the_mask_from_before_the_step_is_the_mask_of_the_update(name: str):
    generator = torch.Generator().manual_seed(4)
    w = torch.randn(30, 40, dtype=torch.float64, generator=generator)
    ours, bare = layer(w), layer(w)
    optimizer, without = KNOWN[name](ours.parameters()), KNOWN[name](bare.parameters())
    handle = attach(optimizer, Cautious(Decoupled(rate=0.01, clock="constant")), model=ours)
    for _ in range(10):
        before = ours.weight.detach().clone()
        bare.weight.data.copy_(before)
        ours.weight.grad = torch.randn(w.shape, dtype=w.dtype, generator=generator)
        bare.weight.grad = ours.weight.grad.clone()
        optimizer.step()
        without.step()
        expected = by_the_update(before, bare.weight.detach(), 0.01)
        torch.testing.assert_close(ours.weight.detach(), expected, rtol=1e-14, atol=1e-15)
    assert handle.claims[ours.weight].previous is None  # the weights are held once


@pytest.mark.parametrize("optimizer", [SGD, partial(AdamW, weight_decay=0)], ids=["SGD", "AdamW"])
def test_pieces_are_put_together_to_the_last_weight(optimizer):
    generator = torch.Generator().manual_seed(5)
    w, grad = (torch.randn(1, 2 * 2**18 + 3, generator=generator) for _ in range(2))
    model = layer(w)
    attached = optimizer(model.parameters(), lr=0.0)
    attach(attached, Cautious(Decoupled(rate=0.25, clock="constant")), model=model)
    for _ in range(2):
        model.weight.grad = grad
        attached.step()
    assert torch.equal(model.weight.detach(), torch.where(grad * w >= 0, 0.75 * (0.75 * w), w))


def test_an_update_too_small_to_show_still_has_a_direction():
    """Where the update is 0 itself nothing speaks against the pull, whatever the weight's sign."""
    model = layer(torch.tensor([[1.0, -1.0, 1.0, -1.0, 1.0, -1.0]]))
    optimizer = SGD(model.parameters(), lr=1e-12)
    attach(optimizer, Cautious(Decoupled(rate=0.5, clock="constant")), model=model)
    model.weight.grad = torch.tensor([[1.0, 1.0, -1.0, -1.0, 0.0, -0.0]])
    optimizer.step()
    assert model.weight.tolist() == [[0.5, -1.0, 1.0, -0.5, 0.5, -0.5]]


def test_a_momentum_of_zero_is_no_contradiction():
    model = layer(torch.tensor([[1.0, -1.0]]))
    optimizer = AdamW(model.parameters(), lr=0.1, weight_decay=0)
    attach(optimizer, Cautious(Decoupled(rate=0.5, clock="constant")), model=model)
    for _ in range(2):  # the second step has a momentum
        model.weight.grad = torch.zeros_like(model.weight)
        optimizer.step()
    assert model.weight.tolist() == [[0.25, -0.25]]


def test_gradients_that_a_later_hook_turns_round_decide_by_the_update():
    w = torch.tensor([[1.0, -1.0]], dtype=torch.float64)
    model = layer(w)
    optimizer = SGD(model.parameters(), lr=0.1)
    handle = attach(optimizer, Cautious(Decoupled(0.5)), model=model)
    grad = model.weight.grad = torch.tensor([[1.0, 1.0]], dtype=torch.float64)

    def turn_round(*_: Any) -> None:
        grad.neg_()

    optimizer.register_step_pre_hook(turn_round)
    optimizer.step()
    expected = torch.tensor([[1.1, -0.9 + 0.05]], dtype=torch.float64)
    torch.testing.assert_close(model.weight.detach(), expected, rtol=1e-14, atol=0)
    assert handle.claims[model.weight].previous is not None


@pytest.mark.parametrize("kind", [partial(SGD, momentum=0.9), Adam], ids=["SGD", "Adam"])
def test_a_fused_momentum_takes_in_the_unscaled_gradient(kind):
    """With the scaled gradient the mask would follow the newest gradient, not the momentum."""
    scaled, plain = make_model(torch.float32), make_model(torch.float32)
    one, other = (kind(m.parameters(), lr=0.01, fused=True) for m in (scaled, plain))
    for optimizer, model in ((one, scaled), (other, plain)):
        attach(optimizer, Cautious(Decoupled(rate=0.1, clock="constant")), model=model)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    for t in range(6):
        one.zero_grad()
        scaler.scale(loss_at(scaled, t)).backward()
        scaler.step(one)
        scaler.update()
        other.zero_grad()
        loss_at(plain, t).backward()
        other.step()
    for a, b in zip(scaled.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("why", ["unknown optimizer", "float16", "strided", "own decay"])
def test_where_the_direction_is_not_known_the_update_decides(why: str):
    dtype = torch.float16 if why == "float16" else torch.float64
    model = layer(torch.randn(6, 4, dtype=dtype, generator=torch.Generator().manual_seed(6)))
    if why == "strided":
        model.weight = nn.Parameter(model.weight.detach().t())
    kind = torch.optim.RMSprop if why == "unknown optimizer" else SGD
    optimizer, rule = kind(model.parameters(), lr=0.1), Cautious(Decoupled(rate=0.125, clock="constant"))
    handle = attach(optimizer, rule, model=model)
    if why == "own decay":
        optimizer.param_groups[0]["weight_decay"] = 0.5
    before = model.weight.detach().clone()
    bare = nn.Parameter(before.clone())
    bare.grad = model.weight.grad = torch.randn_like(before)
    decay = optimizer.param_groups[0]["weight_decay"]
    optimizer.step()
    kind([bare], lr=0.1, weight_decay=decay).step()
    torch.testing.assert_close(model.weight.detach(), by_the_update(before, bare.detach(), 0.125))
    assert handle.claims[model.weight].previous is not None
