"""The diagonal Gauss–Newton against autograd, and γ against closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from shrinkage.comparison._curvature import effective_parameters, gauss_newton_diagonal
from shrinkage.networks import PerceptronLayout
from shrinkage.path import Fold, fitted_scale, standard_inputs
from shrinkage.rules import L2
from shrinkage.training import Backprop
from stack_cases import assembled

SIGMA = {"tanh": torch.tanh, "relu": torch.relu, "logistic": torch.sigmoid, "identity": lambda z: z}
ROWS = np.arange(2, 12)


def case(
    loss: str, activation: str = "tanh", hidden: tuple[int, ...] = (4, 3), n: int = 12
) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    outputs = {"softmax": 3, "logistic": 1, "squared_error": 2}[loss]
    layout = PerceptronLayout((5, *hidden, outputs))
    X, Y = rng.normal(size=(n, 5)), np.zeros((n, outputs))
    fold = Fold(
        number=0,
        Y=Y,
        weight=None,
        train=np.arange(n),
        validation=None,
        inputs=standard_inputs(X, fitted_scale(X, np.arange(n), None)),
        y_scale=None,
    )
    recipe = assembled(
        Backprop,
        hidden_layer_sizes=hidden,
        activation=activation,
        loss=loss,
        rule=L2(0.0),
        max_epochs=1,
        batch_size=4,
    )
    return recipe, layout, rng.normal(size=layout.n_parameters), fold


def by_autograd(recipe: Any, layout: PerceptronLayout, network: np.ndarray, fold: Fold) -> np.ndarray:
    """(1/n) Σ diag(Jᵀ H J), J and H both by torch."""
    X = torch.from_numpy(fold.inputs["standard"].standardized(ROWS))

    def outputs(row: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        start, bias, a = 0, layout.n_weights, x
        for depth, (fan_in, fan_out) in enumerate(layout.shapes):
            a = (
                a @ row[start : start + fan_in * fan_out].reshape(fan_in, fan_out)
                + row[bias : bias + fan_out]
            )
            start, bias = start + fan_in * fan_out, bias + fan_out
            a = a if depth == len(layout.shapes) - 1 else SIGMA[recipe.kind.activation](a)
        return a

    def loss(z: torch.Tensor) -> torch.Tensor:
        if recipe.loss == "softmax":
            return torch.logsumexp(z, -1) - z[0]
        if recipe.loss == "logistic":
            return torch.nn.functional.softplus(z).sum()
        return (z - 1).square().mean()

    total, row = torch.zeros(layout.n_parameters, dtype=torch.float64), torch.from_numpy(network)
    for x in X:
        J: Any = torch.autograd.functional.jacobian(lambda row, x=x: outputs(row, x), row)
        H: Any = torch.autograd.functional.hessian(loss, outputs(row, x))
        total += torch.einsum("cd,ce,ed->d", J, H, J)
    return (total / len(X)).numpy()


@pytest.mark.parametrize("loss", ["softmax", "logistic", "squared_error"])
@pytest.mark.parametrize("activation", SIGMA)
def test_the_diagonal_is_that_of_autograd(loss: str, activation: str) -> None:
    recipe, layout, network, fold = case(loss, activation)
    found = gauss_newton_diagonal(recipe, layout, network, fold, ROWS)
    np.testing.assert_allclose(found, by_autograd(recipe, layout, network, fold), rtol=1e-10, atol=1e-14)


def test_many_rows_are_the_mean_of_their_parts() -> None:
    recipe, layout, network, fold = case("softmax", n=1300)
    parts = [
        gauss_newton_diagonal(recipe, layout, network, fold, rows) for rows in np.split(np.arange(1300), 2)
    ]
    whole = gauss_newton_diagonal(recipe, layout, network, fold, np.arange(1300))
    np.testing.assert_allclose(whole, np.mean(parts, axis=0), rtol=1e-12)


def test_gamma_of_a_linear_model_on_standardized_inputs() -> None:
    """The mean over C targets of (z − y)² has curvature 2/C in each weight: γ = D·(2/C)/(2/C + λ)."""
    recipe, layout, network, fold = case("squared_error", hidden=())
    gamma = effective_parameters(recipe, layout, network, fold, np.arange(12), 0.25)
    assert gamma == pytest.approx(10 * 1.0 / 1.25)


def test_gamma_falls_from_all_weights_to_none() -> None:
    recipe, layout, network, fold = case("logistic")
    gammas = [
        effective_parameters(recipe, layout, network, fold, ROWS, lam) for lam in (0, 1e-3, 1e-1, 10, 1e6)
    ]
    assert gammas[0] == layout.n_weights
    assert gammas == sorted(gammas, reverse=True)
    assert gammas[-1] < 1e-3
