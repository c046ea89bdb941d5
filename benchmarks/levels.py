"""Categories of many levels: an input for each level against inputs for the 50 most frequent, and against rivals.

    python benchmarks/levels.py

Made tables of known truth: each group adds its own effect to a smooth function of three numbers. A quarter of the rows is
held out, one split each; the loss is the root mean squared error, or nats a row. skrub, CatBoost and pytabkit are
installed by hand (see `tables/rivals.py`); a contender whose packages are missing is left out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from tables.collection import Split
from tables.rivals import CONTENDERS

FREQUENT = 50


@dataclass(frozen=True, kw_only=True)
class Panel:
    rows: int = 1000
    groups: int = 142
    effect: float = 1.0
    """Standard deviation of the groups' effects."""
    slope: float = 0.0
    """Standard deviation of the groups' slopes in the first number."""
    skewed: bool = False
    """Whether a few groups have most of the rows."""
    classes: bool = False

    def split(self) -> Split:
        rng = np.random.default_rng(0)
        drawn = (
            rng.zipf(1.3, self.rows).clip(max=self.groups) - 1
            if self.skewed
            else rng.integers(0, self.groups, self.rows)
        )
        x = rng.normal(size=(self.rows, 3))
        effects, slopes = rng.normal(size=(2, self.groups)) * [[self.effect], [self.slope]]
        f = effects[drawn] + 0.7 * x[:, 0] + 0.4 * np.sin(2 * x[:, 1]) + slopes[drawn] * x[:, 0]
        if self.classes:
            y = (1.5 * f + rng.logistic(size=self.rows) > 0).astype(int)
        else:
            y = f + rng.normal(0, 0.5, self.rows)
        X = pd.DataFrame(x, columns=list("abc"))
        X["group"] = [f"group {number}" for number in drawn]
        train, new = train_test_split(np.arange(self.rows), test_size=0.25, random_state=0)
        return Split(
            table="panel",
            seed=0,
            task="classification" if self.classes else "regression",
            X=X.iloc[train].reset_index(drop=True),
            y=y[train],
            X_new=X.iloc[new].reset_index(drop=True),
            y_new=y[new],
        )


PANELS = {
    "80 groups": Panel(groups=80),
    "142 groups": Panel(),
    "142 groups, weak effects": Panel(effect=0.2),
    "142 groups, no effect": Panel(effect=0.0),
    "142 groups, two classes": Panel(classes=True),
    "100 groups with slopes of their own": Panel(groups=100, effect=0.7, slope=0.5),
    "300 groups, most of them rare": Panel(groups=300, skewed=True),
    "500 groups, 4,000 rows": Panel(rows=4000, groups=500),
}


def frequent(split: Split) -> Split:
    """The split with groups beyond the 50 most frequent in the training rows as one level."""
    kept = list(split.X["group"].value_counts().index[:FREQUENT])
    merged = [
        frame.assign(group=frame["group"].where(frame["group"].isin(kept), "other"))
        for frame in (split.X, split.X_new)
    ]
    return replace(split, X=merged[0], X_new=merged[1])


WAYS: dict[str, Callable[[Split], np.ndarray]] = {
    "ours": CONTENDERS["ours"],
    f"{FREQUENT} levels": lambda split: CONTENDERS["ours"](frequent(split)),
    **{name: CONTENDERS[name] for name in ("linear", "CatBoost", "RealMLP-TD-S")},
}


def loss(split: Split, predicted: np.ndarray) -> float:
    if split.task == "regression":
        return float(np.sqrt(np.mean((split.y_new - predicted) ** 2)))
    return float(-np.log(predicted[np.arange(len(predicted)), split.y_new].clip(1e-15)).mean())


def main() -> None:
    warnings.simplefilter("ignore")
    print(f"{'table':36}", *(f"{name:>13}" for name in WAYS))
    for name, panel in PANELS.items():
        split = panel.split()
        cells = []
        for fit in WAYS.values():
            try:
                cells.append(f"{loss(split, fit(split)):13.3f}")
            except ImportError:
                cells.append(f"{'-':>13}")
        print(f"{name:36}", *cells, flush=True)


if __name__ == "__main__":
    main()
