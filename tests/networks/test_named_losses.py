"""The losses by name: their best constants in closed form, and what names are refused."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from torch.testing import assert_close

from shrinkage._errors import RequestError
from shrinkage.networks import LOSSES, PerceptronLayout, PerceptronStack, loss_named, quantile_key
from stack_cases import VALUE_LOSSES, plain_loss, plain_outputs, problem, rows_of

Y = torch.tensor([[0.3, 4.0], [1.0, 0.0], [2.0, 7.0], [9.0, 1.0], [0.5, 2.0]], dtype=torch.float64)
EQUAL = torch.ones(5, dtype=torch.float64)


def test_best_constants_are_mean_median_and_quantile():
    assert_close(LOSSES["squared_error"].best_constant(Y, EQUAL), Y.mean(0))
    assert_close(LOSSES["poisson"].best_constant(Y, EQUAL), Y.mean(0))
    assert_close(LOSSES["absolute_error"].best_constant(Y, EQUAL), Y.median(0).values)
    assert_close(loss_named("quantile:0.8").best_constant(Y, EQUAL), Y.sort(0).values[3])


@pytest.mark.parametrize("key", VALUE_LOSSES)
@pytest.mark.parametrize("weighted", [False, True])
def test_no_other_constant_has_a_smaller_loss(key, weighted):
    s = torch.tensor([1.0, 2.0, 0.5, 1.0, 3.0], dtype=torch.float64) if weighted else EQUAL
    loss = loss_named(key)

    def mean_of(constant, c):
        z = torch.full((5, 1), float(constant), dtype=torch.float64)
        z = z.log() if key == "poisson" else z
        return float((s * loss.of_rows(z.T, Y[:, [c]].T)).sum())

    for c, constant in enumerate(loss.best_constant(Y, s)):
        found: Any = minimize_scalar(lambda x, c=c: mean_of(x, c), bounds=(1e-3, 9), method="bounded")
        assert mean_of(constant, c) <= found.fun + 1e-9


@pytest.mark.parametrize("key", ["quantile:0.9"])
def test_gradient_of_another_quantile_is_autograds(key):
    layout, (X, targets) = PerceptronLayout((5, 4, 3)), problem(7, 5, 3, key)
    rows = rows_of(layout, K=2)
    stack = PerceptronStack(layout, "tanh", loss_named(key), rows)
    z = stack.flat.new_empty(2, 7, stack.padded.sizes[-1])
    stack.gradient_(torch.nn.functional.pad(X, (0, stack.padded.sizes[0] - 5)), targets, None, z)
    for k, row in enumerate(rows):
        w = row.clone().requires_grad_()
        loss = plain_loss(key, plain_outputs(layout, w, "tanh", X), targets).mean()
        assert_close(stack.gradients.rows()[k], torch.autograd.grad(loss, w)[0], rtol=1e-10, atol=1e-12)


def test_the_metric_of_a_quantile_is_the_share_below():
    z = torch.full((5, 2), 2.0, dtype=torch.float64)
    assert_close(LOSSES["quantile"].hits(z.T, Y.T)[0], (Y <= 2).double().mean(1))


@pytest.mark.parametrize("level", [0.1, 0.5, 1 / 3])
def test_a_key_keeps_the_level(level):
    assert loss_named(quantile_key(level)).level == level


@pytest.mark.parametrize("key", ["mse", "quantile:x", "quantile:", "quantile:1.5", "quantile:0", 3, None])
def test_other_names_are_refused(key):
    with pytest.raises(RequestError, match=r"must be one of softmax|must lie between 0 and 1"):
        loss_named(key)


@pytest.mark.parametrize("key", [key for key in LOSSES if not LOSSES[key].has_curvature])
def test_a_loss_without_curvature_says_so(key):
    with pytest.raises(NotImplementedError, match="no curvature"):
        LOSSES[key].hessian_root(torch.zeros(2, 1))


def test_weights_of_a_quantile_are_repeated_rows():
    s = torch.tensor([1.0, 2.0, 1.0, 3.0, 1.0], dtype=torch.float64)
    twice = Y.repeat_interleave(s.long(), 0)
    for key in VALUE_LOSSES:
        loss = loss_named(key)
        one = loss.best_constant(Y, s)
        other = loss.best_constant(twice, torch.ones(len(twice), dtype=torch.float64))
        np.testing.assert_allclose(one, other, atol=1e-12)
