"""Fifty steps in float64 beside the packages that have the same rule of their own."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attachment_cases import loss_at, make_model
from shrinkage._errors import RequestError
from shrinkage.attachment import attach
from shrinkage.rules import L2, Decoupled, Rule, ScheduledDecay

pytestmark = [
    pytest.mark.frameworks,
    pytest.mark.filterwarnings("ignore"),  # the packages warn about themselves
]

STEPS, LR, LAM = 50, 0.01, 0.2


def lr_at(step: int) -> float:
    """A cosine from LR to a tenth of it."""
    return LR * (0.55 + 0.45 * math.cos(math.pi * step / STEPS))


def train(model: nn.Module, optimizer: torch.optim.Optimizer, *, scheduled: bool = True) -> list[Tensor]:
    for t in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = lr_at(t) if scheduled else LR
        optimizer.zero_grad()
        loss_at(model, t).backward()
        optimizer.step()
    return [p.detach().clone() for p in model.parameters()]


def ours(
    rule: Rule, optimizer: Callable[[Any], torch.optim.Optimizer] | None = None, **options
) -> list[Tensor]:
    model = make_model(bias=False)
    build = optimizer or (lambda p: torch.optim.Adam(p, lr=LR))
    made = build(model.parameters())
    attach(made, rule, model=model, **options)
    return train(model, made)


def same(a: list[Tensor], b: list[Tensor]) -> None:
    for x, y in zip(a, b, strict=True):
        torch.testing.assert_close(x, y, rtol=1e-9, atol=1e-11)


def theirs(build: Callable[[Any], torch.optim.Optimizer]) -> list[Tensor]:
    model = make_model(bias=False)
    return train(model, build(model.parameters()))


def adamc(weight_decay: float, **options: Any) -> Callable[[Any], torch.optim.Optimizer]:
    """AdamC, whose Adam places eps otherwise than torch's, so that ours is attached to the same."""
    package = pytest.importorskip("pytorch_optimizer")

    def build(params: Any) -> torch.optim.Optimizer:
        groups = [{"params": list(params), "normalized": True}]
        return package.AdamC(groups, lr=LR, weight_decay=weight_decay, betas=(0.9, 0.999), **options)

    return build


def test_pytorch_optimizers_adamc_is_the_corrected_clock():
    same(ours(Decoupled(LAM, clock="corrected"), adamc(0.0)), theirs(adamc(LAM)))


def test_pytorch_optimizers_fixed_decay_is_the_constant_clock():
    same(ours(Decoupled(rate=0.003, clock="constant"), adamc(0.0)), theirs(adamc(0.003, fixed_decay=True)))


def test_pytorch_optimizers_adams_is_scheduled_decay():
    package = pytest.importorskip("pytorch_optimizer")

    def build(params: Any) -> torch.optim.Optimizer:
        return package.AdamS(params, lr=LR, weight_decay=5e-3, betas=(0.9, 0.999), eps=1e-8, ams_bound=False)

    model = make_model(bias=False)
    expected = theirs(build)
    optimizer = torch.optim.Adam(model.parameters(), lr=LR)
    attach(optimizer, ScheduledDecay(5e-3), model=model)
    for a, b in zip(train(model, optimizer), expected, strict=True):
        torch.testing.assert_close(
            a, b, rtol=1e-7, atol=1e-9
        )  # AdamS adds eps to √v̄, and to v̂ under its root


def test_a_rule_on_an_optimizer_of_another_package():
    """Lion of pytorch_optimizer with its own decoupled decay, and with ours."""
    package = pytest.importorskip("pytorch_optimizer")
    expected = theirs(lambda p: package.Lion(p, lr=LR, weight_decay=LAM))
    same(ours(Decoupled(LAM), lambda p: package.Lion(p, lr=LR, weight_decay=0.0)), expected)


@pytest.mark.parametrize("foreach", [True, False])
def test_schedule_free_sgd_has_l2_in_the_loss(foreach: bool):
    package = pytest.importorskip("schedulefree")

    def run(own: float, rule: Rule | None) -> list[Tensor]:
        model = make_model(bias=False)
        optimizer = package.SGDScheduleFree(model.parameters(), lr=LR, weight_decay=own, foreach=foreach)
        optimizer.train()
        if rule is not None:
            attach(optimizer, rule, model=model)
        end = train(model, optimizer, scheduled=False)
        optimizer.eval()
        return end + [p.detach().clone() for p in model.parameters()]

    same(run(0.0, L2(LAM)), run(LAM, None))


