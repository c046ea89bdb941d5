"""What a bracket of λs spares and costs, against the whole grid, on 28 tables of this project's own choice.

Each table is split three times; the grid, 20 λs × 5 folds with every default, is trained once for each, all λs refitted
(`keep_path`), so that the loss on rows held out of everything is known for each. The searches then look at these very
networks: what they train is the grid's own, bit for bit, as `tests/path/test_search_contract.py` holds. *Networks* is the
share of the grid's that a search asks for; *same* and *near*, how often it chose the grid's λ, or that or its neighbour;
*loss*, how far the held-out loss of its choice lies above that of the grid's choice.

The search was shaped on splits 0 to 2, so the figures are of later ones: `--splits 3 4`. The held-out loss of every λ
is kept too; `benchmarks/ways.py` reads it.

Usage: python benchmarks/bracket.py [--splits N …] [--small]; the tables of statsmodels need that package.
"""

from __future__ import annotations

import argparse
import dataclasses
import warnings
from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
from _measured import written
from _search_tables import Table, search_tables
from _tables import table

import shrinkage as sh
from shrinkage.path import SEARCHES, PathResult, Place, Round, choose

SPLITS = (3, 4)
HEAD = ["search", "networks", "most", "same", "near", "loss, median", "loss, 90 %", "loss, worst", "far on"]
WAYS = [(name, fast, select) for name in SEARCHES for fast in (False, True) for select in ("min", "1se")][2:]

Row = dict[str, Any]


class Looked:
    """The networks of a whole grid that a search has asked for."""

    def __init__(self, path: PathResult) -> None:
        self.path, self.nets = path, set[tuple[Place, int]]()
        self.at = {float(lam): i for i, lam in enumerate(path.lambdas)}

    @property
    def folds(self) -> tuple[int, ...]:
        return tuple(range(self.path.n_folds))

    @property
    def last_epoch(self) -> int:
        return self.path.n_epochs

    def add(self, asked: Round) -> None:
        self.nets |= {(place, fold) for place in asked.places for fold in asked.folds}

    def covers(self, asked: Round) -> bool:
        return all((place, fold) in self.nets for place in asked.places for fold in asked.folds)

    def losses(self, places: Sequence[Place], folds: Sequence[int]) -> Any:
        return self.path.validation_loss[self._at(places)][:, list(folds)].mean(axis=2)

    def repeats(self, folds: Sequence[int]) -> float:
        return 1.0

    def result(self, places: Sequence[Place]) -> PathResult:
        of_lambda = {
            name: value[self._at(places)]
            for name, value in vars(self.path).items()
            if name in PathResult.__dataclass_fields__
            and isinstance(value, np.ndarray)
            and name != "validated"
        }
        return dataclasses.replace(self.path, **of_lambda, forms=())

    def _at(self, places: Sequence[Place]) -> list[int]:
        return [self.at[place.lam] for place in places]


def trained(of: Table, seed: int) -> tuple[PathResult, Any]:
    """The grid's curves, and the held-out loss of each λ refitted."""
    kind = sh.MLPClassifierCV if of.classes else sh.MLPRegressorCV
    model: Any = kind(
        inputs="standard", search="grid", random_state=seed, keep_path=True, max_extensions=0
    ).fit(of.X, of.y)
    return model.path_, np.array([held_out(model, of, lam) for lam in model.lambdas_])


def held_out(model: Any, of: Table, lam: float) -> float:
    if not of.classes:
        return float(np.mean(np.square(model.predict(of.X_held, lam) - of.y_held)))
    right = np.searchsorted(model.classes_, of.y_held)
    chances = model.predict_proba(of.X_held, lam)[np.arange(len(right)), right]
    return float(-np.log(np.clip(chances, 1e-12, 1)).mean())


def searched(path: PathResult, held: Any, name: str, fast: bool, select: str) -> Row:
    search = SEARCHES[name](
        lambdas=path.lambdas,
        select=select,
        stop="last",
        max_extensions=0,
        fast=fast,
        admits=lambda lam: True,
    )
    looked = Looked(path)
    while (asked := search.ask(looked)) is not None:
        looked.add(asked)
    found, whole = looked.at[search.choose(looked).lam], choose(path, select, "last").index
    return {
        "networks": len(looked.nets) / (len(path.lambdas) * path.n_folds),
        "steps": abs(found - whole),
        "loss": float(held[found] / held[whole] - 1),
    }


def grid_of(of: Table, seed: int, path: PathResult, held: Any) -> Row:
    """What the whole grid found: the held-out loss of each λ, and its choices."""
    chosen = {select: choose(path, select, "last").index for select in ("min", "1se")}
    return {
        "table": of.name,
        "split": seed,
        "lambdas": path.lambdas.tolist(),
        "held": held.tolist(),
        **chosen,
    }


def summary(way: tuple[str, bool, str], rows: list[Row]) -> list[str]:
    name, fast, select = way
    share, steps, loss = (np.array([row[key] for row in rows]) for key in ("networks", "steps", "loss"))
    far = sorted({row["table"] for row in rows if row["steps"] > 1})
    return [
        f"{name}{', fast' * fast}, {select}",
        f"{share.mean():.1%}",
        f"{share.max():.0%}",
        f"{(steps == 0).mean():.0%}",
        f"{(steps <= 1).mean():.0%}",
        f"{np.median(loss):.2%}",
        f"{np.quantile(loss, 0.9):.2%}",
        f"{loss.max():.1%}",
        ", ".join(far),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="one split of two tables; nothing is kept")
    parser.add_argument("--splits", type=int, nargs="+", default=SPLITS, help="seeds of the splits and fits")
    asked = parser.parse_args()
    small = asked.small
    warnings.simplefilter("ignore")
    found: dict[tuple[str, bool, str], list[Row]] = {way: [] for way in WAYS}
    grids: list[Row] = []
    for seed in asked.splits[: 1 if small else None]:
        for of in islice(search_tables(seed), 2 if small else None):
            path, held = trained(of, seed)
            for way, rows in found.items():
                rows.append({"table": of.name, "split": seed, **searched(path, held, *way)})
            grids.append(grid_of(of, seed, path, held))
            print(f"{of.name}, split {seed}", flush=True)
        if not small:
            ways = {", ".join(map(str, way)): rows for way, rows in found.items()}
            print(f"written to {written('bracket', {'fits': len(grids), 'grids': grids, 'ways': ways})}")
    print(table(HEAD, [summary(way, rows) for way, rows in found.items()]))


if __name__ == "__main__":
    main()
