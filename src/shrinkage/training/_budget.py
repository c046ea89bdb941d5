"""How long and in what steps networks are trained by default: epochs, batch and learning rate by the rows.

The numbers are measured, for Adam under a cosine schedule (`benchmarks/budgets.py`, docs/speed.md). A small table needs
many passes, since a pass has few steps; for a large one a few passes are enough, and larger batches cost less per row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from shrinkage._errors import RequestError, called, check_count, shown

__all__ = ["AUTO", "Budget", "budget_of"]

AUTO = "auto"


class Row(NamedTuple):
    """Settings for tables of up to this many rows."""

    rows: float
    epochs: int
    batch_size: int
    rate: float


TABLE = (
    Row(128, 200, 128, 0.02),  # full batches: a weight of 2 then equals the row twice
    Row(500, 200, 64, 0.02),
    Row(3_000, 100, 64, 0.02),
    Row(10_000, 80, 128, 0.02),
    Row(30_000, 50, 128, 0.01),
    Row(100_000, 30, 128, 0.01),
    Row(math.inf, 20, 256, 0.01),
)
SGD_RATE_A_ROW = 0.005 / 32
"""η of SGD over its batch: the linear scaling of Goyal et al., 2017, section 2.1."""
HIGHEST_RATE = 0.02
NARROW = 64
"""Above this number of inputs the chosen rate falls as its square root: Adam changes a sum of more inputs more.
So it falls with the units of wider layers."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Length and step size of training."""

    rows: int
    """Rows that it was chosen for."""
    epochs: int
    batch_size: int
    """Rows per step."""
    learning_rate: float
    """η, the largest of the schedule."""
    chosen: tuple[str, ...]
    """Which of `epochs`, `batch_size` and `learning_rate` were `auto`."""
    longer: int = 0
    """Epochs of the later networks of a model whose errors turned out small; 0 where they did not."""

    def rate_at(self, inputs: int, wider: float = 1.0) -> float:
        """η of a network: what was given, or less than `learning_rate` for many inputs or wide layers.

        Args:
            inputs: of the network.
            wider: units of its hidden layers, divided by those of the network that the rate is chosen for: ≥ 1.
        """
        if "learning_rate" not in self.chosen or (inputs <= NARROW and wider == 1):
            return self.learning_rate
        return float(f"{self.learning_rate / math.sqrt(max(1.0, inputs / NARROW) * wider):.2g}")

    def __str__(self) -> str:
        why = f" (chosen for {self.rows:,} rows)" if len(self.chosen) == 3 else ""
        if 0 < len(self.chosen) < 3:
            names = " and ".join(name.replace("_", " ") for name in self.chosen)
            why = f" ({names} chosen for {self.rows:,} rows)"
        return (
            f"Each network trains for {self.epochs:,} epochs, in batches of {self.batch_size:,} rows, "
            f"at a learning rate of up to {self.learning_rate:g}{why}. {self.of_later_networks}"
        ).rstrip()

    @property
    def of_later_networks(self) -> str:
        """A sentence on the networks that train longer, where there are any."""
        if not self.longer:
            return ""
        return f"As the errors are small, later networks train for {self.longer:,} epochs."


def budget_of(
    rows: int,
    *,
    epochs: int | str = AUTO,
    batch_size: int | str = AUTO,
    learning_rate: float | str = AUTO,
    optimizer: str = "adam",
) -> Budget:
    """The budget of networks that are trained on a table.

    Args:
        rows: of the table, folds aside: all networks of a path get the same budget.
        epochs: passes over the training rows, ≥ 1, or `auto`.
        batch_size: rows per step, ≥ 1, or `auto`; at most the number of rows.
        learning_rate: η > 0, or `auto`. With a batch that was given, Adam's follows the square root of the batch
            (Malladi et al., 2022), SGD's the batch; 0.02 at most.
        optimizer: `adam` or `sgd`.
    """
    row = next(row for row in TABLE if rows <= row.rows)
    given = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
    chosen = tuple(name for name, value in given.items() if isinstance(value, str) and value == AUTO)
    for name in ("epochs", "batch_size"):
        if name not in chosen:
            check_count(name, given[name])
    passes: Any = row.epochs if "epochs" in chosen else epochs
    batch = min(row.batch_size if "batch_size" in chosen else int(batch_size), rows)
    rate: Any = learning_rate
    if "learning_rate" in chosen:
        rate = _rate(row, batch, "batch_size" in chosen, optimizer)
    elif isinstance(rate, str) or not (rate > 0 and math.isfinite(rate)):
        raise RequestError(f"{called('learning_rate')}: must be auto, or > 0 and finite, got {shown(rate)}.")
    return Budget(
        rows=rows,
        epochs=passes,
        batch_size=batch,
        learning_rate=rate,
        chosen=chosen,
    )


def _rate(row: Row, batch: int, chosen: bool, optimizer: str) -> float:
    """η for a batch that was chosen, or given."""
    if optimizer == "sgd":
        scaled = SGD_RATE_A_ROW * batch
    else:
        scaled = row.rate if chosen else row.rate * math.sqrt(batch / row.batch_size)
    return min(HIGHEST_RATE, float(f"{scaled:.2g}"))
