"""`torch.compile(optimizer.step)`: the rule does what it does without."""

import os
import shutil
import warnings

import pytest
import torch
from torch._dynamo.testing import CompileCounter

from attachment_cases import loss_at, make_model, train, train_twin
from rules_cases import ROWS
from shrinkage.attachment import attach
from shrinkage.rules import Decoupled, linear

STEPS = 5
needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, (os.environ.get("CXX", "g++"), "clang++"))), reason="needs a C++ compiler"
)
BACKENDS = ["eager", "aot_eager", pytest.param("inductor", marks=[pytest.mark.slow, needs_compiler])]


def optimizer_of(kind: str, model) -> torch.optim.Optimizer:
    if kind == "SGD":
        return torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0)


@pytest.mark.parametrize("kind", ["SGD", "AdamW"])
@pytest.mark.parametrize(
    "rule_name", ["L2", "Decoupled lr", "Decoupled schedule", "Cautious", "ConstrainedNorm relative"]
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_compiled_step_is_the_step(rule_name: str, kind: str, backend: str):
    """Beside the rule written out by hand around a compiled bare step, which rounds otherwise than an eager one."""
    torch.compiler.reset()
    ours, theirs = make_model(), make_model()
    one, other = optimizer_of(kind, ours), optimizer_of(kind, theirs)
    handle = attach(one, ROWS[rule_name].rule, model=ours)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the compiler's own
        for optimizer in (one, other):
            optimizer.step = torch.compile(optimizer.step, backend=backend)
        got, expected = train(ours, one, STEPS), train_twin(theirs, other, ROWS[rule_name], STEPS)
    assert handle.steps == STEPS
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("lower", [True, False])
def test_a_schedule_of_the_strength_does_not_recompile(lower: bool):
    torch.compiler.reset()
    model = make_model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=torch.tensor(0.1), weight_decay=0, foreach=False)
    attach(optimizer, Decoupled(0.3), model=model, schedule=linear(0, 1, steps=30), lower=lower)
    counter = CompileCounter()
    step = torch.compile(optimizer.step, backend=counter)
    counts = []
    for t in range(12):
        optimizer.zero_grad()
        loss_at(model, t).backward()
        step()
        counts.append(counter.frame_count)
    assert counts[-1] == counts[4]
