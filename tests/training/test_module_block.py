"""Blocks of modules: the perceptron's curves, every rule and optimizer against the plain loop, and any kind of rows."""

from __future__ import annotations

import inspect
import re
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, IterableDataset

from module_training_cases import SEED, classes, last_module, member, perceptron, plain_loop, recipe, table
from rules_cases import ROWS
from shrinkage import RequestError, rules
from shrinkage.networks import PerceptronKind
from shrinkage.rules import CATALOGUE, L2, rule_named
from shrinkage.training import Backprop, Member, Recipe, Rows
from shrinkage.training.modules import NAMED, Lion, batches, samples_of

LAMBDAS = [0.0, 0.01, 0.1]


@pytest.mark.parametrize("stacked", [True, False])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_perceptron_as_a_module_has_the_curves_of_the_package_s_own(optimizer: str, stacked: bool) -> None:
    X, y = table()
    Y = nn.functional.one_hot(y, 3).double()
    index, kind = torch.arange(23), PerceptronKind(hidden_layer_sizes=(6,), activation="tanh")
    own = Recipe(
        kind=kind,
        loss="softmax",
        rule=L2(0.0),
        trainer=Backprop(optimizer=optimizer, learning_rate=0.05, schedule="cosine", batch_size=5),
        max_epochs=4,
        dtype="float64",
        engine="torch",
    )
    members = [
        Member(0, r, Rows(X=X, Y=Y, index=index[:17]), Rows(X=X, Y=Y, index=index[17:])) for r in range(2)
    ]
    theirs = own.train(LAMBDAS, members, seed=SEED)
    samples = classes()
    of_modules = recipe(
        perceptron,
        samples,
        stacked=stacked,
        optimizer=optimizer,
        learning_rate=0.05,
        schedule="cosine",
        max_epochs=4,
    )
    mine = of_modules.train(LAMBDAS, [member(samples, 17, restart=r) for r in range(2)], seed=SEED)
    for name in (
        "train_loss",
        "train_metric",
        "validation_loss",
        "validation_metric",
        "final_train_loss",
        "final_train_metric",
        "final_penalty",
    ):
        np.testing.assert_allclose(
            getattr(mine, name), getattr(theirs, name), rtol=0, atol=1e-10, err_msg=name
        )
    sizes = [
        np.abs(result.networks[..., of.layout(5, 3).decayed_columns()]).max(-1)
        for result, of in ((mine, of_modules), (theirs, own))
    ]
    np.testing.assert_allclose(*sizes, rtol=0, atol=1e-10)


RULES = {name: rule_named(name) for name in CATALOGUE} | {
    name: row.rule for name, row in ROWS.items() if row.rule.entry != "project"
}
"""The catalogue, and every form of every rule that has a twin; `test_every_rule_has_a_path_or_is_refused` counts."""


@pytest.mark.parametrize("stacked", [True, False])
@pytest.mark.parametrize("name", RULES)
def test_every_rule_on_a_path_is_attach_on_the_single_module(name: str, stacked: bool) -> None:
    samples, rule = classes(), RULES[name]
    make = torch.optim.Adam if rule.needs_second_moment else torch.optim.SGD
    of_modules = recipe(perceptron, samples, rule=rule, stacked=stacked, optimizer=make.__name__.lower())
    result = of_modules.train(LAMBDAS, [member(samples, 17)], seed=SEED)
    for place, lam in enumerate(LAMBDAS):
        alone = plain_loop(
            perceptron, samples, 17, lambda params: make(params, lr=0.1), rule.at_lambda(lam, 0.1)
        )
        for key, tensor in last_module(result, of_modules, place).items():
            torch.testing.assert_close(tensor, alone.get_parameter(key).detach(), rtol=0, atol=1e-10)


