"""What a training refuses before it starts, how large it makes its blocks, and what its kept blocks are known by."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from shrinkage._errors import RequestError
from shrinkage.networks import PerceptronLayout
from shrinkage.rules import L1, L2, AdaptiveL2, Decoupled, LowRankDecay, Projection, Rule, WeightDecay
from shrinkage.training import ParticleSwarms, Recipe, Swarm, SwarmVariant
from shrinkage.training.engine import _engine_library as _library
from shrinkage.training.engine._engine_trainee import SECONDS_A_BLOCK
from stack_cases import assembled, member, problem, recipe


def swarm_options(**changes) -> Recipe:
    given = {"hidden_layer_sizes": (4,), "activation": "tanh", "loss": "softmax", "rule": L2(0.0)}
    return assembled(ParticleSwarms, **{**given, "max_epochs": 3, **changes})


@pytest.mark.parametrize(
    "bad, says",
    [
        ({"activation": "gelu"}, r"activation=…: must be one of .*relu.*, got 'gelu'"),
        ({"loss": "hinge"}, r"loss=…: must be one of .*softmax.*, got 'hinge'"),
        ({"hidden_layer_sizes": (4, 0)}, r"every layer needs at least 1 unit, got \(4, 0\)"),
        ({"max_epochs": 0}, r"max_epochs=…: must be a whole number >= 1, got 0"),
        ({"max_epochs": 2.0}, r"max_epochs=…: must be a whole number >= 1, got 2\.0"),
        ({"max_epochs": True}, r"max_epochs=…: must be a whole number >= 1, got True"),
        ({"validate_every": 0}, r"validate_every=…: must be a whole number >= 1, got 0"),
        ({"engine": "jax"}, r"engine=…: must be one of compiled, torch, got 'jax'"),
        ({"device": "nowhere"}, r"device='nowhere': torch can't use it here: .*Use device='cpu'"),
        ({"device": "cuda:99"}, r"device='cuda:99': torch can't use it here"),
        ({"optimizer": "lbfgs"}, r"optimizer=…: must be one of adam, sgd, got 'lbfgs'"),
        ({"schedule": "linear"}, r"schedule=…: must be one of constant, cosine, got 'linear'"),
        ({"initialization": "ones"}, r"initialization=…: must be one of .*got 'ones'"),
        ({"batch_size": 0}, r"batch_size=…: must be >= 1, got 0"),
        ({"learning_rate": 0.0}, r"learning_rate=…: must be > 0 and finite, got 0\.0"),
        ({"learning_rate": float("inf")}, r"learning_rate=…: must be > 0 and finite, got inf"),
        ({"momentum": 1.0}, r"momentum=…: must be >= 0 and < 1, got 1\.0"),
        ({"momentum": -0.1}, r"momentum=…: must be >= 0 and < 1, got -0\.1"),
    ],
)
def test_settings_are_refused_with_a_sentence(bad, says):
    with pytest.raises(RequestError, match=says):
        recipe(**bad)


@pytest.mark.parametrize("bad", [{"informants": "friends"}, {"shape": "cube"}])
def test_a_variant_is_refused_with_what_there_is(bad):
    with pytest.raises(RequestError, match=r"one of all, ring, random and of box, .*'(friends|cube)'"):
        SwarmVariant(inertia=0.7, attraction=1.5, **bad)


@pytest.mark.parametrize(
    "rule, says",
    [(Projection(1.0), "is a radius, not a λ"), (LowRankDecay(0.1), "decays a product of two factors")],
    ids=["radius", "product"],
)
def test_a_rule_without_a_λ_of_single_weights_has_no_path(rule: Rule, says: str):
    with pytest.raises(RequestError, match=f"{says}.*; use it with attach"):
        recipe(rule=rule)


@pytest.mark.parametrize(
    "rule, admitted",
    [
        (L2(0.0), True),
        (WeightDecay(0.0), True),
        (WeightDecay(0.0, of="original"), False),
        (Decoupled(0.0), False),
        (AdaptiveL2(0.0), True),
    ],
    ids=["l2", "updated", "original", "decoupled", "adaptive"],
)
def test_a_strength_that_takes_more_than_all_is_not_admitted(rule, admitted):
    """ηλ = 1.1 of the weight from before the step; of the updated weight it is 1.1/2.1."""
    assert recipe(rule=rule).admits(9.9)
    assert recipe(rule=rule).admits(11.0) is admitted
    assert swarm_options().admits(11.0)


def test_blocks_shrink_with_their_networks_and_never_to_nothing():
    """A larger network leaves room for fewer; one is always trained. A GPU takes more than a core's cache holds."""
    for make in (partial(recipe, engine="torch"), partial(recipe, engine="compiled"), swarm_options):
        sizes = [
            make().networks_a_block(PerceptronLayout((30, width, 3)), 1000) for width in (1, 30, 1000, 10**6)
        ]
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[0] > sizes[-1] >= 1
    one = PerceptronLayout((30, 1000, 3))
    on_device = recipe(engine="torch", device="meta", batch_size=64)
    assert on_device.networks_a_block(one, 1000) > recipe(engine="torch").networks_a_block(one, 1000)
    assert on_device.networks_a_block(PerceptronLayout((10**8, 3)), 1000) == 1


