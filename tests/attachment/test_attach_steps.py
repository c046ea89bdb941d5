"""When the rule acts: closures, scaled and skipped steps, frozen and sparse parameters, groups that come later."""

import copy

import pytest
import torch
from torch import Tensor, nn

from attachment_cases import loss_at, make_model
from shrinkage.attachment import attach
from shrinkage.rules import L1, L2, L2SP, AdaptiveDecay, Cautious, Decoupled, Huber, WeightDecay, linear

HOOKED = [
    L2(0.3),
    Decoupled(rate=0.3, clock="schedule"),
    WeightDecay(0.1),
    Cautious(Decoupled(0.3)),
    AdaptiveDecay(0.3),
]
NAMES = [rule.name for rule in HOOKED]


def weights(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("rule", HOOKED, ids=NAMES)
def test_a_closure_gives_the_same_steps(rule):
    with_closure, without = make_model(), make_model()
    one, other = (torch.optim.SGD(m.parameters(), lr=0.1, momentum=0.9) for m in (with_closure, without))
    attach(one, rule, model=with_closure, lower=False)
    attach(other, rule, model=without, lower=False)
    for t in range(5):
        for optimizer in (one, other):
            optimizer.zero_grad()
        loss_at(without, t).backward()
        other.step()

        def closure(t: int = t) -> Tensor:
            one.zero_grad()
            loss = loss_at(with_closure, t)
            loss.backward()
            return loss

        one.step(closure) if t % 2 else one.step(closure=closure)
    assert torch.equal(weights(with_closure), weights(without))


def test_the_loss_of_a_closure_holds_the_penalty():
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    attach(optimizer, L2(0.3), model=model, lower=False)
    penalty = 0.15 * sum(float(p.detach().square().sum()) for p in model.parameters() if p.ndim > 1)
    bare = float(loss_at(model, 0).detach())

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = loss_at(model, 0)
        loss.backward()
        return loss

    loss = optimizer.step(closure)
    assert loss is not None
    assert float(loss.detach()) == pytest.approx(bare + penalty, rel=1e-12)


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
@pytest.mark.parametrize("rule", [L2(0.3), L2SP(0.3), Huber(0.3, delta=0.1)], ids=["L2", "L2SP", "Huber"])
def test_lbfgs_sees_one_objective(rule, search):
    ours, theirs = make_model(), make_model()
    start = [p.detach().clone() for p in theirs.parameters()]

    def objective(model: nn.Module, *, penalized: bool) -> Tensor:
        loss = loss_at(model, 0)
        for p, p0 in zip(model.parameters(), start, strict=True):
            if penalized and p.ndim > 1:
                loss = loss + rule.penalty(p, p0 if rule.anchor == "initial" else None).sum()
        return loss

    for model, penalized in ((ours, False), (theirs, True)):
        optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=7, line_search_fn=search)
        if not penalized:
            attach(optimizer, rule, model=model)

        def closure(o=optimizer, m=model, penalized=penalized) -> Tensor:
            o.zero_grad()
            loss = objective(m, penalized=penalized)
            loss.backward()
            return loss

        for _ in range(4):
            optimizer.step(closure)
    torch.testing.assert_close(weights(ours), weights(theirs), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("rule", HOOKED, ids=NAMES)
def test_a_gradient_scaler_changes_nothing(rule, fused):
    scaled, plain = make_model(torch.float32), make_model(torch.float32)
    one, other = (torch.optim.SGD(m.parameters(), lr=0.1, fused=fused) for m in (scaled, plain))
    attach(one, rule, model=scaled, lower=False)
    attach(other, rule, model=plain, lower=False)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    for t in range(5):
        one.zero_grad()
        other.zero_grad()
        scaler.scale(loss_at(scaled, t)).backward()
        scaler.step(one)
        scaler.update()
        loss_at(plain, t).backward()
        other.step()
    torch.testing.assert_close(weights(scaled), weights(plain), rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("rule", HOOKED, ids=NAMES)
def test_a_step_that_the_scaler_skips_is_no_step(rule, fused):
    model = make_model(torch.float32)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, fused=fused)
    handle = attach(optimizer, rule, model=model, lower=False)
    scaler = torch.amp.GradScaler("cpu")
    before = weights(model)
    scaler.scale(loss_at(model, 0) * float("inf")).backward()
    scaler.step(optimizer)
    scaler.update()
    assert torch.equal(weights(model), before)
    assert handle.steps == 0


def test_accumulated_gradients_are_decayed_once_a_step():
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    attach(optimizer, Decoupled(0.5), model=model)
    expected = 0.95 * model.get_parameter("0.weight").detach()
    for t in range(4):
        (loss_at(model, t) * 0).backward()
    optimizer.step()
    torch.testing.assert_close(model.get_parameter("0.weight").detach(), expected)


def test_removing_restores_the_bare_optimizer():
    ours, bare = make_model(), make_model()
    one, other = (torch.optim.AdamW(m.parameters(), lr=0.1, weight_decay=0) for m in (ours, bare))
    handle = attach(one, Decoupled(0.5), model=ours)
    handle.remove()
    handle.remove()
    for optimizer, model in ((one, ours), (other, bare)):
        loss_at(model, 0).backward()
        optimizer.step()
    assert torch.equal(weights(ours), weights(bare))
    assert not any(key.startswith("_shrinkage") or key == "__reduce_ex__" for key in one.__dict__)
    assert "shrinkage" not in one.state_dict()


@pytest.mark.parametrize("clock", ["lr", "schedule", "constant", "corrected"])
@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.NAdam, torch.optim.RAdam, torch.optim.AdamW])
def test_every_clock_is_handed_to_the_kernel_and_taken_back(kind, clock):
    model = make_model()
    optimizer = kind(model.parameters(), lr=0.1, weight_decay=0)
    meaning = optimizer.param_groups[0]["decoupled_weight_decay"]
    strength = {"rate" if clock in ("schedule", "constant") else "lam": 0.3}
    handle = attach(optimizer, Decoupled(**strength, clock=clock), model=model)
    assert {row.how for row in handle.table()} == {"native", ""}
    before = model.get_parameter("0.weight").detach().clone()
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    s = 0.03 if clock in ("lr", "corrected") else 0.3
    torch.testing.assert_close(model.get_parameter("0.weight").detach(), (1 - s) * before, rtol=1e-14, atol=0)
    handle.remove()
    assert {group["decoupled_weight_decay"] for group in optimizer.param_groups} == {meaning}
    assert {group["weight_decay"] for group in optimizer.param_groups} == {0}


