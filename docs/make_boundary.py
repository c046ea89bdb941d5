"""The data of the interactive figure in docs/understand.md: this script writes docs/_static/boundary-data.js.

A net with 2 inputs, 12 tanh units and 1 output separates two noisy half-moons of 20 rows each. It is trained to the
minimum of J = C + (λ/2) Σ w² for several λs, each from the solution of the next larger one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from sklearn.datasets import make_moons
from torch import Tensor

UNITS, SEED, NOISE = 12, 4, 0.35
ROWS, NEW_ROWS = 40, 4000
LAMBDAS = (0.0, 1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)
CELLS = 36
X_RANGE, Y_RANGE = (-2.0, 3.0), (-1.6, 2.1)
OUT = Path(__file__).parent / "_static" / "boundary-data.js"


def data(rows: int, seed: int) -> tuple[Tensor, Tensor]:
    x, y = make_moons(rows, noise=NOISE, random_state=seed)
    return torch.from_numpy(x), torch.from_numpy(y).double()


def outputs(parameters: list[Tensor], x: Tensor) -> Tensor:
    w1, b1, w2, b2 = parameters
    return torch.tanh(x @ w1 + b1) @ w2 + b2


def mean_loss(parameters: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
    return torch.nn.functional.binary_cross_entropy_with_logits(outputs(parameters, x), y)


def initial() -> list[Tensor]:
    generator = torch.Generator().manual_seed(SEED)
    w1 = torch.randn(2, UNITS, dtype=torch.float64, generator=generator)
    b1 = torch.randn(UNITS, dtype=torch.float64, generator=generator)
    w2 = torch.randn(UNITS, dtype=torch.float64, generator=generator) / UNITS**0.5
    return [w1, b1, w2, torch.zeros((), dtype=torch.float64)]


def trained(start: list[Tensor], lam: float, x: Tensor, y: Tensor, iterations: int = 500) -> list[Tensor]:
    """The parameters after L-BFGS on the penalized error; biases are exempt."""
    parameters = [p.clone().requires_grad_() for p in start]
    optimizer = torch.optim.LBFGS(
        parameters,
        max_iter=iterations,
        max_eval=2 * iterations,
        tolerance_grad=1e-7,
        tolerance_change=1e-12,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        objective = mean_loss(parameters, x, y) + lam / 2 * sum(p.square().sum() for p in parameters[::2])
        objective.backward()
        return objective

    optimizer.step(closure)
    return [p.detach() for p in parameters]


def frame(parameters: list[Tensor], lam: float) -> dict[str, Any]:
    """What the figure shows of one λ: probabilities on a grid in percent, the weights, and the losses."""
    x, y = data(ROWS, SEED)
    new_x, new_y = data(NEW_ROWS, SEED + 1)
    columns = torch.linspace(*X_RANGE, CELLS, dtype=torch.float64)
    lines = torch.linspace(*Y_RANGE, CELLS, dtype=torch.float64)
    grid = torch.cartesian_prod(lines, columns).flip(1)
    weights = torch.cat([parameters[0].flatten(), parameters[2].flatten()])
    return {
        "lam": lam,
        "train": round(float(mean_loss(parameters, x, y)), 4),
        "new": round(float(mean_loss(parameters, new_x, new_y)), 4),
        "wrong": round(float(((outputs(parameters, new_x) > 0) != (new_y > 0.5)).double().mean()), 4),
        "weights": [round(w, 2) for w in weights.sort().values.tolist()],
        "grid": (100 * outputs(parameters, grid).sigmoid()).round().int().tolist(),
    }


def frames() -> list[dict[str, Any]]:
    x, y = data(ROWS, SEED)
    parameters, found = initial(), []
    for lam in sorted(LAMBDAS, reverse=True):
        if found and found[-1][0] == max(LAMBDAS):
            parameters = initial()  # the largest λ leads to weights of 0, which nothing leaves again
        parameters = trained(parameters, lam, x, y)
        found.append((lam, parameters))
    return [frame(p, lam) for lam, p in reversed(found)]


def main() -> None:
    x, y = data(ROWS, SEED)
    words = {
        "cells": CELLS,
        "x": X_RANGE,
        "y": Y_RANGE,
        "rows": [
            [round(a, 3), round(b, 3), int(c)] for (a, b), c in zip(x.tolist(), y.tolist(), strict=True)
        ],
        "frames": frames(),
    }
    OUT.write_text(f"window.BOUNDARY = {json.dumps(words, separators=(',', ':'))};\n", encoding="utf-8")


if __name__ == "__main__":
    main()
