"""Every bad input of the catalogue through the real command line: a code, a sentence, and nothing touched."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bad_input_cases import FIT, PREDICT, Case
from cli_cases import QUICK, Forking, mixed_table

EARLIER = "an earlier file of the user's"


def prepared(case: Case, folder: Path) -> tuple[str, list[str]]:
    """The data file of a case, and its options filled in."""
    path = case.name if "://" in case.name else str(folder / case.name)
    if callable(case.file):
        case.file(Path(path))
    elif case.file is not None:
        Path(path).write_bytes(case.file.encode() if isinstance(case.file, str) else case.file)
    return path, [option.format(file=path, folder=folder, out=folder / "out") for option in case.options]


def checked(done: subprocess.CompletedProcess[str], case: Case) -> None:
    problems = [line for line in done.stderr.splitlines() if line.startswith("shrinkage: ")]
    others = [line for line in done.stderr.splitlines() if not line.startswith(("shrinkage: ", "note: "))]
    assert done.returncode == case.code, done.stderr
    assert "Traceback" not in done.stderr
    assert others == []
    assert len(problems) == case.problems, done.stderr
    assert all(line.isprintable() and line.endswith((".", "?")) for line in problems), done.stderr
    missing = [part for part in case.says if part not in "\n".join(problems)]
    assert not missing, f"{missing} is not in {problems}"


@pytest.mark.parametrize("case", FIT, ids=lambda case: case.id)
def test_fit_says_what_is_wrong_and_touches_nothing(shrinkage: Forking, case: Case, tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "keep.txt").write_text(EARLIER)
    path, options = prepared(case, tmp_path)
    data = [path] if case.file is not None or case.name != "data.csv" else []
    done = shrinkage("fit", *data, "--out", out, "--epochs", "1", *options)
    checked(done, case)
    assert [file.name for file in out.iterdir()] == ["keep.txt"]
    assert (out / "keep.txt").read_text() == EARLIER
    assert done.stdout == ""


@pytest.fixture(scope="module")
def model(shrinkage: Forking, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    mixed_table().drop(columns=["price", "weight"]).to_csv(folder / "train.csv", index=False)
    done = shrinkage("fit", folder / "train.csv", "-t", "three", "--out", folder / "out", *QUICK)
    assert done.returncode == 0, done.stderr
    return folder / "out"


@pytest.mark.parametrize("case", PREDICT, ids=lambda case: case.id)
def test_predict_says_what_is_wrong_and_writes_nothing(
    shrinkage: Forking, case: Case, model: Path, tmp_path: Path
):
    path, options = prepared(case, tmp_path)
    before = sorted(tmp_path.iterdir())
    done = shrinkage("predict", model, path, *(options or ["-o", tmp_path / "predicted.csv"]))
    checked(done, case)
    assert sorted(tmp_path.iterdir()) == before
    assert done.stdout == ""


@pytest.mark.parametrize("name", ["model.json", "model.safetensors", "preprocessing.skops"])
@pytest.mark.parametrize("damage", ["cut", "missing"])
def test_predict_refuses_a_damaged_model(
    shrinkage: Forking, name: str, damage: str, model: Path, tmp_path: Path
):
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    if damage == "cut":
        (folder / name).write_bytes((folder / name).read_bytes()[:-9])
    else:
        (folder / name).unlink()
    case = Case(id=name, says=(str(folder), "that fit wrote" if damage == "missing" else "fit again"))
    checked(shrinkage("predict", folder, model.parent / "train.csv"), case)
