"""λ moved in a training loop: closed forms, finite differences, resuming, and what makes no sense."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

import shrinkage as sh
from controller_cases import evidence_of_ridge, ridge_problem
from shrinkage.attachment import Attachment
from shrinkage.attachment.control._loop_curvature import PROBES, _probe, curvature, sampled_root
from shrinkage.networks import loss_named

Batches = list[tuple[torch.Tensor, torch.Tensor]]


def classes(rows: int = 64) -> Batches:
    g = torch.Generator().manual_seed(0)
    x = torch.randn(rows, 4, generator=g)
    y = (x[:, 0] + x[:, 1] ** 2 > 0.5).long()
    return list(zip(x.split(16), y.split(16), strict=True))


def net(*, noisy: bool = False) -> nn.Sequential:
    torch.manual_seed(1)
    extra = [nn.BatchNorm1d(8), nn.Dropout(0.2)] if noisy else []
    return nn.Sequential(nn.Linear(4, 8), *extra, nn.Tanh(), nn.Linear(8, 2))


def train(
    model: nn.Module,
    optimizer: Any,
    batches: Batches,
    steps: int,
    first: int = 0,
    loss: Any = functional.cross_entropy,
) -> None:
    for step in range(first, first + steps):
        x, y = batches[step % len(batches)]
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()


CONTROLS: dict[str, Callable[[Batches], Any]] = {
    "hypergradient": lambda b: sh.Hypergradient(b, "cross_entropy", every=4),
    "neumann": lambda b: sh.Hypergradient(
        b, "cross_entropy", inverse="neumann", training=b, every=4, terms=3
    ),
    "cg": lambda b: sh.Hypergradient(b, functional.cross_entropy, inverse="cg", training=b, every=4, terms=3),
    "curvature": lambda b: sh.Hypergradient(b, "cross_entropy", inverse="curvature", training=b, every=4),
    "evidence": lambda b: sh.Evidence(b, "cross_entropy", every=4, sample=32),
    "target norm": lambda b: sh.TargetNorm(0.5, every=4),
}


def ridge(lr: float = 0.2, lam: float = 0.3) -> tuple[nn.Linear, torch.optim.SGD, torch.Tensor, torch.Tensor]:
    X, y = ridge_problem(80)
    torch.manual_seed(0)
    model = nn.Linear(4, 1).double()
    return model, torch.optim.SGD(model.parameters(), lr=lr), X, y


def test_the_evidence_of_ridge_is_the_closed_form():
    X, y = ridge_problem()
    model, optimizer, *_ = ridge()
    control = sh.Evidence([(X, y)], "squared_error", every=50)
    handle = sh.attach(optimizer, sh.L2(1e-3), model=model, control=control)
    train(model, optimizer, [(X, y)], 1000, loss=functional.mse_loss)
    assert handle.trace()["lam"][-1] == pytest.approx(evidence_of_ridge(X, y), rel=1e-6)


def slope_in_loop(control: Any, steps: int, lam: float = 0.3) -> tuple[float, float]:
    """The slope that the controller is shown after so many steps, and the finite difference of training at λ ± ε."""
    shown = []

    class Seeing(sh.Hypergradient):
        def update(self, lam: Any, seen: Any, state: Any, run: Any) -> Any:
            shown.append(float(seen[f"slope_by_{self.inverse}"].sum()))
            return lam, state

    def validation(strength: float, watch: bool = False) -> float:
        model, optimizer, X, y = ridge()
        if watch:
            fields = {
                name: getattr(control, name) for name in ("batches", "loss", "inverse", "training", "terms")
            }
            sh.attach(optimizer, sh.L2(strength), model=model, control=Seeing(**fields, every=steps))
        else:
            sh.attach(optimizer, sh.L2(strength), model=model)
        train(model, optimizer, [(X[:60], y[:60])], steps, loss=functional.mse_loss)
        return functional.mse_loss(model(X[60:]), y[60:]).item()

    eps = 1e-5
    difference = (validation(lam + eps) - validation(lam - eps)) / (2 * eps)
    validation(lam, watch=True)
    return shown[-1], difference


@pytest.mark.parametrize("inverse, steps", [("step", 1), ("curvature", 300), ("neumann", 300), ("cg", 300)])
def test_the_hypergradient_is_that_of_finite_differences(inverse: str, steps: int):
    """One step from anywhere, or the minimum."""
    X, y = ridge_problem(80)
    held, rows = [(X[60:], y[60:])], [(X[:60], y[:60])]
    slope, difference = slope_in_loop(
        sh.Hypergradient(held, "squared_error", inverse=inverse, training=rows, terms=200), steps
    )
    assert slope == pytest.approx(difference, rel=1e-3)


def test_the_hypergradient_finds_a_strength_as_good_as_the_best_of_many():
    g = torch.Generator().manual_seed(0)
    X = torch.randn(60, 20, generator=g, dtype=torch.float64)
    y = X[:, :1] + 2 * torch.randn(60, 1, generator=g, dtype=torch.float64)

    def reached(rule: Any, **given: Any) -> float:
        torch.manual_seed(0)
        model = nn.Linear(20, 1).double()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        sh.attach(optimizer, rule, model=model, **given)
        train(model, optimizer, [(X[:30], y[:30])], 400, loss=functional.mse_loss)
        return functional.mse_loss(model(X[30:]), y[30:]).item()

    best = min(reached(sh.L2(float(lam))) for lam in torch.logspace(-4, 1, 20))
    assert (
        reached(sh.L2(1e-2), control=sh.Hypergradient([(X[30:], y[30:])], "squared_error", every=5))
        <= 1.02 * best
    )


def test_the_norm_comes_to_its_target():
    model, optimizer, X, y = ridge()
    control = sh.TargetNorm(0.05, relative=False, rate=0.1, every=1)
    sh.attach(optimizer, sh.L2(0.0), model=model, control=control)
    train(model, optimizer, [(X, y)], 400, loss=functional.mse_loss)
    assert float(model.weight.detach().square().mean()) == pytest.approx(0.05, rel=1e-3)


@pytest.mark.parametrize("momentum, lam", [(0.0, 0.02), (0.9, 0.002)])
def test_the_timescale_is_described_in_lr_and_lambda(momentum: float, lam: float):
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=momentum)
    handle = sh.attach(optimizer, sh.L2(0), model=model, control=sh.Timescale(0.5), steps=1000)
    assert handle.trace()["lam"] == [pytest.approx(lam)]
    assert handle.log()["shrinkage/group0/timescale"] == pytest.approx(500, rel=0.02)
    assert "500 steps, so at lr = 0.1" in repr(handle)


@pytest.mark.parametrize("strengths", ["network", "groups", "layers"])
@pytest.mark.parametrize("name", CONTROLS)
def test_table_log_and_trace_agree_on_the_strengths_at_work(name: str, strengths: Any):
    model, batches = net(), classes()
    optimizer = torch.optim.Adam(
        [{"params": model[0].parameters()}, {"params": model[2].parameters(), "lr": torch.tensor(1e-3)}],
        lr=1e-2,
    )
    handle = sh.attach(
        optimizer, sh.L2(1e-3), model=model, control=CONTROLS[name](batches), strengths=strengths
    )
    train(model, optimizer, batches, 12)
    trace, logged = handle.trace(), handle.log()
    names = {"network": ["lam"] * 2, "groups": ["group0", "group1"], "layers": ["0.weight", "2.weight"]}[
        strengths
    ]
    assert trace["step"] == [0, 4, 8, 12]
    assert trace[names[0]][-1] != 1e-3
    for group, (unit, row) in enumerate(zip(names, ("0.weight", "2.weight"), strict=True)):
        place = f"group{group}/{row}" if strengths == "layers" else f"group{group}"
        assert logged[f"shrinkage/{place}/lam"] == trace[unit][-1]
        assert (
            handle.table()[row].rule
            == f"L2 {trace[unit][-1]:g}, moved by {handle.control and handle.control.name}"
        )


@pytest.mark.parametrize("attached", ["first", "last"])
@pytest.mark.parametrize("name", CONTROLS)
def test_a_resumed_run_goes_on_with_the_same_bits(name: str, attached: str):
    """Saved between updates and in the middle of the batches, and loaded before the rule is attached or after."""
    batches = classes()

    def begun(loaded: Any = None) -> tuple[nn.Module, Any, Attachment]:
        model = net()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
        if loaded is not None:
            model.load_state_dict(loaded["model"])
            if attached == "last":
                optimizer.load_state_dict(loaded["optimizer"])
        control = CONTROLS[name](batches)
        handle = sh.attach(optimizer, sh.L2(1e-3), model=model, control=control, strengths="layers")
        if loaded is not None and attached == "first":
            optimizer.load_state_dict(loaded["optimizer"])
        return model, optimizer, handle

    model, optimizer, handle = begun()
    train(model, optimizer, batches, 11)
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, file)
    train(model, optimizer, batches, 20, first=11)
    file.seek(0)
    again, resumed, other = begun(torch.load(file, weights_only=True))
    train(again, resumed, batches, 20, first=11)
    assert other.trace() == handle.trace()
    for ours, theirs in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("name", ["hypergradient", "cg", "evidence"])
def test_measuring_leaves_gradients_modes_and_random_numbers_alone(name: str):
    """With λ held where it is, training is that without a controller, bit for bit: dropout and batch norm included."""
    batches = classes()

    def trained(control: Any) -> list[torch.Tensor]:
        model = net(noisy=True)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
        sh.attach(optimizer, sh.L2(1e-3), model=model, control=control)
        train(model, optimizer, batches, 12)
        return [*model.state_dict().values(), *(p.grad for p in model.parameters() if p.grad is not None)]

    held = CONTROLS[name](batches)
    object.__setattr__(held, "smallest", 1e-3)
    object.__setattr__(held, "largest", 1e-3)
    if name == "evidence":
        with pytest.warns(UserWarning, match="normalization layers"):
            controlled = trained(held)
    else:
        controlled = trained(held)
    assert all(torch.equal(a, b) for a, b in zip(controlled, trained(None), strict=True))


@pytest.mark.parametrize("name", CONTROLS)
def test_at_a_learning_rate_of_0_the_strength_stays_finite(name: str):
    model, batches = net(), classes()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    handle = sh.attach(optimizer, sh.L2(1e-3), model=model, control=CONTROLS[name](batches))
    train(model, optimizer, batches, 8)
    assert all(0 <= lam < float("inf") for lam in handle.trace()["lam"])
    if name == "hypergradient":
        assert handle.trace()["lam"] == [1e-3] * 3


def test_a_decoupled_rule_moves_in_its_own_unit():
    model, batches = net(), classes()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0)
    rule = sh.Decoupled(rate=1e-4, clock="constant")
    handle = sh.attach(
        optimizer, rule, model=model, control=sh.Hypergradient(batches, "cross_entropy", every=1)
    )
    train(model, optimizer, batches, 5)
    assert handle.trace()["lam"][0] == pytest.approx(1e-2)
    assert handle.log()["shrinkage/group0/rate"] == pytest.approx(1e-2 * handle.trace()["lam"][-1])


def test_multipliers_stay_factors_on_the_moving_strength():
    model, batches = net(), classes()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    control = sh.Hypergradient(batches, "cross_entropy", every=1)
    handle = sh.attach(optimizer, sh.L2(1e-2), model=model, control=control, multipliers={"2.weight": 0.5})
    train(model, optimizer, batches, 3)
    lam = handle.trace()["lam"][-1]
    assert handle.log()["shrinkage/group0*1/lam"] == pytest.approx(lam)
    assert handle.log()["shrinkage/group0*0.5/lam"] == pytest.approx(lam / 2)


def test_a_copy_keeps_the_strength_of_its_moment():
    model, batches = net(), classes()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    control = sh.Hypergradient(lambda: batches[0], "cross_entropy", every=1)
    handle = sh.attach(optimizer, sh.L2(1e-2), model=model, control=control)
    train(model, optimizer, batches, 3)
    before = handle.trace()
    twin, other = copy.deepcopy((model, optimizer))
    train(twin, other, batches, 3)
    assert handle.trace() == before
    assert sh.audit(
        optimizer, model, loss=lambda: functional.cross_entropy(model(batches[0][0]), batches[0][1])
    )
    assert handle.trace() == before


def test_a_parameter_that_is_added_shares_the_strength_of_the_network():
    model, batches = net(), classes()
    optimizer = torch.optim.SGD(model[0].parameters(), lr=0.1)
    control = sh.Hypergradient(batches, "cross_entropy", every=1)
    handle = sh.attach(optimizer, sh.L2(1e-2), model=model, control=control)
    train(model, optimizer, batches, 2)
    optimizer.add_param_group({"params": model[2].parameters()})
    train(model, optimizer, batches, 2, first=2)
    assert (
        handle.log()["shrinkage/group1/lam"]
        == handle.log()["shrinkage/group0/lam"]
        == handle.trace()["lam"][-1]
    )


@pytest.mark.parametrize("kind", ["sparse", "complex"])
def test_the_slope_of_unusual_parameters_is_that_of_their_numbers(kind: str):
    """A sparse gradient is that of all rows, a complex weight two real ones: λ moves as for the plain twin."""

    class Phase(nn.Module):
        def __init__(self, complex_: bool) -> None:
            super().__init__()
            w = torch.linspace(0.1, 0.6, 6).reshape(3, 2)
            self.w = nn.Parameter(torch.view_as_complex(w) if complex_ else w)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            w = torch.view_as_real(self.w) if self.w.is_complex() else self.w
            return w[rows]

    def trace(special: bool) -> list[float]:
        table = nn.Embedding.from_pretrained(torch.linspace(0.1, 0.6, 6).reshape(3, 2), False, sparse=special)
        model = table if kind == "sparse" else Phase(special)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        batches = [(torch.tensor([0, 2]), torch.tensor([1, 0])), (torch.tensor([1]), torch.tensor([0]))]
        rule = sh.Decoupled(1e-2) if kind == "sparse" else sh.L2(1e-2)
        control = sh.Hypergradient(batches, "cross_entropy", every=1)
        handle = sh.attach(optimizer, rule, model=model, control=control, exempt=(), rows="all")
        train(model, optimizer, batches, 6)
        return handle.trace()["lam"]

    assert trace(True) == pytest.approx(trace(False), rel=1e-6)


def test_the_evidence_of_a_network_with_more_parameters_than_rows_stays_finite():
    """In float32, with biases that hardly have a λ, and a table whose columns repeat."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 40), nn.ReLU(), nn.Linear(40, 2))
    batches = [(x.repeat(1, 2), y) for x, y in classes(256)]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    control = sh.Evidence(batches, "cross_entropy", every=20)
    handle = sh.attach(optimizer, sh.L2(1e-8), model=model, control=control)
    train(model, optimizer, batches, 200)
    assert 1e-5 < handle.trace()["lam"][-1] < 1


