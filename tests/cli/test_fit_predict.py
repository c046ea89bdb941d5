"""`shrinkage fit` and `shrinkage predict`, end to end, in processes of their own."""

import io
import json
import signal
import subprocess
import time

import numpy as np
import pandas as pd
import pytest

from cli_cases import QUICK, command, mixed_table, shrinkage
from shrinkage.cli._exit import harmless

WRITTEN = {
    "report.html",
    "model.safetensors",
    "model.json",
    "preprocessing.skops",
    "folds.zip",
    "path.csv",
    "run.json",
    "blocks",
}
TARGETS = ["three", "price", "weight"]


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    frame = mixed_table()
    frame.to_csv(folder / "train.csv", index=False)
    frame.drop(columns=["price", "weight"]).to_csv(folder / "three.csv", index=False)
    return folder


def test_the_loss_is_requested(tmp_path):
    g = np.random.default_rng(0)
    pd.DataFrame({"a": g.normal(size=60), "visits": g.poisson(3, size=60)}).to_csv(
        tmp_path / "t.csv", index=False
    )
    fit = [
        "fit",
        tmp_path / "t.csv",
        "--target",
        "visits",
        "--out",
        tmp_path / "f",
        *QUICK,
    ]
    done = shrinkage(*fit, "--loss", "poisson")
    assert done.returncode == 0, done.stderr
    assert "Regression" in done.stderr
    predicted = shrinkage("predict", tmp_path / "f", tmp_path / "t.csv", "--interval", "0.2")
    table = pd.read_csv(io.StringIO(predicted.stdout))
    assert (table >= 0).all(axis=None)
    refused = shrinkage(*fit, "--overwrite", "--task", "regression", "--quantile", "0.9")
    assert refused.returncode == 2
    assert "--quantile: is the level of --loss quantile" in refused.stderr


def test_a_negative_count_is_named_by_its_line(tmp_path):
    rows = [f"{i % 5},{i % 7}" for i in range(30)]
    (tmp_path / "t.csv").write_text("\n".join(["a,visits", *rows[:20], "1,-2", *rows[20:]]) + "\n")
    done = shrinkage(
        "fit", tmp_path / "t.csv", "-t", "visits", "-o", tmp_path / "f", "--loss", "poisson", *QUICK
    )
    assert done.returncode == 2
    assert "t.csv, line 22: target 'visits' is -2, but --loss poisson is of counts" in done.stderr


