"""All ways to choose λ on the same tables: networks trained, and how far the held-out loss lies above the best λ's.

The grid's networks and its held-out losses are those of `benchmarks/bracket.py`, which is run first; what is trained here
are the ways that are no part of the grid. *Regret* is the held-out loss of the refitted network over that of the best of
the grid's 20 λs in hindsight, which nobody can know: a choice that is right within the noise of these rows has some too.

The hypergradient moves one λ of all folds by their mean slope; the refit takes the λ that it ended at. The timescale is
that of a decoupled rule, 0.6 of the run. The target of the norm is half of what it is after the first epoch.

Usage: python benchmarks/ways.py [--splits N …] [--small]; the tables of statsmodels need that package.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from _measured import RESULTS, written
from _search_tables import Table, search_tables
from _tables import table
from bracket import held_out

import shrinkage as sh

HEAD = ["way", "networks", "regret, median", "regret, 90 %", "regret, worst", "seconds, median"]
NETWORKS = {
    "grid": 100,
    "evidence": 1,
    "evidence, layers": 1,
    "timescale": 1,
    "target norm": 1,
    "hypergradient": 6,
}
START = 1e-3


def estimator(of: Table, seed: int, controller: Any = None, **given: Any) -> Any:
    """An estimator, its λ moved by a controller that the estimators have no name for."""
    kind: Any = sh.MLPClassifierCV if of.classes else sh.MLPRegressorCV

    class Moved(kind):
        def _request(self, *args: Any) -> Any:
            request = super()._request(*args)
            return replace(request, recipe=replace(request.recipe, controller=controller))

    given = {"random_state": seed, "max_extensions": 0, "out_of_fold": False, **given}
    return (Moved if controller is not None else kind)(**given).fit(of.X, of.y)


def of_folds(of: Table, seed: int) -> Any:
    controller = sh.Hypergradient(inverse="step", shared=True, rate=0.1)
    moved = estimator(of, seed, controller, lambdas=[1e-2])
    lam = float(np.exp(np.log(moved.path_.trace[0, :, :, -1]).mean()))
    return estimator(of, seed, lambdas=[lam])


WAYS: dict[str, Any] = {
    "evidence": lambda of, seed: estimator(of, seed, lambdas="evidence"),
    "evidence, layers": lambda of, seed: estimator(of, seed, lambdas="evidence", strengths="layers"),
    "hypergradient": of_folds,
    "timescale": lambda of, seed: estimator(of, seed, sh.Timescale(), lambdas=[START], rule="decoupled"),
    "target norm": lambda of, seed: estimator(of, seed, sh.TargetNorm(), lambdas=[START]),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--splits", type=int, nargs="+", default=(3,), help="of those that bracket.py was run on"
    )
    parser.add_argument("--small", action="store_true", help="two tables; nothing is kept")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    kept = json.loads((RESULTS / "bracket.json").read_text())
    grids = {(row["table"], row["split"]): row for row in kept["grids"]}
    rows: list[dict[str, Any]] = []
    for seed in asked.splits:
        for number, of in enumerate(search_tables(seed)):
            if asked.small and number == 2:
                break
            grid = grids[of.name, seed]
            best = min(loss for loss in grid["held"] if np.isfinite(loss))
            for select in ("min", "1se"):
                loss = grid["held"][grid[select]]
                found = {
                    "lam": grid["lambdas"][grid[select]],
                    "regret": loss / best - 1,
                    "seconds": float("nan"),
                }
                rows.append({"table": of.name, "split": seed, "way": f"grid, {select}", **found})
            for name, fit in WAYS.items():
                began = time.perf_counter()
                model = fit(of, seed)
                seconds = time.perf_counter() - began
                loss = held_out(model, of, model.lambda_)
                found = {"lam": model.lambda_, "regret": loss / best - 1, "seconds": seconds}
                rows.append({"table": of.name, "split": seed, "way": name, **found})
            print(of.name, seed, {row["way"]: round(row["regret"], 3) for row in rows[-7:]}, flush=True)
            if not asked.small:
                written("ways", {"rows": rows})
    print(table(HEAD, [summary(way, rows) for way in dict.fromkeys(row["way"] for row in rows)]))


def summary(way: str, rows: list[dict[str, Any]]) -> list[str]:
    regret = np.array([row["regret"] for row in rows if row["way"] == way])
    seconds = np.array([row["seconds"] for row in rows if row["way"] == way])
    networks = NETWORKS.get(way, 100)
    shares = [np.median(regret), np.quantile(regret, 0.9), regret.max()]
    return [way, str(networks), *(f"{share:.1%}" for share in shares), f"{np.median(seconds):.2f}"]


if __name__ == "__main__":
    main()