def test_exhausted_batches_are_reported():
    model, batches = net(), classes()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    control = sh.Hypergradient(iter(batches), "cross_entropy", every=1)
    sh.attach(optimizer, sh.L2(1e-2), model=model, control=control)
    with pytest.raises(sh.RequestError, match="ran out of batches"):
        train(model, optimizer, batches, 5)


def test_the_diagonal_of_small_rows_is_that_of_the_whole_matrix(monkeypatch: pytest.MonkeyPatch):
    model, (x, _) = net().double(), classes()[0]
    x, params = x.double(), dict(model.named_parameters())
    whole = curvature(model, params, (x,), loss_named("softmax"), 0)
    monkeypatch.setattr("shrinkage.attachment.control._loop_curvature.FULL_UP_TO", 0)
    diagonal = curvature(model, params, (x,), loss_named("softmax"), 0)
    torch.testing.assert_close(diagonal, whole.diagonal())


def test_random_signs_find_the_diagonal_of_one_row_and_output_exactly():
    """Of a single term a sign is squared away."""
    torch.manual_seed(0)
    model, x = nn.Linear(3, 1).double(), torch.randn(1, 3).double()
    params = dict(model.named_parameters())
    outputs = model(x)
    root = loss_named("squared_error").hessian_root(outputs.detach())
    exact = curvature(model, params, (x,), loss_named("squared_error"), 0).diagonal()
    assert PROBES > 1
    torch.testing.assert_close(_probe(list(params.values()), outputs, root, 3), exact)


