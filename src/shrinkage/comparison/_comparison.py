"""What a comparison leaves behind: each method's figures, their paired differences, and which forms are one form."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage._errors import RequestError, shown
from shrinkage._paired import Interval, paired_difference
from shrinkage.comparison._means import Mean, corrected_mean
from shrinkage.comparison._methods import NONE, Setting
from shrinkage.comparison._nested import Runs
from shrinkage.comparison._pairs import Pair
from shrinkage.comparison._splits import Splitting

__all__ = ["ComparisonResult"]

_FIGURES = ("train_loss", "validation_loss", "test_loss", "train_metric", "validation_metric", "test_metric")
_SIZES = ("max_weight", "weight_norm", "gamma")


@dataclass(frozen=True, kw_only=True)
class ComparisonResult:
    """The measurements of all methods, compared on one table.

    Every method chose its own λ on the same inner folds and was tested on the same outer rows, which it had not seen.
    Standard errors and intervals are those of the corrected resampled t-test.
    """

    source: str
    """Source of the rows."""
    task: str
    """`classification` or `regression`."""
    target_names: tuple[str, ...]
    n_rows: int
    n_features: int
    loss_name: str
    """`cross-entropy` (nats per row) or `mean squared error` (of standardized targets)."""
    metric_name: str
    """`accuracy` or `R²`."""
    lambdas: NDArray[np.float64]
    """(L,) the λs given to every method, ascending from 0; extended if the best λ is on the edge."""
    setting: Setting
    splitting: Splitting
    runs: tuple[Runs, ...]
    """One per method, no regularization first."""
    pairs: tuple[Pair, ...]
    """Forms trained side by side on all rows."""
    pairs_lambda: float
    """λ of the pairs: the median λ that L2 in the error chose, or 0.01 if that is 0; at most 0.5/η for the larger of the
    two learning rates, so no step removes more than half of a weight."""
    pairs_epochs: int
    pairs_yardstick: float
    """‖w₁ − w₂‖/‖w₁‖ between L2 in the error and no regularization, trained like the pairs."""
    notes: tuple[str, ...] = ()
    """Caveats, as sentences."""
    seconds: float = math.nan
    """Total time in seconds."""

    def of(self, key: str) -> Runs:
        """Return the runs of one method, by its key."""
        for runs in self.runs:
            if runs.method.key == key:
                return runs
        known = ", ".join(runs.method.key for runs in self.runs)
        raise RequestError(f"of({shown(key)}): is not in the comparison. Known: {known}.")

    def mean(self, key: str, figure: str) -> Mean:
        """Return the mean of a field of `Runs` over the outer splits, with its corrected standard error."""
        return corrected_mean(getattr(self.of(key), figure), self.splitting.test_share)

    def difference(self, key: str, other: str = NONE, figure: str = "test_loss") -> Interval:
        """Return `key − other`, paired over the outer splits, with its 95 % interval."""
        first, second = (getattr(self.of(each), figure) for each in (key, other))
        return paired_difference(first, second, self.splitting.test_share)

    def own_gain(self, key: str) -> Interval:
        """Return the test loss at the chosen λ minus that of the same training at λ = 0, paired over the outer splits."""
        runs = self.of(key)
        return paired_difference(runs.test_loss, runs.unpenalized_test_loss, self.splitting.test_share)

    @cached_property
    def best(self) -> Runs:
        """The method with the smallest mean test loss."""
        means = [runs.test_loss.mean() for runs in self.runs]
        return self.runs[int(np.nanargmin(means))]

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with one row per method and outer split, from which all means can be recomputed."""
        names = [name for name in Runs.__dataclass_fields__ if name not in ("method", "lambdas", "path")]
        frames = [
            pd.DataFrame(
                {"method": runs.method.key, "split": np.arange(len(runs.lam))}
                | {name: getattr(runs, name) for name in names}
            )
            for runs in self.runs
        ]
        return pd.concat(frames, ignore_index=True)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON values; a mean is {"value", "se"}, and a number that is not finite is None."""
        methods = [
            {
                "key": (key := runs.method.key),
                "name": runs.method.name,
                "update": runs.method.update,
                "lambda": runs.lam.tolist(),
                "epoch": runs.epoch.tolist(),
                "path": {
                    "lambda": runs.lambdas.tolist(),
                    "validation_loss": runs.validation_path.tolist(),
                    "splits": runs.path_splits.tolist(),
                },
                **{figure: asdict(self.mean(key, figure)) for figure in (*_FIGURES, *_SIZES)},
                "test_loss_minus_none": asdict(self.difference(key)),
                "test_metric_minus_none": asdict(self.difference(key, figure="test_metric")),
                "test_loss_minus_own_at_0": asdict(self.own_gain(key)),
                "weights": runs.median("n_weights"),
                "seconds_a_split": float(runs.seconds.mean()),
                "diverged_splits": runs.diverged,
            }
            for runs in self.runs
        ]
        return _plain(
            {
                "source": self.source,
                "task": self.task,
                "target": list(self.target_names),
                "rows": self.n_rows,
                "inputs": self.n_features,
                "loss": self.loss_name,
                "metric": self.metric_name,
                "lambdas": self.lambdas.tolist(),
                "setting": asdict(self.setting),
                "splitting": asdict(self.splitting),
                "methods": methods,
                "pairs": [asdict(pair) | {"equal": pair.equal} for pair in self.pairs],
                "pairs_lambda": self.pairs_lambda,
                "pairs_epochs": self.pairs_epochs,
                "pairs_yardstick": self.pairs_yardstick,
                "notes": list(self.notes),
                "seconds": self.seconds,
            }
        )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
