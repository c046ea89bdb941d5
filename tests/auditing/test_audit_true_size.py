"""What an optimizer reads of a parameter (shape, strides, number format, elements) is that of the live one."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from shrinkage.auditing import audit


class Scaled(torch.optim.Optimizer):
    """Decays by a factor that it reads off each parameter, or off the whole group."""

    def __init__(self, params, factor, lr=0.02, weight_decay=0.1):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})
        self.factor = factor

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            alive = [p for p in group["params"] if p.grad is not None]
            for p in alive:
                p.mul_(1 - group["lr"] * group["weight_decay"] * self.factor(p, alive))
                p.sub_(p.grad, alpha=group["lr"])


def sides(p, _):
    return max(1, p.shape[0] / p.shape[1]) ** 0.5


def many(p, _):
    return 2.0 if p.numel() > 4096 else 1.0


def columns_first(p, _):
    return 1.0 if p.is_contiguous() else 3.0


def formats(_, alive):
    return float(len({p.dtype for p in alive}))


def half(p, _):
    return 0.5 if p.dtype == torch.bfloat16 else 1.0


def linear(shape, dtype=torch.float32):
    model = nn.Linear(*shape, bias=False)
    return model.to(dtype)


def transposed():
    model = nn.Linear(30, 40, bias=False)
    model.weight = nn.Parameter(torch.randn(30, 40).t())
    return model


@pytest.mark.parametrize(
    "factor, model, expected",
    [
        (sides, lambda: linear((50, 2000)), math.sqrt(2000 / 50)),
        (sides, lambda: linear((600, 1500)), math.sqrt(1500 / 600)),
        (many, lambda: linear((100, 100)), 2.0),
        (many, lambda: linear((60, 60)), 1.0),
        (columns_first, transposed, 3.0),
        (columns_first, lambda: linear((30, 40)), 1.0),
        (formats, lambda: nn.Sequential(linear((4, 4)), linear((4, 4), torch.float64)), 2.0),
        (half, lambda: linear((30, 40), torch.bfloat16), 0.5),
    ],
    ids=["sides", "sides, large", "elements", "few elements", "strides", "no strides", "formats", "bfloat16"],
)
def test_the_shrink_is_that_of_the_live_parameter(factor, model, expected):
    own = model()
    found = audit(Scaled(own.parameters(), factor), own)
    assert found.groups[0].shrink == pytest.approx(0.002 * expected, rel=0.05)


@pytest.mark.parametrize("product", [0.01, 0.05, 0.1, 0.3])
def test_large_shrinks_compound_also_where_a_kernel_computes_in_float32(product):
    class Float32Inside(torch.optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": 0.1, "weight_decay": 10 * product})

        @torch.no_grad()
        def step(self, closure: Any = None) -> Any:
            for group in self.param_groups:
                for p in group["params"]:
                    w = p.float() * (1 - group["lr"] * group["weight_decay"])
                    p.copy_(w - group["lr"] * p.grad.float())

    model = nn.Linear(64, 64, bias=False)
    found = audit(Float32Inside(model.parameters()), model)
    assert found.groups[0].shrink == pytest.approx(product, rel=1e-3)
    assert not [f for f in found.findings if f.code.startswith("rounded")]


def test_a_decay_below_what_float32_shows_is_measured_stronger():
    """lr × weight_decay = 2e-8: of a kernel that computes in float32, only a stronger decay can be seen."""

    class Kernel(Scaled):
        def step(self, closure: Any = None) -> Any:
            with torch.no_grad():
                for p in self.param_groups[0]["params"]:
                    group = self.param_groups[0]
                    p.copy_(
                        p.float() * (1 - group["lr"] * group["weight_decay"]) - group["lr"] * p.grad.float()
                    )

    model = nn.Linear(30, 30, bias=False)
    found = audit(Kernel(model.parameters(), None, lr=2e-6, weight_decay=0.01), model)
    assert "not-applied" not in {f.code for f in found.findings}
    assert found.groups[0].shrink == pytest.approx(2e-8, rel=0.01)


@pytest.mark.parametrize("skipped", [torch.bfloat16, torch.float16])
def test_an_optimizer_that_skips_a_format_is_found_without_gradients(skipped):
    model = nn.Sequential(linear((30, 40)), linear((40, 30), skipped))
    found = audit(Scaled(model.parameters(), lambda p, _: float(p.dtype != skipped), lr=0.1), model)
    (finding,) = [f for f in found.findings if f.code == "rounded-away"]
    assert finding.parameters == ("1.weight",)
    assert "which can represent it" in finding.measured
    assert "depends on the dtype" in finding.advice


def test_parameters_that_an_optimizer_knows_by_their_id_are_known_in_the_copies():
    model = nn.Sequential(linear((8, 8)), linear((8, 8)))

    class ById(Scaled):
        def __init__(self, params):
            super().__init__(params, None)
            self.number = {id(p): i for i, p in enumerate(self.param_groups[0]["params"])}

        @torch.no_grad()
        def step(self, closure: Any = None) -> Any:
            for group in self.param_groups:
                for p in group["params"]:
                    p.mul_(1 - group["lr"] * group["weight_decay"] * (1 + self.number[id(p)]))
                    p.sub_(p.grad, alpha=group["lr"])

    found = sorted(row.shrink or 0.0 for row in audit(ById(model.parameters()), model).groups)
    assert found == pytest.approx([0.002, 0.004])


class Returns(Scaled):
    def step(self, closure: Any = None) -> Any:
        return None


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_an_optimizer_that_moves_nothing_is_named_with_and_without_a_decay(weight_decay):
    model = linear((8, 8))
    (finding,) = audit(Returns(model.parameters(), None, weight_decay=weight_decay), model).findings
    assert (finding.code, finding.severity) == ("not-applied", "error")
    assert "a step of Returns moves none of its parameters" in finding.measured


class Waits(torch.optim.SGD):
    """Steps every eighth time."""

    count = 0

    def step(self, closure: Any = None) -> Any:
        self.count += 1
        return super().step(closure) if self.count % 8 == 0 else None


def at_rest_now(model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer.param_groups[0]["lr"] = 0.0
    return optimizer


def all_frozen(model):
    model.requires_grad_(False)
    return torch.optim.SGD(model.parameters(), lr=0.1)


@pytest.mark.parametrize(
    "make",
    [
        at_rest_now,
        all_frozen,
        lambda model: torch.optim.SGD(model.parameters(), lr=0.0),
        lambda model: torch.optim.AdamW(model.parameters(), lr=1e-12, weight_decay=0.0),
        lambda model: torch.optim.AdamW(model.parameters(), lr=1e-12, weight_decay=0.0, fused=True),
        lambda model: Waits(model.parameters(), lr=0.1),
        lambda model: torch.optim.LBFGS(model.parameters()),
    ],
    ids=["lr 0 now", "frozen", "lr 0", "tiny lr", "tiny lr, fused", "waits", "L-BFGS"],
)
def test_an_optimizer_that_does_not_move_now_is_no_finding(make):
    model = linear((8, 8))
    assert [f.code for f in audit(make(model), model).findings] == []


def applied_by(model, factor):
    found = audit(Scaled(model.parameters(), factor), model)
    return next(f.measured for f in found.findings if f.code in ("not-applied", "other-number"))


def test_two_single_parameters_of_different_shape_are_named_without_a_cause():
    model = nn.Sequential(linear((8, 16)), linear((16, 4)))
    measured = applied_by(model, lambda p, _: float(tuple(p.shape) == (16, 8)))
    assert measured.endswith("Scaled decays 1 of its 2 parameters: 0.weight, but not 1.weight")


@pytest.mark.parametrize(
    "shapes, decayed, has_cause",
    [
        ([(8, 16), (16, 8), (8, 16), (16, 8)], {(16, 8)}, True),
        ([(8, 16), (16, 4), (4, 12), (12, 6)], {(16, 8), (12, 4)}, False),
        ([(8, 16), (16, 8), (8, 16)], {(16, 8)}, False),
    ],
    ids=["two of each shape", "all shapes differ", "one on a side"],
)
def test_a_shape_is_a_possible_cause_where_it_repeats_on_both_sides(shapes, decayed, has_cause):
    model = nn.Sequential(*map(linear, shapes))
    measured = applied_by(model, lambda p, _: float(tuple(p.shape) in decayed))
    assert ("a possible cause is the shape" in measured) == has_cause
    assert "0.weight" in measured


def test_the_parameters_that_get_another_number_are_named_beside_the_others():
    model = nn.Sequential(linear((8, 16)), linear((16, 4)))
    measured = applied_by(model, lambda p, _: 2.0 if tuple(p.shape) == (16, 8) else 1.0)
    assert measured.endswith("2 times as much, unlike 1.weight")