def lbfgs(p: Any) -> Any:
    return torch.optim.LBFGS(p)


def adam(p: Any) -> Any:
    return torch.optim.Adam(p, lr=1e-2)


def sgd(p: Any) -> Any:
    return torch.optim.SGD(p, lr=1e-2)


B = classes()
NO_NAME: Any = functional.cross_entropy
REFUSED: list[tuple[Any, Any, Any, dict[str, Any], str]] = [
    (
        sgd,
        sh.L2(1e-3),
        "evidence",
        {},
        "must be one of Evidence, Hypergradient, TargetNorm, Timescale, got 'evidence'",
    ),
    (sgd, sh.L2(1e-3), sh.TargetNorm(), {"strengths": "rows"}, "must be one of network, groups, layers"),
    (lbfgs, sh.L2(1e-3), sh.TargetNorm(), {}, "an objective that stays the same"),
    (sgd, sh.L2(1e-3), sh.TargetNorm(), {"schedule": lambda t: 1.0}, "a schedule changes the strength too"),
    (sgd, sh.L2(1e-3), sh.TargetNorm(), {"native": "adopt"}, "one λ to move"),
    (sgd, sh.ConstrainedNorm(0.5), sh.TargetNorm(), {}, "has its own unit"),
    (
        sgd,
        sh.L2(1e-3),
        sh.TargetNorm(),
        {"strengths": "layers", "multipliers": {"2.weight": 2.0}},
        "would override multipliers",
    ),
    (sgd, sh.L2(1e-3), sh.Hypergradient(), {}, "it needs validation batches and their loss"),
    (
        sgd,
        sh.L2(1e-3),
        sh.Hypergradient(B, "hinge"),
        {},
        "loss must be cross_entropy, squared_error, or a function",
    ),
    (sgd, sh.L2(1e-3), sh.Hypergradient(3, "cross_entropy"), {}, "must be an iterable of batches"),
    (sgd, sh.L2(1e-3), sh.Hypergradient(B, "cross_entropy"), {"model": None, "exempt": ()}, "Give model=…"),
    (
        sgd,
        sh.L2(1e-3),
        sh.Hypergradient(B, "cross_entropy", inverse="cg"),
        {},
        "Give Hypergradient(…, training=batches)",
    ),
    (adam, sh.Decoupled(1e-3), sh.Evidence(B, "cross_entropy"), {}, "assumes a Gaussian prior"),
    (sgd, sh.L2SP(1e-3), sh.Evidence(B, "cross_entropy"), {}, "centred at 0"),
    (sgd, sh.L2(1e-3), sh.Evidence(B, NO_NAME), {}, "must be a likelihood"),
    (sgd, sh.L2(1e-3), sh.Evidence(lambda: B[0], "cross_entropy"), {}, "Give Evidence(…, rows=n)"),
    (sgd, sh.L2(1e-3), sh.Timescale(), {}, "Give attach(…, steps=…)"),
    (adam, sh.L2(1e-3), sh.Timescale(), {"steps": 100}, "its own timescale. Use Decoupled"),
    (sgd, sh.L1(1e-3), sh.Timescale(), {"steps": 100}, "does not remove a fraction of each weight"),
    (sgd, sh.L2(1e-3), None, {"strengths": "layers"}, "Give control=…"),
]


