"""`fit` with columns that say something of the rows: what is trained, what is said, and where it is written."""

import html
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cli_cases import QUICKEST, Forking

FIT = [*QUICKEST, "--folds=3"]
AFTER = "3, each validated on the rows that follow its training rows by 'when'"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of 20 persons in no order, of 40 days; the class `late` appears in the last days alone."""
    rng = np.random.default_rng(0)
    day, person = rng.permutation(np.arange(80) // 2), rng.permutation(np.arange(80) // 4)
    x = rng.normal(size=80)
    frame = pd.DataFrame(
        {
            "key": [f"{i:04d}" for i in range(80)],
            "person": [f"p{i}" for i in person],
            "when": pd.date_range("2024-01-01", periods=40).strftime("%d/%m/%Y")[day],
            "copies": rng.integers(0, 3, 80),
            "x": x.round(3),
            "y": (x + person).round(3),
            "c": np.where(day > 30, "late", np.where(x > 0, "up", "down")),
        }
    )
    path = tmp_path_factory.mktemp("table") / "t.csv"
    frame.to_csv(path, index=False)
    return path


def fitted(shrinkage: Forking, table: Path, out: Path, *options: object) -> tuple[str, dict, str]:
    done = shrinkage("fit", table, "-o", out, *FIT, *options)
    assert done.returncode == 0, done.stderr
    return done.stderr, json.loads((out / "run.json").read_text()), (out / "report.html").read_text()


@pytest.mark.parametrize(
    "target, options, folds, said",
    [
        ("c", ["--group", "person"], "3, of whole groups by 'person'", "stay in one fold: 20 groups"),
        ("y", ["--group", "person"], "3, of whole groups by 'person'", "stay in one fold: 20 groups"),
        ("c", ["--time", "when"], AFTER, "The rows were sorted by 'when'"),
        (
            "y",
            ["--group", "person", "--time", "when"],
            f"{AFTER}; no 'person' is on both sides",
            "are never on both sides of a fold: 20 groups",
        ),
        ("c", ["--no-shuffle"], "3, in the order of the file", "keep the order of the rows"),
        ("y", [], "3, shuffled with the seed", "'person' has 20 different values in 80 rows"),
    ],
)
def test_the_folds_are_described_in_terminal_report_and_run(
    shrinkage, table, tmp_path, target, options, folds, said
):
    told, run, report = fitted(
        shrinkage,
        table,
        tmp_path,
        "-t",
        target,
        "--drop",
        "yc".replace(target, ""),
        "--drop",
        "copies",
        "--id",
        "key",
        *options,
    )
    assert said in told
    assert any(said in note for note in run["notes"])
    assert said in html.unescape(report)
    assert run["folds"] == folds
    assert ("--group person keeps them" in told) == (options in ([], ["--no-shuffle"]))
    assert "Infinity" not in (tmp_path / "run.json").read_text()


def test_weights_and_ids_are_no_inputs_and_change_what_is_fitted(shrinkage, table, tmp_path):
    given = ["-t", "y", "--drop", "c", "--id", "key"]
    told, run, _ = fitted(shrinkage, table, tmp_path / "a", *given, "--weight", "copies")
    assert "Each row is weighted by its 'copies', which is not an input." in told
    assert "Copied to the predictions and not used as inputs: 'key'." in told
    model = json.loads((tmp_path / "a" / "model.json").read_text())
    assert [column["name"] for column in model["columns"]] == ["person", "when", "x"]
    assert model["ids"] == ["key"]
    _, plain, _ = fitted(shrinkage, table, tmp_path / "b", *given, "--drop", "copies")
    assert run["compared"] != plain["compared"]


def test_the_column_of_time_can_be_dropped_from_the_inputs(shrinkage, table, tmp_path):
    fitted(
        shrinkage,
        table,
        tmp_path,
        "-t",
        "y",
        "--time",
        "when",
        *(f"--drop={c}" for c in ("c", "key", "when")),
    )
    model = json.loads((tmp_path / "model.json").read_text())
    assert [column["name"] for column in model["columns"]] == ["person", "copies", "x"]


@pytest.mark.parametrize("role, name", [("--group", "person"), ("--time", "when"), ("--weight", "copies")])
def test_a_column_with_a_role_may_be_copied_to_the_predictions(shrinkage, table, tmp_path, role, name):
    fitted(shrinkage, table, tmp_path / "out", "-t", "y", role, name, "--id", name)
    model = json.loads((tmp_path / "out" / "model.json").read_text())
    assert name not in [column["name"] for column in model["columns"]]
    done = shrinkage("predict", tmp_path / "out", table)
    assert done.returncode == 0, done.stderr
    predicted = pd.read_csv(io.StringIO(done.stdout), dtype=str)
    assert predicted[name].tolist() == pd.read_csv(table, dtype=str)[name].tolist()


@pytest.mark.parametrize(
    "options, message",
    [
        (["--group", "persn"], "--group persn: t.csv has no column 'persn'; did you mean 'person'?"),
        (["--weight", "c", "--group", "y"], "--group y: column 'y' is already the target"),
        (["--weight", "c"], "--weight c: the column contains values that are not numbers, such as "),
        (["--time", "person"], "--time person: the column holds neither dates nor numbers to sort by."),
        (["--group", "copies", "--time", "when"], "nothing is left to train on. Leave out --group"),
        (["--time", "when", "--fast"], "Leave out --fast."),
        (
            ["--group", "c", "--folds", "5"],
            "--group: 5 folds need at least 5 groups, got 3. Use fewer folds (--folds).",
        ),
    ],
)
def test_impossible_requests_are_refused_in_a_sentence(shrinkage, table, tmp_path, options, message):
    done = shrinkage("fit", table, "-t", "y", "-o", tmp_path / "out", *FIT, *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "out" / "model.json").exists()
