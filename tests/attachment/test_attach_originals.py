"""Fifty steps in float64 beside the originals: their code where a package has it, else their formula inside the step."""

import importlib
import importlib.util
import math
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attachment_cases import loss_at, make_model
from shrinkage.attachment import attach
from shrinkage.rules import (
    AdaptiveDecay,
    AdaptiveL2,
    Cautious,
    ConstrainedNorm,
    Decoupled,
    Rule,
    SelectiveProjectionDecay,
)

STEPS, LR, LAM = 50, 0.01, 0.2
BETAS, EPS = (0.9, 0.999), 1e-8
Build = Callable[[Any], torch.optim.Optimizer]
PACKAGES = [
    pytest.mark.frameworks,
    pytest.mark.filterwarnings("ignore"),
]  # the packages warn about themselves


def lr_at(step: int) -> float:
    """A cosine from LR to a tenth of it."""
    return LR * (0.55 + 0.45 * math.cos(math.pi * step / STEPS))


def train(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[Tensor]:
    for t in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = lr_at(t)
        optimizer.zero_grad()
        loss_at(model, t).backward()
        optimizer.step()
    return [p.detach().clone() for p in model.parameters()]


def ours(rule: Rule, build: Build, **options: Any) -> list[Tensor]:
    model = make_model(bias=False, size=0.1)
    optimizer = build(model.parameters())
    attach(optimizer, rule, model=model, **options)
    return train(model, optimizer)


def theirs(build: Build) -> list[Tensor]:
    model = make_model(bias=False, size=0.1)
    return train(model, build(model.parameters()))


def same(a: list[Tensor], b: list[Tensor], rtol: float = 1e-9) -> None:
    for x, y in zip(a, b, strict=True):
        torch.testing.assert_close(x, y, rtol=rtol, atol=rtol / 10)


def adam(params: Any, **options: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam(params, lr=LR, betas=BETAS, eps=EPS, **options)


def sgd(params: Any, **options: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(params, lr=LR, **options)


def module_of(patch: pytest.MonkeyPatch, name: str, **stand_ins: Any) -> Any:
    """A module of an installed package whose own start asks for more than the module itself needs."""
    package = name.partition(".")[0]
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        pytest.skip(f"{package} is not installed")
    for parent in (package, name.rpartition(".")[0]):
        empty = ModuleType(parent)
        inside = parent.removeprefix(package).replace(".", "/")
        empty.__path__ = [spec.submodule_search_locations[0] + inside]
        patch.setitem(sys.modules, parent, empty)
    for stand_in, content in stand_ins.items():
        module = ModuleType(f"{package}.{stand_in}")
        module.__dict__.update(content)
        patch.setitem(sys.modules, module.__name__, module)
    patch.delitem(sys.modules, name, raising=False)
    return importlib.import_module(name)


class TestOfPackages:
    """Deselected by default; CI runs them with the packages installed."""

    pytestmark = PACKAGES

    @pytest.mark.parametrize("corrected", [False, True])
    def test_timms_sgdw(self, corrected: bool, monkeypatch: pytest.MonkeyPatch):
        """`timm/optim/sgdw.py` of huggingface/pytorch-image-models."""
        kind = module_of(monkeypatch, "timm.optim.sgdw").SGDW
        expected = theirs(
            lambda p: kind(p, lr=LR, momentum=0.9, weight_decay=LAM, corrected_weight_decay=corrected)
        )
        rule = Decoupled(LAM, clock="corrected" if corrected else "lr")
        same(ours(rule, lambda p: sgd(p, momentum=0.9)), expected)

    @pytest.mark.parametrize("corrected", [False, True])
    def test_timms_adamw(self, corrected: bool, monkeypatch: pytest.MonkeyPatch):
        """`timm/optim/adamw.py` of huggingface/pytorch-image-models."""
        kind = module_of(monkeypatch, "timm.optim.adamw").AdamWLegacy
        expected = theirs(lambda p: kind(p, lr=LR, weight_decay=LAM, corrected_weight_decay=corrected))
        same(ours(Decoupled(LAM, clock="corrected" if corrected else "lr"), adam), expected)

    @pytest.mark.parametrize("name, kind", [("lion", "Lion"), ("nadamw", "NAdamW")])
    def test_a_rule_on_timms_optimizers_is_their_own_decay(
        self, name: str, kind: str, monkeypatch: pytest.MonkeyPatch
    ):
        optimizer = getattr(module_of(monkeypatch, f"timm.optim.{name}"), kind)
        expected = theirs(lambda p: optimizer(p, lr=LR, weight_decay=LAM))
        same(ours(Decoupled(LAM), lambda p: optimizer(p, lr=LR, weight_decay=0.0)), expected)

    @pytest.mark.parametrize("kind", ["DecoupledSGDW", "DecoupledAdamW"])
    def test_composers_decay_has_the_schedules_clock(self, kind: str, monkeypatch: pytest.MonkeyPatch):
        """`composer/optim/decoupled_weight_decay.py` of mosaicml/composer: ×lr_t/lr_initial, and not ×lr."""
        module = module_of(monkeypatch, "composer.optim.decoupled_weight_decay", utils={"dist": None})
        options = {"momentum": 0.9} if kind == "DecoupledSGDW" else {"betas": BETAS}
        expected = theirs(lambda p: getattr(module, kind)(p, lr=LR, weight_decay=5e-4, **options))
        build = (lambda p: sgd(p, momentum=0.9)) if kind == "DecoupledSGDW" else adam
        same(ours(Decoupled(rate=5e-4, clock="schedule"), build), expected)

    @pytest.mark.parametrize(
        "method, value, rule",
        [
            ("uniform", 0.35, ConstrainedNorm(0.01, "uniform", 0.5)),
            ("dependent", 0.9, ConstrainedNorm(0.9, "relative", 0.5)),
            ("warm_start", 7, ConstrainedNorm(7, "at_step", 0.5)),
        ],
    )
    def test_adamcpr(self, method: str, value: float, rule: Rule):
        """The authors' pytorch-cpr (automl/CPR): κ of the sum of squares (35 here), κ and the multiplier in float32."""
        package = pytest.importorskip("pytorch_cpr")

        def build(params: Any) -> torch.optim.Optimizer:
            first, second = params
            groups = [{"params": [first], "regularize": True}, {"params": [second], "regularize": False}]
            return package.AdamCPR(
                groups,
                lr=LR,
                betas=BETAS,
                kappa_init_method=method,
                kappa_init_param=value,
                kappa_update=0.5,
                foreach=False,
            )

        expected, got = theirs(build), ours(rule, adam, only=("0",))
        same(got, expected, rtol=1e-5)
        assert (got[0] - theirs(adam)[0]).abs().max() > 1e-3  # the constraint was at work


Formula = Callable[[Tensor, Tensor, Tensor, Tensor, float], Tensor]


def by_formula(new_weight: Formula, *, adams: bool) -> list[Tensor]:
    """Training with `w ← new_weight(w, grad, u, start, lr)`, u the update of Adam, written out, or the gradient."""
    model = make_model(bias=False, size=0.1)
    starts = [p.detach().clone() for p in model.parameters()]
    first = [torch.zeros_like(p) for p in model.parameters()]
    second = [torch.zeros_like(p) for p in model.parameters()]
    for t in range(STEPS):
        model.zero_grad()
        loss_at(model, t).backward()
        for i, p in enumerate(model.parameters()):
            grad = p.grad
            assert grad is not None
            first[i] = BETAS[0] * first[i] + (1 - BETAS[0]) * grad
            second[i] = BETAS[1] * second[i] + (1 - BETAS[1]) * grad**2
            m, v = first[i] / (1 - BETAS[0] ** (t + 1)), second[i] / (1 - BETAS[1] ** (t + 1))
            update = m / (v.sqrt() + EPS) if adams else grad
            p.data = new_weight(p.detach(), grad, update, starts[i], lr_at(t))
    return [p.detach() for p in model.parameters()]


@pytest.mark.parametrize("adams", [True, False], ids=["Adam", "SGD"])
def test_cautious_weight_decay(adams: bool):
    """Algorithm 1 of arXiv 2510.12402, as `simply/utils/optimizers.py` of google-deepmind/simply has it."""

    def new_weight(w: Tensor, grad: Tensor, u: Tensor, start: Tensor, lr: float) -> Tensor:
        return w - lr * (u + LAM * (u * w >= 0) * w)

    same(ours(Cautious(Decoupled(LAM)), adam if adams else sgd), by_formula(new_weight, adams=adams))


def test_selective_projection_decay():
    """`adamSPD.py` of GT-RIPL/Selective-Projection-Decay: condition, ratio and projection within Adam's step."""

    def new_weight(w: Tensor, grad: Tensor, u: Tensor, start: Tensor, lr: float) -> Tensor:
        new = w - lr * u
        if -(grad * (w - start)).sum() < 0:
            now, before = (new - start).norm(), (w - start).norm()
            ratio = nn.functional.hardtanh((now - before) / now, 0.0, 1.0)
            new = new - 0.8 * ratio * (new - start)
        return new

    same(ours(SelectiveProjectionDecay(0.8), adam), by_formula(new_weight, adams=True))


@pytest.mark.parametrize("along, pulled", [(1.0, False), (0.04, True)])
def test_selective_projection_acts_on_plain_gradient_descent_near_right_angles_only(
    along: float, pulled: bool
):
    """Without momentum a gradient that leads back takes the step back too, but for `0 < ⟨g, d⟩ < lr·‖g‖²/2`."""
    model = nn.Linear(2, 1, bias=False, dtype=torch.float64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    attach(optimizer, SelectiveProjectionDecay(1.0), model=model)
    start = model.weight.detach().clone()
    model.weight.data += torch.tensor([[1.0, 0.0]])
    model.weight.grad = torch.tensor([[along, 1.0]], dtype=torch.float64)
    optimizer.step()
    d = model.weight.detach() - start
    plain = torch.tensor([[1 - 0.1 * along, -0.1]], dtype=torch.float64)
    torch.testing.assert_close(d, plain / plain.norm() if pulled else plain)


def test_adadecay():
    """Nakamura and Hong, arXiv 1907.08931, eq. 7, on the SGD that it is stated for, α = 4, std over n − 1."""

    def new_weight(w: Tensor, grad: Tensor, u: Tensor, start: Tensor, lr: float) -> Tensor:
        size = grad.abs()
        theta = 2 / (1 + torch.exp(-4 * (size - size.mean()) / size.std()))
        return w - lr * (u + LAM * theta * w)

    same(ours(AdaptiveDecay(LAM), sgd), by_formula(new_weight, adams=False))


@pytest.mark.parametrize("build", [adam, lambda p: sgd(p, momentum=0.9)], ids=["Adam", "SGD"])
def test_adaptive_weight_decay(build: Build):
    """`AWD_nips2023.py` of hed-ucas/AlphaDecay: λ̄ is set as the optimizer's own coupled weight decay at every step."""
    model = make_model(bias=False, size=0.1)
    optimizer, mean = build(model.parameters()), 0.0
    for t in range(STEPS):
        optimizer.zero_grad()
        loss_at(model, t).backward()
        grads = [p.grad for p in model.parameters() if p.grad is not None]
        norms = [
            math.sqrt(sum(float(x.detach().square().sum()) for x in xs)) for xs in (grads, model.parameters())
        ]
        mean = 0.1 * mean + 0.9 * 0.02 * norms[0] / (norms[1] + 1e-8)
        optimizer.param_groups[0] |= {"lr": lr_at(t), "weight_decay": mean}
        optimizer.step()
    expected = [p.detach() for p in model.parameters()]
    same(ours(AdaptiveL2(0.02), build), expected, rtol=1e-6)  # ours has no 1e-8 beside ‖w‖