@pytest.mark.parametrize("make, rule, control, given, words", REFUSED, ids=[case[-1] for case in REFUSED])
def test_controllers_that_do_not_apply_are_refused(
    make: Any, rule: Any, control: Any, given: dict[str, Any], words: str
):
    model = net()
    with pytest.raises(sh.RequestError) as raised:
        sh.attach(make(model.parameters()), rule, **{"model": model, "control": control, **given})
    assert words in str(raised.value)


@pytest.mark.parametrize("recurrent", [False, True])
def test_sampled_roots_have_the_curvature_of_the_rows_as_their_mean(recurrent: bool):
    """Of one output a sign is squared away: exact, by vmap and, for what it has no rule for, row by row."""

    class Last(nn.GRU):
        def forward(self, input: Any, hx: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
            return super().forward(input, hx)[0][:, -1]

    torch.manual_seed(0)
    model = (Last(3, 1, batch_first=True) if recurrent else nn.Linear(3, 1)).double()
    x = torch.randn(5, 4, 3).double() if recurrent else torch.randn(5, 3).double()
    params, loss = dict(model.named_parameters()), loss_named("squared_error")
    R = torch.cat(sampled_root(model, params, (x,), loss, 0), 1)
    one_by_one = sum(R[b : b + 1].mT @ R[b : b + 1] for b in range(5))
    torch.testing.assert_close(R.mT @ R, one_by_one)
    model.zero_grad()
    (2**0.5 * model(x[:1])).sum().backward()
    torch.testing.assert_close(
        R[0].abs(), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).abs()
    )