def test_every_rule_has_a_path_or_is_refused() -> None:
    makers = {
        name
        for name, make in vars(rules).items()
        if inspect.isfunction(make)
        and inspect.signature(make).return_annotation == "Rule"
        and name[0].isupper()
    }
    on_a_path = {name.partition(" ")[0] for name in RULES}
    refused = {"Projection", "LowRankDecay"}
    assert {"L2", "Decoupled", "NormalizedDecay"} < makers
    assert makers - refused <= on_a_path
    for rule in (rules.Projection(1.0), rules.LowRankDecay(0.1)):
        with pytest.raises(RequestError, match="use it with attach"):
            recipe(perceptron, classes(), rule=rule)


class Halving(torch.optim.Optimizer):
    """Looks at a whole matrix, as Muon and LAMB do: the gradient over its norm."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        for group in self.param_groups:
            for p in group["params"]:
                p.sub_(p.grad / (1 + p.grad.norm()), alpha=group["lr"])


def normalized(params: Any) -> torch.optim.Optimizer:
    """With a hook that puts another gradient in each one's place."""
    optimizer = torch.optim.SGD(params, lr=0.05)

    def shorten(own: torch.optim.Optimizer, *_: Any) -> None:
        for group in own.param_groups:
            for p in group["params"]:
                p.grad = p.grad / (1 + p.grad.norm())

    optimizer.register_step_pre_hook(shorten)
    return optimizer


def slow_biases(params: Any) -> torch.optim.Optimizer:
    """With a learning rate by the number of axes."""
    return torch.optim.SGD([{"params": [p], "lr": 0.05 if p.ndim > 1 else 0.005} for p in params])


def both(make: Any) -> tuple[Any, Any]:
    return make, make


OPTIMIZERS: dict[str, tuple[Any, Any]] = {
    **{name: (name, lambda params, name=name: NAMED[name](params, lr=0.05)) for name in NAMED},
    "momentum": both(lambda params: torch.optim.SGD(params, lr=0.05, momentum=0.9, nesterov=True)),
    "lion of its own": both(lambda params: Lion(params, lr=0.05)),
    "by the number of axes": both(slow_biases),
    "with a hook": both(normalized),
    "of whole matrices": both(lambda params: Halving(params, lr=0.05)),
}


