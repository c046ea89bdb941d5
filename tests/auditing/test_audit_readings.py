"""What is measured of every optimizer of torch, against what its formula says."""

import math
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

from auditing_cases import after_each_step, before_each_step, first_reading, net, trained
from shrinkage.auditing import audit
from shrinkage.auditing.showing._rule_in_words import formula
from shrinkage.strength import asymptotic_shrink

LR, WD = 1e-3, 1e-2
DECOUPLED = ("AdamW", "Adafactor")
COUPLED = ("Adam", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adadelta", "Adamax")
WITHOUT = ("Rprop", "LBFGS", "SparseAdam")


def pull(p, direction):
    p.grad.add_(direction, alpha=1e-3)


def built(name, model, **options):
    return getattr(torch.optim, name)(model.parameters(), lr=LR, **options)


@pytest.mark.parametrize("name", DECOUPLED)
def test_decoupled_decay_is_read_exactly(name):
    reading = first_reading(partial(built, name, weight_decay=WD))
    assert (reading.path, reading.entry, reading.clock) == ("decoupled", "before", "lr")
    assert reading.shrink == pytest.approx(LR * WD, rel=1e-6)
    assert reading.lam is None


@pytest.mark.parametrize("name", COUPLED)
def test_coupled_penalty_in_an_adaptive_step_is_read_as_its_lambda(name):
    reading = first_reading(partial(built, name, weight_decay=WD))
    assert (reading.path, reading.entry, reading.adaptive) == ("coupled", "loss", True)
    assert reading.lam == pytest.approx(WD, rel=1e-3)
    assert reading.shrink is None


@pytest.mark.parametrize("name", [*DECOUPLED, *COUPLED])
def test_without_strength_nothing_decays(name):
    reading = first_reading(partial(built, name, weight_decay=0))
    assert (reading.path, reading.shrink, reading.lam) == ("none", 0.0, 0.0)


@pytest.mark.parametrize("name", WITHOUT)
def test_optimizers_without_decay_have_none(name):
    assert first_reading(partial(built, name)).path == "none"


@pytest.mark.parametrize("kind", ["Adam", "NAdam", "RAdam"])
def test_the_flag_makes_it_decoupled(kind):
    reading = first_reading(partial(built, kind, weight_decay=WD, decoupled_weight_decay=True))
    assert reading.path in ("decoupled", "averaged")
    assert reading.shrink == pytest.approx(LR * WD, rel=1e-6)


@pytest.mark.parametrize(
    "options", [{"fused": True}, {"foreach": True}, {"foreach": False}, {"amsgrad": True}]
)
def test_every_implementation_of_adamw_reads_alike(options):
    reading = first_reading(partial(built, "AdamW", weight_decay=WD, **options))
    assert (reading.path, reading.shrink) == ("decoupled", pytest.approx(LR * WD, rel=1e-6))


def test_muon_decays_with_the_raw_learning_rate():
    def build(model):
        return torch.optim.Muon([p for p in model.parameters() if p.dim() == 2], lr=0.02, weight_decay=0.1)

    reading = first_reading(build)
    assert (reading.path, reading.shrink) == ("decoupled", pytest.approx(0.002, rel=1e-6))


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.5, 0.9, 0.99])
def test_momentum_shrinks_as_its_characteristic_equation_says(momentum, nesterov):
    options = {"lr": 0.1, "momentum": momentum, "weight_decay": 1e-4, "nesterov": nesterov}
    reading = first_reading(lambda model: torch.optim.SGD(model.parameters(), **options))
    exact = asymptotic_shrink(1e-4, 0.1, momentum=momentum, nesterov=nesterov)
    assert (reading.path, reading.momentum) == ("coupled", True)
    assert reading.lam == pytest.approx(1e-4, rel=1e-3)
    assert reading.shrink == pytest.approx(exact, rel=1e-4)


def test_plain_sgd_does_not_tell_the_two_apart():
    reading = first_reading(lambda model: torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=1e-4))
    assert (reading.path, reading.lam, reading.shrink) == (
        "plain",
        pytest.approx(1e-4, rel=1e-6),
        pytest.approx(1e-5, rel=1e-6),
    )


