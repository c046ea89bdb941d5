"""Stacked equals one by one, or the preflight says why not: over every kind of module in the table."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from module_cases import CASES, Case, batch_of, made_in, squared
from shrinkage import RequestError
from shrinkage.networks.module import (
    CallableLoss,
    ModuleStack,
    OneByOne,
    StackedModules,
    Verdict,
    copy_modules,
    layout_of,
    make_module,
    module_loss,
    preflight,
    quiet_fallback,
    seed_generators,
    with_seed,
)

LOSS = CallableLoss(squared)
EQUAL = {torch.float64: 1e-10, torch.float32: 1e-5}


def quiet_preflight(case: Case, dtype: torch.dtype) -> Verdict:
    x, y = batch_of(case, dtype)
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message=".*lazy modules|.*weight_norm|.*torch.jit|.*outputs depend on"
        )
        return preflight(made_in(case, dtype), LOSS, x, y)


@pytest.mark.parametrize("name", CASES)
def test_preflight_finds_the_form_and_names_the_reason(name: str) -> None:
    case, verdict = CASES[name], quiet_preflight(CASES[name], torch.float64)
    found = "one by one" if not verdict.stacked else "looped" if verdict.looped else "stacked"
    assert found == case.outcome, verdict
    assert re.search(case.because, verdict.why), verdict.why
    assert verdict.words.startswith("stacked" if verdict.stacked else "one by one, because ")
    if verdict.stacked:
        assert verdict.scoring == case.scoring


@pytest.mark.parametrize("dtype", EQUAL)
@pytest.mark.parametrize("name", CASES)
def test_three_stacked_modules_train_as_each_does_alone(name: str, dtype: torch.dtype) -> None:
    verdict = quiet_preflight(CASES[name], dtype)
    if not verdict.stacked:
        assert verdict.why
        return
    stacked, plain = trained(CASES[name], dtype, verdict)
    for (what, a), (_, b) in zip(stacked.items(), plain.items(), strict=True):
        scale = max(1.0, float(b.detach().abs().max())) if b.numel() else 1.0
        torch.testing.assert_close(
            a, b, rtol=0, atol=EQUAL[dtype] * scale, check_dtype=True, msg=lambda m, what=what: f"{what}: {m}"
        )


def trained(case: Case, dtype: torch.dtype, verdict: Verdict) -> list[dict[str, Tensor]]:
    """Three steps of plain SGD of three modules in both forms: losses, parameters, buffers and scores."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*weight_norm|.*torch.jit")
        modules = [make_module(made_in(case, dtype), "cpu", "test", k) for k in range(3)]
    layout = layout_of(modules[0], verdict.changing)
    forms: list[ModuleStack] = [
        StackedModules(copy_modules(modules), layout, LOSS, verdict.scoring),
        OneByOne(copy_modules(modules), layout, LOSS, writes=verdict.writes),
    ]
    return [after_three_steps(form, case, dtype) for form in forms]


def after_three_steps(form: ModuleStack, case: Case, dtype: torch.dtype) -> dict[str, Tensor]:
    x, y = batch_of(case, dtype)
    weight = torch.linspace(0.5, 1.5, len(y), dtype=dtype)
    found = {}
    with quiet_fallback(), with_seed("test"):
        for step in range(3):
            seed_generators("test", step)
            batch = x.clone() if isinstance(x, Tensor) else x  # a module may write into it
            found[f"losses of step {step}"] = form.gradient_(batch, y, weight, shared=True)[0].clone()
            for flat, grad in zip(form.flats.values(), form.flat_grads.values(), strict=True):
                flat.sub_(grad, alpha=0.05)
        seed_generators("test", "scores")
        found["scores"] = form.scores(x, y, shared=True)[0]
    for k in range(form.K):
        found |= {f"{name} of module {k}": tensor for name, tensor in form.tensors(k).items()}
    return found


