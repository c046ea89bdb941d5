"""The models of earlier versions that are kept in tests/data/model-*, and how they were made.

`python tests/golden_cases.py FOLDER` writes one of the present version; those of earlier versions stay as they are.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd

DATA = Path(__file__).parent / "data"
GOLDEN = DATA / "model-0.1"
GOLDEN_MODELS = {version: DATA / f"model-{version}" for version in ("0.1", "0.2")}


def golden_table() -> pd.DataFrame:
    """One column of every kind, gaps, and three classes; no random numbers, which may change with a version."""
    rows = range(45)
    return pd.DataFrame(
        {
            "size": [None if i % 11 == 4 else round((i * 37 % 45) / 9 - 2, 3) for i in rows],
            "far": [1e6 + i * 7 % 45 for i in rows],
            "colour": [["red", "green", "blue", None][i * 13 % 4] for i in rows],
            "smoker": ["yes" if i * 5 % 3 else "no" for i in rows],
            "day": [f"2024-{1 + i % 12:02d}-{1 + i * 2 % 28:02d}" for i in rows],
            "grade": [["low", "middle", "high"][(i * 37 % 45) // 15] for i in rows],
        }
    )


def make(folder: Path) -> None:
    from shrinkage import MLPClassifierCV
    from shrinkage.estimators import Runtime, load_model, save_model

    frame = golden_table()
    model = MLPClassifierCV((4,), lambdas=[0, 1e-2], max_epochs=30, cv=3, keep_path=True, random_state=0)
    features = frame.drop(columns="grade")
    model._fit(features, frame["grade"].to_numpy(), None, Runtime(as_table=True))
    assert model.preprocessor_ is not None
    folder.mkdir(parents=True)
    save_model(model, model.preprocessor_, ("grade",), folder)
    loaded = load_model(folder)
    lambdas = (0.0, 0.01, float(model.lambda_))
    expected = {str(lam): loaded.predict_proba(features, lam).tolist() for lam in lambdas}
    (folder / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
