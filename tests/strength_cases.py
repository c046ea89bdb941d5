"""A small network and how each framework trains it, so that two conventions can be compared weight by weight.

The gradient is computed once, in numpy and float64, and handed to each framework's own optimizer: what differs
between two runs is then what the optimizers do with their number, and nothing else.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import math
import sys
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pytest
import torch

from shrinkage.strength import Convention, Quantities
from shrinkage.strength._registry import find
from shrinkage.strength._schedule import CLOCKS, relative_rates
from shrinkage.sweeps import convert

Weights = list[np.ndarray]
Run = Callable[..., np.ndarray]

STEPS, PEAK, MOMENTUM, ROWS = 50, 0.05, 0.9, 24
COSINE = Quantities(schedule="cosine", steps=STEPS, lr=PEAK)


@dataclass(frozen=True)
class Task:
    """Three classes, one hidden layer of tanh, no biases; the loss is the mean cross-entropy."""

    X: np.ndarray
    """Inputs, (rows, 4)."""
    Y: np.ndarray
    """One-hot classes, (rows, 3)."""
    start: Weights
    """The weights both sides start from."""

    def gradient(self, weights: Sequence[np.ndarray]) -> Weights:
        """The gradient of the mean loss over all rows."""
        W1, W2 = weights
        hidden = np.tanh(self.X @ W1)
        scores = np.exp(hidden @ W2)
        error = (scores / scores.sum(axis=1, keepdims=True) - self.Y) / len(self.X)
        inner = (error @ W2.T) * (1 - hidden**2)
        return [self.X.T @ inner, hidden.T @ error]


def task(seed: int = 0) -> Task:
    """The network's data and start; weights of size 1, so that a penalty has something to hold."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(ROWS, 4))
    Y = np.eye(3)[rng.integers(0, 3, ROWS)]
    return Task(X, Y, [rng.normal(size=(4, 6)), rng.normal(size=(6, 3))])


def rates(schedule: Quantities) -> list[float]:
    """The learning rate of each step."""
    return [PEAK * s for s, _ in relative_rates(schedule)]


def shrinks(entry: Convention, number: float, schedule: Quantities) -> list[float]:
    """s_t of each step as the registry states it."""
    clock = CLOCKS[entry.clock]
    strength = entry.form.to(number, schedule) * PEAK**clock.power
    return [strength * clock.shape(s, u, schedule) for s, u in relative_rates(schedule)]


def flat(weights: Sequence[np.ndarray]) -> np.ndarray:
    """All weights in one vector."""
    return np.concatenate([np.asarray(w, dtype=np.float64).ravel() for w in weights])


class Side(Protocol):
    """One framework's optimizer at work on its own copy of the weights."""

    decays_first: bool
    """Whether the optimizer's step already sees the decayed weights."""

    def read(self) -> Weights: ...
    def write(self, weights: Weights) -> None: ...
    def step(self, gradient: Weights, lr: float) -> None: ...


def trained(make: Callable[[Weights, float, float], Side]) -> Run:
    """The run of `make(start, number, peak lr)`; `l2` adds λ w to the gradient, `kappas` shrinks by hand.

    With `after` the step's own change shrinks, too. With `scale` the loss is so many times larger and the learning
    rate as many times smaller.
    """

    def run(
        number: float,
        *,
        l2: float = 0.0,
        kappas: Sequence[float] = (),
        after: bool = False,
        schedule: Quantities = COSINE,
        scale: float = 1.0,
    ) -> np.ndarray:
        problem = task()
        side = make(problem.start, number, PEAK / scale)
        for t, rate in enumerate(rates(schedule)):
            before = side.read()
            gradient = problem.gradient(before)
            pull = [(kappas[t] if kappas else 0.0) * w for w in before]
            if side.decays_first and kappas and not after:
                side.write([w - p for w, p in zip(before, pull, strict=True)])
            side.step([scale * g + l2 * w for g, w in zip(gradient, before, strict=True)], rate / scale)
            if after:
                side.write([(1 - kappas[t]) * w for w in side.read()])
            elif not side.decays_first and kappas:
                side.write([w - p for w, p in zip(side.read(), pull, strict=True)])
        return flat(side.read())

    return run


