"""Controllers in five training loops, against the best of 20 fixed strengths.

Each loop trains one network on the same rows, initial weights and batches: with each of 20 strengths, and with each
controller from 1e-3 on. A quarter of the rows validates, and a quarter tests. *Validation* is how far the loss on the
validation rows at the end lies above that of the best fixed strength, which these rows choose; *test* is the same on the
test rows, for the strength that the validation rows chose. *Time* is CPU
time in runs without a controller.

MNIST can't be had without a download, so the second loop is scikit-learn's digits at MNIST's size, 28 × 28 with noise.

Usage: python benchmarks/controllers.py [--small]
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from _measured import RESULTS, written
from _tables import table
from sklearn.datasets import load_breast_cancer, load_digits
from torch import Tensor, nn
from torch.nn import functional

import shrinkage as sh

FIXED = [0.0, *np.logspace(-5, 0, 19).tolist()]
START = 1e-3
BATCH = 32
SEEDS = (0, 1)
HEAD = ["loop", "control", "λ at the end", "best fixed λ", "validation", "test", "time"]


class Recurrent(nn.Module):
    """An image as a sequence of its lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines, self.head = nn.GRU(8, 32, batch_first=True), nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lines(x.reshape(-1, 8, 8))[0][:, -1])


def perceptron(inputs: int, hidden: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


def convolutions() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 8)),
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10)),
    )


def digits() -> tuple[Tensor, Tensor]:
    X, y = load_digits(return_X_y=True)
    return torch.tensor(X / 16, dtype=torch.float32), torch.tensor(y)


def lines() -> tuple[Tensor, Tensor]:
    X, y = digits()
    return X.reshape(-1, 8, 8), y


def of_mnist_size() -> tuple[Tensor, Tensor]:
    X, y = digits()
    large = functional.interpolate(X.reshape(-1, 1, 8, 8), size=28, mode="bilinear").flatten(1)
    return large + 0.2 * torch.randn(large.shape, generator=torch.Generator().manual_seed(0)), y


def cancer() -> tuple[Tensor, Tensor]:
    X, y = map(np.asarray, load_breast_cancer(return_X_y=True))
    return torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32), torch.tensor(y)


@dataclass(frozen=True)
class Loop:
    data: Callable[[], tuple[Tensor, Tensor]]
    make: Callable[[], nn.Module]
    epochs: int


LOOPS = {
    "digits": Loop(digits, lambda: perceptron(64, 64, 10), 40),
    "digits, 28 × 28": Loop(of_mnist_size, lambda: perceptron(784, 64, 10), 25),
    "table": Loop(cancer, lambda: perceptron(30, 32, 2), 80),
    "CNN": Loop(lines, convolutions, 15),
    "GRU": Loop(lines, Recurrent, 30),
}


class Rows:
    """Rows to train on, to validate and to test."""

    def __init__(self, loop: Loop, seed: int) -> None:
        X, y = loop.data()
        order = torch.randperm(len(X), generator=torch.Generator().manual_seed(seed))
        half, three = len(X) // 2, 3 * len(X) // 4
        parts = (order[:half], order[half:three], order[three:])
        (self.X, self.y), self.validation, self.test = ((X[part], y[part]) for part in parts)

    def batches(self, rows: tuple[Tensor, Tensor], size: int) -> list[tuple[Tensor, Tensor]]:
        return list(zip(rows[0].split(size), rows[1].split(size), strict=True))


def controls(rows: Rows) -> dict[str, Any]:
    validation, training = rows.batches(rows.validation, 64), rows.batches((rows.X, rows.y), 128)
    return {
        "Hypergradient": sh.Hypergradient(validation, "cross_entropy"),
        "Evidence": sh.Evidence(training, "cross_entropy"),
        "TargetNorm": sh.TargetNorm(),
        "Timescale": sh.Timescale(),
    }


