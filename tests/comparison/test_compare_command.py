"""The command, and what a demonstration refuses."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner, Result

from comparison_cases import mixed
from shrinkage._errors import RequestError
from shrinkage.cli import app as whole_app
from shrinkage.cli.commands._compare_command import compare
from shrinkage.comparison import DEMOS, Comparison, DemoResult, DemoTable, Mean, demo


@pytest.fixture
def app(monkeypatch) -> typer.Typer:
    table = DemoTable(
        title="T", columns=("run", "a", "b"), rows=(("x", 0.25, None), ("y", Mean(1.5, 0.25), 3))
    )
    result = DemoResult(name="tiny", title="Tiny", setting="Nothing.", tables=(table,), says=("So.",))
    monkeypatch.setitem(DEMOS, "tiny", lambda repeats=7: result)
    app = typer.Typer()
    app.command()(compare)
    return app


def test_prints_tables_and_sentences(app):
    printed = CliRunner().invoke(app, ["--demo", "tiny"]).output
    assert "Tiny" in printed
    assert "1.50 ± 0.25" in printed
    assert "–" in printed
    assert "• So." in printed


def test_columns_without_a_figure_are_left_out_and_shares_have_one_number_of_decimals():
    rows = (("x", None, 0.7, 8.15), ("y", None, 0.725, 382.2), ("z", None, None, 3.735))
    table = DemoTable(title="T", columns=("run", "published", "test", "norm"), rows=rows)
    assert table.texts() == [
        ("run", "test, %", "norm"),
        ("x", "70.0", "8.15"),
        ("y", "72.5", "382.2"),
        ("z", "–", "3.735"),
    ]
    assert str(table).splitlines()[1].split() == ["run", "test,", "%", "norm"]


def test_json_holds_the_same(app):
    found = json.loads(CliRunner().invoke(app, ["--demo", "tiny", "--json"]).output)
    assert found["tables"][0]["rows"][1] == ["y", {"value": 1.5, "se": 0.25}, 3]


@pytest.mark.parametrize(
    "name, repeats, says",
    [
        ("l3-2019", None, "must be one of l2-2017, l1-2017"),
        ("l2-2017", 1, "must be >= 2 for a standard error, or 0"),
        ("l2-2017", -1, "must be >= 2"),
    ],
)
def test_refuses_with_a_sentence(name, repeats, says):
    with pytest.raises(RequestError, match=says):
        demo(name, repeats=repeats)


QUICK = "--bundled iris --folds 2 --repeats 1 --inner-folds 2 --epochs 2 --lambdas 0,0.1 --methods l2,decay_original -q"


def run(*arguments: object, quick: bool = True) -> Result:
    """The whole command line, in this process."""
    return CliRunner().invoke(whole_app, ["compare", *map(str, arguments), *(QUICK.split() if quick else ())])


def test_writes_page_figures_and_splits_and_prints_the_table(tmp_path):
    done = run("--out", tmp_path / "out")
    assert done.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "blocks",
        "compare.csv",
        "compare.html",
        "compare.json",
    ]
    assert "decay of the original" in done.stdout
    found = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert [method["key"] for method in found["methods"]] == ["none", "l2", "decay_original"]
    again = run("--out", tmp_path / "out")
    assert again.exit_code == 2
    assert "holds an earlier run (compare.html, compare.json, compare.csv, blocks)" in again.stderr
    assert run("--out", tmp_path / "out", "--overwrite").exit_code == 0


def test_a_file_of_ones_own_and_json(tmp_path):
    mixed().to_csv(tmp_path / "data.csv", index=False)
    arguments = ["compare", str(tmp_path / "data.csv"), "--target", "kind", "--json", *QUICK.split()[2:]]
    done = CliRunner().invoke(whole_app, arguments)
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["source"] == "data.csv"


def test_the_table_is_read_and_cut_as_fit_does(tmp_path):
    frame = mixed()
    frame["number"] = [f"{x:.3f}".replace(".", ",") for x in range(len(frame))]
    frame["kind"] = frame["kind"].where(frame.index != 3, "rare").where(frame.index != 5, None)
    frame.to_csv(tmp_path / "data.csv", index=False, sep=";", decimal=",")
    cut = ["--drop", "colour", "--drop-missing-target", "--drop-rare-classes", "--decimal", ","]
    arguments = [
        "compare",
        str(tmp_path / "data.csv"),
        "--target",
        "kind",
        "--json",
        *cut,
        *QUICK.split()[2:],
    ]
    done = CliRunner().invoke(whole_app, arguments)
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["rows"] == len(frame) - 2


def test_results_that_could_not_all_be_written_leave_the_earlier_ones(tmp_path, monkeypatch):
    for name in ("compare.html", "compare.json", "compare.csv"):
        (tmp_path / name).write_text("earlier")

    def full(self, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Comparison, "to_html", full)
    assert run("--out", tmp_path, "--overwrite").exit_code == 1
    assert {path.read_text() for path in tmp_path.iterdir() if path.is_file()} == {"earlier"}


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--folds", "1"], "shrinkage: --folds: must be >= 2, got 1"),
        (["--inner-folds", "1"], "shrinkage: --inner-folds: must be >= 2, got 1"),
        (["--repeats", "0"], "shrinkage: --repeats: must be >= 1, got 0"),
        (["--methods", "l3"], "shrinkage: --methods: there is no 'l3'"),
        (["--lr", "-1"], "shrinkage: --lr: must be > 0 and finite, got -1"),
        (["--adam-lr", "0"], "shrinkage: --adam-lr: must be > 0 and finite, got 0"),
        (["--epochs", "0"], "shrinkage: --epochs: must be a whole number >= 1, got 0"),
        (["--batch-size", "0"], "shrinkage: --batch-size: must be a whole number >= 1, got 0"),
        (["--activation", "x"], "shrinkage: --activation: must be one of"),
        (["--ignore-columns", "nothing"], "'nothing'"),
        (["--hidden", "x"], "--hidden: must be whole numbers"),
        (["--rows", "5"], "shrinkage: --rows: must be >= 20 for 5 folds, got 5"),
        (["--target", "nothing"], "no column 'nothing'"),
        (["--demo", "l3-2019"], "must be one of l2-2017"),
        (["--demo", "l2-2017", "--target", "x"], "leave out --target."),
        (["--demo", "l2-2017", "--lr", "0.1", "--seed", "3"], "training; leave out --seed, --lr."),
        (
            ["rows.csv", "--demo", "all"],
            "a demonstration brings its own data, networks and training; leave out DATA.",
        ),
    ],
)
def test_a_wrong_request_ends_with_2_a_sentence_and_nothing_written(tmp_path, arguments, says):
    done = run("--out", tmp_path / "out", *arguments, quick=False)
    assert done.exit_code == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_demonstration_writes_its_page(tmp_path):
    app = typer.Typer()
    app.command()(compare)
    done = CliRunner().invoke(app, ["--demo", "swarm-2013", "--repeats", "2", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "swarm-2013.html",
        "swarm-2013.json",
    ]
