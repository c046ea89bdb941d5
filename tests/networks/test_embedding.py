"""The periodic embedding of numbers against the formula, autograd, and one network at a time."""

import math
from functools import partial

import pytest
import torch
from torch.testing import assert_close

from shrinkage._errors import RequestError
from shrinkage.networks import (
    LOSSES,
    PerceptronKind,
    PerceptronLayout,
    PerceptronStack,
    gauss_newton,
    gauss_newton_diagonal,
    kind_from,
)
from stack_cases import LOSS_NAMES, PLAIN, plain_loss, problem, rows_of

assert_tight = partial(assert_close, rtol=1e-10, atol=1e-12)
NUMBERS = (0, 2, 3)
SHAPES = [(), (5,), (20, 7)]


def kind(hidden=(5,), activation="tanh"):
    return PerceptronKind(hidden_layer_sizes=hidden, activation=activation, embedding="periodic")


def plain_embedded(layout: PerceptronLayout, row: torch.Tensor, activation: str, X: torch.Tensor):
    """One network by the formula, number by number and cosine by cosine."""
    named = layout.by_name(row)
    V, c = named["embedding.weight"], named["embedding.bias"]
    phase, frequency = named["embedding.phase"], named["embedding.frequency"]
    assert layout.embedding is not None
    units = []
    for n, column in enumerate(layout.embedding.columns):
        for u in range(c.shape[1]):
            waves = [
                V[n, f, u] * torch.cos(frequency[n, f] * X[:, column] + phase[n, f])
                for f in range(V.shape[1])
            ]
            units.append(c[n, u] + torch.stack(waves).sum(0))
    a = torch.column_stack([X, *units])
    for i, (W, b) in enumerate(layers := layout.layers(row)):
        a = a @ W + b
        a = PLAIN[activation](a) if i < len(layers) - 1 else a
    return a


def padded(X, stack):
    return torch.nn.functional.pad(X, (0, stack.x_width - X.shape[-1]))


@pytest.mark.parametrize("hidden", SHAPES, ids=str)
@pytest.mark.parametrize("activation", ["relu", "logistic"])
@pytest.mark.parametrize("loss", LOSS_NAMES)
@pytest.mark.parametrize("own_rows", [False, True])
def test_gradient_is_autograds(hidden, activation, loss, own_rows):
    outputs = 1 if loss == "logistic" else 3
    layout, (X, Y) = kind(hidden).layout(4, outputs, NUMBERS), problem(7, 4, outputs, loss)
    rows = rows_of(layout, K=3)
    stack = PerceptronStack(layout, activation, LOSSES[loss], rows)
    assert torch.equal(stack.rows(), rows)
    z = stack.flat.new_empty(3, 7, stack.z_width)
    many = torch.stack([X, X + 0.1, X - 0.1]) if own_rows else X.expand(3, -1, -1)
    stack.gradient_(padded(many if own_rows else X, stack), Y, None, z)
    for k, row in enumerate(rows):
        w = row.clone().requires_grad_()
        out = plain_embedded(layout, w, activation, many[k])
        (expected,) = torch.autograd.grad(plain_loss(loss, out, Y).mean(), w)
        assert_tight(stack.gradients.rows()[k], expected)
        assert_tight(z[k, :, :outputs], out.detach())
        assert_tight(kind(hidden, activation).outputs(layout, row[None], many[k])[0], out.detach())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_network_does_not_depend_on_its_place_in_the_stack(dtype):
    layout, (X, Y) = kind().layout(4, 3, NUMBERS), problem(9, 4, 3, "softmax")
    rows, X, Y = rows_of(layout, K=6).to(dtype), X.to(dtype), Y.to(dtype)
    found = []
    for some in (rows, rows.flip(0), rows[2:4]):
        stack = PerceptronStack(layout, "tanh", LOSSES["softmax"], some)
        z = stack.flat.new_empty(len(some), 9, stack.z_width)
        stack.gradient_(padded(X, stack), Y, None, z)
        found.append((stack.gradients.rows(), z[..., :3]))
    for whole, turned in zip(found[0], found[1], strict=True):
        assert torch.equal(whole, turned.flip(0))
    for whole, part in zip(found[0], found[2], strict=True):
        assert torch.equal(whole[2:4], part)


def test_only_weights_are_decayed():
    layout = kind().layout(4, 3, NUMBERS)
    names = [slot.name for slot in layout.decayed()]
    assert names == ["layer_0.weight", "layer_1.weight", "embedding.weight"]
    assert {slot.name for slot in layout.slots if slot.role != "weight"} == {
        "layer_0.bias",
        "layer_1.bias",
        "embedding.bias",
        "embedding.phase",
        "embedding.frequency",
    }
    assert layout.decayed_columns() == slice(0, sum(math.prod(slot.shape) for slot in layout.decayed()))
    assert layout.decayed(True) == layout.slots
    stack = PerceptronStack(layout, "tanh", LOSSES["softmax"], rows_of(layout, K=2))
    assert [tuple(w.shape[1:]) for w, _ in stack.pulled(False)] == [slot.shape for slot in layout.decayed()]
    assert sum(w[0].numel() for w, _ in stack.pulled(True)) == layout.n_parameters


def test_untrained_frequencies_phases_and_weights():
    layout = kind().layout(40, 3, range(40))
    named = layout.by_name(kind().initial(layout, torch.Generator().manual_seed(0)))
    assert named["embedding.frequency"].std() == pytest.approx(2 * math.pi * 0.2, rel=0.1)
    assert named["embedding.phase"].abs().max() <= math.pi
    assert named["embedding.phase"].std() == pytest.approx(math.pi / math.sqrt(3), rel=0.1)
    assert named["embedding.weight"].var() == pytest.approx(1 / 16, rel=0.1)
    assert not named["embedding.bias"].any()
    assert not named["layer_0.bias"].any()


def test_without_numbers_it_is_the_plain_network():
    plain = PerceptronKind(hidden_layer_sizes=(5,), activation="tanh")
    assert kind().layout(4, 3) == plain.layout(4, 3, NUMBERS) == PerceptronLayout((4, 5, 3))


def test_it_travels_as_text():
    assert kind_from(kind().described()) == kind()
    old = {name: text for name, text in kind().described().items() if name != "embedding"}
    assert kind_from(old) == PerceptronKind(hidden_layer_sizes=(5,), activation="tanh")
    with pytest.raises(RequestError, match=r"embedding=…: must be one of none, periodic"):
        PerceptronKind(hidden_layer_sizes=(5,), activation="tanh", embedding="piecewise")


def test_the_diagonal_of_the_curvature_is_that_of_the_whole():
    layout, (X, _) = kind().layout(4, 2, (0, 2)), problem(6, 4, 2, "squared_error")
    (row,), loss = rows_of(layout, K=1), LOSSES["squared_error"]
    whole = gauss_newton(kind(), layout, row, X, loss)
    assert_tight(gauss_newton_diagonal(kind(), layout, row, X, loss), whole.diagonal())