def test_asgd_decays_by_default():
    reading = first_reading(lambda model: torch.optim.ASGD(model.parameters(), lr=0.1))
    assert reading.shrink == pytest.approx(0.1 * 1e-4, rel=1e-3)  # lr × its default `lambd`; lr falls


def test_decoupled_decay_beside_momentum_has_the_lambda_of_the_same_stationary_point():
    def build(model):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        return before_each_step(optimizer, lambda p: p.mul_(1 - 0.1 * 0.01))

    reading = first_reading(build)
    assert (reading.path, reading.shrink) == ("decoupled", pytest.approx(1e-3, rel=1e-6))
    assert reading.lam == pytest.approx(0.01 * (1 - 0.9), rel=1e-2)


def test_the_live_moments_tell_the_shrink_of_adam_with_l2():
    model = net()
    optimizer = trained(model, torch.optim.Adam(model.parameters(), lr=LR, weight_decay=WD), steps=300)
    state = optimizer.state[next(model.parameters())]
    moments = (state["exp_avg_sq"] / (1 - 0.999**300)).sqrt()
    reading = first_reading(lambda _: optimizer)
    assert reading.shrink == pytest.approx(float((LR * WD / moments).median()), rel=0.25)


CLOCKS = {
    "lr": lambda group: group["lr"] * 0.1,
    "constant": lambda group: 1e-3,
    "schedule": lambda group: 1e-3 * group["lr"] / group["initial_lr"],
    "corrected": lambda group: group["lr"] ** 2 / group["initial_lr"] * 0.1,
    "lr squared": lambda group: group["lr"] ** 2,
    "affine": lambda group: 1e-3 + 0.05 * group["lr"],
}


@pytest.mark.parametrize("clock", CLOCKS)
def test_clocks_are_read_by_changing_the_learning_rate(clock):
    def build(model):
        optimizer = torch.optim.SGD(
            [{"params": [*model.parameters()], "initial_lr": 0.02}], lr=0.02, momentum=0.9
        )
        group = optimizer.param_groups[0]
        return before_each_step(optimizer, lambda p: p.mul_(1 - CLOCKS[clock](group)))

    reading = first_reading(build)
    assert reading.clock == clock
    if clock == "affine":
        assert reading.intercept == pytest.approx(1e-3, rel=1e-2)


def test_decay_after_the_step_is_distinguished_from_decay_before_it():
    def build(model):
        return after_each_step(
            torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9), lambda p: p.mul_(0.98)
        )

    reading = first_reading(build)
    assert (reading.entry, reading.clock, reading.shrink) == (
        "after",
        "constant",
        pytest.approx(0.02, rel=1e-9),
    )


def test_a_pull_of_constant_size_is_no_l2():
    def build(model):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        return before_each_step(optimizer, lambda p: pull(p, p.sign()))

    assert first_reading(build).force == "constant"


def test_a_pull_toward_other_weights_is_seen():
    def build(model):
        start = {p: p.detach().clone() for p in model.parameters()}
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        return before_each_step(optimizer, lambda p: pull(p, p - start[p]))

    reading = first_reading(build)
    assert (reading.anchored, reading.lam) == (True, pytest.approx(1e-3, rel=1e-6))
    for path, entry, words in [
        ("coupled", "loss", "g ← g + 0.001·(w − a)"),
        ("decoupled", "after", "w ← w + Δ − 0.25·(w + Δ − a)"),
        ("decoupled", "before", "w ← w − 0.25·(w − a) + Δ"),
    ]:
        other = replace(reading, path=path, entry=entry, shrink=0.25, clock="constant", lam=1e-3)
        assert formula(other, 0.1) == words


