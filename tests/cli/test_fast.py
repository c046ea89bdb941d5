"""`shrinkage fit --fast`: a shorter path to the same model, said so, and resumed to the same bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from cli_cases import Forking

OPTIONS = ["--bundled", "wine", "--epochs", "40", "--lambdas", "1e-4:10:9", "--hidden", "8", "--jobs", "1"]
OPTIONS += ["--inputs", "standard", "--search", "grid"]
COMPARED = ["model.safetensors", "model.json", "preprocessing.skops", "path.csv"]


@pytest.fixture(scope="module")
def fast(shrinkage: Forking, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, int]:
    """The folder of an undisturbed run, what it said, and how many file operations it took."""
    folder = tmp_path_factory.mktemp("fast")
    out, log = folder / "out", folder / "operations"
    done = shrinkage("fit", *OPTIONS, "--fast", "--out", out, before=("count_into", str(out), str(log)))
    assert done.returncode == 0, done.stderr
    return out, done.stdout, len(log.read_text().split("\n"))


def test_the_model_is_that_of_the_whole_path_and_the_rest_is_said(
    shrinkage: Forking, fast: tuple[Path, str, int], tmp_path: Path
) -> None:
    out, said, _ = fast
    done = shrinkage("fit", *OPTIONS, "--out", tmp_path / "whole")
    assert done.returncode == 0, done.stderr
    some, every = (pd.read_csv(folder / "path.csv") for folder in (out, tmp_path / "whole"))
    left = pd.DataFrame(every[every["lambda"].isin(some["lambda"])])
    pd.testing.assert_frame_equal(some, left.reset_index(drop=True))
    missing = len(every) - len(some)
    sentence = next(line for line in said.splitlines() if "dropped" in line)
    assert missing > 1
    assert f"{missing} λs of {len(every)}" in sentence
    assert "dropped" not in done.stdout
    report = (out / "report.html").read_text()
    assert f"{missing} λs of {len(every)}" in report
    assert f"{len(some)} of {len(every)} λs × 5 folds" in report
    runs = [json.loads((folder / "run.json").read_text()) for folder in (out, tmp_path / "whole")]
    assert [run["options"]["fast"] for run in runs] == [True, False]
    assert runs[0]["lambda"] == runs[1]["lambda"]
    models = [json.loads((folder / "model.json").read_text()) for folder in (out, tmp_path / "whole")]
    assert len(models[0]["parts"][0]["lambdas"]) == len(some)
    assert models[0].keys() == models[1].keys()


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_a_run_that_was_killed_goes_on_to_the_same_bytes(
    share: float, shrinkage: Forking, fast: tuple[Path, str, int], tmp_path: Path
) -> None:
    whole, _, operations = fast
    out = tmp_path / "out"
    place = int(share * operations)
    done = shrinkage("fit", *OPTIONS, "--fast", "--out", out, before=("kill_at", str(out), place))
    assert done.returncode == -9
    done = shrinkage("fit", *OPTIONS, "--fast", "--out", out, "--resume")
    assert done.returncode == 0, done.stderr
    for name in COMPARED:
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name


def test_a_model_of_a_fast_run_predicts(
    shrinkage: Forking, fast: tuple[Path, str, int], tmp_path: Path
) -> None:
    from sklearn.datasets import load_wine

    frame = load_wine(as_frame=True).data  # pyright: ignore[reportAttributeAccessIssue]
    frame.to_csv(tmp_path / "new.csv", index=False)
    done = shrinkage("predict", fast[0], tmp_path / "new.csv")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1 + len(frame)
