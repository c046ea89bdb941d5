"""The data of the two articles of 2017: items labelled by a teacher net, exact to the bit with Python's generator."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Items", "Teacher"]

INPUTS, HIDDEN, CLASSES = 10, 15, 4


@dataclass(frozen=True)
class Items:
    """n labelled items."""

    X: NDArray[np.float32]
    """(n, 10) uniform in [−8, 8)."""
    y: NDArray[np.int64]
    """(n,) class 0 to 3."""


class Teacher:
    """A 10-15-4 net, tanh and softmax, its 229 weights and biases uniform in [−9.9, 9.9) from `random.Random(seed)`.

    They are drawn layer by layer: weights row by row, then biases. Labels carry no noise.
    """

    def __init__(self, seed: int = 3) -> None:
        numbers = random.Random(seed)
        count = (INPUTS + 1) * HIDDEN + (HIDDEN + 1) * CLASSES
        w = np.array([(9.9 + 9.9) * numbers.random() - 9.9 for _ in range(count)], dtype=np.float32)
        ends = np.cumsum([INPUTS * HIDDEN, HIDDEN, HIDDEN * CLASSES])
        W1, self.b1, W2, self.b2 = np.split(w, ends)
        self.W1, self.W2 = W1.reshape(INPUTS, HIDDEN), W2.reshape(HIDDEN, CLASSES)

    def items(self, n: int, seed: int) -> Items:
        """n items from `random.Random(seed)`."""
        numbers = random.Random(seed)
        X = np.array(
            [[(8.0 + 8.0) * numbers.random() - 8.0 for _ in range(INPUTS)] for _ in range(n)],
            dtype=np.float32,
        )
        z = np.tanh(X @ self.W1 + self.b1) @ self.W2 + self.b2
        return Items(X, z.argmax(axis=1))