def test_a_hook_over_a_global_of_the_script_acts_on_the_copies():
    model = net()
    space = {"model": model, "torch": torch}
    exec("def hook(o, a, k):\n with torch.no_grad():\n  for p in model.parameters(): p.mul_(0.99)", space)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    optimizer.register_step_post_hook(space["hook"])
    before = [p.detach().clone() for p in model.parameters()]
    assert first_reading(lambda _: optimizer).shrink == pytest.approx(0.01, rel=1e-9)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_large_tensors_are_sampled_and_read_alike():
    model = nn.Linear(3000, 2000)
    reading = first_reading(lambda m: torch.optim.AdamW(m.parameters(), lr=LR, weight_decay=WD), model)
    assert reading.shrink == pytest.approx(LR * WD, rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.complex64])
def test_every_format_is_measured(dtype):
    model = nn.Linear(8, 6, bias=False, dtype=dtype)
    reading = first_reading(lambda m: torch.optim.SGD(m.parameters(), lr=0.1, weight_decay=0.01), model)
    assert math.isclose(reading.shrink or 0, 1e-3, rel_tol=1e-3)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_few_numbers_are_enough_to_tell_an_adaptive_step(n):
    model = nn.Linear(1, n, bias=False)
    adam = first_reading(partial(built, "Adam", weight_decay=WD), model)
    assert (adam.path, adam.adaptive) == ("coupled", True)
    assert adam.lam == pytest.approx(WD, rel=1e-3)
    sgd = first_reading(partial(built, "SGD", weight_decay=WD, momentum=0.9), model)
    assert (sgd.path, sgd.adaptive, sgd.momentum) == ("coupled", False, True)


@pytest.mark.parametrize("lr, grows", [(1.0, False), (30.0, False), (39.0, True), (100.0, True)])
def test_a_step_beyond_stability_makes_weights_grow(lr, grows):
    """Heavy ball with μ = 0.9 and λ = 0.1 is stable up to lr·λ = 2(1 + μ) = 3.8."""
    reading = first_reading(lambda m: torch.optim.SGD(m.parameters(), lr=lr, momentum=0.9, weight_decay=0.1))
    assert reading.grows is grows
    if lr < 100:
        assert reading.shrink == pytest.approx(asymptotic_shrink(0.1, lr, momentum=0.9), rel=1e-3)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_maximizing_changes_the_sign_of_the_gradient_and_not_of_the_decay(momentum):
    options = {"lr": 0.1, "momentum": momentum, "weight_decay": 1e-3, "maximize": True}
    reading = first_reading(lambda m: torch.optim.SGD(m.parameters(), **options))
    assert (reading.grows, reading.lam) == (False, pytest.approx(1e-3, rel=1e-3))


def test_a_strength_in_a_tensor_is_switched_off_too():
    reading = first_reading(partial(built, "AdamW", weight_decay=torch.tensor(WD)))
    assert (reading.path, reading.entry) == ("decoupled", "before")


@pytest.mark.parametrize("shrink", [0.5, 0.7, 0.95, 0.99])
@pytest.mark.parametrize("inside", [torch.float32, torch.float64], ids=["float32 inside", "exact"])
def test_a_shrink_that_leaves_almost_nothing_is_measured(shrink: float, inside: torch.dtype):
    class Violent(torch.optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": 0.1, "weight_decay": 10 * shrink})

        @torch.no_grad()
        def step(self, closure=None):  # pyright: ignore[reportIncompatibleMethodOverride] no loss
            for p in self.param_groups[0]["params"]:
                kept = p.to(inside) * (1 - 0.1 * self.param_groups[0]["weight_decay"])
                p.copy_(kept - 0.1 * p.grad.to(inside))

    model = nn.Linear(16, 16, bias=False)
    found = audit(Violent(model.parameters()), model)
    assert found.groups[0].shrink == pytest.approx(shrink, rel=1e-2)
    assert {f.code for f in found.findings} == {"vanishes"}


def test_a_penalty_that_momentum_carries_past_zero_is_measured_in_the_long_run():
    model = nn.Linear(16, 16, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=9.5, momentum=0.9)
    assert audit(optimizer, model).groups[0].shrink == pytest.approx(1 - 0.9**0.5, rel=1e-6)
