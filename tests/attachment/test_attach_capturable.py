"""`capturable=True` without a GPU: the numbers of the plain form, no number read off a device, a step that repeats."""

import warnings
from typing import Any

import pytest
import torch
from torch import nn

from attachment_cases import fitting, make_model, train
from capture_cases import CAPTURABLE, Graph, NothingMoves, as_on_a_gpu, steps_of
from rules_cases import ROWS
from shrinkage._errors import RequestError
from shrinkage.attachment import attach
from shrinkage.rules import L2, Cautious, Decoupled, UncertainDecay, WeightDecay, linear

BY_HOOK = ["L2 by hook", "Decoupled lr by hook", "Decoupled schedule by hook", "Decoupled constant by hook"]
ALL = [*ROWS, *BY_HOOK]
EACH_KIND = [
    "L2", "L2SP", "Decoupled lr", "WeightDecay updated", "Proximal l1", "Projection ball", "Cautious", "AdaptiveL2",
    "ConstrainedNorm inflection", "Decoupled schedule by hook",
]  # fmt: skip
READ_THEIR_LR = ("RMSprop", "Adadelta", "Rprop")
"""torch's own loops ask a tensor for its number, or compare with it."""
STEPS = 8
EXACT: Any = {"rtol": 1e-12, "atol": 1e-14}


@pytest.fixture(autouse=True)
def _exact(monkeypatch):
    """torch takes the powers of capturable steps in the default type; a compiled loop no graph could see."""
    monkeypatch.setenv("SHRINKAGE_ENGINE", "torch")
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def attached(model, kind: str, rule_name: str, *, tensor_lr: bool = True, **options):
    """The optimizer and its handle; `options` go to the optimizer."""
    cls, own = CAPTURABLE[kind]
    lr = torch.tensor(own["lr"]) if tensor_lr else own["lr"]
    optimizer = cls(model.parameters(), **{**own, "lr": lr, **options})
    row, lower = ROWS[rule_name.removesuffix(" by hook")], not rule_name.endswith("by hook")
    return optimizer, attach(optimizer, row.rule, model=model, lower=lower)


def plainly(kind: str, rule_name: str, steps: int = STEPS) -> list[torch.Tensor]:
    """Trained without any of it."""
    model = make_model()
    return train(model, attached(model, kind, rule_name, tensor_lr=False)[0], steps)


def assert_same(got, expected) -> None:
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b, **EXACT)


@pytest.mark.parametrize("rule_name, kind", fitting([*EACH_KIND, "ScheduledDecay"], CAPTURABLE))
@pytest.mark.parametrize("options", [{"foreach": False}, {"foreach": True}], ids=["for-loop", "foreach"])
def test_a_capturable_step_is_the_plain_one(rule_name: str, kind: str, options):
    expected, model = plainly(kind, rule_name), make_model()
    with as_on_a_gpu():
        optimizer, _ = attached(model, kind, rule_name, capturable=True, **options)
        assert_same(train(model, optimizer, STEPS), expected)
    assert all(isinstance(state["step"], torch.Tensor) for state in optimizer.state.values())


@pytest.mark.parametrize("rule_name, kind", fitting(ALL, ["AdamW", "Rprop"]))
def test_a_capturable_run_resumes(rule_name: str, kind: str):
    """Beside a run that goes on, its count of steps in float32, to which torch turns it on loading."""
    ours, theirs = make_model(), make_model()
    with as_on_a_gpu():
        straight, _ = attached(theirs, kind, rule_name, capturable=True)
        train(theirs, straight, 5)
        for state in straight.state.values():
            state["step"] = state["step"].float()
        optimizer, _ = attached(ours, kind, rule_name, capturable=True)
        train(ours, optimizer, 5)
        saved = optimizer.state_dict()
        again, handle = attached(ours, kind, rule_name, capturable=True)
        again.load_state_dict(saved)
        kept = [
            x
            for record in saved["shrinkage"]["parameters"].values()
            for x in record.get("state", {}).values()
        ]
        before = [x.clone() for x in kept]
        expected = train(theirs, straight, STEPS - 5, start=5)
        assert_same(train(ours, again, STEPS - 5, start=5), expected)
    assert handle.steps == STEPS
    assert all(map(torch.equal, kept, before)), "the checkpoint was written into"


@pytest.mark.parametrize("rule_name", EACH_KIND)
@pytest.mark.parametrize("kind", ["AdamW", "RMSprop"])
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_torch_compile_takes_a_capturable_step_on_the_cpu(rule_name: str, kind: str, backend: str):
    torch.compiler.reset()
    expected, model = plainly(kind, rule_name), make_model()
    optimizer, handle = attached(model, kind, rule_name, capturable=True)
    optimizer.step = torch.compile(optimizer.step, backend=backend)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the compiler's own
        assert_same(train(model, optimizer, STEPS), expected)
    assert handle.steps == STEPS


