"""The Gauss–Newton matrix and its diagonal against autograd, and γ against closed forms."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from shrinkage.networks import (
    LOSSES,
    PerceptronKind,
    PerceptronLayout,
    determined_by_kernels,
    determined_by_kronecker,
    determined_parameters,
    gauss_newton,
    gauss_newton_diagonal,
    kernels_of_perceptron,
    kronecker_factors,
    loss_named,
)
from stack_cases import PLAIN, plain_outputs

OUTPUTS = {"softmax": 3, "logistic": 1, "squared_error": 2, "poisson": 2}


def case(
    loss: str, activation: str = "tanh", hidden: tuple[int, ...] = (4, 3), n: int = 12
) -> tuple[PerceptronKind, PerceptronLayout, Tensor, Tensor, Any]:
    """What `gauss_newton` takes: a random network and standardized inputs."""
    g = torch.Generator().manual_seed(0)
    kind = PerceptronKind(hidden_layer_sizes=hidden, activation=activation)
    layout = kind.layout(5, OUTPUTS[loss])
    X = torch.randn(n, 5, generator=g, dtype=torch.float64)
    row = torch.randn(layout.n_parameters, generator=g, dtype=torch.float64)
    return kind, layout, row, (X - X.mean(0)) / X.std(0, correction=0), LOSSES[loss]


def by_autograd(loss: str, activation: str, layout: PerceptronLayout, row: Tensor, X: Tensor) -> Tensor:
    """(1/n) Σ Jᵀ H J, J and H both by torch."""

    def of_row(z: Tensor) -> Tensor:
        if loss == "softmax":
            return torch.logsumexp(z, -1) - z[0]
        if loss == "logistic":
            return torch.nn.functional.softplus(z).sum()
        if loss == "poisson":
            return 2 * (z.exp() - z).mean()
        return (z - 1).square().mean()

    total = torch.zeros(len(row), len(row), dtype=torch.float64)
    for x in X:

        def outputs(row: Tensor, x: Tensor = x) -> Tensor:
            return plain_outputs(layout, row, activation, x[None])[0]

        J: Any = torch.autograd.functional.jacobian(outputs, row)
        H: Any = torch.autograd.functional.hessian(of_row, outputs(row))
        total += J.T @ H @ J
    return total / len(X)


@pytest.mark.parametrize("loss", OUTPUTS)
@pytest.mark.parametrize("activation", PLAIN)
def test_the_matrix_and_its_diagonal_are_those_of_autograd(loss: str, activation: str) -> None:
    given = case(loss, activation)
    _, layout, row, X, _ = given
    expected = by_autograd(loss, activation, layout, row, X)
    assert_close(gauss_newton(*given), expected, rtol=1e-10, atol=1e-14)
    assert_close(gauss_newton_diagonal(*given), expected.diagonal(), rtol=1e-10, atol=1e-14)


def test_many_rows_are_the_mean_of_their_parts() -> None:
    kind, layout, row, X, loss = case("softmax", n=1300)
    parts = [gauss_newton_diagonal(kind, layout, row, part, loss) for part in X.split(650)]
    assert_close(
        gauss_newton_diagonal(kind, layout, row, X, loss), torch.stack(parts).mean(0), rtol=1e-12, atol=0
    )


def test_gamma_of_a_linear_model_on_standardized_inputs() -> None:
    """The mean over C targets of (z − y)² has curvature 2/C in each weight: γ = D·(2/C)/(2/C + λ)."""
    given = case("squared_error", hidden=())
    lam = torch.full((12,), 0.25, dtype=torch.float64)
    assert determined_parameters(gauss_newton_diagonal(*given), lam)[:10].tolist() == pytest.approx(
        [1 / 1.25] * 10
    )


def test_gamma_by_the_whole_matrix_is_that_of_its_eigenvalues() -> None:
    """Σ h/(h + λ) over the eigenvalues h, where all parameters are pulled alike."""
    H = gauss_newton(*case("softmax", hidden=(3,), n=60))
    for lam in (1e-3, 0.1, 3.0):
        values = torch.linalg.eigvalsh(H).clamp_min(0)
        gamma = determined_parameters(H, torch.full((len(H),), lam, dtype=torch.float64)).sum()
        assert float(gamma) == pytest.approx(float((values / (values + lam)).sum()), rel=1e-9)


def test_gamma_falls_from_all_weights_to_none() -> None:
    kind, layout, row, X, loss = case("logistic")
    h = gauss_newton_diagonal(kind, layout, row, X, loss)[layout.decayed_columns()]
    lams = [torch.full_like(h, lam) for lam in (0, 1e-3, 1e-1, 10, 1e6)]
    gammas = [float(determined_parameters(h, lam).sum()) for lam in lams]
    assert gammas[0] == layout.n_weights
    assert gammas == sorted(gammas, reverse=True)
    assert gammas[-1] < 1e-3


def test_by_the_rows_as_many_weights_are_determined_as_by_the_whole_matrix():
    kind = PerceptronKind(hidden_layer_sizes=(4,), activation="tanh", initialization="glorot")
    layout, loss = kind.layout(3, 2), loss_named("softmax")
    g = torch.Generator().manual_seed(0)
    row, X = (
        torch.randn(*shape, generator=g, dtype=torch.float64) for shape in ((layout.n_parameters,), (9, 3))
    )
    strengths = [0.1, 0.3, 0.0, 0.0]
    lam = torch.cat([torch.full((slot.columns.stop - slot.columns.start,), s, dtype=torch.float64)
                     for slot, s in zip(layout.slots, strengths, strict=True)])  # fmt: skip
    whole = determined_parameters(gauss_newton(kind, layout, row, X, loss), lam)
    by_tensor = [float(whole[slot.columns].sum()) for slot in layout.slots]
    kernels = kernels_of_perceptron(kind, layout, row, X, loss)
    assert determined_by_kernels(kernels, strengths)[:2] == pytest.approx(by_tensor[:2], rel=1e-5)


def test_kronecker_factors_are_exact_for_one_layer_of_one_output():
    kind = PerceptronKind(hidden_layer_sizes=(), activation="tanh", initialization="glorot")
    layout, loss = kind.layout(3, 1), loss_named("squared_error")
    g = torch.Generator().manual_seed(0)
    row, X = (torch.randn(*shape, generator=g, dtype=torch.float64) for shape in ((4,), (9, 3)))
    ((A, G),) = kronecker_factors(kind, layout, row, X, loss)
    torch.testing.assert_close(torch.kron(A, G), gauss_newton(kind, layout, row, X, loss)[:3, :3])
    (gamma,) = determined_by_kronecker([(A, G)], [0.2])
    h = torch.linalg.eigvalsh(torch.kron(A, G))
    assert gamma == pytest.approx(float((h / (h + 0.2)).sum()))
