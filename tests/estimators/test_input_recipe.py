"""`model.inputs.json`: a program of its own makes the same inputs of a table as the preprocessing does."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cli_cases import QUICK, shrinkage
from shrinkage.estimators import load_model
from shrinkage.tables import Preprocessor, input_recipe, read_table
from tables_cases import every_kind, text_table

FILE = """price|code|country|day|left at|smoker|store_id|y
$1,000.50|00501|NA|2024-01-05|08:45|yes|12|1.5
unknown|10001|DE|2024-02-06|17:30|no|7|2.5
$1,250.00|00501|FR||23:05|NA|12|4.5
$2,000.25|94105|DE|2024-03-07|05:10|no|30|3.5
$2,100.75|10001|NA|2024-04-08|n/a|yes|7|5.5
$1,700.00|00501|DE|2024-05-09|12:00|no|30|6.5
"""


def by_recipe(recipe: dict[str, Any], frame: pd.DataFrame) -> np.ndarray:
    """The inputs, by the words of docs/reliability.md and the cells of a table alone."""
    rules = {column["name"]: column for column in recipe["columns"]}
    return np.column_stack(
        [_input(entry, rules[entry["column"]], frame) for entry in recipe["inputs"]]
    ).astype(np.float32)


def _input(entry: dict[str, Any], rule: dict[str, Any], frame: pd.DataFrame) -> np.ndarray:
    words = {*(rule["reading"] or {}).get("missing", []), "unknown", "n/a"} - (
        {"NA"} if rule["name"] == "country" else set()
    )
    cells = [None if pd.isna(cell) or cell in words else cell for cell in frame[entry["column"]]]
    value = entry["value"]
    if value == "missing":
        return np.array([cell is None for cell in cells], float)
    if value in ("level", "other"):
        texts = [None if cell is None else str(cell) for cell in cells]
        if value == "level":
            return np.array([text == entry["level"] for text in texts], float)
        return np.array([text is not None and text not in entry["levels"] for text in texts], float)
    parts = {"number": _number, "days since 2000-01-01": _days}.get(value)
    if rule["kind"] == "time":
        hours = [np.nan if cell is None else int(cell[:2]) + int(cell[3:]) / 60 for cell in cells]
        angle = 2 * np.pi * np.array(hours) / 24
        found = {"hour": np.array(hours), "daily cosine": np.cos(angle), "daily sine": np.sin(angle)}[value]
    elif parts is None:
        found = np.array([np.nan if cell is None else _part(cell, value) for cell in cells])
    else:
        found = np.array([np.nan if cell is None else parts(cell, rule) for cell in cells], float)
    return np.where(np.isnan(found), entry["fill"], found - entry.get("offset", 0.0))


def _moment(cell: Any) -> pd.Timestamp:
    moment = pd.Timestamp(cell)
    assert isinstance(moment, pd.Timestamp)
    return moment


def _part(cell: Any, part: str) -> float:
    moment = _moment(cell)
    return float(moment.weekday() if part == "weekday" else getattr(moment, part))


def _days(cell: Any, rule: dict[str, Any]) -> float:
    return (_moment(cell) - datetime(2000, 1, 1)) / timedelta(days=1)


def _number(cell: Any, rule: dict[str, Any]) -> float:
    if rule["kind"] == "boolean":
        return float(cell in (True, "yes"))
    reading = rule["reading"] or {}
    text = str(cell).replace(reading.get("unit") or "\0", "").replace(reading.get("thousands") or "\0", "")
    return float(text)


@pytest.mark.filterwarnings("ignore:Left out", "ignore:Column 'store_id' is named like a code")
def test_the_recipe_makes_the_inputs_of_a_file(tmp_path: Path):
    table = text_table(tmp_path / "t.csv", FILE, sep="|")
    fitted = Preprocessor().fit(table.frame.drop(columns="y"))
    recipe = json.loads(json.dumps(input_recipe(fitted)))
    raw = pd.read_csv(tmp_path / "t.csv", sep="|", dtype=str, keep_default_na=False, na_values=[""])
    np.testing.assert_allclose(by_recipe(recipe, raw), fitted.transform(table.frame), rtol=1e-6)


@pytest.mark.filterwarnings("ignore:Left out")
def test_it_names_every_input_in_its_order():
    fitted = Preprocessor(max_levels=2).fit(every_kind())
    recipe = input_recipe(fitted)
    assert [entry["name"] for entry in recipe["inputs"]] == fitted.feature_names_out
    assert {column["name"]: column["used"] for column in recipe["columns"]} == {
        c.name: c.used for c in fitted.columns
    }


def test_the_graph_and_the_reader_give_what_predict_gives(tmp_path: Path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra 'test'")
    (tmp_path / "t.csv").write_text(FILE.split("\n", 1)[0] + "\n" + FILE.split("\n", 1)[1] * 4)
    out = tmp_path / "out"
    done = shrinkage("fit", tmp_path / "t.csv", "-t", "y", "-o", out, *QUICK)
    assert done.returncode == 0, done.stderr
    assert shrinkage("export", out, "--onnx").returncode == 0
    saved = load_model(out)
    assert json.loads((out / "model.inputs.json").read_text()) == input_recipe(saved.preprocessor)
    done = shrinkage("predict", out, tmp_path / "t.csv", "-o", tmp_path / "p.csv")
    assert done.returncode == 0, done.stderr
    inputs = saved.preprocessor.transform(read_table(tmp_path / "t.csv", like=saved.preprocessor).frame)
    session = onnxruntime.InferenceSession(str(out / "model.onnx"), providers=["CPUExecutionProvider"])
    (values,) = session.run(["values"], {"inputs": inputs})
    np.testing.assert_allclose(values[:, 0], pd.read_csv(tmp_path / "p.csv")["y"], rtol=1e-4, atol=1e-6)