def test_a_constant_decay_goes_on_where_the_learning_rate_is_zero():
    model = make_model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, weight_decay=0)
    attach(optimizer, Decoupled(rate=0.1, clock="constant"), model=model)
    before = model.get_parameter("0.weight").detach().clone()
    loss_at(model, 0).backward()
    optimizer.step()
    assert torch.equal(model.get_parameter("0.weight").detach(), before * 0.9)


@pytest.mark.parametrize(
    "rule", [L2(0.3), L1(0.3), Decoupled(0.3), Cautious(Decoupled(0.3)), AdaptiveDecay(0.3)]
)
def test_a_complex_parameter_is_two_real_ones(rule):
    generator = torch.Generator().manual_seed(3)
    start, grad = (torch.randn(4, 3, 2, dtype=torch.float64, generator=generator) for _ in range(2))
    results = []
    for start_, grad_ in ((start, grad), (torch.view_as_complex(start), torch.view_as_complex(grad))):
        module = nn.Module()
        module.weight = nn.Parameter(start_.clone())
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
        attach(optimizer, rule, model=module, lower=False)
        for _ in range(3):
            module.weight.grad = grad_.clone()
            optimizer.step()
        results.append(module.weight.detach())
    torch.testing.assert_close(torch.view_as_real(results[1]), results[0], rtol=1e-12, atol=0)


