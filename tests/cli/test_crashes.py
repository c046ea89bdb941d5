"""A run that is killed, starved or disturbed at any file operation ends, once resumed, in the same bytes."""

import json
import shutil
import signal
import tempfile
from pathlib import Path

import numpy as np
import pytest

from cli_cases import Forking, mixed_table

COMPARED = ["model.safetensors", "model.json", "preprocessing.skops", "path.csv"]
OPTIONS = [
    "-t",
    "price",
    "--epochs",
    "2",
    "--lambdas",
    "0,0.01",
    "--folds",
    "2",
    "--hidden",
    "3",
    "--jobs",
    "1",
    "--inputs",
    "standard,linear",
    "-q",
]
AT_MOST = 150
"""File operations of the run; a test fails if there are more, so that none is left out."""
SAMPLE = range(3, AT_MOST, 17)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "train.csv"
    mixed_table(40).drop(columns=["three", "weight", "remark", "id", "day"]).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def whole(shrinkage: Forking, data: Path) -> tuple[Path, list[str]]:
    """The folder of an undisturbed run, and its file operations."""
    out, log = data.parent / "whole", data.parent / "operations"
    done = shrinkage("fit", data, *OPTIONS, "--out", out, before=("count_into", str(out), str(log)))
    assert done.returncode == 0, done.stderr
    return out, log.read_text().split("\n")


def predictions(shrinkage: Forking, model: Path, data: Path) -> str:
    done = shrinkage("predict", model, data)
    assert done.returncode == 0, done.stderr
    return done.stdout


def resumed(shrinkage: Forking, data: Path, out: Path, whole: Path) -> str:
    """Resume, compare with the undisturbed run byte by byte, and return what was said."""
    done = shrinkage("fit", data, *OPTIONS, "--out", out, "--resume")
    assert done.returncode == 0, done.stderr
    for name in COMPARED:
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    left = {path.name for path in out.iterdir()} - {path.name for path in whole.iterdir()}
    assert not left
    return done.stderr


def every(values: range) -> list:
    """All values under the mark `slow`, a sample of them by default."""
    return [pytest.param(n, marks=() if n in SAMPLE else pytest.mark.slow) for n in values]


def test_no_file_operation_is_left_out(whole: tuple[Path, list[str]]):
    assert len(whole[1]) <= AT_MOST
    assert {"open", "write", "fsync", "replace", "unlink", "mkdir"} <= set(whole[1])


@pytest.mark.parametrize("n", every(range(AT_MOST)))
def test_killed_at_any_file_operation_and_again_while_it_recovers(
    n: int, shrinkage: Forking, data: Path, whole: tuple[Path, list[str]], tmp_path: Path
):
    out, second = tmp_path / "out", int(np.random.default_rng(n).integers(AT_MOST))
    first = shrinkage("fit", data, *OPTIONS, "--out", out, before=("kill_at", str(out), n))
    assert first.returncode == (-signal.SIGKILL if n < len(whole[1]) else 0)
    shrinkage("fit", data, *OPTIONS, "--out", out, "--resume", before=("kill_at", str(out), second))
    resumed(shrinkage, data, out, whole[0])
    assert predictions(shrinkage, out, data) == predictions(shrinkage, whole[0], data)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
@pytest.mark.parametrize("n", every(range(0, AT_MOST, 2)))
def test_asked_to_stop_at_any_file_operation(
    n: int, number: int, shrinkage: Forking, data: Path, whole: tuple[Path, list[str]], tmp_path: Path
):
    out = tmp_path / "out"
    done = shrinkage("fit", data, *OPTIONS, "--out", out, before=("kill_at", str(out), n, number))
    if done.returncode:
        assert done.returncode == 128 + number, done.stderr
        assert "Stopped." in done.stderr
    assert "Traceback" not in done.stderr
    if out.exists():
        assert not [path for path in out.rglob(".*") if path.name != ".lock"]
    resumed(shrinkage, data, out, whole[0])