@pytest.mark.parametrize("stacked", [True, False])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_on_a_stack_is_that_of_the_single_module(name: str, stacked: bool) -> None:
    given, plain = OPTIMIZERS[name]
    samples = classes()
    of_modules = recipe(perceptron, samples, optimizer=given, learning_rate=0.05, stacked=stacked)
    result = of_modules.train(LAMBDAS, [member(samples, 17)], seed=SEED)
    for place, lam in enumerate(LAMBDAS):
        alone = plain_loop(perceptron, samples, 17, plain, L2(lam))
        for key, tensor in last_module(result, of_modules, place).items():
            torch.testing.assert_close(tensor, alone.get_parameter(key).detach(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("stacked", [True, False])
def test_each_gradient_is_clipped_by_its_own_norm(stacked: bool) -> None:
    samples = classes()
    of_modules = recipe(perceptron, samples, stacked=stacked, max_grad_norm=0.3)
    result = of_modules.train(LAMBDAS, [member(samples, 17)], seed=SEED)
    for place, lam in enumerate(LAMBDAS):
        alone = plain_loop(
            perceptron, samples, 17, lambda params: torch.optim.SGD(params, lr=0.1), L2(lam), clip=0.3
        )
        for key, tensor in last_module(result, of_modules, place).items():
            torch.testing.assert_close(tensor, alone.get_parameter(key).detach(), rtol=0, atol=1e-9)


def noisy() -> nn.Module:
    return nn.Sequential(
        nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 3)
    ).double()


@pytest.mark.parametrize("stacked", [True, False])
def test_dropout_and_statistics_are_those_of_the_single_module(stacked: bool) -> None:
    samples = classes()
    of_modules = recipe(noisy, samples, stacked=stacked)
    members = [member(samples, 17, restart=restart) for restart in range(2)]
    result = of_modules.train(LAMBDAS, members, seed=SEED)
    for restart in range(2):
        for place, lam in enumerate(LAMBDAS):
            alone = plain_loop(
                noisy, samples, 17, lambda params: torch.optim.SGD(params, lr=0.1), L2(lam), restart=restart
            )
            own = alone.state_dict()
            for key, tensor in last_module(result, of_modules, place, restart).items():
                torch.testing.assert_close(tensor, own[key], rtol=0, atol=1e-10)


def test_a_module_does_not_depend_on_its_company() -> None:
    samples = classes()
    of_modules = recipe(noisy, samples)
    members = [member(samples, 17, restart=restart) for restart in range(2)]
    together = of_modules.train(LAMBDAS, members, seed=SEED)
    alone = of_modules.train([LAMBDAS[2]], members[1:], seed=SEED)
    np.testing.assert_allclose(alone.train_loss[0, 0], together.train_loss[1, 2], rtol=0, atol=1e-10)


def test_members_of_one_stack_have_batches_and_weights_of_their_own() -> None:
    samples, weight = classes(), torch.rand(23, dtype=torch.float64) + 0.5
    of_modules = recipe(perceptron, samples)
    members = [member(samples, 17, restart=restart, weight=weight) for restart in range(2)]
    together = of_modules.train(LAMBDAS, members, seed=SEED)
    for restart in range(2):
        alone = of_modules.train(LAMBDAS, members[restart : restart + 1], seed=SEED)
        for name in ("train_loss", "validation_loss", "validation_metric", "final_penalty"):
            np.testing.assert_allclose(
                getattr(alone, name)[0], getattr(together, name)[restart], rtol=0, atol=1e-10
            )


def test_a_row_of_weight_two_is_the_row_twice() -> None:
    X, y = table()
    twice = samples_of(torch.cat([X, X[:4]]), torch.cat([y, y[:4]]))
    weighted = samples_of(X, y)
    weight = torch.ones(23, dtype=torch.float64)
    weight[:4] = 2
    losses = []
    for samples, n, s in ((twice, 27, None), (weighted, 23, weight)):
        of_modules = recipe(perceptron, samples, batch_size=99)
        who = member(samples, n, weight=s)
        who = type(who)(0, 0, who.train, None)
        losses.append(of_modules.train(LAMBDAS, [who], seed=SEED))
    np.testing.assert_allclose(losses[0].train_loss, losses[1].train_loss, rtol=0, atol=1e-12)
    np.testing.assert_allclose(losses[0].final_train_metric, losses[1].final_train_metric, rtol=0, atol=1e-12)


def test_a_single_last_row_joins_the_batch_before_it_where_statistics_are_kept() -> None:
    assert batches(11, 5, whole=False) == [(0, 5), (5, 10), (10, 11)]
    assert batches(11, 5, whole=True) == [(0, 5), (5, 11)]
    assert batches(1, 5, whole=True) == [(0, 1)]


class Pairs(Dataset[Any]):
    """Two inputs by name, shifted at random each time that they are read."""

    def __init__(self, n: int = 23) -> None:
        self.X, self.y = table(n)

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, i: int) -> Any:
        x = self.X[i] + 0.1 * torch.randn(5, dtype=torch.float64)
        return {"a": x[:2], "b": x[2:]}, int(self.y[i])


class OfPairs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = perceptron()

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.net(torch.cat([a, b], 1))


