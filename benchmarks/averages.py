"""What averages of the weights gain over the last weights of a cosine schedule, on the small tables.

    python benchmarks/averages.py

Networks of 64 units, as the default fit trains its `standard` member: Adam at up to 0.02, cosine schedule, the budget's
epochs, six strengths. Four ways end in other weights: the last ones of a cosine schedule; their exponential average; the
last ones and the exponential average of a constant rate of a quarter. Each is judged at its own best strength on the
held-out quarter of the rows, in hindsight; a split's four ways have the same initial weights and batches.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent))

from tables.collection import TABLES, Split, splits

from shrinkage.training import budget_of

LAMBDAS = torch.logspace(-5, 0, 6)
UNITS, KEEP = 64, 0.99


def encoded(split: Split) -> tuple[Tensor, Tensor, Tensor, Tensor] | None:
    """Standardized numbers and targets of both parts, or None for a table with categories."""
    X, new = split.X, split.X_new
    if (
        not all(kind.kind in "fiub" for kind in X.dtypes)
        or X.isna().any(axis=None)
        or new.isna().any(axis=None)
    ):
        return None
    mean, scale = X.mean(), X.std().replace(0, 1)
    inputs = [torch.tensor(((part - mean) / scale).to_numpy(np.float32)) for part in (X, new)]
    if split.task == "regression":
        mean, scale = split.y.mean(), split.y.std()
        targets = [
            torch.tensor((y - mean) / scale, dtype=torch.float32)[:, None] for y in (split.y, split.y_new)
        ]
    else:
        targets = [torch.tensor(y, dtype=torch.long) for y in (split.y, split.y_new)]
    return inputs[0], targets[0], inputs[1], targets[1]


def losses(parameters: list[Tensor], X: Tensor, Y: Tensor) -> Tensor:
    """(L,) the mean loss of each network."""
    W, b, V, c = parameters
    out = torch.relu(X @ W + b) @ V + c
    if Y.dtype == torch.long:
        return torch.nn.functional.cross_entropy(
            out.permute(1, 2, 0), Y[:, None].expand(-1, len(W)), reduction="none"
        ).mean(0)
    return (out - Y).square().mean(dim=(1, 2))


def trained(X: Tensor, Y: Tensor, new: Tensor, Y_new: Tensor, *, cosine: bool) -> tuple[Tensor, Tensor]:
    """(L,) held-out losses of the last weights, and of their exponential average."""
    g = torch.Generator().manual_seed(0)
    outputs = int(Y.max()) + 1 if Y.dtype == torch.long else 1
    shapes = ((X.shape[1], UNITS), (1, UNITS), (UNITS, outputs), (1, outputs))
    first = [torch.randn(s, generator=g) * (2 / s[0]) ** 0.5 * (s[0] > 1 or s is shapes[0]) for s in shapes]
    parameters = [p.expand(len(LAMBDAS), -1, -1).clone().requires_grad_() for p in first]
    average = [p.detach().clone() for p in parameters]
    budget = budget_of(len(X))
    rate = budget.rate_at(X.shape[1]) * (1 if cosine else 0.25)
    optimizer = torch.optim.Adam(parameters, lr=rate)
    steps = budget.epochs * -(-len(X) // budget.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps) if cosine else None
    done = 0
    for _ in range(budget.epochs):
        for rows in torch.randperm(len(X), generator=g).split(budget.batch_size):
            optimizer.zero_grad()
            penalty = sum(LAMBDAS / 2 @ p.square().sum(dim=(1, 2)) for p in parameters[::2])
            (losses(parameters, X[rows], Y[rows]).sum() + penalty).backward()
            optimizer.step()
            if schedule is not None:
                schedule.step()
            done += 1
            keep = min(KEEP, done / (done + 9))
            with torch.no_grad():
                for a, p in zip(average, parameters, strict=True):
                    a.lerp_(p, 1 - keep)
    with torch.no_grad():
        return losses(parameters, new, Y_new), losses(average, new, Y_new)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    ratios = []
    for name in TABLES:
        for split in splits(name, given.seeds):
            if (rows := encoded(split)) is None:
                continue
            ways = [loss.min() for cosine in (True, False) for loss in trained(*rows, cosine=cosine)]
            ratios.append([float(way / ways[0]) for way in ways])
            print(f"{name} {split.seed}:", *(f"{ratio:.3f}" for ratio in ratios[-1]), flush=True)
    for way, found in zip(
        ("cosine", "its average", "constant", "its average"), np.array(ratios).T, strict=True
    ):
        print(f"{way}: {np.exp(np.log(found).mean()):.3f}, better on {(found < 1).sum()} of {len(found)}")


if __name__ == "__main__":
    main()