class TorchSide:
    """An optimizer of torch's interface, constructed at the peak learning rate, which some keep as reference."""

    def __init__(
        self,
        build: Callable[..., Any],
        start: Weights,
        number: float,
        lr: float,
        *,
        decays_first: bool = False,
        **options: Any,
    ) -> None:
        self.decays_first = decays_first
        self.parameters = [torch.nn.Parameter(torch.from_numpy(w.copy())) for w in start]
        self.optimizer = build(self.parameters, lr=lr, weight_decay=number, **options)
        if hasattr(self.optimizer, "train"):
            self.optimizer.train()

    def read(self) -> Weights:
        return [p.detach().numpy().copy() for p in self.parameters]

    def write(self, weights: Weights) -> None:
        with torch.no_grad():
            for p, w in zip(self.parameters, weights, strict=True):
                p.copy_(torch.from_numpy(w))

    def step(self, gradient: Weights, lr: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        for p, g in zip(self.parameters, gradient, strict=True):
            p.grad = torch.from_numpy(g)
        self.optimizer.step()


def by_torch(build: Callable[..., Any], **options: Any) -> Run:
    """A run with `build(parameters, lr=, weight_decay=number, **options)`; `decays_first` if its step sees the decay."""
    return trained(lambda start, number, lr: TorchSide(build, start, number, lr, **options))


def by_hand(step: Callable[[np.ndarray, np.ndarray, float, float], np.ndarray], momentum: float = 0.0) -> Run:
    """A run of a rule written as one formula: `step(w, velocity, lr, number)` gives the next weight."""

    def run(number: float, *, schedule: Quantities = COSINE) -> np.ndarray:
        problem = task()
        weights = [w.copy() for w in problem.start]
        velocities = [np.zeros_like(w) for w in weights]
        for rate in rates(schedule):
            for v, g in zip(velocities, problem.gradient(weights), strict=True):
                v *= momentum
                v += g
            weights = [step(w, v, rate, number) for w, v in zip(weights, velocities, strict=True)]
        return flat(weights)

    return run


def stated(name: str, run: Run, number: float, schedule: Quantities = COSINE) -> np.ndarray:
    """The run with the framework's own decay off and the registry's λ or s_t put in by hand."""
    entry = find(name)
    if entry.kind == "objective":
        return run(0.0, l2=entry.form.to(number, schedule), schedule=schedule)
    sizes = shrinks(entry, number, schedule)
    if entry.after:
        return run(0.0, kappas=[s / (1 + s) for s in sizes], after=True, schedule=schedule)
    return run(0.0, kappas=sizes, schedule=schedule)


def converted(number: float, source: str, target: str, **options: Any) -> float:
    """The converted number, which must be exact."""
    run: Any = {"lr": PEAK, "rows": ROWS, "batch_size": ROWS, **options}
    conversion = convert(number, source, target, **run)
    assert conversion.exact, conversion.note
    return conversion.value


def assert_same(ours: np.ndarray, theirs: np.ndarray, rel: float = 1e-6) -> None:
    """Two weight vectors agree to `rel` of their size; the worst coordinate is shown where they do not."""
    worst = int(np.argmax(np.abs(ours - theirs)))
    gap = math.sqrt(float(np.sum((ours - theirs) ** 2) / np.sum(theirs**2)))
    assert gap <= rel, (
        f"relative gap {gap:.3g} > {rel:.0e}; at {worst}: {ours[worst]!r} against {theirs[worst]!r}"
    )


class KerasSide:
    """A Keras optimizer on the torch backend; it decays before its update."""

    decays_first = True

    def __init__(self, name: str, start: Weights, number: float, lr: float, **options: Any) -> None:
        import keras

        self.variables = [keras.Variable(w, dtype="float64") for w in start]
        build = getattr(keras.optimizers, name)
        self.optimizer = build(learning_rate=lr, weight_decay=number, **options)

    def read(self) -> Weights:
        return [v.value.detach().cpu().numpy().copy() for v in self.variables]

    def write(self, weights: Weights) -> None:
        for v, w in zip(self.variables, weights, strict=True):
            v.assign(w)

    def step(self, gradient: Weights, lr: float) -> None:
        self.optimizer.learning_rate = lr
        self.optimizer.apply([torch.from_numpy(g) for g in gradient], self.variables)


def by_keras(name: str, **options: Any) -> Run:
    """A run with `keras.optimizers.<name>`."""
    return trained(lambda start, number, lr: KerasSide(name, start, number, lr, **options))


class OptaxSide:
    """An optax transformation `build(schedule, number)`, in float64; it reads its rate from a table, by its count."""

    decays_first = False

    def __init__(self, build: Callable[..., Any], start: Weights, number: float) -> None:
        import jax

        self.asarray = jax.numpy.asarray
        table = self.asarray(rates(COSINE))
        self.weights = [self.asarray(w) for w in start]
        transform = build(lambda count: table[count], number)
        self.state = transform.init(self.weights)
        self.update = jax.jit(transform.update)

    def read(self) -> Weights:
        return [np.array(w) for w in self.weights]

    def write(self, weights: Weights) -> None:
        self.weights = [self.asarray(w) for w in weights]

    def step(self, gradient: Weights, lr: float) -> None:
        updates, self.state = self.update([self.asarray(g) for g in gradient], self.state, self.weights)
        self.weights = [w + u for w, u in zip(self.weights, updates, strict=True)]


def by_optax(build: Callable[..., Any]) -> Run:
    """A run with `build(learning_rate, number)`, under the cosine schedule."""
    return trained(lambda start, number, lr: OptaxSide(build, start, number))


@functools.cache
def timm_module(module: str) -> types.ModuleType:
    """A module of timm.optim, without timm's own `__init__`, which wants torchvision."""
    spec = importlib.util.find_spec("timm")
    if spec is None:
        pytest.skip("timm is not installed")
    (root,) = spec.submodule_search_locations or [""]
    stubs = {"timm": root, "timm.optim": f"{root}/optim"}
    for package, folder in stubs.items():
        sys.modules[package] = types.ModuleType(package)
        sys.modules[package].__path__ = [folder]
    try:
        return importlib.import_module(f"timm.optim.{module}")
    finally:
        for package in stubs:
            del sys.modules[package]


def timm(module: str, name: str):
    return lambda *args, **options: getattr(timm_module(module), name)(*args, **options)