def test_a_block_of_the_engine_is_as_short_as_it_should_be_or_one_network():
    one = PerceptronLayout((30, 64, 3))
    for n in (100, 1000, 100_000):
        settings = recipe(engine="compiled", hidden_layer_sizes=(64,), batch_size=50, max_epochs=20)
        networks = settings.networks_a_block(one, n)
        seconds = settings.max_epochs * settings.seconds_an_epoch(one, n, networks)
        assert networks == 1 or seconds <= SECONDS_A_BLOCK
        assert settings.seconds_an_epoch(one, n, 7) == pytest.approx(7 * settings.seconds_an_epoch(one, n, 1))


def test_the_estimate_of_an_epoch_grows_with_its_rows_and_networks():
    one = PerceptronLayout((30, 64, 3))
    for settings in (recipe(engine="torch", batch_size=10), swarm_options()):
        short, long, many = (settings.seconds_an_epoch(one, *size) for size in ((100, 1), (200, 1), (100, 9)))
        assert 0 < short < long <= 2 * short
        assert short < many < 9 * short
    assert recipe(batch_size=30).work_an_epoch(one, 100)[0] == 4
    assert swarm_options(iterations_an_epoch=8).work_an_epoch(one, 100)[0] == 8


def test_rows_reread_in_every_epoch_train_the_same(monkeypatch):
    X, Y = problem(40, 3, 2, "softmax")
    settings = recipe(engine="torch", batch_size=1000)
    trained = []
    for kept in (1 << 20, 0):
        monkeypatch.setattr("shrinkage.training.backprop._stacked_trainee.KEPT_ELEMENTS", kept)
        trained.append(settings.train([0.0, 0.1], [member(X, Y, n_train=30)], seed=2))
    for name in vars(trained[0]):
        assert np.array_equal(getattr(trained[0], name), getattr(trained[1], name)), name


def test_kept_blocks_know_who_trained_them():
    names = [recipe(engine=engine).described()["engine"] for engine in ("torch", "compiled", "compiled")]
    assert names[0] == "torch"
    assert names[1] == names[2]
    assert names[1].startswith("compiled, ")
    assert len(names[1]) > len("compiled, ")


def squared(predicted, targets):
    return (predicted - targets).square().mean((1, 2))


class Brier:
    def __call__(self, predicted, targets):
        return squared(predicted, targets)


def test_an_error_is_called_by_its_name():
    assert swarm_options(error=Brier()).error_name == "Brier"
    assert swarm_options(error=squared).error_name == "squared"
    assert swarm_options(error="accuracy").error_name == "share of wrong rows"


def known_by(expression: str) -> str:
    """What blocks of a swarm that minimizes this are kept under."""
    return swarm_options(error=eval(f"lambda p, t: {expression}")).described()["error"]


@pytest.mark.parametrize(
    "one, other",
    [
        ("0.5 * p", "0.3 * p"),
        ("p.square()", "p.abs()"),
        ("p + t", "p - t"),
        ("[1 * q for q in p]", "[2 * q for q in p]"),
        ("p in {0, 8}", "p in {0, 9}"),
    ],
)
def test_a_function_is_known_by_all_that_is_written_in_it(one, other):
    """A number and a method that are changed leave the instructions as they were."""
    assert known_by(one) != known_by(other)
    assert known_by(one) == known_by(one)


def test_the_order_of_a_set_is_nothing_to_know_a_function_by():
    """It changes from process to process; 0 and 8 fall together and stay in the order of their writing."""
    assert repr({0, 8}) != repr({8, 0})
    assert known_by("p in {0, 8}") == known_by("p in {8, 0}")


def test_missing_memory_for_the_engine_is_reported(monkeypatch):
    failing = SimpleNamespace(train_f64=lambda job: -1)
    X, Y = problem(10, 3, 2, "softmax")
    settings = recipe(engine="compiled", rule=L1(0.0))
    monkeypatch.setattr(_library, "engine", lambda: failing)
    with pytest.raises(MemoryError, match="could not allocate its buffers"):
        settings.train([0.1], [member(X, Y)], seed=0)


def test_a_swarm_has_room_for_its_particles():
    one = PerceptronLayout((300, 64, 3))
    few, many = (swarm_options(swarm=Swarm(particles=count)) for count in (10, 1000))
    assert few.networks_a_block(one, 100) > many.networks_a_block(one, 100) == 1
    torch_swarm = swarm_options(engine="torch")
    assert torch_swarm.networks_a_block(PerceptronLayout((2, 1)), 10) > swarm_options(
        engine="compiled"
    ).networks_a_block(PerceptronLayout((2, 1)), 10)
