"""Options from a file: a TOML file of one's own, or the run.json of a run to repeat."""

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import typer
from typer.main import get_command

from cli_cases import Forking, mixed_table
from shrinkage.cli import app
from shrinkage.cli.options._config_file import _kind

TOML = """
data = "{table}"
target = ["price"]
drop = ["three", "weight"]
id = "id"
hidden = [5, 3]
lambdas = [0, 1e-3, 0.1]
lr = 0.01
epochs = 3
folds = 3
batch-size = 16
extensions = 0
no-effects = true
month-first = true
jobs = 1
"""


@pytest.fixture(scope="module")
def shrinkage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forking]:
    command = Forking(tmp_path_factory.mktemp("streams"))
    yield command
    command.close()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    mixed_table().to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def model(folder: Path) -> dict[str, bytes]:
    """The files of a fitted model, but for what tells of its run."""
    files = [
        file for file in folder.rglob("*") if file.is_file() and file.name not in ("run.json", "report.html")
    ]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def test_a_file_of_options_and_run_json_give_the_run_that_the_options_give(shrinkage, table, tmp_path):
    (tmp_path / "fit.toml").write_text(TOML.format(table=table))
    typed = [
        "-t",
        "price",
        "--drop",
        "three",
        "--drop",
        "weight",
        "--id",
        "id",
        "--hidden",
        "5,3",
        "--lr",
        "0.01",
    ]
    typed += [
        "--lambdas",
        "0,0.001,0.1",
        "--epochs",
        "3",
        "--folds",
        "3",
        "--batch-size",
        "16",
        "--extensions",
        "0",
    ]
    typed += ["--no-effects", "--month-first", "--jobs", "1"]
    ways = {
        "typed": [table, *typed],
        "toml": ["--config", tmp_path / "fit.toml"],
        "again": ["--config", tmp_path / "typed" / "run.json"],
        "other": ["--config", tmp_path / "typed" / "run.json", "--seed", "7"],
    }
    for out, options in ways.items():
        done = shrinkage("fit", *options, "-o", tmp_path / out)
        assert done.returncode == 0, done.stderr
    runs = {out: json.loads((tmp_path / out / "run.json").read_text()) for out in ways}
    paths = {out: pd.read_csv(tmp_path / out / "path.csv") for out in ways}
    for out in ("toml", "again"):
        pd.testing.assert_frame_equal(paths[out], paths["typed"])
        own = {name: value for name, value in runs[out]["options"].items() if name not in ("out", "config")}
        assert own == {name: runs["typed"]["options"][name] for name in own}
        assert model(tmp_path / out) == model(tmp_path / "typed")
    assert runs["other"]["seed"] == "7"
    assert not paths["other"].equals(paths["typed"])


SAMPLES = {"bool": ("true", True), "int": ("7", 7), "float": ("0.25", 0.25), "str": ('"abc"', "abc")}
WRONG = {
    "bool": ['"yes"', "1", "[]"],
    "int": ["true", "2.5", "[1, 2]", '"many"', "1979-05-27"],
    "float": ["true", "[0.1]", '"many"'],
    "str": ["true", "[[1]]", "{ x = 1 }"],
}
FIT = get_command(app).commands["fit"]  # pyright: ignore[reportAttributeAccessIssue] (a group has them)
OPTIONS = [option for option in FIT.params if option.name not in ("help", "help_all", "config")]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_may_stand_in_a_file_and_only_with_its_type(option, tmp_path):
    def given(*arguments: str):
        return FIT.make_context("fit", list(arguments)).params[option.name]

    flag = max(option.secondary_opts if option.default is True else option.opts, key=len)
    file = tmp_path / "a.toml"
    kind = _kind(option)
    written, value = SAMPLES[kind]
    file.write_text(f"{flag.lstrip('-')} = {written}")
    typed = (
        [str(value)]
        if option.param_type_name == "argument"
        else [flag, *([] if kind == "bool" else [str(value)])]
    )
    assert given("--config", str(file)) == given(*typed)
    assert given(*typed) != option.default
    for wrong in WRONG[kind]:
        file.write_text(f"{flag.lstrip('-')} = {wrong}")
        with pytest.raises(typer.BadParameter) as caught:
            given("--config", str(file))
        assert flag.lstrip("-") in f"{caught.value.message} {getattr(caught.value.param, 'opts', [])}"


def test_a_run_is_repeated_on_other_data_with_a_word(shrinkage, table, tmp_path):
    done = shrinkage(
        "fit",
        table,
        "-t",
        "price",
        "-o",
        tmp_path / "a",
        "--epochs",
        "1",
        "--lambdas",
        "0,0.1",
        "--folds",
        "2",
    )
    assert done.returncode == 0, done.stderr
    mixed_table(seed=1).to_csv(table, index=False)
    done = shrinkage("fit", "--config", tmp_path / "a" / "run.json", "-o", tmp_path / "b")
    assert done.returncode == 0, done.stderr
    assert "t.csv is not the file that" in done.stderr


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("a.toml", "epoch = 3", "there is no option 'epoch'; did you mean epochs?"),
        ("a.toml", "epochs = 'many'", "--epochs"),
        ("a.toml", "epochs", "is not a TOML file of options"),
        (
            "a.toml",
            "[network]\nhidden = 3",
            "network: is a table; options belong at the top level of the file",
        ),
        ("run.json", "{}", "is not the run.json of a fit"),
        ("run.json", "[]", "is not a JSON file of options"),
        ("missing.toml", None, "cannot be read: No such file"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(shrinkage, table, tmp_path, name, text, message):
    if text is not None:
        (tmp_path / name).write_text(text)
    done = shrinkage("fit", table, "-t", "price", "--config", tmp_path / name, "-o", tmp_path / "out")
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
