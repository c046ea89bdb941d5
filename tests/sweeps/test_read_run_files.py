"""Runs in files and objects of every kind, and what the name of a score says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest

from shrinkage import RequestError, choose
from shrinkage.sweeps.reading import columns_of, direction_of

RUNS = pd.DataFrame(
    [
        {"weight_decay": wd, "seed": s, "val_loss": loss + 0.1 * s}
        for wd, loss in [(0.001, 0.5), (0.01, 0.3), (0.1, 0.4)]
        for s in range(3)
    ]
)


def nested(runs: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {"trial": {"hp": {"values": {"weight_decay": w, "seed": s}}}, "loss": v, "sizes": [8, 4]}
        for w, s, v in runs.itertuples(index=False)
    ]


def with_means(runs: pd.DataFrame) -> pd.DataFrame:
    means: Any = runs.groupby("weight_decay", as_index=False).mean()
    return pd.concat([runs.astype({"seed": object}), means.assign(seed="mean")])


def write(text: str, encoding: str = "utf-8") -> Callable[[Path], object]:
    return lambda path: path.write_text(text, encoding=encoding)


FILES: dict[str, Callable[[Path], object]] = {
    "runs.csv": lambda path: RUNS.to_csv(path),
    "runs.csv.gz": lambda path: RUNS.to_csv(path),
    "runs.tsv": lambda path: RUNS.to_csv(path, sep="\t"),
    "utf16.csv": write(RUNS.to_csv(index=False, sep="\t"), "utf-16"),
    "latin.csv": write(RUNS.assign(Größe="groß").to_csv(index=False), "cp1252"),
    "runs.xlsx": lambda path: RUNS.to_excel(path),
    "runs.parquet": lambda path: RUNS.to_parquet(path),
    "records.json": lambda path: RUNS.to_json(path, orient="records"),
    "columns.json": lambda path: RUNS.to_json(path),
    "runs.jsonl": lambda path: RUNS.to_json(path, orient="records", lines=True),
    "wrapped.json": write(json.dumps({"count": 9, "runs": RUNS.to_dict("records")})),
    "result.json": lambda path: pd.DataFrame(nested(RUNS)).to_json(path, orient="records", lines=True),
}


@pytest.mark.parametrize("name", FILES)
def test_the_same_runs_are_read_from_every_kind_of_file(name: str, tmp_path: Path) -> None:
    FILES[name](tmp_path / name)
    check(choose(tmp_path / name))


def check(found: Any) -> None:
    assert list(found.best.values()) == [0.01]
    assert found.sweep.blocks == "seed"
    assert found.score == pytest.approx(0.4)


OBJECTS: dict[str, Callable[[], Any]] = {
    "polars": lambda: polars.DataFrame(RUNS.to_dict("list")),
    "pyarrow": lambda: pyarrow.Table.from_pandas(RUNS),
    "structured array": lambda: RUNS.to_records(index=False),
    "columns of dictionaries": lambda: RUNS.to_dict(),
    "an index with names": lambda: RUNS.set_index(["weight_decay", "seed"]),
    "nested dictionaries": lambda: nested(RUNS),
    "a mean for each setting": lambda: with_means(RUNS),
    "what runs measure beside": lambda: RUNS.assign(
        tokens=[1, 2, 2] * 3, cpu=[40, 40, 41] * 3, **{"system/gpu": range(9), "val_throughput": 5}
    ),
    "what a number is for in its name": lambda: RUNS.rename(columns={"weight_decay": "Weight decay (AdamW)"}),
    "a constant beside columns": lambda: RUNS.to_dict("list") | {"lr": 1e-3, "model": "mlp"},
}


@pytest.mark.parametrize("name", OBJECTS)
def test_the_same_runs_are_read_from_every_kind_of_object(name: str) -> None:
    check(choose(OBJECTS[name]()))


def test_a_word_for_a_score_is_none() -> None:
    runs = pd.concat([RUNS.astype({"val_loss": object}), RUNS[:1].assign(weight_decay=1.0, val_loss="OOM")])
    found = choose(runs)
    check(found)
    assert "1 of 10 runs have no score and are left out." in str(found)


@pytest.mark.parametrize(
    "name, content, sentence",
    [
        ("empty.csv", b"", "can't be read as a table of runs"),
        ("study.db", b"SQLite format 3", "is a database, not a table of runs"),
        ("folder", None, "is a folder"),
        ("header.csv", b"wd,val_loss\n", "the table has no runs"),
    ],
)
def test_what_is_no_table_is_named(name: str, content: bytes | None, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(RequestError, match=sentence):
        choose(path)


@pytest.mark.parametrize("share", [-1, "a", float("inf")])
def test_a_share_of_test_rows_is_a_number_from_0_on(share: Any) -> None:
    with pytest.raises(RequestError, match=r"^choose\(test_share=…\): must be a number >= 0"):
        choose(RUNS, test_share=share)


@pytest.mark.parametrize("name", ["runs.xlsx", "runs.json", "runs.parquet"])
def test_a_file_that_is_not_what_it_is_called_is_a_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("weight_decay,val_loss\n1,2\n")
    with pytest.raises(RequestError, match="can't be read as a table of runs"):
        choose(tmp_path / name)


@pytest.mark.parametrize(
    "cells, numbers",
    [
        (["1e-4", "0", "-3.5"], [1e-4, 0, -3.5]),
        (["0,5", "1,25e-3"], [0.5, 1.25e-3]),
        (["64,5 %", "70 %"], [64.5, 70]),
        (["1,234.5", "12.25", "1,234,567.0"], [1234.5, 12.25, 1234567]),
        (["Infinity", "NaN", "1"], [np.inf, None, 1]),
        (["0.91 ± 0.02", "0.9 +/- 0.1", "0.8 (0.1)"], [0.91, 0.9, 0.8]),
        (["91.2 ± 0.3 %", "90.1% ± 0.2%"], [91.2, 90.1]),
        (["v1", "2"], ["v1", "2"]),
        (["(4,)", "(8,)"], ["(4,)", "(8,)"]),
    ],
)
def test_numbers_in_text(cells: list[str], numbers: list[Any]) -> None:
    assert columns_of({"x": cells})["x"] == numbers


@pytest.mark.parametrize(
    "direction, names",
    [
        (
            "maximize",
            "acc val_f1 R² R^2 r_squared neg_log_loss neg_brier_score AUPRC test_score log_likelihood",
        ),
        (
            "minimize",
            "loss val_rmse brier_score perplexity error_rate negative_log_likelihood ECE nll neg_r2",
        ),
    ],
)
def test_the_name_of_a_score_says_which_is_better(direction: str, names: str) -> None:
    assert {name: direction_of(name) for name in names.split()} == dict.fromkeys(names.split(), direction)