def test_inputs_by_name_in_a_tuple_or_in_one_piece_are_the_same() -> None:
    X, y = table()
    curves = []
    for given, factory in (
        (X, perceptron),
        ((X[:, :2], X[:, 2:]), OfPairs),
        ({"b": X[:, 2:].numpy(), "a": X[:, :2]}, OfPairs),
    ):
        samples = samples_of(given, y)
        curves.append(
            recipe(factory, samples).train(LAMBDAS, [member(samples, 17)], seed=SEED).validation_loss
        )
    np.testing.assert_allclose(curves[0], curves[1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(curves[0], curves[2], rtol=0, atol=1e-12)


def test_augmentation_is_a_function_of_seed_fold_restart_and_step() -> None:
    samples = samples_of(Pairs())
    of_modules = recipe(OfPairs, samples)
    torch.manual_seed(1)
    first = of_modules.train(LAMBDAS, [member(samples, 17)], seed=SEED)
    state = torch.get_rng_state()
    torch.manual_seed(2)
    again = of_modules.train(LAMBDAS, [member(samples, 17)], seed=SEED)
    other = of_modules.train(LAMBDAS, [member(samples, 17, restart=1)], seed=SEED)
    np.testing.assert_array_equal(first.train_loss, again.train_loss)
    assert not np.array_equal(first.train_loss, other.train_loss)
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_memory_mapped_array_stays_on_the_disk(tmp_path: Any) -> None:
    X, y = table()
    np.save(tmp_path / "x.npy", X.numpy())
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    samples: Any = samples_of(mapped, y)
    assert isinstance(samples.X, np.memmap)
    taken, _ = samples.take(np.array([3, 1]), "cpu", torch.float32)
    torch.testing.assert_close(taken, X[[3, 1]].float())
    assert samples.digest() == samples_of(X, y).digest()
    assert samples.digest() != samples_of(X + 1, y).digest()


class Endless(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter([])


class NoLength(Dataset[Any]):
    def __getitem__(self, i: int) -> Any:
        return 0, 0


class EndlessOfALength(Endless):
    def __len__(self) -> int:
        return 12


class NoTarget(Pairs):
    def __getitem__(self, i: int) -> Any:
        return self.X[i]


BAD: dict[str, tuple[Any, Any, str]] = {
    "no length": (NoLength(), None, "has no length"),
    "iterable": (Endless(), None, "has no length|can only be iterated"),
    "iterable with a length": (
        EndlessOfALength(),
        None,
        "must be a map-style Dataset, got .*can only be iterated",
    ),
    "no target": (NoTarget(), None, r"must be \(inputs, target\), got Tensor"),
    "targets twice": (Pairs(), [1, 2], "has its own targets"),
    "no targets": (torch.zeros(3, 2), None, "only a Dataset has its own targets"),
    "other lengths": ((torch.zeros(3, 2), torch.zeros(4)), torch.zeros(3), r"got 3 and 4 rows"),
    "words": (torch.zeros(2, 2), np.array(["a", "b"]), "must be numbers"),
    "one number": (torch.zeros(()), torch.zeros(1), "a single number"),
    "a string": ("data.csv", None, "has no length|must be"),
}


@pytest.mark.parametrize("name", BAD)
def test_unreadable_rows_are_refused_in_a_sentence(name: str) -> None:
    X, y, words = BAD[name]
    with pytest.raises(RequestError) as error:
        samples_of(X, y)
    assert re.search(words, str(error.value)), str(error.value)


BAD_SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown": ({"optimizer": "muon"}, "optimizer=…: must be one of sgd, adam"),
    "number": ({"optimizer": 3}, "must be a name or a function of parameters, got 3"),
    "closure": ({"optimizer": torch.optim.LBFGS}, "LBFGS runs the loss several times"),
    "decays": (
        {"optimizer": lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.1)},
        "already has a weight decay",
    ),
    "no optimizer": ({"optimizer": lambda p: 3}, "must make a torch.optim.Optimizer"),
    "raises": ({"optimizer": lambda: 3}, "it raised TypeError"),
    "schedule": ({"schedule": "linear"}, "schedule=…: must be one of constant, cosine"),
    "rate": ({"learning_rate": 0.0}, "learning_rate=…: must be > 0"),
    "clip": ({"max_grad_norm": -1.0}, "max_grad_norm=…: must be > 0"),
    "autocast": ({"autocast": "int8"}, "autocast=…: must be None"),
}


@pytest.mark.parametrize("name", BAD_SETTINGS)
def test_settings_are_checked(name: str) -> None:
    settings, words = BAD_SETTINGS[name]
    with pytest.raises(RequestError, match=re.escape(words)):
        recipe(perceptron, classes(), **settings)


def test_strong_lambdas_of_a_path_are_no_slip_of_the_users() -> None:
    samples = classes()
    of_modules = recipe(perceptron, samples, optimizer=lambda p: Halving(p, lr=0.05), learning_rate=0.05)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        of_modules.train([0.0, 10.0], [member(samples, 17)], seed=SEED)
    assert not caught
