"""Piecewise-linear codes in the engine, as two numbers a number, against multiplying by every code.

The same block of three networks on the same made rows, in turn; prints microseconds a step and the ratio of times.

Usage: python benchmarks/codes.py [PAIRS]
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import replace

import torch
from _sized_tables import teacher

from shrinkage.networks import PerceptronKind
from shrinkage.rules import L2
from shrinkage.tables.forms import Piecewise
from shrinkage.training import Backprop, Member, Recipe, Rows

LAMBDAS = [0.0, 0.01, 0.1]
BATCH, EPOCHS = 64, 40
ROWS, HELD_OUT = 480, 96
HIDDEN = ((64,), (32, 32))
NUMBERS = (5, 10, 30)


def member(numbers: int) -> Member:
    """Made rows in the piecewise form."""
    X, y = teacher(ROWS, numbers, classes=False, noise=0.3)
    form = Piecewise.fit(X, None)
    inputs, targets = torch.from_numpy(form(X)).float(), torch.from_numpy(y[:, None]).float()
    rows = [
        Rows(X=inputs, Y=targets, index=index)
        for index in torch.arange(ROWS).split([ROWS - HELD_OUT, HELD_OUT])
    ]
    return Member(0, 0, rows[0], rows[1], pieces=form.pieces)


def main() -> None:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    steps = -(-(ROWS - HELD_OUT) // BATCH) * EPOCHS * len(LAMBDAS)
    torch.set_num_threads(1)
    for hidden in HIDDEN:
        recipe = Recipe(
            kind=PerceptronKind(hidden_layer_sizes=hidden, activation="relu"),
            loss="squared_error",
            rule=L2(0.0),
            trainer=Backprop(optimizer="adam", learning_rate=0.01, batch_size=BATCH),
            max_epochs=EPOCHS,
            engine="compiled",
        )
        for numbers in NUMBERS:
            coded = member(numbers)
            ways = {"two numbers": coded, "every code": replace(coded, pieces=())}
            seconds: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(pairs + 1):
                for name, rows in ways.items():
                    start = time.perf_counter()
                    recipe.train(LAMBDAS, [rows], seed=0)
                    seconds[name].append(time.perf_counter() - start)
            first, every = (seconds[name][1:] for name in ways)
            ratios = [b / a for a, b in zip(first, every, strict=True)]
            print(
                f"{hidden}, {numbers} numbers: {statistics.median(first) / steps * 1e6:.0f} µs a step, with every code "
                f"{statistics.median(every) / steps * 1e6:.0f} µs, ratio {statistics.median(ratios):.2f} "
                f"({min(ratios):.2f}–{max(ratios):.2f})"
            )


if __name__ == "__main__":
    main()
