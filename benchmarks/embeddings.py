"""What a periodic member adds to others: held-out loss with and without it, on the tables of `benchmarks/tables`.

    python benchmarks/embeddings.py
    python benchmarks/embeddings.py --split 1 --tables airfoil concrete --beside standard bounded piecewise deep_piecewise

Every member is fitted alone on the same rows and folds, on one core; then those beside which it is judged are blended
as `inputs="auto"` blends them, once without it and once with it. Root mean squared errors, or nats a row. Kept in
`benchmarks/results/embeddings.json`; what is kept isn't run again.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from tables.collection import TABLES, Split, splits
from tables.run import loss

import shrinkage as sh
from shrinkage.estimators.members._blend import blend_members

RESULTS = Path(__file__).parent / "results" / "embeddings.json"
BESIDE = ("standard", "bounded", "piecewise", "linear", "additive")


def fitted(split: Split, member: str) -> dict[str, Any]:
    """Predictions of the rows that the folds held out and of the new rows, and the seconds."""
    kind: Any = sh.MLPRegressorCV if split.task == "regression" else sh.MLPClassifierCV
    start = time.perf_counter()
    model = kind(inputs=member, random_state=split.seed, n_jobs=1, calibrate=False).fit(split.X, split.y)
    seconds = time.perf_counter() - start
    regression = split.task == "regression"
    predicted = model.predict(split.X_new) if regression else model.predict_proba(split.X_new)
    path = SimpleNamespace(held_out=model.forms_.paths[0].held_out)
    return {"path": path, "predicted": np.asarray(predicted, float), "seconds": seconds}


def judged(split: Split, found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The loss without and with the periodic member, of each member alone, and the seconds of each."""
    y = split.y
    if split.task == "regression":
        Y, key = y[:, None].astype(float), "squared_error"
    elif y.max() == 1:
        Y, key = y[:, None].astype(float), "logistic"
    else:
        Y, key = np.eye(y.max() + 1)[y], "softmax"

    def of(names: list[str]) -> float:
        forms = blend_members({name: found[name]["path"] for name in names}, Y, key, None)
        parts = zip(names, forms.weights, strict=True)
        return loss(split, np.sum([w * found[name]["predicted"] for name, w in parts], axis=0))

    return {
        "without": of([name for name in found if name != "periodic"]),
        "with": of(list(found)),
        "alone": {name: loss(split, each["predicted"]) for name, each in found.items()},
        "seconds": {name: round(each["seconds"], 2) for name, each in found.items()},
    }


def report(kept: dict[str, Any]) -> None:
    """Wins and mean ratios, for regressions and classifications, split by split."""
    for task in ("regression", "classification"):
        for number in sorted({key.rpartition("/")[2] for key in kept}):
            rows = {k: v for k, v in kept.items() if k.endswith(f"/{number}") and TABLES[k[:-2]][0] == task}
            if not rows:
                continue
            # A loss of 0 has no ratio: both sides get a floor far below any that matters.
            ratio = np.array([max(v["with"], 1e-4) / max(v["without"], 1e-4) for v in rows.values()])
            print(
                f"{task}, split {number}: {len(rows)} tables, loss {np.exp(np.log(ratio).mean()):.3f}, better on "
                f"{(ratio < 1).sum()}, worse on {(ratio > 1).sum()}, worst {ratio.max():.2f} "
                f"({list(rows)[int(ratio.argmax())]})"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", nargs="*", default=[name for name in TABLES if name != "digits"])
    parser.add_argument("--beside", nargs="*", default=list(BESIDE))
    parser.add_argument("--split", type=int, default=0)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    kept = json.loads(given.results.read_text()) if given.results.exists() else {}
    for name in given.tables:
        if (key := f"{name}/{given.split}") in kept:
            continue
        split = list(splits(name, given.split + 1))[given.split]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kept[key] = judged(
                split, {member: fitted(split, member) for member in (*given.beside, "periodic")}
            )
        given.results.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
        print(key, {what: kept[key][what] for what in ("without", "with")}, flush=True)
    report(kept)


if __name__ == "__main__":
    main()
