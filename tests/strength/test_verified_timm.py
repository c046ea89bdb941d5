"""timm's optimizers do with their number what the registry says, under a schedule."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from shrinkage.strength import conventions
from shrinkage.strength._registry import find
from shrinkage.sweeps import convert
from strength_cases import COSINE, Run, assert_same, by_torch, shrinks, stated, timm, timm_module

pytestmark = pytest.mark.frameworks
NUMBER, PER_STEP = 0.3, 0.01

MODULES = {
    "SGDW": "sgdw",
    "AdamWLegacy": "adamw",
    "NAdamW": "nadamw",
    "Lion": "lion",
    "LaProp": "laprop",
    "RMSpropTF": "rmsprop_tf",
    "Adopt": "adopt",
    "Muon": "muon",
    "Mars": "mars",
    "RAdamLegacy": "radam",
    "NAdamLegacy": "nadam",
    "AdaBelief": "adabelief",
    "Adan": "adan",
    "MADGRAD": "madgrad",
    "NvNovoGrad": "nvnovograd",
    "Adafactor": "adafactor",
    "AdafactorBigVision": "adafactor_bv",
    "Lamb": "lamb",
    "kron.Kron": "kron",
}
FIRST = {"Lamb": {"always_adapt": True}, "NvNovoGrad": {}}
"""Their step sees the decayed weights; with the options that keep the step the same without a decay."""
ASIDE = {"timm.optim.NvNovoGrad", "timm.optim.Adahessian"}
"""Tested alone, below."""
SWITCHES = {"lr=given": ""}
FIXED = {"kron.Kron": {"deterministic": True}}


def run_of(name: str) -> Run:
    """The run of a convention: its class, with the switches that its name states."""
    kind, _, options = name.removeprefix("timm.optim.").partition(":")
    words = [o.split("=") for o in SWITCHES.get(options, options).split(",") if o]
    switches = {key: value == "True" for key, value in words}
    first = {"decays_first": True, **FIRST[kind]} if kind in FIRST else {}
    return by_torch(timm(MODULES[kind], kind.rpartition(".")[2]), **switches, **first, **FIXED.get(kind, {}))


def by_hand(name: str, run: Run, number: float) -> np.ndarray:
    """The run with the registry's shrink, with what its note says of it."""
    sizes = shrinks(find(name), number, COSINE)
    if "LaProp" in name:  # of the weights that the step has produced
        return run(0.0, kappas=sizes, after=True)
    if "Adopt:decoupled" in name:  # its first step moves nothing
        return run(0.0, kappas=[0.0, *sizes[1:]])
    return stated(name, run, number)


RUNS: dict[str, Run] = {
    c.name: run_of(c.name)
    for c in conventions("timm.optim.")
    if c.kind != "no scalar" and c.note != "torch's own class." and c.name not in ASIDE
}


@pytest.fixture(autouse=True)
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kron compiles parts of its step, which takes longer than all of these runs."""
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)


@pytest.mark.parametrize("name", RUNS)
def test_the_package_does_what_the_registry_says_under_a_schedule(name: str):
    run = RUNS[name]
    number = PER_STEP if "fixed_decay" in name or "unscaled" in name else NUMBER
    ours = run(number)
    assert_same(ours, by_hand(name, run, number))
    assert not np.allclose(ours, run(0.0), rtol=1e-6)


def alone(kind: type[torch.optim.Optimizer], steps: int, **options: Any) -> list[float]:
    """A weight after each step without a gradient, for an optimizer that may ask for second derivatives."""
    w = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimizer, sizes = kind([w], **options), []
    for _ in range(steps):
        optimizer.zero_grad()
        (0 * w**3).sum().backward(create_graph=True)
        optimizer.step()
        sizes.append(float(w.detach()))
        w.grad = None
    return sizes


@pytest.mark.filterwarnings("ignore:Using backward.. with create_graph=True:UserWarning")
def test_adahessian_decays_beside_its_step():
    sizes = alone(timm_module("adahessian").Adahessian, 3, lr=0.1, weight_decay=0.2)
    assert sizes == pytest.approx([0.98, 0.98**2, 0.98**3])
    assert convert(0.2, "timm.optim.Adahessian", "shrink", lr=0.1).value == pytest.approx(0.02)


@pytest.mark.filterwarnings("ignore:Using backward.. with create_graph=True:UserWarning")
def test_novograd_shrinks_through_its_first_moment():
    sizes = alone(timm_module("nvnovograd").NvNovoGrad, 300, lr=0.1, weight_decay=1e-3)
    shrink = convert(1e-3, "timm.optim.NvNovoGrad", "shrink", lr=0.1, beta1=0.95)
    assert shrink.value == pytest.approx(1 - sizes[-1] / sizes[-2], rel=5e-2)
    assert not shrink.exact


def test_madgrad_returns_to_a_dual_average_that_is_not_decayed():
    w = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimizer = timm_module("madgrad").MADGRAD([w], lr=0.1, weight_decay=0.5, decoupled_decay=True)
    for _ in range(500):
        w.grad = torch.zeros_like(w)
        optimizer.step()
    assert float(w.detach()) == pytest.approx(
        0.1 / (1 - 0.9 * 0.95)
    )  # the fixed point of w = 0.9 (1 - 0.05) w + 0.1


def test_every_optimizer_of_timm_is_in_the_registry():
    names = {c.name.partition(":")[0].rpartition(".")[2] for c in conventions("timm.optim.")}
    folder = Path(str(timm_module("adan").__file__)).parent
    files = {path.stem for path in folder.glob("[a-z]*.py")} - {"optim_factory"}  # an old name of a module
    kinds = {
        name
        for file in files
        for name, kind in vars(timm_module(file)).items()
        if inspect.isclass(kind)
        and issubclass(kind, torch.optim.Optimizer)
        and kind.__module__.endswith(f".{file}")
    }
    assert kinds - {"Lookahead"} <= names  # a wrapper: the inner optimizer's number
