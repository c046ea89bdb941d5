"""Controllers on blocks: closed forms, finite differences, and a contract for each that is registered."""

import numpy as np
import pytest
import torch

from controller_cases import evidence_of_ridge, ridge_problem
from shrinkage.rules import CONTROLLERS, L2, Decoupled, Evidence, Hypergradient, TargetNorm, Timescale
from shrinkage.training import Recipe
from shrinkage.training._controlled import Control
from shrinkage.training.backprop._stacked_trainee import StackedBlock
from stack_cases import member, problem, recipe

SEED = 3


def linear(**changes) -> Recipe:
    given = {"hidden_layer_sizes": (), "loss": "squared_error", "batch_size": 60, "learning_rate": 0.2}
    return recipe(**{**given, "max_epochs": 400, **changes})


@pytest.mark.parametrize("engine", ["compiled", "torch"])
def test_the_evidence_of_ridge_is_the_closed_form(engine):
    X, y = ridge_problem()
    result = linear(controller=Evidence(every=10), engine=engine).train(
        [1e-3, 1.0], [member(X, y)], seed=SEED
    )
    assert result.lambdas is not None
    assert result.lambdas[0, :, 0] == pytest.approx([1e-3, 1.0])
    assert result.lambdas[0, :, -1] == pytest.approx(evidence_of_ridge(X, y), rel=1e-6)


@pytest.mark.parametrize("inverse, steps", [("step", 1), ("curvature", 300)])
def test_the_hypergradient_is_that_of_finite_differences(inverse, steps):
    """One step from anywhere, or the minimum: the validation loss of training at λ ± ε."""
    X, y = ridge_problem(80)
    lam, eps = 0.3, 1e-5
    data = member(X, y, n_train=60)

    def block_at(strength: float) -> StackedBlock:
        opts = linear(controller=Hypergradient(inverse=inverse), max_epochs=steps, engine="torch")
        return StackedBlock(opts, [strength, strength], [data], SEED)

    def validation(strength: float) -> float:
        block = block_at(strength)
        with torch.no_grad():
            for epoch in range(steps):
                block.train_epoch(epoch)
            scored = block.validate()
        assert scored is not None
        return float(scored[0, 0, 0])

    difference = (validation(lam + eps) - validation(lam - eps)) / (2 * eps)
    block = block_at(lam)
    control = Control(block.recipe, block, lr=0.2, steps=steps)
    before = torch.from_numpy(block.networks())
    with torch.no_grad():
        for epoch in range(steps):
            block.train_epoch(epoch)
    after = torch.from_numpy(block.networks())
    with torch.enable_grad():
        if inverse == "step":  # the step was made from the weights before it
            gradient = control._validation_gradient(after)
            slope = float(-0.2 * (gradient * before)[0, 0, :4].sum())
        else:
            slope = float(control._slope_by_curvature(after)[0, 0].sum())
    assert slope == pytest.approx(difference, rel=1e-3)


def test_the_hypergradient_goes_down_the_validation_loss():
    """Features that only fit noise: a strong λ is better, and the controller finds its way there from a weak one."""
    g = torch.Generator().manual_seed(0)
    X = torch.randn(60, 20, generator=g, dtype=torch.float64)
    y = X[:, :1] + 2 * torch.randn(60, 1, generator=g, dtype=torch.float64)
    data = member(X, y, n_train=30)
    common = {"batch_size": 30, "learning_rate": 0.05, "max_epochs": 300}
    moved = linear(controller=Hypergradient(inverse="curvature", every=5), **common).train(
        [1e-4], [data], seed=SEED
    )
    grid = linear(**common).train(list(np.logspace(-4, 1, 20)), [data], seed=SEED)
    assert moved.lambdas is not None
    assert moved.lambdas[0, 0, -1] > 0.05
    assert moved.validation_loss[0, 0, -1] <= 1.02 * grid.validation_loss[0, :, -1].min()


def test_the_norm_comes_to_its_target():
    X, y = ridge_problem()
    result = linear(controller=TargetNorm(0.05, relative=False, rate=0.1)).train(
        [0.0], [member(X, y)], seed=SEED
    )
    assert np.square(result.networks[0, 0, :4]).mean() == pytest.approx(0.05, rel=1e-3)


def test_the_timescale_is_a_share_of_the_run():
    X, y = ridge_problem()
    result = linear(controller=Timescale(0.5), rule=Decoupled(0.0), max_epochs=10).train(
        [0.0], [member(X, y)], seed=SEED
    )
    assert result.lambdas is not None
    assert (result.lambdas == 1 / (0.2 * 0.5 * 10)).all()
    same = linear(rule=Decoupled(0.0), max_epochs=10).train([1.0], [member(X, y)], seed=SEED)
    assert (result.networks == same.networks).all()


@pytest.mark.parametrize("strengths", ["network", "layers"])
@pytest.mark.parametrize("name", CONTROLLERS)
def test_every_controller_moves_each_network_by_itself(name, strengths):
    """A network under control is the same alone and among others, by the engine and by torch; its trace is kept."""
    X, Y = problem(40, 3, 2, "softmax")
    members = [member(X, Y, restart=r, n_train=30) for r in range(2)]
    for engine in ("compiled", "torch"):
        opts = recipe(
            rule=L2(0.0), controller=CONTROLLERS[name](), strengths=strengths, max_epochs=7, engine=engine
        )
        together = opts.train([1e-3, 0.1], members, seed=SEED)
        alone = opts.train([0.1], members[1:], seed=SEED)
        assert together.lambdas is not None
        assert together.lambdas.shape == (2, 2, 7) + ((2,) if strengths == "layers" else ())
        assert np.isfinite(together.lambdas).all()
        assert (together.networks[1, 1] == alone.networks[0, 0]).all()
        assert alone.lambdas is not None
        assert np.array_equal(together.lambdas[1, 1], alone.lambdas[0, 0])


def test_without_a_controller_there_is_no_trace():
    X, Y = problem(20, 3, 2, "softmax")
    assert recipe().train([0.1], [member(X, Y)], seed=SEED).lambdas is None