def test_schedule_free_refuses_to_move_one_of_its_points():
    package = pytest.importorskip("schedulefree")
    model = make_model()
    optimizer = package.AdamWScheduleFree(model.parameters(), lr=LR)
    with pytest.raises(RequestError, match="a schedule-free optimizer keeps a point between two sequences"):
        attach(optimizer, Decoupled(LAM), model=model)


@pytest.mark.parametrize("name", ["FTRL", "MADGRAD", "DAdaptSGD", "DAdaptAdaGrad", "SRMM"])
def test_attach_refuses_a_decay_that_the_optimizer_would_undo(name: str):
    package = pytest.importorskip("pytorch_optimizer")
    model = make_model(torch.float32)
    optimizer = getattr(package, name)(model.parameters(), lr=1e-6)
    with pytest.raises(RequestError, match=f"{name} recomputes the weights in each step"):
        attach(optimizer, Decoupled(LAM), model=model)
    w = next(model.parameters())
    before = float(w.detach().norm())
    for _ in range(60):
        for p in model.parameters():
            p.grad = torch.full_like(p, 1e-3)
        with torch.no_grad():
            w.mul_(0.95)
        optimizer.step()
    assert float(w.detach().norm()) > 5 * 0.95**60 * before
    attach(optimizer, L2(LAM), model=model)


def optax_run(transform: Callable[[Any], Any]) -> list[Tensor]:
    """The same training with an optax optimizer; `transform` gets optax and returns it."""
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    jax.config.update("jax_enable_x64", True)
    model = make_model(bias=False)
    params = [jax.numpy.asarray(p.detach().numpy()) for p in model.parameters()]
    optimizer = transform(optax)
    state = optimizer.init(params)
    for t in range(STEPS):
        model.zero_grad()
        with torch.no_grad():
            for p, value in zip(model.parameters(), params, strict=True):
                p.copy_(torch.tensor(jax.device_get(value)))
        loss_at(model, t).backward()
        grads = [jax.numpy.asarray(p.grad.numpy()) for p in model.parameters() if p.grad is not None]
        updates, state = optimizer.update(grads, state, params)
        params = optax.apply_updates(params, updates)
    return [torch.tensor(jax.device_get(value)) for value in params]


def schedule(step: Any) -> Any:
    import jax.numpy as jnp

    return LR * (0.55 + 0.45 * jnp.cos(math.pi * step / STEPS))


@pytest.mark.parametrize("lower", [True, False])
def test_optax_adamw_is_decoupled_times_lr(lower: bool):
    expected = optax_run(lambda optax: optax.adamw(schedule, weight_decay=LAM, b2=0.999, eps=1e-8))
    same(ours(Decoupled(LAM), lower=lower), expected)


@pytest.mark.parametrize("momentum", [None, 0.9])
def test_optax_decay_before_sgd_is_l2(momentum: float | None):
    expected = optax_run(
        lambda optax: optax.chain(optax.add_decayed_weights(LAM), optax.sgd(schedule, momentum=momentum))
    )
    same(ours(L2(LAM), lambda p: torch.optim.SGD(p, lr=LR, momentum=momentum or 0.0)), expected)


def test_optax_lion_is_decoupled():
    package = pytest.importorskip("pytorch_optimizer")
    expected = optax_run(lambda optax: optax.lion(schedule, b1=0.9, b2=0.99, weight_decay=LAM))
    same(
        ours(Decoupled(LAM), lambda p: package.Lion(p, lr=LR, betas=(0.9, 0.99), weight_decay=0.0)), expected
    )


def test_bitsandbytes_adamw_on_a_cpu_is_decoupled():
    package = pytest.importorskip("bitsandbytes")
    results = []
    for own in (0.0, LAM):
        model = make_model(torch.float32, bias=False)
        optimizer = package.optim.AdamW(model.parameters(), lr=LR, weight_decay=own, optim_bits=32)
        if not own:
            attach(optimizer, Decoupled(LAM), model=model)
        results.append(train(model, optimizer))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=2e-5, atol=2e-6)