def test_several_quantiles_have_a_column_each(tmp_path):
    g = np.random.default_rng(0)
    frame = pd.DataFrame({"a": g.normal(size=60), "price": g.normal(size=60)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    fit = [
        "fit",
        tmp_path / "t.csv",
        "--target",
        "price",
        "--out",
        tmp_path / "f",
        *QUICK,
        "--loss",
        "quantile",
    ]
    done = shrinkage(*fit, "--quantile", "0.1,0.5,0.9")
    assert done.returncode == 0, done.stderr
    assert "at or below the 0.9 quantile" in done.stdout
    predict = ["predict", tmp_path / "f", tmp_path / "t.csv"]
    for _ in range(2):  # the second time over the predictions of the first
        assert shrinkage(*predict, "--out", tmp_path / "p.csv").returncode == 0
    table = pd.read_csv(tmp_path / "p.csv")
    assert table.columns.tolist() == ["price quantile 0.1", "price quantile 0.5", "price quantile 0.9"]
    assert (np.diff(table) >= 0).all()
    intervals = shrinkage(*predict, "--interval", "0.2")
    assert intervals.returncode == 2
    assert "several quantiles, which are intervals themselves" in intervals.stderr.replace("\n", " ")
    for levels, message in (("0.9,0.1", "must be different and ascend"), ("low", "such as 0.9, or several")):
        refused = shrinkage(*fit, "--overwrite", "--quantile", levels)
        assert refused.returncode == 2
        assert message in refused.stderr


def test_class_weights_and_a_score_are_options(tmp_path):
    g = np.random.default_rng(0)
    rare = g.uniform(size=90) < 0.2
    frame = pd.DataFrame(
        {"a": g.normal(size=90) + rare, "b": g.normal(size=90), "sick": np.where(rare, "yes", "no")}
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    fit = ["fit", tmp_path / "t.csv", "--target", "sick", "--out", tmp_path / "f", *QUICK]
    for weights in ("balanced", "yes=4,no=1"):
        done = shrinkage(*fit, "--class-weight", weights, "--scoring", "balanced_accuracy", "--overwrite")
        assert done.returncode == 0, done.stderr
        assert "best mean validation balanced_accuracy" in done.stdout.replace("\xa0", " ")
    refused = shrinkage(*fit, "--overwrite", "--scoring", "auc")
    assert refused.returncode == 2
    assert "--scoring" in refused.stderr


@pytest.mark.parametrize("file", ["train.csv", "train.parquet"])
@pytest.mark.parametrize("targets", [["three"], ["price"], ["price", "weight"]], ids="+".join)
def test_fit_writes_its_folder_and_predict_reads_it(tables, tmp_path, file, targets):
    train = tmp_path / file
    frame = mixed_table().drop(columns=[t for t in TARGETS if t not in targets])
    frame.to_csv(train, index=False) if file.endswith("csv") else frame.to_parquet(train)
    done = shrinkage(
        "fit", train, *(f"--target={name}" for name in targets), "--out", tmp_path / "out", *QUICK
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == WRITTEN
    assert "On unseen rows" in done.stdout
    assert (
        done.stdout.rstrip().splitlines()[-1].startswith(f"The report is {tmp_path / 'out' / 'report.html'}")
    )
    assert "remark" in done.stderr  # text columns are left out with a word

    new = frame.drop(columns=targets).sample(frac=1, random_state=0).iloc[:, ::-1]
    new.iloc[0, new.columns.get_loc("colour")] = "never seen"
    new.iloc[1, new.columns.get_loc("size")] = np.nan
    new.to_csv(tmp_path / "new.csv", index=False)
    done = shrinkage("predict", tmp_path / "out", tmp_path / "new.csv", "-o", tmp_path / "predicted.csv")
    assert done.returncode == 0, done.stderr
    predicted = pd.read_csv(tmp_path / "predicted.csv")
    assert predicted.columns.tolist() == targets
    assert len(predicted) == len(new)
    assert predicted.notna().all().all()


@pytest.fixture(scope="module")
def fitted(tables):
    out = tables / "fitted"
    done = shrinkage("fit", tables / "three.csv", "-t", "three", "--out", out, *QUICK)
    assert done.returncode == 0, done.stderr
    return out


def test_probabilities_stand_beside_the_class_and_sum_to_one(tables, fitted):
    done = shrinkage("predict", fitted, tables / "three.csv", "--proba")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "three,probability of high,probability of low,probability of middle"
    shares = np.array([line.split(",")[1:] for line in lines[1:]], float)
    assert shares.sum(1) == pytest.approx(np.ones(len(shares)), abs=1e-5)
    assert [line.split(",")[0] for line in lines[1:]] == [
        ["high", "low", "middle"][i] for i in shares.argmax(1)
    ]


def test_intervals_and_sets_of_classes_are_columns(tables, fitted, tmp_path):
    done = shrinkage("predict", fitted, tables / "three.csv", "--interval", "0.2")
    assert done.returncode == 0, done.stderr
    found = pd.read_csv(io.StringIO(done.stdout))
    assert found.columns.tolist() == ["three", "classes at 80 %"]
    sets = found["classes at 80 %"].str.split(" | ", regex=False)
    assert all(label in own for label, own in zip(found["three"], sets, strict=True))
    mixed_table().drop(columns=["three", "weight"]).to_csv(tmp_path / "price.csv", index=False)
    done = shrinkage(
        "fit", tmp_path / "price.csv", "-t", "price", "--out", tmp_path / "out", "--no-effects", *QUICK
    )
    assert done.returncode == 0, done.stderr
    assert 'id="effects"' not in (tmp_path / "out" / "report.html").read_text()
    for _ in range(2):  # the second replaces the first
        done = shrinkage(
            "predict", tmp_path / "out", tmp_path / "price.csv", "--interval", "0.1", "-o", tmp_path / "p.csv"
        )
        assert done.returncode == 0, done.stderr
    found = pd.read_csv(tmp_path / "p.csv")
    assert found.columns.tolist() == ["price", "price low at 90 %", "price high at 90 %"]
    assert np.all(found["price low at 90 %"] < found["price high at 90 %"])


@pytest.mark.parametrize(
    "options, says",
    [
        (["--interval", "1"], "--interval 1: must be between 0 and 1"),
        (["--interval", "0.1", "--lam", "0"], "Leave out --lam"),
    ],
)
def test_an_interval_that_cannot_be_is_refused(tables, fitted, options, says):
    done = shrinkage("predict", fitted, tables / "three.csv", *options)
    assert done.returncode == 2
    assert says in done.stderr


def test_another_lambda_of_the_path_predicts(tables, fitted):
    chosen = shrinkage("predict", fitted, tables / "three.csv", "--proba").stdout
    assert shrinkage("predict", fitted, tables / "three.csv", "--proba", "--lam", "0").stdout != chosen
    done = shrinkage("predict", fitted, tables / "three.csv", "--lam", "0.7")
    assert done.returncode == 2
    assert "--lam 0.7" in done.stderr


def test_a_missing_column_is_one_error_that_names_it(tables, fitted, tmp_path):
    mixed_table().drop(columns="colour").to_csv(tmp_path / "new.csv", index=False)
    done = shrinkage("predict", fitted, tmp_path / "new.csv", "-o", tmp_path / "out.csv")
    assert done.returncode == 2
    assert "'colour'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("name", ["Colour", " colour ", "COLOUR"])
def test_a_column_of_nearly_the_same_name_is_pointed_out(tables, fitted, tmp_path, name):
    mixed_table().rename(columns={"colour": name}).to_csv(tmp_path / "new.csv", index=False)
    done = shrinkage("predict", fitted, tmp_path / "new.csv", "-o", tmp_path / "out.csv")
    named = name.strip()
    if named == "colour":  # blanks around a name are removed when it is read
        assert done.returncode == 0, done.stderr
    else:
        assert f"(the table has {named!r}: rename that to 'colour')" in done.stderr


def test_what_training_never_saw_is_noted_and_the_file_is_named(tables, fitted, tmp_path):
    new = pd.read_csv(tables / "three.csv").drop(columns="three").assign(further=1)
    new.loc[[2, 5], "colour"] = "ultraviolet"
    new.to_csv(tmp_path / "new.csv", index=False)
    done = shrinkage("predict", fitted, tmp_path / "new.csv", "-o", tmp_path / "out.csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{len(new):,} predictions are written to {tmp_path / 'out.csv'}.\n"
    assert "note: new.csv: columns that are no inputs of the model are ignored: 'further'." in done.stderr
    assert "column 'colour' has 'ultraviolet' in 2 rows, first in line 4: " in done.stderr
    assert not shrinkage("predict", fitted, tables / "three.csv").stderr


def test_predictions_never_replace_the_table_they_are_of(tables, fitted):
    table = tables / "three.csv"
    before = table.read_bytes()
    done = shrinkage("predict", fitted, table, "-o", table)
    assert done.returncode == 2
    assert "Name another file" in done.stderr
    assert table.read_bytes() == before


@pytest.mark.parametrize("name", ["notes.csv", "notes.parquet"])
def test_predictions_replace_predictions_and_nothing_else(tables, fitted, tmp_path, name):
    table, out = tables / "three.csv", tmp_path / name
    out.touch()  # as of a temporary file: nothing would be lost
    for more in ((), ("--proba",), ()):
        done = shrinkage("predict", fitted, table, "-o", out, *more)
        assert done.returncode == 0, done.stderr
    for theirs in ("three,a\n1,2\n", "hours of work"):
        out.write_text(theirs)
        done = shrinkage("predict", fitted, table, "-o", out)
        assert done.returncode == 2
        assert "does not contain predictions of the model and would be lost" in done.stderr
        assert out.read_text() == theirs


def test_table_and_model_in_the_wrong_order_are_recognised(tables, fitted):
    done = shrinkage("predict", tables / "three.csv", fitted)
    assert done.returncode == 2
    assert f"shrinkage predict {fitted} {tables / 'three.csv'}" in done.stderr


def test_sentences_show_no_escaped_blank():
    assert harmless("λ\N{NO-BREAK SPACE}= 1\x1b[31m") == "λ = 1\\x1b[31m"


def test_the_run_says_what_it_did(fitted):
    run = json.loads((fitted / "run.json").read_text())
    path = pd.read_csv(fitted / "path.csv")
    assert run["lambda"] in path["lambda"].tolist()
    assert path["lambda"].tolist()[:3] == [0, 0.001, 0.01]
    assert run["options"]["seed"] == 0
    assert any("λ\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}0" in sentence for sentence in run["findings"])
    assert (
        run["compared"]["unpenalized_at_best_epoch"]["loss"]
        <= run["compared"]["unpenalized_after_all_epochs"]["loss"]
    )
    assert run["compared"]["constant"]["loss"] > 0
    assert run["compared"]["linear"]["chosen_loss"] == run["compared"]["constant"]["chosen_loss"]
    assert run["compared"]["weakest_lambda"] == 0


def test_an_earlier_run_is_neither_lost_nor_mixed(tables, fitted):
    before = {path.name: path.read_bytes() for path in fitted.iterdir() if path.is_file()}
    again = shrinkage("fit", tables / "three.csv", "-t", "three", "--out", fitted, *QUICK)
    assert again.returncode == 2
    assert "--resume" in again.stderr
    assert "--overwrite" in again.stderr
    other = shrinkage(
        "fit", tables / "three.csv", "-t", "three", "--out", fitted, "--resume", *QUICK, "--seed", "5"
    )
    assert other.returncode == 2
    assert "seed was" in other.stderr
    assert before == {path.name: path.read_bytes() for path in fitted.iterdir() if path.is_file()}


def test_a_second_run_on_the_folder_is_refused_and_harms_nothing(tables, tmp_path):
    out = tmp_path / "out"
    request = ["fit", tables / "three.csv", "-t", "three", "--epochs", "2000", "--jobs", "1", "--out", out]
    with subprocess.Popen(command(*request), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        while not (out / "blocks").exists():
            assert first.poll() is None
            time.sleep(0.01)
        first.send_signal(signal.SIGSTOP)  # so that it is not over before the second begins
        second = shrinkage(*request, "--overwrite")
        assert first.poll() is None
        assert second.returncode == 2
        assert "another run is writing" in second.stderr
        assert (out / ".lock").exists()
        first.kill()


RESULTS = ["model.safetensors", "model.json", "preprocessing.skops", "folds.zip", "path.csv"]


@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long), signal.SIGKILL],
    ids=lambda s: s.name,
)
def test_an_interrupted_run_leaves_nothing_half_written_and_resumes_to_the_same_bytes(
    tables, tmp_path, number
):
    request = [
        "fit",
        tables / "three.csv",
        "-t",
        "three",
        "--epochs",
        "300",
        "--folds",
        "8",
        "--hidden",
        "100",
    ]
    request += ["--jobs", "1", "--lambdas", "30"]
    whole = shrinkage(*request, "--out", tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    out = tmp_path / "cut"
    process = subprocess.Popen(command(*request, "--out", out), stderr=subprocess.PIPE, text=True)
    while not any(out.glob("blocks/*.block")):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)
    process.send_signal(number)
    stderr = process.communicate(timeout=60)[1]
    assert process.returncode in (-number, 128 + number)
    assert "Traceback" not in stderr
    assert {path.name for path in out.iterdir()} <= {"blocks", ".lock"}
    assert not list(out.glob("blocks/.*")) or number == signal.SIGKILL
    resumed = shrinkage(*request, "--out", out, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    for name in RESULTS:
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    times = [json.loads((folder / "run.json").read_text())["time"] for folder in (tmp_path / "whole", out)]
    assert times[0].endswith(" s")
    assert times[1].endswith(" s since --resume, without what was done before")