def test_a_schedule_before_attaching_keeps_its_groups():
    model = make_model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=5)
    handle = attach(optimizer, Decoupled(0.5), model=model)
    assert len(optimizer.param_groups) == 1
    assert {row.how for row in handle.table()} == {"native", ""}
    loss_at(model, 0).backward()
    optimizer.step()
    scheduler.step()


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize(
    "schedule", [linear(0, 1, steps=4), lambda t: min(t / 4, 1.0)], ids=["linear", "callable"]
)
def test_a_schedule_of_the_strength(lower, schedule):
    model = nn.Linear(2, 2, bias=False, dtype=torch.float64)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0)
    attach(optimizer, Decoupled(0.5), model=model, schedule=schedule, lower=lower)
    start, expected = model.weight.detach().clone(), 1.0
    for t in range(6):
        model.weight.grad = torch.zeros_like(model.weight)
        optimizer.step()
        expected *= 1 - 0.05 * min(t / 4, 1.0)
    torch.testing.assert_close(model.weight.detach(), expected * start, rtol=1e-14, atol=0)


def test_a_torch_scheduler_of_its_own_optimizer_drives_the_strength():
    model = nn.Linear(2, 2, bias=False, dtype=torch.float64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    dummy = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(dummy, gamma=0.5)
    attach(optimizer, Decoupled(0.5), model=model, schedule=scheduler)
    start = model.weight.detach().clone()
    for _ in range(2):
        model.weight.grad = torch.zeros_like(model.weight)
        optimizer.step()
        dummy.step()
        scheduler.step()
    torch.testing.assert_close(model.weight.detach(), 0.95 * 0.975 * start, rtol=1e-14, atol=0)


def test_a_step_that_breaks_does_not_leave_its_penalty_behind():
    class Breaks(torch.optim.SGD):
        broken = True

        def step(self, closure=None):  # pyright: ignore[reportIncompatibleMethodOverride] without the overloads
            if self.broken:
                raise RuntimeError("out of memory")
            return super().step(closure)

    ours, theirs = make_model(), make_model()
    optimizer, bare = Breaks(ours.parameters(), lr=0.1), torch.optim.SGD(theirs.parameters(), lr=0.1)
    for one, model in ((optimizer, ours), (bare, theirs)):
        attach(one, L2(0.3), model=model, lower=False)
        loss_at(model, 0).backward()
    with pytest.raises(RuntimeError, match="out of memory"):
        optimizer.step()
    optimizer.broken = False
    optimizer.step()
    bare.step()
    assert torch.equal(weights(ours), weights(theirs))


def test_names_stay_with_their_parameters():
    model = make_model()
    optimizer = torch.optim.AdamW(model.named_parameters(), lr=0.1, weight_decay=0)
    attach(optimizer, Decoupled(0.5), model=model)
    names = {id(p): name for name, p in model.named_parameters()}
    loss_at(model, 0).backward()
    optimizer.step()
    assert len(optimizer.param_groups) == 1
    for group in optimizer.param_groups:
        assert group["param_names"] == [names[id(p)] for p in group["params"]]


def test_taking_off_one_of_two_rules_leaves_the_other():
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    first = attach(optimizer, Decoupled(1.0), model=model, only=("0",), lower=False)
    second = attach(optimizer, Decoupled(1.0), model=model, only=("2",), lower=False)
    first.remove()
    model, optimizer, second = copy.deepcopy((model, optimizer, second))
    before = [p.detach().clone() for p in model.parameters()]
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    kept = [float((p.detach() / old).mean()) for p, old in zip(model.parameters(), before, strict=True)]
    assert kept == pytest.approx([1.0, 1.0, 0.9, 1.0])
    second.remove()
    assert not optimizer._optimizer_step_pre_hooks
