"""`shrinkage range` and `shrinkage choose`, from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from shrinkage import RequestError, transfer, useful_range


def ran(*arguments):
    code = "from shrinkage.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


RANGE = ("range", "--optimizer", "torch.optim.AdamW", "--lr", "1e-3", "--steps", "10000")


def test_range_prints_the_ends_and_what_to_type():
    done = ran(*RANGE, "--values", "1e-5,0.1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("torch.optim.AdamW acts between 0.001 and 369 in this run.")
    assert "Next: replace 1e-05" in done.stdout


def test_transfer_prints_the_number_and_its_rules():
    done = ran("transfer", "0.1", "--width", "256,1024", "--batch-size", "32,256")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{transfer(0.1, width=(256, 1024), batch_size=(32, 256))}\n"
    as_json = json.loads(ran("transfer", "0.1", "--rows", "1,2", "--optimizer", "lam", "--json").stdout)
    assert as_json["value"] == pytest.approx(0.05)


def test_range_as_json_and_between():
    found = json.loads(ran(*RANGE, "--between", "1e-6,1", "--json").stdout)
    assert found["acting"] == pytest.approx([1e-3, 1])


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (("range", "--optimizer", "torch.optim.AdamW"), "--steps (the number of optimizer steps"),
        ((*RANGE, "--between", "1"), "--between: must be two numbers"),
        ((*RANGE, "--values", "a"), "--values: must be numbers"),
        (("transfer", "0.1", "--width", "256"), "--width: must be two numbers"),
        (("transfer", "0.1"), "transfer: nothing changes"),
        (("transfer", "-1", "--rows", "1,2"), "VALUE: must be a number >= 0"),
        (("choose", "nowhere.csv"), "there is no file 'nowhere.csv'"),
    ],
)
def test_a_wrong_request_is_one_sentence_and_code_2(arguments, sentence):
    done = ran(*arguments)
    assert done.returncode == 2
    assert sentence in " ".join(done.stderr.split())


def test_choose_reads_a_csv_file_and_writes_a_page(tmp_path):
    rows = ["weight_decay,fold,val_loss"]
    rows += [f"{wd},{j},{loss + j + 0.01 * ((3 * j + k) % 4)}" for k, (wd, loss) in enumerate(
        [(0.001, 2.0), (0.01, 1.0), (0.1, 2.0)]
    ) for j in range(4)]  # fmt: skip
    (tmp_path / "runs.csv").write_text("\n".join(rows))
    done = ran("choose", str(tmp_path / "runs.csv"), "--out", str(tmp_path / "sweep.html"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Best: weight_decay = 0.01, with a mean val_loss of")
    assert "It is better than all 2 others by more than noise." in done.stdout
    assert (tmp_path / "sweep.html").stat().st_size > 10_000
    as_json = json.loads(ran("choose", str(tmp_path / "runs.csv"), "--json").stdout)
    assert as_json["best"] == {"weight_decay": 0.01}
    assert (as_json["score_name"], as_json["direction"], as_json["notes"]) == ("val_loss", "minimize", [])


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"between": 3}, "must be two numbers, got 3"),
        ({"curvature": 3}, "must be two numbers, got 3"),
        ({"warmup": 3}, "there is no such quantity of a run"),
        ({"steps": 100.5}, "must be a whole number, got 100.5"),
        ({"schedule": lambda t: 1.0}, "or a list of learning rates"),
    ],
)
def test_wrong_quantities_of_a_range_are_a_sentence(wrong, words):
    with pytest.raises(RequestError, match=words):
        useful_range("torch.optim.AdamW", **({"lr": 1e-3, "steps": 100} | wrong))


def test_values_of_a_range_are_a_list_an_array_or_one_number():
    listed = useful_range("torch.optim.AdamW", lr=1e-3, steps=100, values=[0.01, 1.0])
    assert useful_range("torch.optim.AdamW", lr=1e-3, steps=1e2, values=[0.01, 1.0]) == listed  # pyright: ignore[reportArgumentType]
    array: Any = np.array([0.01, 1.0])
    assert useful_range("torch.optim.AdamW", lr=1e-3, steps=100, values=array) == listed
    assert useful_range("torch.optim.AdamW", lr=1e-3, steps=100, values=1.0).acting == (1.0,)  # pyright: ignore[reportArgumentType]