@pytest.mark.parametrize("n", every(range(AT_MOST)))
def test_a_full_disk_is_said_and_earlier_results_stay(
    n: int, shrinkage: Forking, data: Path, whole: tuple[Path, list[str]], tmp_path: Path
):
    out = tmp_path / "out"
    shutil.copytree(whole[0], out)
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    request = ["fit", data, *OPTIONS, "--seed", "7", "--out", out, "--overwrite"]
    done = shrinkage(*request, before=("full_at", str(out), n))
    if done.returncode:
        assert done.returncode == 1
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
        assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before
    else:
        assert "write" not in whole[1][n + 9 :]


def test_a_limit_on_files_is_said_before_anything_is_trained(shrinkage: Forking, data: Path, tmp_path: Path):
    done = shrinkage("fit", data, *OPTIONS, "--out", tmp_path / "out", before=("limit_files", 2**20))
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_read_only_folder_is_said_and_left_as_it_is(
    shrinkage: Forking, data: Path, whole: tuple[Path, list[str]]
):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(data, folder / "train.csv")
        (folder / "out").mkdir()
        shutil.copy(whole[0] / "path.csv", folder / "out")
        (folder / "out").chmod(0o555)
        folder.chmod(0o755)
        request = ["fit", folder / "train.csv", *OPTIONS, "--out", folder / "out", "--overwrite"]
        done = shrinkage(*request, before=("unprivileged",))
        assert done.returncode == 2, done.stderr
        assert "Permission denied. Name another folder." in done.stderr
        assert [path.name for path in (folder / "out").iterdir()] == ["path.csv"]
        (folder / "out").chmod(0o755)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_block_is_set_aside_and_computed_again(
    damage: str, shrinkage: Forking, data: Path, whole: tuple[Path, list[str]], tmp_path: Path
):
    out = tmp_path / "out"
    shutil.copytree(whole[0], out)
    block = sorted(out.glob("blocks/*.block"))[0]
    content = block.read_bytes()
    flipped = content[:90] + bytes([content[90] ^ 1]) + content[91:]
    block.write_bytes({"flip": flipped, "cut": content[:-9], "empty": b""}[damage])
    said = resumed(shrinkage, data, out, whole[0])
    assert f"{block.name} is damaged: it was set aside as {block.stem}.bad" in said
    assert block.read_bytes() == content


def other_data(data: Path, out: Path) -> None:
    data.write_text(data.read_text() + data.read_text().splitlines()[-1] + "\n")


def other_version(data: Path, out: Path) -> None:
    manifest = out / "blocks" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"torch": "1.0"}))


def damaged_manifest(data: Path, out: Path) -> None:
    (out / "blocks" / "manifest.json").write_text("[1")


@pytest.mark.parametrize(
    "change, options, says",
    [
        (other_data, (), "data was"),
        (other_version, (), "torch was '1.0' and is now"),
        (damaged_manifest, (), "manifest.json: damaged"),
        (None, ("--lr", "0.1"), "learning_rate was '0.02' and is now '0.1'"),
        (None, ("--hidden", "4"), "hidden_layer_sizes was '(3,)' and is now '(4,)'"),
        (None, ("--seed", "5"), "seed was"),
        (None, ("--folds", "3"), "folds was"),
        (None, ("-t", "size"), "target was"),
        (None, ("--drop", "colour"), "matrices was"),
    ],
    ids=lambda value: getattr(value, "__name__", " ".join(value) if isinstance(value, tuple) else ""),
)
def test_blocks_of_another_run_are_refused_naming_the_difference(
    change, options, says: str, shrinkage: Forking, data: Path, whole: tuple[Path, list[str]], tmp_path: Path
):
    out, table = tmp_path / "out", tmp_path / data.name
    shutil.copytree(whole[0], out)
    shutil.copy(data, table)
    if "size" in options:
        table.write_text(table.read_text().replace(",,", ",0.5,").replace("\n,", "\n0.5,"))
    if change is not None:
        change(table, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    done = shrinkage("fit", table, *OPTIONS, *options, "--out", out, "--resume")
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert "--overwrite" in done.stderr
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
