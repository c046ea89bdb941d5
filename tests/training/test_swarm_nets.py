"""Swarms of networks: the stacked evaluation, the penalty, rules on positions, errors without a gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris, load_wine
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedShuffleSplit

from shrinkage._errors import RequestError
from shrinkage.networks import PerceptronLayout, outputs
from shrinkage.rules import L1, L2, L2SP, AdaptiveDecay, ConditionalDecay, Decoupled, Projection, WeightDecay
from shrinkage.training import Backprop, Member, ParticleSwarms, Recipe, Rows, Swarm
from shrinkage.training.swarm import _swarm_error as evaluation
from shrinkage.training.swarm._swarm_error import MeanError, particle_outputs
from stack_cases import assembled

pytestmark = pytest.mark.usefixtures("engine")


def recipe(**changes) -> Recipe:
    settings = {
        "hidden_layer_sizes": (6,),
        "activation": "tanh",
        "loss": "softmax",
        "rule": L2(0.0),
        "max_epochs": 4,
        "swarm": Swarm(particles=10, max_velocity=0.3),
        "dtype": "float64",
    }
    return assembled(ParticleSwarms, **(settings | changes))


def members(load=load_iris, splits: int = 1, dtype=torch.float64) -> list[Member]:
    """Standardized by the training rows; one-hot classes."""
    X, y = load(return_X_y=True)
    found = []
    for fold, (a, b) in enumerate(StratifiedShuffleSplit(splits, test_size=0.2, random_state=0).split(X, y)):
        Z = torch.tensor((X - X[a].mean(0)) / X[a].std(0), dtype=dtype)
        Y = torch.eye(3, dtype=dtype)[torch.tensor(y)]
        found.append(
            Member(fold, 0, Rows(X=Z, Y=Y, index=torch.tensor(a)), Rows(X=Z, Y=Y, index=torch.tensor(b)))
        )
    return found


@pytest.mark.parametrize("activation", ["tanh", "relu", "logistic", "identity"])
@pytest.mark.parametrize("sizes", [(4, 3), (5, 6, 1), (7, 5, 4, 2)])
def test_outputs_are_those_of_the_stack(sizes, activation):
    layout = PerceptronLayout(sizes)
    networks = torch.randn(3, 7, layout.n_parameters, dtype=torch.float64)
    X = torch.randn(11, sizes[0], dtype=torch.float64)
    plain = outputs(layout.from_rows(networks.flatten(0, 1)), activation, X)
    torch.testing.assert_close(
        particle_outputs(layout, activation, networks, X), plain.view(3, 7, 11, -1).mT, rtol=1e-12, atol=1e-13
    )


@pytest.mark.parametrize("held", [1 << 19, 100])
def test_error_is_the_weighted_mean_in_whatever_pieces(monkeypatch, held):
    monkeypatch.setattr(evaluation, "HELD_ACTIVATIONS", held)
    layout = PerceptronLayout((4, 6, 3))
    rows = members()[0].train.contiguous_rows()
    weight = torch.rand(len(rows), 1, dtype=torch.float64)
    weighted = Rows(X=rows.X, Y=rows.Y, weight=weight)
    networks = torch.randn(2, 5, layout.n_parameters, dtype=torch.float64)
    z = outputs(layout.from_rows(networks.flatten(0, 1)), "tanh", rows.X)
    loss = torch.logsumexp(z, -1) - (z * rows.Y).sum(-1)
    found = MeanError(layout, "tanh", "softmax", "loss", weighted)(networks)
    torch.testing.assert_close(found.flatten(), (loss @ weight)[:, 0] / weight.sum())
    wrong = (z.argmax(-1) != rows.Y.argmax(-1)).double().mean(-1)
    found = MeanError(layout, "tanh", "softmax", "accuracy", rows)(networks)
    torch.testing.assert_close(found.flatten(), wrong)


@pytest.mark.parametrize("rule", [L2(0.0), WeightDecay(0.0)], ids=lambda rule: rule.name)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden, particles", [((6,), 10), ((7, 5), 30), ((), 7)])
def test_swarm_alone_as_in_block(rule, dtype, hidden, particles):
    lambdas, several = [0.0, 1e-3, 0.1], members(splits=2, dtype=getattr(torch, dtype))
    swarm = Swarm(particles=particles, max_velocity=0.3)
    settings = recipe(rule=rule, hidden_layer_sizes=hidden, swarm=swarm, dtype=dtype)
    together = settings.train(lambdas, several, seed=3)
    for g, member in enumerate(several):
        for i, lam in enumerate(lambdas):
            alone = settings.train([lam], [member], seed=3)
            assert np.array_equal(alone.networks[0, 0], together.networks[g, i])
            assert np.array_equal(alone.validation_loss[0, 0], together.validation_loss[g, i])


def test_lambdas_see_the_same_random_numbers():
    result = recipe().train([0.1, 0.1, 0.2], members(), seed=0)
    assert np.array_equal(result.networks[0, 0], result.networks[0, 1])
    assert not np.array_equal(result.networks[0, 0], result.networks[0, 2])


@pytest.mark.parametrize("decay_biases", [False, True])
@pytest.mark.parametrize("rule", [L2, L1])
def test_biases_are_penalized_only_on_request(rule, decay_biases):
    result = recipe(rule=rule(0.0), decay_biases=decay_biases).train([0.3], members(), seed=0)
    row, layout = result.networks[0, 0], PerceptronLayout((4, 6, 3))
    pulled = row if decay_biases else row[: layout.n_weights]
    size = 0.5 * np.square(pulled).sum() if rule is L2 else np.abs(pulled).sum()
    assert result.final_penalty[0, 0] == pytest.approx(0.3 * size, rel=1e-12)


def test_biases_stay_while_weights_vanish():
    swarm = Swarm(max_velocity=0.1)
    row = recipe(max_epochs=100, swarm=swarm).train([30.0], members(), seed=0).networks[0, 0]
    layout = PerceptronLayout((4, 6, 3))
    assert np.abs(row[: layout.n_weights]).max() < 0.02
    assert np.abs(row[layout.n_weights :]).max() > 0.3


@pytest.mark.parametrize(
    "rule, strength, holds",
    [
        (Decoupled(rate=0.0, clock="constant"), 1.0, lambda w: np.abs(w).max() == 0),
        (Projection(0.0), 0.05, lambda w: np.abs(w).max() <= 0.05),
        (ConditionalDecay(0.0, threshold=0.2), 1e6, lambda w: np.abs(w).max() <= 0.2),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_rules_act_on_positions_before_they_are_judged(rule, strength, holds):
    # Every position that is judged, the first and those of the reborn too, is where the strongest decay puts it.
    far = recipe(rule=rule, max_epochs=2, swarm=Swarm(particles=10, death=0.5), start_range=5.0)
    row = far.train([strength], members(), seed=0).networks[0, 0]
    layout = PerceptronLayout((4, 6, 3))
    assert holds(row[: layout.n_weights])
    assert np.abs(row[layout.n_weights :]).max() > 0.2


def test_each_lambda_is_taken_after_its_epochs():
    long = recipe().train([0.0, 0.1], members(), seed=0, epochs=[2, 4])
    short = recipe(max_epochs=2).train([0.0], members(), seed=0)
    assert np.array_equal(long.networks[0, 0], short.networks[0, 0])
    assert long.final_train_loss[0, 0] == long.train_loss[0, 0, 1]
    assert long.final_train_loss[0, 1] == long.train_loss[0, 1, 3]


def test_a_swarm_stops_while_others_go_on():
    swarm = Swarm(particles=10, max_velocity=0.3, stop_error=0.9)
    result = recipe(max_epochs=30, swarm=swarm).train([0.0, 1.0], members(), seed=0)
    first = result.train_loss[0, 0]
    assert first[-1] <= 0.9
    assert (first[-20:] == first[-1]).all()
    assert len(np.unique(result.train_loss[0, 1, -20:])) > 1


def test_accuracy_itself_is_minimized():
    result = recipe(error="accuracy", max_epochs=40).train([0.0, 1e-3], members(), seed=0)
    assert result.train_loss == pytest.approx(1 - result.train_metric)
    assert (result.final_train_metric >= 0.97).all()


def balanced_error(predicted: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    truth = targets.argmax(-1)
    scores = [balanced_accuracy_score(truth, each.argmax(-1)) for each in predicted]
    return 1 - torch.tensor(scores)


def test_a_metric_of_ones_own_is_minimized():
    settings = recipe(error=balanced_error, max_epochs=10)
    result = settings.train([0.0], members(), seed=0)
    assert settings.error_name == "balanced error"
    assert result.final_train_loss[0, 0] < 0.05
    # All classes of this training set have as many rows: balanced accuracy is accuracy.
    assert result.train_loss == pytest.approx(1 - result.train_metric, abs=1e-6)


def gaps(load, lambdas: list[float], splits: int, epochs: int) -> np.ndarray:
    """(splits, L) objective of the swarm less that of the best of three gradient-trained nets."""
    several = members(load, splits, torch.float32)
    common = {"hidden_layer_sizes": (6,), "activation": "tanh", "loss": "softmax", "rule": L2(0.0)}
    swarm = assembled(ParticleSwarms, **common, max_epochs=epochs)
    adam = assembled(
        Backprop, **common, max_epochs=1500, batch_size=1000, learning_rate=0.02, schedule="cosine"
    )
    found = swarm.train(lambdas, several, seed=0)
    best = [adam.train(lambdas, several, seed=seed) for seed in range(3)]
    reference = np.min([each.final_train_loss + each.final_penalty for each in best], axis=0)
    return found.final_train_loss + found.final_penalty - reference


def test_near_the_gradient_trained_optimum_on_iris():
    assert gaps(load_iris, [1e-3, 1e-2, 1e-1], splits=1, epochs=200).max() <= 0.01


@pytest.mark.slow
@pytest.mark.parametrize("load, epochs, bound", [(load_iris, 200, 0.01), (load_wine, 400, 0.02)])
def test_near_the_gradient_trained_optimum(load, epochs, bound):
    assert gaps(load, [1e-3, 2e-3, 1e-2, 2e-2, 1e-1, 2e-1], splits=10, epochs=epochs).max() <= bound


@pytest.mark.parametrize(
    "bad, says",
    [
        ({"error": "auc"}, r"error=…: must be one of loss, accuracy, got 'auc'"),
        ({"error": "accuracy", "loss": "squared_error"}, r"a regression has no accuracy"),
        ({"rule": L2SP(0.0)}, r"each particle of a swarm starts elsewhere"),
        ({"rule": AdaptiveDecay(0.0)}, r"needs the gradient, but a swarm has none"),
        ({"start_range": 0.0}, r"start_range=…: must be > 0"),
        ({"bound": -1.0}, r"bound=…: must be > 0"),
        ({"iterations_an_epoch": 0}, r"iterations_an_epoch=…: must be >= 1"),
    ],
)
def test_refuses_with_a_sentence(bad, says):
    with pytest.raises(RequestError, match=says):
        recipe(**bad)


def test_a_function_refuses_row_weights_and_wrong_shapes():
    one = members()[0]
    weighted = Rows(X=one.train.X, Y=one.train.Y, weight=torch.ones(150, 1, dtype=torch.float64))
    with pytest.raises(RequestError, match="does not know the row weights"):
        recipe(error=balanced_error).train([0.0], [Member(0, 0, weighted, None)], seed=0)
    with pytest.raises(RequestError, match=r"must return K numbers, shape \(10,\), got \(\)"):
        recipe(error=lambda predicted, targets: predicted.sum()).train([0.0], [one], seed=0)