def test_modules_with_batches_of_their_own_train_as_alone() -> None:
    case = CASES["batch norm"]
    modules = [make_module(made_in(case, torch.float64), "cpu", "test", k) for k in range(2)]
    layout = layout_of(modules[0], quiet_preflight(case, torch.float64).changing)
    x = torch.randn(2, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y, weight = x.sum(2), x[..., 0].abs()
    stack = StackedModules(copy_modules(modules), layout, LOSS)
    losses, _ = stack.gradient_(x, y, weight, shared=False)
    for k, module in enumerate(modules):
        alone = OneByOne([module], layout, LOSS)
        own, _ = alone.gradient_(x[k], y[k], weight[k], shared=True)
        torch.testing.assert_close(losses[k], own[0], rtol=0, atol=1e-12)
        torch.testing.assert_close(stack.rows()[k], alone.rows()[0], rtol=0, atol=1e-12)
        for name, grad in alone.gradients.items():
            torch.testing.assert_close(stack.gradients[name][k], grad[0], rtol=0, atol=1e-12)


def test_modules_that_branch_on_inputs_share_a_stack_only_with_a_shared_batch() -> None:
    verdict = quiet_preflight(CASES["control flow on the inputs"], torch.float64)
    assert verdict.stacked
    assert not verdict.together
    assert quiet_preflight(CASES["linear"], torch.float64).together


@pytest.mark.parametrize("stacked", [True, False])
def test_a_module_that_writes_into_its_batch_spoils_no_other_ones(stacked: bool) -> None:
    case = CASES["writing into its batch"]
    x, y = batch_of(case)
    verdict = preflight(made_in(case, torch.float64), LOSS, x, y, stacked=stacked)
    assert verdict.writes
    modules = [make_module(made_in(case, torch.float64), "cpu", "test")] * 3
    layout = layout_of(modules[0], verdict.changing)
    form = (
        StackedModules(modules, layout, LOSS)
        if stacked
        else OneByOne(copy_modules(modules), layout, LOSS, writes=True)
    )
    losses = form.gradient_(x.clone(), y, None, shared=True)[0]
    torch.testing.assert_close(losses, losses[:1].expand(3, -1))


def test_state_that_the_refitted_module_lacks_is_warned_of() -> None:
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.calls = nn.Linear(3, 2), 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return self.linear(x) * self.calls

    x, y = batch_of(CASES["linear"], torch.float32)
    with pytest.warns(UserWarning, match="outputs depend on calls, which forward changes"):
        preflight(Counts, LOSS, x, y)


def test_scoring_leaves_modules_as_they_were() -> None:
    case = CASES["buffer written in place"]
    x, y = batch_of(case)
    for form in (StackedModules, OneByOne):
        module = make_module(made_in(case, torch.float64), "cpu", "test")
        stack = form([module], layout_of(module, ["n"]), LOSS)
        stack.gradient_(x, y, None, shared=True)
        before = stack.rows()
        stack.scores(x, y, shared=True)
        torch.testing.assert_close(stack.rows(), before, rtol=0, atol=0)
        assert float(stack.tensors(0)["n"]) == 1.0
        assert module.training


def test_a_frozen_body_is_held_once() -> None:
    made_ones = [CASES["frozen body in eval mode"].make() for _ in range(3)]
    for module in made_ones[1:]:
        module.load_state_dict(made_ones[0].state_dict())
    stack = StackedModules(made_ones, layout_of(made_ones[0], ()), LOSS)
    assert stack._own == {}
    assert [slot.name for slot in stack.layout.parameters] == ["head.weight", "head.bias"]


def test_roles_not_axes_say_what_is_decayed() -> None:
    layout = layout_of(CASES["transformer encoder layer"].make(), ())
    pulled = {slot.name for slot in layout.decayed()}
    assert pulled == {
        "self_attn.in_proj_weight",
        "self_attn.out_proj.weight",
        "linear1.weight",
        "linear2.weight",
    }
    assert {slot.name for slot in layout.decayed(biases=True)} - pulled == {
        name for name in (slot.name for slot in layout.parameters) if "bias" in name and "norm" not in name
    }


def test_a_row_and_back_is_the_module() -> None:
    module = CASES["several dtypes"].make()
    layout = layout_of(module, ())
    tensors = dict(module.named_parameters())
    back = dict(layout.tensors(layout.row(tensors)))
    assert all(
        torch.equal(back[name], tensor) and back[name].dtype == tensor.dtype
        for name, tensor in tensors.items()
    )


def fixed() -> Callable[[], nn.Module]:
    module = nn.Linear(3, 2)
    return lambda: module


def growing() -> Callable[[], nn.Module]:
    sizes = iter(range(2, 99))
    return lambda: nn.Linear(3, next(sizes))


def not_finite() -> nn.Module:
    module = nn.Linear(3, 2)
    nn.init.constant_(module.weight, float("nan"))
    return module


X, CLASSES, VALUES = torch.randn(6, 3), torch.tensor([0, 1, 0, 1, 1, 0]), torch.randn(6)
BAD: dict[str, tuple[Any, Any, Any, Any, str]] = {
    "same module twice": (fixed(), "cross_entropy", X, CLASSES, "the same module twice"),
    "other shapes": (
        growing(),
        "cross_entropy",
        X,
        CLASSES,
        r"same shapes each time; weight was \(2, 3\) and then \(3, 3\)",
    ),
    "no module": (lambda: 3, "cross_entropy", X, CLASSES, r"must return a torch.nn.Module, got 3"),
    "a module for a factory": (
        nn.Linear(3, 2),
        "cross_entropy",
        X,
        CLASSES,
        "builds a new module in each call",
    ),
    "no weight": (
        lambda: nn.Sequential(nn.Flatten(), nn.BatchNorm1d(3)),
        "cross_entropy",
        X,
        CLASSES,
        "no weight to decay",
    ),
    "frozen": (
        lambda: nn.Linear(3, 2).requires_grad_(False),
        "cross_entropy",
        X,
        CLASSES,
        "any trained parameter",
    ),
    "not a number": (not_finite, "cross_entropy", X, CLASSES, "NaN or infinite on the first batch"),
    "other inputs": (lambda: nn.Linear(4, 2), "cross_entropy", X, CLASSES, "can't run on a batch of X"),
    "class too high": (
        lambda: nn.Linear(3, 2),
        "cross_entropy",
        X,
        CLASSES * 2,
        "classes 0 to 1, but y has class 2",
    ),
    "values as classes": (lambda: nn.Linear(3, 2), "cross_entropy", X, VALUES, "must be class numbers"),
    "one output for three classes": (
        lambda: nn.Linear(3, 1),
        "cross_entropy",
        X,
        CLASSES * 2,
        "one output per class",
    ),
    "outputs of another shape": (
        lambda: nn.Linear(3, 2),
        "squared_error",
        X,
        VALUES,
        r"got outputs \(6, 2\) of float32",
    ),
    "several outputs": (lambda: CASES["several outputs"].make(), "squared_error", X, VALUES, "got a tuple"),
    "one number": (
        lambda: nn.Linear(3, 2),
        nn.CrossEntropyLoss(),
        X,
        CLASSES,
        r"one loss per row, a tensor \(6,\)",
    ),
    "no loss": (lambda: nn.Linear(3, 2), "hinge", X, CLASSES, "must be 'cross_entropy', 'squared_error'"),
    "lazy": (lambda: nn.LazyLinear(2), "cross_entropy", X, CLASSES, "has no shape yet"),
    "elsewhere": (lambda: nn.Linear(3, 2, device="meta"), "cross_entropy", X, CLASSES, "is on meta"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
def test_untrainable_modules_are_refused_in_a_sentence(name: str) -> None:
    factory, loss, x, y, words = BAD[name]
    with pytest.raises(RequestError, match=words):
        preflight(factory, module_loss(loss), x, y)


def test_stacked_true_refuses_and_false_never_stacks() -> None:
    x, y = batch_of(CASES["item"])
    with pytest.raises(
        RequestError, match=r"stacked=True: these modules can't be stacked, because it reads a number"
    ):
        preflight(made_in(CASES["item"], torch.float64), LOSS, x, y, stacked=True)
    x, y = batch_of(CASES["linear"])
    verdict = preflight(made_in(CASES["linear"], torch.float64), LOSS, x, y, stacked=False)
    assert verdict.words == "one by one, because stacked=False was given"


def test_the_users_generators_are_left_as_they_were() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    quiet_preflight(CASES["dropout"], torch.float64)
    assert torch.equal(torch.rand(3), expected)


def test_losses_are_those_of_torch() -> None:
    z, classes = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 1, 0])
    loss, F = module_loss("cross_entropy"), nn.functional
    torch.testing.assert_close(loss.of_rows(z, classes), F.cross_entropy(z, classes, reduction="none"))
    assert loss.hits(z, classes)[:, 0].tolist() == (z.argmax(1) == classes).float().tolist()
    soft = torch.softmax(torch.randn(6, 4), 1)
    torch.testing.assert_close(loss.of_rows(z, soft), F.cross_entropy(z, soft, reduction="none"))
    pixels, image = torch.randn(6, 3, 2, 2), torch.randint(0, 3, (6, 2, 2))
    each = F.cross_entropy(pixels, image, reduction="none").flatten(1).mean(1)
    torch.testing.assert_close(loss.of_rows(pixels, image), each)
    two = torch.tensor([0, 1, 1, 0, 1, 0])
    logistic = F.binary_cross_entropy_with_logits(z[:, 0], two.float(), reduction="none")
    torch.testing.assert_close(loss.of_rows(z[:, :1], two), logistic)
    torch.testing.assert_close(
        module_loss("squared_error").of_rows(z, z.flip(1)), F.mse_loss(z, z.flip(1), reduction="none").mean(1)
    )
