"""Wins and ratios of losses, default against default, on many small tables.

    python benchmarks/tables/run.py                     # everything that isn't kept in the results yet, then the table
    python benchmarks/tables/run.py --only ours linear  # some contenders
    python benchmarks/tables/run.py --seeds 3 --against ours

Kept in `benchmarks/results/tables.json`: root mean squared error or mean log loss on the rows held out, and seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tables.collection import TABLES, Split, splits
from tables.rivals import CONTENDERS

RESULTS = Path(__file__).parents[1] / "results" / "tables.json"
EXACT = 1e-3
"""A loss below this is a fit to the last digits: the smallest one elsewhere is 0.035."""
TIED = 0.005


def loss(split: Split, predicted: np.ndarray) -> float:
    """Root mean squared error, or mean log loss with probabilities of at least 1e-7."""
    if split.task == "regression":
        return float(np.sqrt(np.mean((split.y_new - predicted.ravel()) ** 2)))
    p = np.clip(predicted[np.arange(len(split.y_new)), split.y_new], 1e-7, 1)
    return float(-np.log(p).mean())


def measured(names: list[str], seeds: int, results: Path) -> dict[str, dict[str, list[float]]]:
    """(loss, seconds) by contender and split; what is kept already isn't run again."""
    kept = json.loads(results.read_text()) if results.exists() else {}
    for table in TABLES:
        for split in splits(table, seeds):
            for name in names:
                key = f"{table}/{split.seed}"
                if key in kept.setdefault(name, {}):
                    continue
                start = time.perf_counter()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    predicted = np.asarray(CONTENDERS[name](split), dtype=float)
                kept[name][key] = [round(loss(split, predicted), 6), round(time.perf_counter() - start, 2)]
                results.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    return kept


def table_of(kept: dict[str, dict[str, list[float]]], ours: str) -> str:
    """Wins of `ours` against each contender, and the ratios of losses: geometric mean, median and worst.

    The ratios leave out tables that a contender fits to the last digits, where ratios are of rounding errors.
    """
    lines = [
        "| against | wins | within 0.5 % | ratio of losses, mean | median | worst | seconds, ours / theirs |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in kept:
        shared = sorted(kept[ours].keys() & kept[name].keys())
        if name == ours or not shared:
            continue
        a, b = (np.array([kept[who][key] for key in shared]) for who in (ours, name))
        exact = [any(kept[who][key][0] < EXACT for who in kept if key in kept[who]) for key in shared]
        ratio = np.where(exact, np.nan, a[:, 0] / np.maximum(b[:, 0], EXACT))
        lines.append(
            f"| {name} | {int((a[:, 0] < b[:, 0]).sum())} of {len(shared)} "
            f"| {int((np.abs(a[:, 0] - b[:, 0]) <= TIED * b[:, 0]).sum())} | {np.exp(np.nanmean(np.log(ratio))):.3f} "
            f"| {np.nanmedian(ratio):.3f} | {np.nanmax(ratio):.2f} ({shared[int(np.nanargmax(ratio))]}) "
            f"| {np.median(a[:, 1]):.1f} / {np.median(b[:, 1]):.1f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=list(CONTENDERS), default=list(CONTENDERS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--against", default="ours")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    print(table_of(measured(given.only, given.seeds, given.results), given.against))
