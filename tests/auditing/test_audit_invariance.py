"""Layers whose scale does not matter: found by scaling them, and where their norm goes."""

import math

import pytest
import torch
from torch import nn

from shrinkage.auditing import audit
from shrinkage.auditing.measuring._invariance import equilibrium, invariant_names


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.norm, self.out = nn.Linear(6, 6, bias=False), nn.BatchNorm1d(6), nn.Linear(6, 2)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return self.out(self.drop(x + self.norm(self.inner(x))))


def test_scaling_finds_the_layer_before_a_norm_and_no_other():
    model = Residual().eval()
    names = [name for name, _ in model.named_parameters()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    assert invariant_names(model, torch.randn(16, 6), names) == ["inner.weight"]
    assert not any(module.training for module in model.modules())
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_closed_forms_of_kosson():
    lr, decay, n, gradient = 0.01, 0.1, 400, 3.0
    adamw = equilibrium(1.0, lr * decay, n, lr=lr, beta=0.9, reach=None)
    assert adamw.norm_at_rest == pytest.approx(math.sqrt(lr * n / (2 * decay)))
    assert adamw.angle == pytest.approx(math.sqrt(2 * lr * decay * (1 - 0.9) / (1 + 0.9)))
    # SGD with momentum: ‖w‖⁴ = lr (‖g‖‖w‖)²/(2 λ (1 − μ)), angle √(2 lr λ/(1 + μ))
    mu, norm = 0.9, 2.0
    sgdm = equilibrium(norm, lr * decay / (1 - mu), n, lr=lr, beta=mu, reach=gradient * lr / (1 - mu))
    assert sgdm.norm_at_rest == pytest.approx((lr * (gradient * norm) ** 2 / (2 * decay * (1 - mu))) ** 0.25)
    assert sgdm.angle == pytest.approx(math.sqrt(2 * lr * decay / (1 + mu)))


@pytest.mark.parametrize("start", [0.3, 3.0])
def test_training_comes_to_the_predicted_norm(start):
    """Plain SGD on a loss whose gradient is orthogonal to w and falls as 1/‖w‖."""
    torch.manual_seed(0)
    lr, decay, n = 0.1, 0.05, 200
    w = nn.Parameter(torch.randn(n, dtype=torch.float64))
    w.data *= start / w.data.norm()
    optimizer = torch.optim.SGD([w], lr=lr, weight_decay=decay)
    gradient = 0.0
    for _ in range(2000):
        optimizer.zero_grad()
        (torch.randn(n, dtype=torch.float64) @ (w / w.norm())).backward()
        gradient = float(torch.linalg.vector_norm(w.grad)) if w.grad is not None else 0.0
        optimizer.step()
    norm = float(w.detach().norm())
    predicted = equilibrium(norm, lr * decay, n, lr=lr, beta=0.0, reach=lr * gradient)
    assert norm == pytest.approx(predicted.norm_at_rest, rel=0.05)


def test_the_audit_tells_norm_and_angle():
    torch.manual_seed(0)
    model = Residual()
    optimizer = torch.optim.AdamW([model.inner.weight], lr=1e-2, weight_decay=0.1)
    (note,) = [
        f for f in audit(optimizer, model, inputs=torch.randn(16, 6)).findings if f.code == "scale-invariant"
    ]
    assert note.parameters == ("inner.weight",)
    assert f"at equilibrium {math.sqrt(0.01 * 36 / 0.2):.3g}" in note.measured
    assert f"{math.sqrt(2 * 1e-3 * 0.1 / 1.9):.2g} rad" in note.expected


@pytest.mark.cuda
def test_on_a_gpu_as_on_the_cpu():
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    shrinks = []
    for device in ("cpu", "cuda"):
        model = nn.Linear(64, 64, device=device)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1, fused=True)
        before = torch.cuda.get_rng_state()
        shrinks.append(audit(optimizer, model).groups[0].shrink)
        assert torch.equal(before, torch.cuda.get_rng_state())
    assert shrinks[0] == pytest.approx(shrinks[1], rel=1e-9)


class Keyed(Residual):
    """Takes keywords and returns what is nested, as language models do."""

    def forward(self, *, x, scale):  # pyright: ignore[reportIncompatibleMethodOverride]
        return {"logits": scale * super().forward(x), "loss": None, "parts": [(self.inner.weight,)]}


class Counting(Residual):
    """Takes two arguments and returns a number beside its output."""

    def forward(self, x, scale):  # pyright: ignore[reportIncompatibleMethodOverride]
        return scale * super().forward(x), len(x)


def test_a_batch_is_a_tuple_of_arguments_or_keywords_and_outputs_may_be_nested():
    names, x = [name for name, _ in Residual().named_parameters()], torch.randn(16, 6)
    assert invariant_names(Counting(), (x, 2.0), names) == ["inner.weight"]
    # What holds the weight itself changes with it.
    assert invariant_names(Keyed(), {"x": x, "scale": 2.0}, names) == []


def test_without_a_gradient_an_sgd_has_no_norm_to_come_to():
    assert equilibrium(2.0, 1e-3, 36, lr=0.1, beta=0.0, reach=math.nan).norm_at_rest is None
    assert equilibrium(0.0, 1e-3, 36, lr=0.1, beta=0.0, reach=1.0).norm_at_rest is None
