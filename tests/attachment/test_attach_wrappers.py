"""Optimizers inside optimizers, and groups that somebody counts: the decay arrives once per real step."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn

from attachment_cases import loss_at, make_model
from shrinkage._errors import RequestError
from shrinkage.attachment import attach
from shrinkage.rules import L2, L2SP, Decoupled, ScheduledDecay, WeightDecay


class Sharp(torch.optim.Optimizer):
    """Sharpness-aware: gradients at perturbed weights, which are put back before an inner optimizer makes the step."""

    def __init__(self, params: Any, **options: Any):
        super().__init__(params, {"rho": 0.01, **options})
        self.base_optimizer = torch.optim.SGD(self.param_groups, lr=0.1)
        self.param_groups = self.base_optimizer.param_groups
        self._kept: dict[Tensor, Tensor] = {}

    def _params(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    @torch.no_grad()
    def first_step(self) -> None:
        self._kept = {p: p.clone() for p in self._params()}
        for p in self._params():
            assert p.grad is not None
            p.add_(p.grad, alpha=0.01)
            p.grad = None

    @torch.no_grad()
    def second_step(self) -> None:
        for p, kept in self._kept.items():
            p.copy_(kept)
        self.base_optimizer.step()

    def step(self, closure: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride] it needs one
        with torch.enable_grad():
            loss = closure()
        self.first_step()
        with torch.enable_grad():
            closure()
        self.second_step()
        return loss


def _shrink(model: nn.Module) -> None:
    for p in model.parameters():
        if p.ndim > 1:
            p.data.mul_(0.98)


def sharp_steps(rule: Any, *, two_calls: bool, steps: int = 5) -> list[Tensor]:
    """Training with the decay by the rule, or with one written out around the inner step."""
    model = make_model()
    optimizer = Sharp(model.parameters())
    handle = None if rule is None else attach(optimizer, rule, model=model)
    for t in range(steps):

        def closure(t: int = t) -> Tensor:
            optimizer.zero_grad()
            loss = loss_at(model, t)
            loss.backward()
            return loss

        base = optimizer.base_optimizer
        by_hand = base.register_step_pre_hook(lambda *_: _shrink(model)) if handle is None else None
        if two_calls:
            closure()
            optimizer.first_step()
            closure()
            optimizer.second_step()
        else:
            optimizer.step(closure)
        if by_hand is not None:
            by_hand.remove()
    if handle is not None:
        assert handle.steps == steps
    return [p.detach().clone() for p in model.parameters()]


@pytest.mark.parametrize("two_calls", [False, True])
@pytest.mark.parametrize("rule", [Decoupled(0.2), WeightDecay(0.02, of="original")], ids=["clock", "rate"])
def test_a_decay_arrives_once_per_step_of_a_sharpness_aware_optimizer(rule, two_calls: bool):
    for a, b in zip(
        sharp_steps(rule, two_calls=two_calls), sharp_steps(None, two_calls=two_calls), strict=True
    ):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13)


def test_a_wrapper_saves_and_resumes_the_rule_of_its_inner_optimizer():
    model = make_model()
    optimizer = Sharp(model.parameters())
    attach(optimizer, L2SP(0.5), model=model)
    saved = optimizer.state_dict()
    start = model.get_parameter("0.weight").detach().clone()
    with torch.no_grad():
        model.get_parameter("0.weight").mul_(3)
    for order in ("attach first", "load first"):
        again = Sharp(model.parameters())
        if order == "load first":
            again.load_state_dict(saved)
        handle = attach(again, L2SP(0.5), model=model)
        if order == "attach first":
            again.load_state_dict(saved)
        anchor = next(claim.anchor for claim in handle.claims.values() if claim.name == "0.weight")
        assert anchor is not None
        assert torch.equal(anchor, start), order


class Alone(torch.optim.Optimizer):
    """Puts weights back and makes the step itself."""

    def __init__(self, params: Any):
        super().__init__(params, {"lr": 0.1})

    def step(self, closure: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride] it needs one
        with torch.enable_grad():
            closure()
            return closure()


class InTwoCalls(Alone):
    def first_step(self) -> None: ...

    def second_step(self) -> None: ...


def test_weights_that_may_be_put_back_are_refused():
    model = make_model()
    optimizer = Alone(model.parameters())
    handle = attach(optimizer, Decoupled(0.1), model=model)
    with pytest.raises(
        RequestError, match=r"Alone, Decoupled\(…\).: it evaluates its closure more than once per step"
    ):
        optimizer.step(lambda: loss_at(model, 0).backward())
    handle.remove()
    attach(optimizer, L2(0.1), model=model)
    optimizer.step(lambda: loss_at(model, 0).backward())
    with pytest.raises(RequestError, match=r"it takes a step in two calls"):
        attach(InTwoCalls(model.parameters()), Decoupled(0.1), model=model)


class Facade(torch.optim.Optimizer):
    """Calls itself an optimizer, as wrappers do, and has no hooks of its own."""

    def __init__(self, optimizer: torch.optim.Optimizer):
        self.wrapped = optimizer

    @property
    def param_groups(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.wrapped.param_groups


def test_a_wrapper_without_hooks_is_refused_with_what_to_attach_to():
    model = make_model()
    wrapper = Facade(torch.optim.SGD(model.parameters(), lr=0.1))
    with pytest.raises(
        RequestError, match=r"got <class .*Facade'>. Give the optimizer inside it, its .wrapped, of SGD."
    ):
        attach(wrapper, L2(0.1), model=model)


@pytest.mark.frameworks
@pytest.mark.filterwarnings("ignore")
def test_wrappers_of_pytorch_optimizer():
    package = pytest.importorskip("pytorch_optimizer")
    model = make_model()
    lookahead = package.Lookahead(torch.optim.SGD(model.parameters(), lr=0.1))
    with pytest.raises(RequestError, match=r"Give the optimizer inside it, its .optimizer, of SGD"):
        attach(lookahead, Decoupled(0.1), model=model)
    sam = package.SAM(model.parameters(), base_optimizer=torch.optim.SGD, lr=0.1)
    handle = attach(sam, Decoupled(0.1), model=model)
    assert handle.optimizer is sam.base_optimizer
    before = model.get_parameter("0.weight").detach().clone()

    def closure() -> Tensor:
        for p in model.parameters():
            p.grad = torch.zeros_like(p)
        return torch.zeros(())

    closure()
    sam.step(closure)
    torch.testing.assert_close(model.get_parameter("0.weight").detach(), 0.99 * before)


@pytest.mark.frameworks
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("on_the_wrapper", [True, False])
@pytest.mark.parametrize("first", ["attach", "scheduler"])
def test_a_scheduler_on_accelerates_wrapper_or_inside_it(on_the_wrapper: bool, first: str):
    accelerate = pytest.importorskip("accelerate")
    model = nn.Linear(3, 2)
    wrapped = accelerate.Accelerator(cpu=True).prepare(
        torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0)
    )
    inner = wrapped.optimizer
    if first == "attach":
        attach(inner, Decoupled(0.01), model=model)
    scheduler = torch.optim.lr_scheduler.LambdaLR(wrapped if on_the_wrapper else inner, lambda t: 0.5**t)
    if first == "scheduler":
        attach(inner, Decoupled(0.01), model=model)
    weight = model.weight.detach().clone()
    for lr in (0.1, 0.05):
        for p in model.parameters():
            p.grad = torch.zeros_like(p)
        wrapped.step()
        scheduler.step()
        weight *= 1 - 0.01 * lr
    torch.testing.assert_close(model.weight.detach(), weight)


def groups_of(optimizer: torch.optim.Optimizer) -> list[Any]:
    return [
        (id(group), [id(p) for p in group["params"]], group["weight_decay"])
        for group in optimizer.param_groups
    ]


@pytest.mark.parametrize("rule", [Decoupled(0.3), L2(0.3)], ids=["before", "loss"])
def test_groups_are_as_they_were_made_whenever_one_looks(rule):
    model = make_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    made = groups_of(optimizer)
    optimizer.register_step_post_hook(lambda o, *_: seen.append(groups_of(o)))
    handle = attach(optimizer, rule, model=model)
    seen = [groups_of(optimizer)]
    loss_at(model, 0).backward()
    optimizer.step()
    assert handle.table()["0.weight"].how == "native"
    assert [*seen, groups_of(optimizer)] == [made] * 3
    assert [group["weight_decay"] for group in optimizer.state_dict()["param_groups"]] == [0]


def test_a_closure_that_fails_leaves_the_groups_whole():
    model = make_model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0)
    attach(optimizer, Decoupled(0.3), model=model)
    made = groups_of(optimizer)

    def broken() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        optimizer.step(broken)  # pyright: ignore[reportArgumentType]
    assert groups_of(optimizer) == made


@pytest.mark.parametrize("look", ["step", "state_dict"])
def test_a_step_that_fails_is_put_right_at_the_next_look(look: str):
    model = make_model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0, foreach=False)
    attach(optimizer, Decoupled(0.3), model=model)
    attach_other = groups_of(optimizer)
    loss_at(model, 0).backward()
    optimizer.param_groups[0]["betas"] = None
    with pytest.raises(TypeError):
        optimizer.step()
    optimizer.param_groups[0]["betas"] = (0.9, 0.999)
    before = model.get_parameter("0.weight").detach().clone()
    if look == "step":
        for p in model.parameters():
            p.grad = torch.zeros_like(p)
        optimizer.state.clear()
        optimizer.step()
        torch.testing.assert_close(model.get_parameter("0.weight").detach(), 0.97 * before)
    else:
        optimizer.state_dict()
    assert groups_of(optimizer) == attach_other


def test_two_rules_share_a_group_and_each_is_handed_to_the_kernel():
    model = make_model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0)
    handles = [
        attach(optimizer, Decoupled(0.3), model=model, only=("0",)),
        attach(optimizer, Decoupled(rate=0.05), model=model, only=("2",)),
    ]
    assert [
        handle.table()[name].how for handle, name in zip(handles, ("0.weight", "2.weight"), strict=True)
    ] == [
        "native",
        "native",
    ]
    made = groups_of(optimizer)
    before = [model.get_parameter(name).detach().clone() for name in ("0.weight", "2.weight")]
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    torch.testing.assert_close(model.get_parameter("0.weight").detach(), 0.97 * before[0])
    torch.testing.assert_close(model.get_parameter("2.weight").detach(), 0.95 * before[1])
    assert groups_of(optimizer) == made


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.skipif(not dist.is_available() or not dist.is_gloo_available(), reason="needs gloo")
def test_a_sharded_optimizer_refuses_what_one_process_cannot_do():
    from torch._C._distributed_c10d import HashStore
    from torch.distributed.optim import ZeroRedundancyOptimizer

    dist.init_process_group("gloo", store=HashStore(), rank=0, world_size=1)
    try:
        model = make_model()
        zero = ZeroRedundancyOptimizer(
            model.parameters(), optimizer_class=torch.optim.AdamW, weight_decay=0.0
        )
        with pytest.raises(RequestError, match=r"second moments of all parameters.*fully_shard"):
            attach(zero, ScheduledDecay(0.1), model=model)
        zero._overlap_with_ddp = True
        with pytest.raises(RequestError, match="overlap_with_ddp=False"):
            attach(zero, Decoupled(0.1), model=model)
    finally:
        dist.destroy_process_group()


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.skipif(not dist.is_available() or not dist.is_gloo_available(), reason="needs gloo")
@pytest.mark.parametrize("order", ["load, attach", "attach, load", "another rule"])
@pytest.mark.parametrize("rule", [L2SP(0.3), Decoupled(0.3)], ids=["anchor", "clock"])
def test_a_sharded_optimizer_resumes_in_either_order(rule, order: str):
    from torch._C._distributed_c10d import HashStore
    from torch.distributed.optim import ZeroRedundancyOptimizer

    def made() -> tuple[nn.Module, Any]:
        model = make_model()
        adamw = {"optimizer_class": torch.optim.AdamW, "lr": 0.05, "weight_decay": 0.0}
        return model, ZeroRedundancyOptimizer(model.parameters(), **adamw)

    def trained(model: nn.Module, optimizer: Any, start: int) -> None:
        for t in range(start, start + 3):
            optimizer.zero_grad()
            loss_at(model, t).backward()
            optimizer.step()

    dist.init_process_group("gloo", store=HashStore(), rank=0, world_size=1)
    try:
        model, optimizer = made()
        attach(optimizer, rule, model=model)
        trained(model, optimizer, 0)
        optimizer.consolidate_state_dict()
        weights, saved = deepcopy((model.state_dict(), optimizer.state_dict()))
        trained(model, optimizer, 3)
        again, other = made()
        again.load_state_dict(weights)
        if order != "attach, load":
            other.load_state_dict(saved)
        if order == "another rule":
            with pytest.raises(RequestError, match=r"has the rule .* in the checkpoint and WeightDecay here"):
                attach(other, WeightDecay(0.1), model=again)
            return
        handle = attach(other, rule, model=again, exempt=("bias", "norm"))
        if order == "attach, load":
            other.load_state_dict(saved)
        trained(again, other, 3)
        assert handle.steps == 6
        assert not any("shrinkage" in str(key) for entry in other.optim.state.values() for key in entry)
        for a, b in zip(model.parameters(), again.parameters(), strict=True):
            assert torch.equal(a, b)
    finally:
        dist.destroy_process_group()


def test_a_model_whose_parameters_were_replaced_after_attaching_is_refused():
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    attach(optimizer, L2(0.1), model=model)
    model.weight = nn.Parameter(model.weight.detach().clone())  # as fully_shard does
    model(torch.ones(1, 3)).sum().backward()
    with pytest.raises(
        RequestError, match=r"the model has another weight than the optimizer.*attach afterwards"
    ):
        optimizer.step()
    again = torch.optim.SGD(model.parameters(), lr=0.1)
    attach(again, L2(0.1), model=model)
    again.step()


def test_an_optimizer_built_before_its_parameters_were_replaced_is_refused():
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.weight = nn.Parameter(model.weight.detach().clone())
    with pytest.raises(RequestError, match=r"parameter 0 of group 0.*build the optimizer afterwards"):
        attach(optimizer, L2(0.1), model=model)
