"""The written-out passes against autograd and against one network at a time."""

from functools import partial

import pytest
import torch
from torch.testing import assert_close

from shrinkage._errors import RequestError
from shrinkage.networks import KINDS, LOSSES, PerceptronKind, PerceptronLayout, PerceptronStack, kind_from
from stack_cases import (
    ACTIVATION_NAMES,
    ARCHITECTURES,
    LOSS_NAMES,
    plain_loss,
    plain_outputs,
    problem,
    rows_of,
)

assert_tight = partial(assert_close, rtol=1e-10, atol=1e-12)


def padded(X, stack):
    return torch.nn.functional.pad(X, (0, stack.padded.sizes[0] - X.shape[-1]))


def outputs_of(stack, rows):
    return stack.flat.new_empty(stack.n_networks, rows, stack.padded.sizes[-1])


@pytest.mark.parametrize("sizes", ARCHITECTURES)
@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
@pytest.mark.parametrize("loss", LOSS_NAMES)
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_is_autograds(sizes, activation, loss, weighted):
    sizes = (*sizes[:-1], 1) if loss == "logistic" else sizes
    layout, (X, Y) = PerceptronLayout(sizes), problem(7, sizes[0], sizes[-1], loss)
    s = torch.rand(7, 1, dtype=torch.float64) + 0.5 if weighted else None
    rows = rows_of(layout, K=3)
    stack = PerceptronStack(layout, activation, LOSSES[loss], rows)
    z = outputs_of(stack, 7)
    stack.gradient_(padded(X, stack), Y, s, z)
    for k, row in enumerate(rows):
        w = row.clone().requires_grad_()
        losses = plain_loss(loss, plain_outputs(layout, w, activation, X), Y)
        (expected,) = torch.autograd.grad((losses if s is None else losses * s[:, 0]).mean(), w)
        assert_tight(stack.gradients.rows()[k], expected)
        assert_tight(z[k, :, : sizes[-1]], plain_outputs(layout, row, activation, X))


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_loss_of_rows_is_torchs(loss):
    Y = problem(6, 3, 1 if loss == "logistic" else 3, loss)[1]
    z = torch.randn_like(Y) * (
        3 if loss == "poisson" else 30
    )  # far enough for a careless logarithm to overflow
    assert_tight(LOSSES[loss].of_rows(z.T, Y.T), plain_loss(loss, z, Y))


def test_the_logistic_loss_of_sure_rows_keeps_its_digits():
    z, Y = torch.tensor([[10.0, 15, 30, -20, -60]]), torch.tensor([[1.0, 1, 1, 0, 0]])
    exact = torch.nn.functional.softplus(-z.double().abs())[0]
    assert_close(LOSSES["logistic"].of_rows(z, Y).double(), exact, rtol=1e-6, atol=0)


@pytest.mark.parametrize("loss", [name for name in LOSS_NAMES if LOSSES[name].metric_name == "accuracy"])
def test_hits_are_argmaxs_of_equals_the_first(loss):
    Y = problem(200, 3, 1 if loss == "logistic" else 4, loss)[1]
    z = torch.randint(-1, 2, Y.shape).double()  # few values: ties everywhere
    predicted, true = (z.argmax(1), Y.argmax(1)) if loss == "softmax" else (z[:, 0] > 0, Y[:, 0] > 0)
    assert torch.equal(LOSSES[loss].hits(z.T, Y.T)[0], (predicted == true).double())


@pytest.mark.parametrize("sizes", ARCHITECTURES)
def test_rows_survive_the_stack_and_lie_weights_first(sizes):
    layout = PerceptronLayout(sizes)
    rows = rows_of(layout, K=4)
    stack = PerceptronStack(layout, "tanh", LOSSES["softmax"], rows)
    assert torch.equal(stack.parameters.rows(), rows)
    alone = torch.cat([W.flatten(1) for W in layout.from_rows(rows).weights], 1)
    assert torch.equal(alone, rows[:, : layout.n_weights])


@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_padding_stays_zero(activation, loss):
    sizes = (3, 5, 1 if loss == "logistic" else 2)
    layout, (X, Y) = PerceptronLayout(sizes), problem(9, 3, sizes[-1], loss)
    stack = PerceptronStack(layout, activation, LOSSES[loss], rows_of(layout, K=2))
    stack.gradient_(padded(X, stack), Y, None, outputs_of(stack, 9))
    moved = stack.parameters.rows() - stack.gradients.rows()
    stack.flat.sub_(stack.flat_grad)
    assert float(stack.flat.abs().sum()) == pytest.approx(float(moved.abs().sum()), rel=1e-14)


def test_inputs_of_each_network_may_differ():
    layout, (X, Y) = PerceptronLayout((3, 4, 2)), problem(10, 3, 2, "softmax")
    rows = rows_of(layout, K=2)
    both = PerceptronStack(layout, "relu", LOSSES["softmax"], rows)
    z = outputs_of(both, 5)
    both.gradient_(padded(X, both).view(2, 5, -1), Y.view(2, 5, 2), None, z)
    for k in range(2):
        one = PerceptronStack(layout, "relu", LOSSES["softmax"], rows[[k]])
        one.gradient_(padded(X, one)[5 * k : 5 * k + 5], Y[5 * k : 5 * k + 5], None, z[[k]])
        assert_close(both.gradients.rows()[k], one.gradients.rows()[0], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("hidden", [(), (7,), (64, 32)])
def test_every_kind_is_found_by_what_it_says_of_itself(hidden):
    given = {"perceptron": PerceptronKind(hidden_layer_sizes=hidden, activation="tanh", initialization="he")}
    assert given.keys() == KINDS.keys(), "a kind that is registered belongs in this test"
    for kind in given.values():
        assert kind_from(kind.described()) == kind


def test_an_unknown_kind_is_refused():
    with pytest.raises(RequestError, match=r"no kind of network 'forest'\. Known: perceptron"):
        kind_from({"kind": "forest"})
