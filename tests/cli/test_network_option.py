"""`--network FILE.py:FUNCTION`: a fit, its files, predictions that run no code unasked, and what is refused."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

import shrinkage as sh
from cli_cases import mixed_table, shrinkage
from shrinkage import RequestError
from shrinkage.cli.options._network_options import network_of
from shrinkage.cli.options._values import options_named
from shrinkage.estimators import load_model, network_from_file

NETS = """
from pathlib import Path
from torch import nn
from beside import WIDTH

Path(__file__).with_name("was-run").touch()
print("chatter of the script")


def make(inputs, outputs):
    return nn.Sequential(
        nn.Linear(inputs, WIDTH), nn.BatchNorm1d(WIDTH), nn.ReLU(), nn.Linear(WIDTH, outputs)
    )


class Net(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.body, self.head = nn.Linear(inputs, 4), nn.Linear(4, outputs)

    def forward(self, x):
        return self.head(self.body(x).tanh())


class SameWeights(Net):
    def forward(self, x):
        return self.head(self.body(x).relu())


def raises(inputs, outputs):
    raise KeyError("colour")


def one(inputs):
    return nn.Linear(inputs, 1)


def number(inputs, outputs):
    return 3


def wider(inputs, outputs):
    return nn.Linear(inputs, outputs + 1)


module = nn.Linear(2, 2)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("network")
    (folder / "nets.py").write_text(NETS)
    (folder / "beside.py").write_text("WIDTH = 6\n")
    mixed_table().to_csv(folder / "data.csv", index=False)
    mixed_table(30, seed=1).to_csv(folder / "new.csv", index=False)
    return folder


QUICK: dict[str, Any] = {
    "lambdas": [0, 0.1],
    "max_epochs": 2,
    "cv": 3,
    "max_extensions": 0,
    "random_state": 0,
}
FIT = [
    "-q",
    "--epochs",
    3,
    "--lambdas",
    "0,0.01",
    "--folds",
    3,
    "--jobs",
    1,
    "--extensions",
    0,
    "--no-effects",
]


def fit(folder: Path, network: str, *more: object, target: str = "three", out: str = "out") -> Any:
    request = ("fit", "data.csv", "-t", target, "-o", out, "--network", network, *FIT, *more)
    return shrinkage(*request, cwd=folder)


def test_a_fit_is_saved_and_predicts_when_its_function_is_named(folder: Path) -> None:
    target = "three"
    done = fit(folder, "nets.py:make", target=target, out=target)
    assert done.returncode == 0, done.stderr
    assert "chatter" not in done.stdout
    assert "The networks of nets.py:make were trained" in done.stderr
    run = json.loads((folder / target / "run.json").read_text())
    assert run["network"].startswith("nets.py:make, SHA-256 ")
    assert "nets.py:make were trained" in (folder / target / "report.html").read_text()
    state = load_file(folder / target / "module.safetensors")
    assert {"0.weight", "1.running_mean", "3.bias"} <= state.keys()

    (folder / "was-run").unlink()
    refused = shrinkage("predict", target, "new.csv", cwd=folder)
    assert refused.returncode == 2
    assert "was built by nets.py:make, and a saved model contains no code" in refused.stderr
    assert "--network" in refused.stderr
    assert not (folder / "was-run").exists(), "the script was run unasked"

    asked = ("--network", "nets.py:make", "--interval", 0.2, "-o", f"{target}.csv")
    told = shrinkage("predict", target, "new.csv", *asked, cwd=folder)
    assert told.returncode == 0, told.stderr
    predicted = pd.read_csv(folder / f"{target}.csv")
    saved = load_model(folder / target, network_from_file(str(folder / "nets.py:make")))
    np.testing.assert_array_equal(predicted[target], saved.predict(mixed_table(30, seed=1)).ravel())
    module = saved.networks.module()
    for name, tensor in module.state_dict().items():
        torch.testing.assert_close(tensor, state[name])


def test_predictions_are_those_of_the_fitted_estimator_for_every_lambda(folder: Path) -> None:
    frame, make = mixed_table(), network_from_file(str(folder / "nets.py:make"))
    X = frame[["size", "colour", "smoker"]]
    model = sh.MLPRegressorCV(network=make, keep_path=True, **QUICK).fit(X, frame["price"])
    model.save(folder / "own")
    loaded = load_model(folder / "own", make)
    for lam in (None, 0.0, 0.1):
        np.testing.assert_array_equal(loaded.predict(X, lam).ravel(), model._predict_blend(X, lam).ravel())
    np.testing.assert_array_equal(loaded.predict_interval(X, 0.2), model.predict_interval(X, 0.2)[:, None])


def test_another_network_than_the_saved_one_is_refused(folder: Path) -> None:
    make = str(folder / "nets.py")
    model = sh.MLPRegressorCV(network=network_from_file(f"{make}:Net"), out_of_fold=False, **QUICK)
    model.fit(mixed_table()[["size", "colour"]], mixed_table()["price"]).save(folder / "net")
    with pytest.raises(
        RequestError, match=r"network=…: builds a different network .*: .* is missing, but was"
    ):
        load_model(folder / "net", network_from_file(f"{make}:make"))
    with pytest.raises(RequestError, match="its forward has changed"):
        load_model(folder / "net", network_from_file(f"{make}:SameWeights"))
    with pytest.raises(RequestError, match=r"must return a .*Module, got 3"):
        load_model(folder / "net", network_from_file(f"{make}:number"))
    assert shrinkage("export", "--onnx", "net", cwd=folder).returncode == 2


def test_a_run_goes_on_with_the_text_that_it_began_with(folder: Path) -> None:
    script = folder / "changing.py"
    script.write_text(NETS)
    assert fit(folder, "changing.py:make", out="again").returncode == 0
    script.write_text(NETS + "\n# changed\n")
    other = fit(folder, "changing.py:make", "--resume", out="again")
    assert other.returncode == 2
    assert "belong to another run" in other.stderr


def test_the_function_travels_with_its_text(folder: Path) -> None:
    script = folder / "gone.py"
    script.write_text(NETS)
    sent = pickle.dumps(network_from_file(str(script) + ":make"))
    script.unlink()
    there = pickle.loads(sent)
    assert [tuple(p.shape) for p in there(3, 2).parameters()] == [(6, 3), (6,), (6,), (6,), (2, 6), (2,)]


BAD_FILES: dict[str, tuple[str, str]] = {
    "no colon": ("nets.py", "must be FILE.py:FUNCTION, such as nets.py:make_network, got 'nets.py'"),
    "no function": ("nets.py:", "must be FILE.py:FUNCTION"),
    "no such file": ("none.py:make", "there is no file none.py"),
    "folder": (".:make", r". is a folder"),
    "not text": ("data.bin:make", "data.bin is not Python source in UTF-8"),
    "no such function": ("nets.py:mak", "nets.py has no function mak. It has make, Net, SameWeights, raises"),
    "a module": ("nets.py:module", "must be a function of .inputs, outputs."),
    "one argument": (
        "nets.py:one",
        r"must take \(inputs, outputs\), the numbers of both; it takes \(inputs\)",
    ),
    "syntax": ("syntax.py:make", "can't be run: it raised SyntaxError in line 2"),
    "import": (
        "importing.py:make",
        "it raised ModuleNotFoundError in line 1: No module named 'nothing_here'",
    ),
    "exit": ("leaving.py:make", "it raised SystemExit in line 2: 3"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_builds_no_network_is_refused(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "data.bin").write_bytes(b"\xff\xfe\x00\x81")
    (folder / "syntax.py").write_text("x = 1\ndef make(:\n")
    (folder / "importing.py").write_text("import nothing_here\n")
    (folder / "leaving.py").write_text("import sys\nsys.exit(3)\n")
    monkeypatch.chdir(folder)
    text, words = BAD_FILES[name]
    with (
        options_named(),
        pytest.raises(RequestError, match=f"^--network: .*{words}|^--network {re.escape(text)}: {words}"),
    ):
        network_of(text)


BAD_FITS: dict[str, tuple[str, tuple[object, ...], str]] = {
    "raises": ("nets.py:raises", (), "called with (12, 3) it raised KeyError in line 31: 'colour'."),
    "no module": ("nets.py:number", (), "--network: must return a torch.nn.Module, got 3."),
    "outputs": (
        "nets.py:wider",
        (),
        "that outputs 3 numbers per row, a tensor (32, 3) for 32 rows; got a tensor (32, 4)",
    ),
    "hidden too": ("nets.py:make", ("--hidden", "3"), "so --hidden would have no effect"),
    "swarm": ("nets.py:make", ("--trainer", "swarm"), "modules are trained by back-propagation"),
}


@pytest.mark.parametrize("name", BAD_FITS)
def test_impossible_fits_are_refused(name: str, folder: Path) -> None:
    network, more, words = BAD_FITS[name]
    refused = fit(folder, network, *more, out="refused")
    assert refused.returncode == 2
    said = refused.stderr.splitlines()[-1]
    assert said.startswith("shrinkage: --network")
    assert words in said
    assert not (folder / "refused").exists()
