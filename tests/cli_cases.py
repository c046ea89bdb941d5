"""Running the command line as a user does: in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

QUICK = ["--epochs", "4", "--lambdas", "0,0.001,0.01", "--folds", "3", "--hidden", "5", "--jobs", "1"]


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-c", "from shrinkage.cli import main; main()", *map(str, arguments)]


def shrinkage(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, cwd=cwd)


def mixed_table(n: int = 80, seed: int = 0) -> pd.DataFrame:
    """Numbers with gaps, a category, a boolean, a date, an id and free text, and targets of three kinds."""
    rng = np.random.default_rng(seed)
    size, colour = rng.normal(size=n), rng.choice(["red", "green", "blue"], n)
    frame = pd.DataFrame(
        {
            "size": size.round(4),
            "colour": colour,
            "smoker": rng.choice(["yes", "no"], n),
            "day": pd.date_range("2024-01-01", periods=n).strftime("%Y-%m-%d"),
            "id": [f"row-{i:05d}" for i in range(n)],
            "remark": [" ".join(rng.choice(list("abcdefghij"), 12)) + f" {i}" for i in range(n)],
        }
    )
    frame["three"] = np.select([size > 0.5, size < -0.5], ["high", "low"], "middle")
    frame["price"] = (10 * size + (colour == "red") * 5 + rng.normal(size=n)).round(3)
    frame["weight"] = (size - 2).round(3)
    frame.loc[frame.index[::9], "size"] = np.nan
    return frame
