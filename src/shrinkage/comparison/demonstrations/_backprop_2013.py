"""The back-propagation demonstration of 2013 on irises: weight decay after the step, not scaled by the learning rate.

Its order is `w ← w + Δ`, `w ← w + μ Δ_old`, `w ← w − d w`: decoupled decay, of the biases too. Axes as in the replay:
R runs, one per split and variant. The article's own split and accuracies are unknown.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.datasets import load_iris

from shrinkage.comparison._means import mean_of
from shrinkage.comparison.demonstrations._replay import Floats, Nets, gradients, initial
from shrinkage.comparison.demonstrations._result import DemoResult, DemoTable
from shrinkage.comparison.demonstrations._teacher import Items

__all__ = ["backprop_2013"]

ETA, MOMENTUM, DECAY, EPOCHS, STOP = 0.05, 0.01, 1e-4, 2000, 0.020
CHECKED_EVERY = 10


@dataclass(frozen=True)
class _Run:
    name: str
    decay: float = 0.0
    """d, taken off after the step."""
    lam: float = 0.0
    """λ of an L2 penalty in the gradient."""
    biases: bool = True


RUNS = (
    _Run("none"),
    _Run("decay 1e-4 after the step", decay=DECAY),
    _Run("the same, biases exempt", decay=DECAY, biases=False),
    _Run(f"L2 in the gradient, λ = {DECAY / ETA:g}", lam=DECAY / ETA),
    _Run("decay 1e-3 after the step", decay=10 * DECAY),
)


def backprop_2013(repeats: int = 6) -> DemoResult:
    """Training a neural network by back-propagation with momentum and weight decay, 2013."""
    splits = [_split(number) for number in range(max(repeats, 2))]
    train, test = ([part[i] for part in splits for _ in RUNS] for i in (0, 1))
    runs = [run for _ in splits for run in RUNS]
    nets, epochs = _train(train, runs)
    figures = {
        "train": nets.accuracy(train),
        "test": nets.accuracy(test),
        "epochs": epochs.astype(float),
        "‖w‖": nets.norm,
        "max |w|": nets.largest,
    }
    by_run = {name: values.reshape(len(splits), len(RUNS)) for name, values in figures.items()}
    table = DemoTable(
        title=f"Means over {len(splits)} splits, with standard errors",
        columns=("run", *by_run),
        rows=tuple(
            (run.name, *(mean_of(values[:, i]) for values in by_run.values())) for i, run in enumerate(RUNS)
        ),
    )
    apart = {i: _apart(nets, len(splits), 1, i) for i in (0, 3)}
    return DemoResult(
        name="backprop-2013",
        title="Back-propagation with momentum and weight decay (2013)",
        setting=(
            f"Irises, 120 to train and 30 to test; a 4-7-3 net (tanh, softmax); online, at most {EPOCHS:,} "
            f"epochs, η = {ETA}, momentum {MOMENTUM}, weight decay {DECAY:g} of weights and biases after "
            f"each step; stop at a mean squared error of {STOP} (checked every {CHECKED_EVERY} epochs)."
        ),
        tables=(table,),
        says=(
            f"The decay of {DECAY:g} per step at η = {ETA} is λ = {DECAY / ETA:g}: with L2 of that λ in "
            f"the gradient the weights end {100 * apart[3]:.1f} % of their norm away from the decayed ones "
            f"(without any pull {100 * apart[0]:.0f} %). Two things cause the difference: momentum carries "
            "the penalty forward but not the decay, and the decay comes after the step.",
            f"In this order the decay does not follow the learning rate: half of η would be λ = {2 * DECAY / ETA:g}.",
            "The article's own split and its accuracies could not be retrieved.",
        ),
    )


def _split(number: int) -> tuple[Items, Items]:
    X, y = (np.asarray(part) for part in load_iris(return_X_y=True))
    order = list(range(150))
    random.Random(number).shuffle(order)
    first, last = order[:120], order[120:]
    return Items(X[first].astype(np.float32), y[first]), Items(X[last].astype(np.float32), y[last])


def _train(items: list[Items], runs: list[_Run]) -> tuple[Nets, np.ndarray]:
    """R nets and their epochs; a run that has reached the error stays as it is."""
    numbers = random.Random(0)
    X = np.stack([each.X for each in items], axis=1)
    T = np.eye(3, dtype=np.float32)[np.stack([each.y for each in items], axis=1)]
    nets = initial(numbers, (4, 7, 3), len(runs))
    decay, lam = _columns(runs)
    old = [np.zeros_like(w) for w in nets.parts]
    going, epochs = np.ones(len(runs), dtype=np.float32), np.zeros(len(runs), dtype=np.int64)
    order = list(range(len(X)))
    for epoch in range(EPOCHS):
        numbers.shuffle(order)
        for item in order:
            _step(nets, X[item], T[item], going, decay, lam, old)
        epochs[going > 0] = epoch + 1
        if epoch % CHECKED_EVERY == CHECKED_EVERY - 1:
            going *= _squared_error(nets, X, T) > STOP
            if not going.any():
                break
    return nets, epochs


def _columns(runs: list[_Run]) -> tuple[list[Floats], list[Floats]]:
    """Decay and λ of W1, b1, W2, b2 for all runs, shaped to multiply them."""

    def columns(values: list[float], axes: int, is_bias: bool) -> Floats:
        pulled = [value * (run.biases or not is_bias) for value, run in zip(values, runs, strict=True)]
        return np.array(pulled, dtype=np.float32).reshape(-1, *[1] * axes)

    shapes = ((2, False), (1, True), (2, False), (1, True))
    decay, lam = [run.decay for run in runs], [run.lam for run in runs]
    return [columns(decay, *shape) for shape in shapes], [columns(lam, *shape) for shape in shapes]


def _step(
    nets: Nets, x: Floats, t: Floats, going: Floats, decay: list[Floats], lam: list[Floats], old: list[Floats]
) -> None:
    for i, (w, gradient) in enumerate(zip(nets.parts, gradients(nets, x, t), strict=True)):
        moves = going.reshape(-1, *[1] * (w.ndim - 1))
        delta = np.float32(ETA) * (gradient - lam[i] * w)
        w += moves * (delta + np.float32(MOMENTUM) * old[i])
        w -= moves * decay[i] * w
        old[i] = delta


def _squared_error(nets: Nets, X: Floats, T: Floats) -> Any:
    """(R,) mean over items of Σ (o − t)²."""
    z = np.tanh(X.transpose(1, 0, 2) @ nets.W1 + nets.b1[:, None]) @ nets.W2 + nets.b2[:, None]
    e = np.exp(z - z.max(-1, keepdims=True))
    return np.square(e / e.sum(-1, keepdims=True) - T.transpose(1, 0, 2)).sum(-1).mean(-1)


def _apart(nets: Nets, splits: int, one: int, other: int) -> float:
    """Distance of the weights of two variants, over the norm of the first, in the mean over splits."""
    w = np.concatenate([W.reshape(len(W), -1) for W in nets.parts], 1).reshape(splits, len(RUNS), -1)
    return float((np.linalg.norm(w[:, one] - w[:, other], axis=1) / np.linalg.norm(w[:, one], axis=1)).mean())