@pytest.mark.parametrize("rule_name, kind", fitting(ALL, ["AdamW", "ASGD"]))
@pytest.mark.parametrize("tensor_lr", [True, False], ids=["tensor lr", "lr"])
def test_a_captured_step_goes_on_when_replayed(rule_name: str, kind: str, tensor_lr: bool):
    """Three steps by Python, one captured, four replayed; a tensor as learning rate falls in between."""
    ours, theirs = make_model(), make_model()
    plain, _ = attached(theirs, kind, rule_name, tensor_lr=False)
    steps_of(theirs, plain.step, range(6))
    with as_on_a_gpu():
        optimizer, _ = attached(ours, kind, rule_name, tensor_lr=tensor_lr, capturable=True)
        steps_of(ours, optimizer.step, range(3))
        steps_of(ours, lambda: None, range(3, 4))
        with Graph() as graph:
            optimizer.step()
        steps_of(ours, graph.replay, range(4, 6))
        if tensor_lr:
            optimizer.param_groups[0]["lr"].mul_(0.5)  # one tensor, also where the group was split
            for group in plain.param_groups:
                group["lr"] *= 0.5
        got = steps_of(ours, graph.replay, range(6, STEPS))
    assert_same(got, steps_of(theirs, plain.step, range(6, STEPS)))


@pytest.mark.parametrize("rule_name, kind", fitting(ALL, ["AdamW", "ASGD", "Rprop"]))
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_no_number_is_read_off_a_device(rule_name: str, kind: str, dtype):
    """On `meta` there is none to read, and nothing comes from or goes to the CPU; with a scheduler's `initial_lr`."""
    model = make_model(dtype).to("meta")
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    with as_on_a_gpu():
        optimizer, handle = attached(model, kind, rule_name, tensor_lr=False, capturable=True, foreach=False)
        for group in optimizer.param_groups:
            group["initial_lr"] = torch.zeros((), device="meta")
            if kind not in READ_THEIR_LR:
                group["lr"] = torch.zeros((), device="meta")
        for _ in range(3):
            with NothingMoves():
                optimizer.step()
    assert handle.steps == 3


@pytest.mark.parametrize("rule", [L2(1.0), Decoupled(1.0), WeightDecay(1.0), UncertainDecay(1.0, batch=4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_no_number_is_read_off_the_strengths_of_a_stack(rule, dtype):
    model = nn.Linear(3, 2, bias=False, device="meta", dtype=dtype)
    stack = torch.nn.Parameter(torch.zeros(4, 2, 3, device="meta", dtype=dtype))
    stack.grad = torch.zeros_like(stack)
    with as_on_a_gpu():
        optimizer = torch.optim.AdamW([stack], lr=0.1, weight_decay=0, capturable=True)
        strengths = rule.with_checked(torch.ones(4, device="meta"))
        attach(optimizer, strengths, model=model, parameters={"weight": stack})
        for _ in range(2):
            with NothingMoves():
                optimizer.step()


def test_a_strength_in_a_tensor_can_be_changed_between_replays():
    weight, strength = nn.Parameter(torch.ones(3, 2)), torch.tensor(0.5)
    weight.grad = torch.zeros_like(weight)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    with as_on_a_gpu():
        attach(optimizer, Decoupled(strength), exempt=())
        optimizer.step()
        with Graph() as graph:
            optimizer.step()
        strength.fill_(2.0)
        graph.replay()
    torch.testing.assert_close(weight.detach(), torch.full((3, 2), 0.95**2 * 0.8), **EXACT)


@pytest.mark.parametrize("lower", [True, False])
def test_bfloat16_loses_nothing_with_a_learning_rate_on_the_device(lower: bool):
    """The kernel would multiply by 1 − 0.001, which is 1 in bfloat16."""
    weight = nn.Parameter(torch.randn(200, 100, dtype=torch.bfloat16))
    start, weight.grad = weight.detach().double().norm(), torch.zeros_like(weight)
    with as_on_a_gpu():
        optimizer = torch.optim.AdamW([weight], lr=torch.tensor(0.01), weight_decay=0, capturable=True)
        attach(optimizer, Decoupled(0.1), exempt=(), lower=lower)
        optimizer.step()
        with Graph() as graph:
            optimizer.step()
        for _ in range(998):
            graph.replay()
    assert float(weight.detach().double().norm() / start) == pytest.approx(0.999**1000, rel=0.01)


REFUSED = {
    "schedule": (Decoupled(0.1), {"schedule": linear(1, 0, steps=9)}, r"attach\(Decoupled, schedule=…\)"),
    "debt": (Decoupled(1e-4), {}, "the remainder is kept as a number on the host"),
    "cautious debt": (Cautious(Decoupled(1e-4)), {}, "the remainder is kept as a number on the host"),
}


@pytest.mark.parametrize("rule, options, match", REFUSED.values(), ids=REFUSED)
def test_what_a_graph_would_repeat_is_refused(rule, options, match: str):
    weight = nn.Parameter(torch.ones(4, 4, dtype=torch.bfloat16))
    weight.grad = torch.ones_like(weight)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    attach(optimizer, rule, exempt=(), **options)
    optimizer.step()
    before = weight.detach().clone()
    with Graph(), pytest.raises(RequestError, match=match):
        optimizer.step()
    assert torch.equal(weight.detach(), before)
