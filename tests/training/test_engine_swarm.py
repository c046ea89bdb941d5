"""Swarms moved and judged by the compiled engine against the torch form, which theory and the mutants hold."""

import pytest
import torch
from torch.testing import assert_close

from shrinkage.networks import LOSSES, PerceptronLayout, loss_named
from shrinkage.rules import L1, L2, WeightDecay
from shrinkage.training import Box, Member, ParticleSwarms, Rows, Swarm, Swarms
from shrinkage.training._score import Score
from shrinkage.training.engine._engine_rows import EvaluatedRows
from shrinkage.training.engine._engine_swarms import EngineSwarms, engine_moves
from stack_cases import (
    ACTIVATION_NAMES,
    ARCHITECTURES,
    LOSS_NAMES,
    assembled,
    member,
    plain_outputs,
    problem,
    rows_of,
)

LAMBDAS = [0.0, 0.01, 0.5]


def box(half: float, D: int) -> Box:
    ends = torch.full((D,), half, dtype=torch.float64)
    return Box(-ends, ends)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"variant": "inertia", "max_velocity": 0.3},
        {"variant": "ring"},
        {"death": 0.2},
        {"death": 0.2, "rebirth": "forget"},
        {"patience": 3, "stop_error": 1.0},
    ],
    ids=str,
)
def test_a_step_is_the_torch_forms(settings):
    """Step by step, each from where the torch form is: what is chaotic in a swarm doesn't add up."""
    bounds, keys, swarm = box(1.5, 5), [(0,), (0,), (1,)], Swarm(particles=7, **settings)

    def error(x):
        return (x - 1.2).square().sum(-1)

    def decay(x, before):
        x.mul_(0.99)

    made = [
        kind(error, box(1.0, 5), keys, swarm, bounds=bounds, decay=decay) for kind in (Swarms, EngineSwarms)
    ]
    for _ in range(40):
        plain, fast = made
        for name in ("x", "v", "p", "fp", "best", "best_error"):
            assert_close(getattr(fast, name), getattr(plain, name), rtol=1e-12, atol=1e-13)
            setattr(fast, name, getattr(plain, name).clone())
        assert torch.equal(fast.running, plain.running)
        for swarms in made:
            swarms.steps(1)


def test_the_sphere_is_left_to_torch():
    assert not engine_moves(Swarm(variant="spso2011"))
    assert engine_moves(Swarm(variant="ring"))


def test_several_quantiles_have_a_level_each():
    layout, loss = PerceptronLayout((4, 6, 3)), loss_named("quantile:0.1,0.5,0.9")
    (X, Y), networks, score = problem(70, 4, 3, "quantile"), rows_of(layout, 3), Score(loss)
    z = torch.stack([plain_outputs(layout, row, "tanh", X) for row in networks])
    score.add(z[None], Y[None, None], None)
    found, metric = EvaluatedRows(layout, "tanh", "quantile:0.1,0.5,0.9", Rows(X=X, Y=Y)).score(networks)
    assert_close(found, score.loss, rtol=1e-12, atol=1e-13)
    assert_close(metric, score.metric, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", LOSS_NAMES)
@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
@pytest.mark.parametrize("sizes", ARCHITECTURES, ids=str)
def test_sums_of_networks_are_those_of_the_plain_ones(sizes, activation, loss, weighted):
    layout = PerceptronLayout(sizes)
    X, Y = problem(70, sizes[0], sizes[-1], loss)
    weight = torch.linspace(0.5, 1.5, 70, dtype=torch.float64)[:, None] if weighted else None
    networks = rows_of(layout, 3)
    score = Score(LOSSES[loss])
    z = torch.stack([plain_outputs(layout, row, activation, X) for row in networks])
    score.add(z[None], Y[None, None], None if weight is None else weight[None, None])
    rows = EvaluatedRows(layout, activation, loss, Rows(X=X, Y=Y, weight=weight))
    found, metric = rows.score(networks)
    assert_close(found, score.loss, rtol=1e-12, atol=1e-13)
    assert_close(metric, score.metric, rtol=1e-12, atol=1e-13)
    assert_close(rows.error(networks, "loss"), found, rtol=0, atol=0)
    if LOSSES[loss].metric_name == "accuracy":
        assert_close(rows.error(networks, "accuracy"), 1 - metric)


def test_rows_longer_than_a_piece():
    layout = PerceptronLayout((3, 40, 2))
    X, Y = problem(2500, 3, 2, "softmax")
    s = torch.linspace(0.5, 1.5, 2500, dtype=torch.float64)
    rows, networks = (
        EvaluatedRows(layout, "tanh", "softmax", Rows(X=X, Y=Y, weight=s[:, None])),
        rows_of(layout, 2),
    )
    z = torch.stack([plain_outputs(layout, row, "tanh", X) for row in networks])
    expected = torch.nn.functional.cross_entropy(z.mT, Y.argmax(1).expand(2, -1), reduction="none") @ s / 2500
    assert_close(rows.error(networks, "loss"), expected, rtol=1e-12, atol=0)


def swarm_block(engine: str, members: list[Member], **changes):
    given = {
        "hidden_layer_sizes": (3,),
        "activation": "tanh",
        "loss": "softmax",
        "rule": L2(0.0),
        "max_epochs": 2,
        "iterations_an_epoch": 3,
        "dtype": "float64",
        "swarm": Swarm(particles=6, max_velocity=0.2),
        "engine": engine,
    }
    return assembled(ParticleSwarms, **{**given, **changes}).train(LAMBDAS, members, seed=3)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"rule": L1(0.0)},
        {"rule": WeightDecay(0.0)},
        {"decay_biases": True},
        {"error": "accuracy"},
        {"loss": "squared_error"},
        {"swarm": Swarm(particles=6, variant="ring")},
        # of few rows many particles are right alike, and the first of equal neighbours is followed
        {"swarm": Swarm(particles=9, variant="ring"), "error": "accuracy", "max_epochs": 6},
        {"swarm": Swarm(particles=6, variant="spso2011")},
        {"swarm": Swarm(particles=6, death=0.1)},
        {"swarm": Swarm(particles=6, patience=1)},
        {"bound": None},
    ],
    ids=str,
)
def test_a_block_is_the_torch_forms(changes):
    X, Y = problem(40, 4, 3, changes.get("loss", "softmax"))
    members = [member(X, Y, fold=fold, restart=fold, n_train=31) for fold in range(2)]
    fast, plain = (swarm_block(engine, members, **changes) for engine in ("compiled", "torch"))
    for name in plain.arrays:
        got, expected = (torch.from_numpy(getattr(result, name)) for result in (fast, plain))
        assert_close(got, expected, rtol=1e-9, atol=1e-10, equal_nan=True)


def test_numbers_drawn_in_pieces_are_the_same(monkeypatch):
    X, Y = problem(40, 4, 3, "softmax")
    whole = swarm_block("compiled", [member(X, Y)])
    monkeypatch.setattr("shrinkage.training.engine._engine_swarms.NUMBERS_AT_ONCE", 1)
    assert (swarm_block("compiled", [member(X, Y)]).networks == whole.networks).all()


def test_bits_do_not_depend_on_the_company():
    X, Y = problem(40, 4, 3, "softmax")
    members = [member(X.float(), Y.float(), fold=fold, n_train=31) for fold in range(3)]
    whole = swarm_block("compiled", members, dtype="float32")
    for g, one in enumerate(members):
        alone = swarm_block("compiled", [one], dtype="float32")
        assert (alone.networks[0] == whole.networks[g]).all()
        assert (alone.validation_loss[0] == whole.validation_loss[g]).all()
