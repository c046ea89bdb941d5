"""The laws of λ on a whole path: closed-form ridge, the KKT conditions, repeated rows, weights, loss of order."""

import numpy as np
import torch
from torch.testing import assert_close

from shrinkage.networks import PerceptronLayout
from shrinkage.training import Member, Rows
from stack_cases import member, plain_loss, plain_outputs, problem, recipe

LAMBDAS = [0.0, *np.logspace(-4, 1, 11)]


def ridge(X, Y, lam, weight=None):
    """argmin of (1/n) Σ sᵢ (1/k)‖xᵢW + b − yᵢ‖² + (λ/2)‖W‖², b free: the centred normal equations."""
    s = torch.ones(len(X), dtype=X.dtype) if weight is None else weight
    x_mean, y_mean = (s[:, None] * X).sum(0) / s.sum(), (s[:, None] * Y).sum(0) / s.sum()
    A, B = X - x_mean, Y - y_mean
    n, k = s.sum(), Y.shape[1]
    W = torch.linalg.solve(
        A.T @ (s[:, None] * A) + n * k * lam / 2 * torch.eye(X.shape[1], dtype=X.dtype),
        A.T @ (s[:, None] * B),
    )
    return torch.cat([W.flatten(), y_mean - x_mean @ W])


def linear(**changes):
    given = {"loss": "squared_error", "hidden_layer_sizes": (), "batch_size": 200, "learning_rate": 0.05}
    return recipe(**{**given, **changes})


def test_a_linear_network_is_ridge_along_the_whole_path():
    X, Y = problem(60, 4, 2, "squared_error")
    opts = linear(momentum=0.9, max_epochs=3000, nesterov=True)
    result = opts.train(LAMBDAS, [member(X, Y)], seed=0)
    for i, lam in enumerate(LAMBDAS):
        assert_close(torch.from_numpy(result.networks[0, i]), ridge(X, Y, lam), rtol=1e-8, atol=1e-9)


def test_row_weights_are_weighted_ridge_and_repeated_rows():
    X, Y = problem(30, 3, 1, "squared_error")
    s = torch.arange(30, dtype=torch.float64) % 3 + 1
    opts = linear(momentum=0.9, max_epochs=2000)
    weighted = Member(0, 0, Rows(X=X, Y=Y, weight=(s / s.mean())[:, None]), None)
    repeated = member(X.repeat_interleave(s.long(), 0), Y.repeat_interleave(s.long(), 0))
    nets = [torch.from_numpy(opts.train([0.1], [m], seed=0).networks[0, 0]) for m in (weighted, repeated)]
    assert_close(nets[0], ridge(X, Y, 0.1, s), rtol=1e-8, atol=1e-9)
    assert_close(nets[0], nets[1], rtol=1e-10, atol=1e-12)


def test_duplicated_data_changes_nothing_at_the_same_canonical_lambda():
    X, Y = problem(20, 3, 2, "softmax")
    opts = recipe(batch_size=200, max_epochs=50)
    once = opts.train(LAMBDAS, [member(X, Y)], seed=0).networks
    twice = opts.train(LAMBDAS, [member(X.repeat(2, 1), Y.repeat(2, 1))], seed=0).networks
    np.testing.assert_allclose(twice, once, rtol=1e-10, atol=1e-12)


def test_the_gradient_of_the_objective_vanishes_at_convergence():
    """KKT of L2: ∂C/∂w + λw = 0 and ∂C/∂b = 0, of a network with a hidden layer."""
    X, Y = problem(40, 3, 2, "softmax")
    opts = recipe(batch_size=200, max_epochs=6000, learning_rate=0.3, momentum=0.9)
    lambdas = [0.01, 0.05]
    result = opts.train(lambdas, [member(X, Y)], seed=0)
    layout = PerceptronLayout((3, 4, 2))
    for i, lam in enumerate(lambdas):
        w = torch.from_numpy(result.networks[0, i]).requires_grad_()
        C = plain_loss("softmax", plain_outputs(layout, w, "tanh", X), Y).mean()
        J = C + lam / 2 * w[: layout.n_weights].square().sum()
        (residual,) = torch.autograd.grad(J, w)
        assert float(residual.abs().max()) < 1e-8


def test_the_weight_norm_falls_and_the_training_loss_rises_with_lambda():
    """Of a convex problem at its optimum both are monotone in λ."""
    X, Y = problem(60, 4, 3, "softmax")
    opts = recipe(hidden_layer_sizes=(), batch_size=200, max_epochs=1500, momentum=0.9)
    result = opts.train(LAMBDAS[3:], [member(X, Y)], seed=0)
    norms = np.linalg.norm(result.networks[0, :, :12], axis=1)
    assert (np.diff(norms) < 0).all()
    assert (np.diff(result.final_train_loss[0]) > 0).all()


def test_a_strong_penalty_leaves_only_the_biases():
    X, Y = problem(60, 4, 3, "softmax")
    Y[:, 0] += Y[:, 1]  # two classes in three columns: the biases have something to say
    Y[:, 1] = 0
    opts = recipe(hidden_layer_sizes=(), batch_size=200, max_epochs=4000, learning_rate=0.02)
    row = torch.from_numpy(opts.train([20.0], [member(X, Y)], seed=0).networks[0, 0])
    assert float(row[:12].abs().max()) < 0.03
    shares = torch.softmax(row[12:], 0)
    assert_close(shares, Y.mean(0), atol=0.02, rtol=0)
