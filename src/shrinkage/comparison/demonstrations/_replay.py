"""The training program of the two articles of 2017, in our own words: online, in float32, many runs side by side.

Axes: R runs, I inputs, H hidden units, C classes. All runs see the same order of items and begin alike. Sums are added
up term by term in float32, as a plain loop over arrays of that type does, and functions are taken in float64.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shrinkage.comparison.demonstrations._teacher import Items

__all__ = ["Floats", "Force", "Nets", "Pull", "gradients", "initial", "train_online"]

Floats = NDArray[Any]
"""Of float32 throughout."""


@dataclass(frozen=True)
class Pull:
    """What a run adds to the gradient, with which sign. The update is `w ← w + η·gradient`."""

    lam: float
    """λ of `½ Σ (o − t)² + (λ/2) Σ w²`, or of `λ Σ |w|`, an item: the program's own number."""
    penalty: Literal["l2", "l1"] = "l2"
    sign: Literal[-1, 1] = -1
    """−1 pulls toward 0; +1 is the program as it was printed, whose weights are pushed away from 0."""


@dataclass(frozen=True)
class Nets:
    """R nets I-H-C of tanh and softmax."""

    W1: Floats
    """(R, I, H)"""
    b1: Floats
    """(R, H)"""
    W2: Floats
    """(R, H, C)"""
    b2: Floats
    """(R, C)"""

    @property
    def parts(self) -> tuple[Floats, Floats, Floats, Floats]:
        return self.W1, self.b1, self.W2, self.b2

    def accuracy(self, items: Items | Sequence[Items]) -> NDArray[np.float64]:
        """(R,) share of items whose class has the largest output; one set for all runs or one per run."""
        sets = [items] * len(self.W1) if isinstance(items, Items) else items
        X, y = np.stack([each.X for each in sets]), np.stack([each.y for each in sets])
        z = np.tanh(X @ self.W1 + self.b1[:, None]) @ self.W2 + self.b2[:, None]
        return (z.argmax(-1) == y).mean(-1)

    @property
    def norm(self) -> NDArray[np.float64]:
        """(R,) √Σw² of the weights, biases left out."""
        return np.sqrt(sum(np.square(W.astype(np.float64)).sum((1, 2)) for W in (self.W1, self.W2)))

    @property
    def largest(self) -> NDArray[np.float64]:
        """(R,) largest |w|."""
        return np.maximum(*(np.abs(W).max((1, 2)) for W in (self.W1, self.W2))).astype(np.float64)


def initial(numbers: random.Random, sizes: tuple[int, int, int], runs: int) -> Nets:
    """All runs begin with the same weights and biases, uniform in [−0.01, 0.01), drawn layer by layer."""
    n, h, c = sizes
    w = np.array([0.02 * numbers.random() - 0.01 for _ in range((n + 1) * h + (h + 1) * c)], dtype=np.float32)
    W1, b1, W2, b2 = (np.repeat(part[None], runs, 0) for part in np.split(w, np.cumsum([n * h, h, h * c])))
    return Nets(W1.reshape(runs, n, h), b1, W2.reshape(runs, h, c), b2)


def train_online(
    items: Sequence[Items],
    pulls: Sequence[Pull],
    *,
    hidden: int = 8,
    epochs: int = 500,
    eta: float = 0.01,
    seed: int = 0,
) -> Nets:
    """R nets after online training on ½ Σ (o − t)², each on its items with its pull, in one order of items for all.

    Args:
        items: (R,) training sets of one size.
        pulls: (R,)
        hidden: units H.
        epochs: passes, each in a new order.
        eta: learning rate.
        seed: of Python's generator, which draws the initial weights and then shuffles on.
    """
    numbers = random.Random(seed)
    X = np.stack([each.X for each in items], axis=1)
    T = np.eye(4, dtype=np.float32)[np.stack([each.y for each in items], axis=1)]
    nets = initial(numbers, (X.shape[-1], hidden, T.shape[-1]), len(items))
    force = Force(pulls)
    order = list(range(len(X)))
    for _ in range(epochs):
        numbers.shuffle(order)
        for item in order:
            _step(nets, X[item], T[item], np.float32(eta), force)
    return nets


class Force:
    """The added gradient of all runs at once."""

    def __init__(self, pulls: Sequence[Pull]) -> None:
        def column(penalty: str) -> Floats:
            return np.array([p.sign * p.lam * (p.penalty == penalty) for p in pulls], dtype=np.float32)[
                :, None, None
            ]

        self.l2, self.l1 = column("l2"), column("l1")

    def __call__(self, W: Floats) -> Floats:
        added = self.l2 * W
        return added + self.l1 * np.sign(W) if self.l1.any() else added


def _step(nets: Nets, x: Floats, t: Floats, eta: np.float32, force: Force) -> None:
    """One item: x (R, I), t (R, C)."""
    for w, gradient, pulled in zip(
        nets.parts, gradients(nets, x, t), (True, False, True, False), strict=True
    ):
        w += eta * (gradient + force(w) if pulled else gradient)


def gradients(nets: Nets, x: Floats, t: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """The programs' descent direction on ½ Σ (o − t)² for W1, b1, W2 and b2.

    The signal of the outputs is (1 − o) o (t − o), without the cross terms of the softmax.
    """
    h = np.tanh(_weighted_sum(x, nets.W1, nets.b1).astype(np.float64)).astype(np.float32)
    z = _weighted_sum(h, nets.W2, nets.b2).astype(np.float64)
    e = np.exp(z - z.max(-1, keepdims=True))
    o = (e / e.sum(-1, keepdims=True)).astype(np.float32)
    signal_o = (1 - o) * o * (t - o)
    back = _weighted_sum(signal_o, nets.W2.transpose(0, 2, 1), np.zeros_like(h))
    signal_h = back * ((1 - h) * (1 + h))
    return x[:, :, None] * signal_h[:, None, :], signal_h, h[:, :, None] * signal_o[:, None, :], signal_o


def _weighted_sum(a: Floats, W: Floats, b: Floats) -> Floats:
    """`Σᵢ aᵢ Wᵢ + b` added up in the order of i."""
    total = a[:, 0, None] * W[:, 0]
    for i in range(1, a.shape[1]):
        total += a[:, i, None] * W[:, i]
    return total + b
