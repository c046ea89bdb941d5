"""A λ path of modules against the plain loop that a user would write: the same folds, epochs, batches and optimizer.

Five networks, 12 λs × 3 folds, two processes each: a small perceptron and a CNN with batch norm on 8×8 digits, a GRU on
sequences, a transformer's encoder on words, and a trained head on a frozen body. Prints the ratio of times, turn by
turn; the best validation losses must agree. On a GPU (`--device cuda`), and with `--alone`, one process each. `--memory`
prints by how many MB a path of 12 λs of a module of 1 M parameters lets the process grow.

Usage: python benchmarks/any_module.py [TURNS] [--alone] [--device cuda] [--memory]
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from _measured import in_turn, spread, written
from joblib import Parallel, delayed
from sklearn.datasets import load_digits
from sklearn.model_selection import KFold
from torch import Tensor, nn

import shrinkage as sh

LAMBDAS = [0.0, *np.logspace(-5, 0, 11)]
FOLDS, EPOCHS, BATCH, RATE = 3, 4, 32, 1e-3


def digits() -> tuple[Tensor, Tensor]:
    X, y = load_digits(return_X_y=True)
    return torch.tensor(X / 16, dtype=torch.float32), torch.tensor(y)


def images() -> tuple[Tensor, Tensor]:
    X, y = digits()
    return X.view(-1, 1, 8, 8), y


def walks() -> tuple[Tensor, Tensor]:
    X = torch.randn(1500, 10, 4, generator=torch.Generator().manual_seed(0))
    return X, (X[..., 0].sum(1) > 0).long()


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def convolutions() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 10),
    )


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru, self.head = nn.GRU(4, 16, batch_first=True), nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.gru(x)[0][:, -1])


def sentences() -> tuple[Tensor, Tensor]:
    X = torch.randint(0, 24, (1500, 12), generator=torch.Generator().manual_seed(0))
    return X, (X == 3).any(1).long()


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.head = nn.Embedding(24, 32), nn.Linear(32, 2)
        self.layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(self.words(x)).mean(1))


def million() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 1000), nn.ReLU(), nn.Linear(1000, 930), nn.ReLU(), nn.Linear(930, 10))


class Head(nn.Module):
    """A trained head on a frozen body, which is the same in all modules."""

    def __init__(self) -> None:
        super().__init__()
        g = torch.Generator().manual_seed(7)
        layers = [
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 16, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
        ]
        self.body = nn.Sequential(*layers).requires_grad_(False)
        for p in self.body.parameters():
            p.copy_(torch.randn(p.shape, generator=g) / 8)
        self.head = nn.Linear(1024, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Callable[[], tuple[Tensor, Tensor]]]] = {
    "perceptron": (perceptron, digits),
    "convolutions": (convolutions, images),
    "recurrent": (Recurrent, walks),
    "transformer": (Encoder, sentences),
    "head on a frozen body": (Head, images),
}


def ours(name: str, device: str, n_jobs: int) -> float:
    make, data = NETWORKS[name]
    r = sh.lambda_path(
        make,
        *data(),
        lambdas=LAMBDAS,
        cv=KFold(FOLDS),
        max_epochs=EPOCHS,
        batch_size=BATCH,
        learning_rate=RATE,
        schedule="constant",
        max_extensions=0,
        keep_path=False,
        device=device,
        n_jobs=n_jobs,
        random_state=0,
    )
    print(f"    {r.stacked_}")
    return float(r.path_.validation_mean.min())


def one(name: str, lam: float, train: Any, validation: Any, device: str) -> float:
    """One network, as its user would train it: weights in a group with weight_decay, biases and norms in another."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    make, data = NETWORKS[name]
    X, y = (x.to(device) for x in data())
    module = make().to(device)
    trained = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": lam},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.Adam(groups, lr=RATE)
    total, rows = 0.0, torch.as_tensor(train, device=device)
    for _ in range(EPOCHS):
        module.train()
        for batch in rows[torch.randperm(len(rows), device=device)].split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(X[batch]), y[batch]).backward()
            optimizer.step()
        module.eval()
        with torch.no_grad():
            total = float(nn.functional.cross_entropy(module(X[validation]), y[validation]))
    return total


def theirs(name: str, device: str, n_jobs: int) -> float:
    X, _ = NETWORKS[name][1]()
    folds = list(KFold(FOLDS).split(X))
    losses: Any = Parallel(n_jobs=n_jobs)(
        delayed(one)(name, lam, *fold, device) for lam in LAMBDAS for fold in folds
    )
    return float(np.reshape(losses, (len(LAMBDAS), FOLDS)).mean(1).min())


def grown() -> float:
    """MB by which the process grew, at most, over a path of 12 λs of a module of 1 M parameters."""
    X, y = digits()
    quick = {"cv": KFold(3), "max_epochs": 1, "max_extensions": 0, "keep_path": False, "n_jobs": 1}
    sh.lambda_path(perceptron, X, y, lambdas=LAMBDAS[:2], **quick)  # torch's own buffers
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    r = sh.lambda_path(million, X, y, lambdas=LAMBDAS, **quick)
    print(f"    {sum(p.numel() for p in r.module_.parameters()):,} parameters, {r.stacked_}")
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main(turns: int, device: str, n_jobs: int) -> None:
    ratios: dict[str, Any] = {}
    for name in NETWORKS:
        print(name)
        seconds, results = in_turn(
            {
                "path": lambda name=name: ours(name, device, n_jobs),
                "loop": lambda name=name: theirs(name, device, n_jobs),
            },
            turns,
        )
        of_turns = [loop / path for path, loop in zip(seconds["path"], seconds["loop"], strict=True)]
        ratios[name] = {"loop over path": of_turns, "best loss": results}
        print(f"    loop/path {spread(of_turns)}; best validation loss {results}")
        assert abs(results["path"] - results["loop"]) < 0.25 * results["loop"], "not the same work"
    written("any_module", ratios)


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    where = "cuda" if "cuda" in words else "cpu"
    counts = [int(word) for word in words if word.isdigit()]
    alone = "--alone" in sys.argv or where == "cuda"
    if "--memory" in sys.argv:
        print(f"the process grew by {grown():.0f} MB")
    else:
        main(counts[0] if counts else 3, where, 1 if alone else 2)
