"""A comparison that was killed, damaged or asked for more goes on from its finished splits to the same figures."""

from __future__ import annotations

import json
import re
import shutil
import signal
from pathlib import Path

import pandas as pd
import pytest

from cli_cases import Forking
from comparison_cases import mixed

METHODS = ["--methods", "l2,l1,adam_decoupled"]
OPTIONS = [
    "-t",
    "kind",
    "--folds",
    "2",
    "--repeats",
    "1",
    "--inner-folds",
    "2",
    "--epochs",
    "2",
    "--lambdas",
    "0,0.1",
    "--jobs",
    "1",
    "-q",
]
SAMPLE = range(2, 128, 18)
"""File operations before which the run is killed: from the folder's first to the page's last."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "rows.csv"
    mixed(40).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def whole(shrinkage: Forking, data: Path) -> tuple[Path, list[str]]:
    """The folder of an undisturbed run, and its file operations."""
    out, log = data.parent / "whole", data.parent / "operations"
    before = ("count_into", str(out), str(log))
    done = shrinkage("compare", data, *OPTIONS, *METHODS, "--out", out, before=before)
    assert done.returncode == 0, done.stderr
    return out, log.read_text().split("\n")


def figures(out: Path) -> tuple[str, str]:
    """All that was written of numbers, to the last digit, without the times."""
    splits = pd.read_csv(out / "compare.csv", dtype=str).drop(columns="seconds").to_csv()
    found = json.loads((out / "compare.json").read_text())
    return splits, re.sub(r'"seconds(_a_split)?": [^,}]+', "", json.dumps(found))


def resumed(shrinkage: Forking, data: Path, out: Path, *more: object) -> str:
    done = shrinkage("compare", data, *OPTIONS, *(more or METHODS), "--out", out, "--resume")
    assert done.returncode == 0, done.stderr
    return done.stderr


def blocks(out: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in out.rglob("*.block")}


def test_the_kills_reach_from_first_to_last(whole: tuple[Path, list[str]]):
    assert SAMPLE[-1] < len(whole[1]) <= SAMPLE.stop


@pytest.mark.parametrize("n", SAMPLE)
def test_killed_at_any_file_operation(
    n: int, shrinkage: Forking, data: Path, whole: tuple[Path, list[str]], tmp_path: Path
):
    out = tmp_path / "out"
    done = shrinkage("compare", data, *OPTIONS, *METHODS, "--out", out, before=("kill_at", str(out), n))
    assert done.returncode == -signal.SIGKILL
    before = blocks(out)
    resumed(shrinkage, data, out)
    assert figures(out) == figures(whole[0])
    assert before.items() <= blocks(out).items()
    assert {path.name for path in out.iterdir()} == {"blocks", "compare.csv", "compare.html", "compare.json"}


def test_methods_and_repeats_are_added_to_what_is_kept(
    shrinkage: Forking, data: Path, whole: tuple[Path, list[str]], tmp_path: Path
):
    out, more = tmp_path / "out", ["--repeats", "2", "--methods", "l2,l1,adam_l2"]
    shutil.copytree(whole[0], out)
    before = blocks(out)
    resumed(shrinkage, data, out, *more)
    assert before.items() <= blocks(out).items()
    new = shrinkage("compare", data, *OPTIONS, *more, "--out", tmp_path / "new")
    assert new.returncode == 0, new.stderr
    assert figures(out) == figures(tmp_path / "new")


def test_a_damaged_block_is_set_aside_and_computed_again(
    shrinkage: Forking, data: Path, whole: tuple[Path, list[str]], tmp_path: Path
):
    out = tmp_path / "out"
    shutil.copytree(whole[0], out)
    block = sorted(out.rglob("*.block"))[0]
    content = block.read_bytes()
    block.write_bytes(content[:90] + bytes([content[90] ^ 1]) + content[91:])
    assert f"{block.name} is damaged: it was set aside as {block.stem}.bad" in resumed(shrinkage, data, out)
    assert figures(out) == figures(whole[0])


@pytest.mark.parametrize(
    "change, says",
    [
        (["--lr", "0.2"], "learning_rate was '0.1' and is now '0.2'"),
        (["--hidden", "3"], "hidden_layer_sizes was '(8,)' and is now '(3,)'"),
        (["--seed", "1"], "seed was 0 and is now 1"),
        (["--inner-folds", "3"], "inner_folds was 2 and is now 3"),
        (["--lambdas", "0,0.2"], "lambdas was"),
        (["--rows", "30"], "rows was 40 and is now 30"),
        (["--drop", "colour"], "columns was"),
        (["other cell"], "data was"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_blocks_of_another_comparison_are_refused_naming_the_difference(
    change: list[str],
    says: str,
    shrinkage: Forking,
    data: Path,
    whole: tuple[Path, list[str]],
    tmp_path: Path,
):
    out, table = tmp_path / "out", tmp_path / data.name
    shutil.copytree(whole[0], out)
    shutil.copy(data, table)
    if change == ["other cell"]:
        frame, change = pd.read_csv(table), []
        frame.loc[5, "colour"] = "green" if frame.loc[5, "colour"] == "red" else "red"
        frame.to_csv(table, index=False)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    done = shrinkage("compare", table, *OPTIONS, *METHODS, *change, "--out", out, "--resume")
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert "--overwrite" in done.stderr
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "options, says",
    [
        (["--resume"], "--resume: name the folder of the interrupted run"),
        (
            ["--resume", "--overwrite", "--out", "x"],
            "--resume continues a run and --overwrite replaces it",
        ),
        (["--resume", "--demo", "l2-2017"], "leave out --resume"),
    ],
)
def test_a_resume_that_cannot_be(options: list[str], says: str, shrinkage: Forking, data: Path):
    request = [] if "--demo" in options else [data, *OPTIONS]
    done = shrinkage("compare", *request, *options)
    assert done.returncode == 2
    assert says in done.stderr