def run(loop: Loop, rows: Rows, seed: int, lam: float, control: Any = None) -> dict[str, float]:
    """One network: its losses at the end, the λ that it ended with, and the seconds of its training."""
    torch.manual_seed(seed)
    model = loop.make()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    rule, steps = sh.L2(lam), loop.epochs * -(-len(rows.X) // BATCH)
    if isinstance(control, sh.Timescale):
        optimizer, rule = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0), sh.Decoupled(0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    handle = sh.attach(optimizer, rule, model=model, control=control, steps=steps if control else None)
    order = torch.Generator().manual_seed(seed)
    began = time.process_time()
    for _ in range(loop.epochs):
        for part in torch.randperm(len(rows.X), generator=order).split(BATCH):
            optimizer.zero_grad()
            functional.cross_entropy(model(rows.X[part]), rows.y[part]).backward()
            optimizer.step()
            schedule.step()
    seconds = time.process_time() - began
    model.eval()
    with torch.no_grad():
        losses = [float(functional.cross_entropy(model(x), y)) for x, y in (rows.validation, rows.test)]
    ended = handle.trace()["lam"][-1] if control else lam
    return {"lam": ended, "validation": losses[0], "test": losses[1], "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", action="store_true", help="measure the times of kept results once more")
    parser.add_argument("--small", action="store_true", help="the table alone, 3 strengths; nothing is kept")
    asked = parser.parse_args()
    small = asked.small
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    if asked.times:
        timed_again()
        return
    found: list[dict[str, Any]] = []
    loops = {"table": LOOPS["table"]} if small else LOOPS
    for seed in SEEDS[: 1 if small else None]:
        for name, loop in loops.items():
            rows = Rows(loop, seed)
            fixed = [run(loop, rows, seed, lam) for lam in (FIXED[::8] if small else FIXED)]
            best = min(fixed, key=lambda result: result["validation"])
            usual = float(np.median([result["seconds"] for result in fixed]))
            for control, controller in controls(rows).items():
                moved = run(loop, rows, seed, START, controller)
                found.append(
                    {
                        "loop": name,
                        "seed": seed,
                        "control": control,
                        "lam": moved["lam"],
                        "best": best["lam"],
                        **{key: moved[key] / best[key] - 1 for key in ("validation", "test")},
                        "time": moved["seconds"] / usual,
                        "losses": {key: [moved[key], best[key]] for key in ("validation", "test")},
                        "without": {key: fixed[0][key] / best[key] - 1 for key in ("validation", "test")},
                    }
                )
                print(found[-1], flush=True)
            if not small:
                written("controllers", {"runs": found})
    print(table(HEAD, [row_of(one) for one in found]))


def timed_again() -> None:
    """Each loop in turn without a controller and with each: the median of three ratios replaces the one kept."""
    kept = json.loads((RESULTS / "controllers.json").read_text())["runs"]
    for name, loop in LOOPS.items():
        rows = Rows(loop, 0)
        ratios: dict[str, list[float]] = {}
        for _ in range(3):
            without = run(loop, rows, 0, START)["seconds"]
            for control, controller in controls(rows).items():
                moved = run(loop, rows, 0, START, controller)["seconds"]
                ratios.setdefault(control, []).append(moved / without)
        for one in kept:
            if one["loop"] == name:
                one["time"] = float(np.median(ratios[one["control"]]))
        print(name, {control: np.round(each, 2).tolist() for control, each in ratios.items()}, flush=True)
        written("controllers", {"runs": kept})
    print(table(HEAD, [row_of(one) for one in kept]))


def row_of(one: dict[str, Any]) -> list[str]:
    shares = [f"{one['validation']:+.1%}", f"{one['test']:+.1%}"]
    name = f"{one['loop']}, seed {one['seed']}"
    return [name, one["control"], f"{one['lam']:.2g}", f"{one['best']:.2g}", *shares, f"{one['time']:.2f}"]


if __name__ == "__main__":
    main()
