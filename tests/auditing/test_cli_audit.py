"""`shrinkage audit` from the outside: what it prints, and how it leaves."""

import json

import pytest
import torch
import typer
from typer.testing import CliRunner

from auditing_cases import net
from shrinkage import JobError, RequestError
from shrinkage.cli import app
from shrinkage.cli.commands._audit import audit

APP = typer.Typer()
APP.command()(audit)

SCRIPT = """
import torch
from helper import width

def build():
    model = torch.nn.Linear(width, 3)
    return model, torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=0.1)

def careful():
    model = torch.nn.Linear(width, 3)
    groups = [{"params": [model.weight], "weight_decay": 0.1}, {"params": [model.bias], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3)
    return {"model": model, "optimizer": optimizer, "rows": 1000, "batch_size": 10}

def wrong():
    return 3

def failing():
    raise OSError("no data set")
"""


@pytest.fixture
def script(tmp_path):
    (tmp_path / "helper.py").write_text("width = 5\n")
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)
    return path


def run(*arguments):
    return CliRunner().invoke(APP, [str(a) for a in arguments], standalone_mode=False)


@pytest.mark.parametrize(
    "function, options, code",
    [
        ("build", [], 0),
        ("build", ["--fail-on", "error"], 0),
        ("build", ["--fail-on", "warning"], 1),
        ("careful", ["--fail-on", "note"], 0),
    ],
)
def test_the_exit_code_is_for_someones_ci(script, function, options, code):
    result = CliRunner().invoke(app, ["audit", f"{script}:{function}", *options])
    assert result.exit_code == code


def test_a_person_reads_the_findings_and_the_table(script):
    output = run(f"{script}:build").output
    assert output.index("adam-l2") < output.index("group 0  2: bias, weight")
    assert output.rstrip().endswith("What a finding means: shrinkage audit --explain adam-l2")


def test_a_finding_is_explained_without_the_repository():
    output = run("--explain", "adam-l2").output
    assert "`adam-l2`, warning" in output
    assert "Needs: an optimizer" in output


def test_weights_alone_do_not_pass_a_ci(tmp_path):
    torch.save(net().state_dict(), tmp_path / "w.pt")
    assert run(tmp_path / "w.pt").exit_code == 0
    result = run(tmp_path / "w.pt", "--fail-on", "error")
    assert isinstance(result.exception, RequestError)
    assert "w.pt contains only weights, so no decay was measured" in str(result.exception)


def test_json_and_a_page(script, tmp_path):
    result = run(f"{script}:careful", "--json", "--html", tmp_path / "a.html")
    told = json.loads(result.output)
    assert told["findings"] == []
    assert told["groups"][0]["epochs"] == pytest.approx(1e4 * 10 / 1000, rel=1e-6)
    assert (tmp_path / "a.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_checkpoint(tmp_path):
    model = net()
    optimizer = torch.optim.SGD(model.named_parameters(), lr=0.1, weight_decay=1e-3)
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "c.pt")
    assert "bias-decayed" in run(tmp_path / "c.pt").output


def test_of_an_optimizers_state_alone_it_says_what_it_could_not_check(tmp_path):
    torch.save(torch.optim.AdamW(net().parameters()).state_dict(), tmp_path / "o.pt")
    output = run(tmp_path / "o.pt").output
    assert output.startswith("AdamW: nothing found; this is not an all-clear")
    assert "6 parameters are unnamed" in output
    told = json.loads(run(tmp_path / "o.pt", "--json").output)
    assert "norm-decayed" in {code for part in told["unchecked"] for code in part["codes"]}


@pytest.mark.parametrize(
    "target, options, error, sentence",
    [
        ("absent.py:build", [], RequestError, "there is no such file"),
        ("absent.pt", [], RequestError, "there is no such file"),
        ("train.py", [], RequestError, r"which function\? Name the one .*train.py:build"),
        ("train.py:missing", [], RequestError, "has no function 'missing'"),
        ("train.py:wrong", [], RequestError, r"must return \(model, optimizer\)"),
        ("train.py:failing", [], JobError, "raised OSError: no data set"),
        (
            "train.py:build",
            ["--explain", "adam-l1"],
            RequestError,
            r"no finding 'adam-l1'; did you mean adam-l2\?",
        ),
        ("train.py:build", ["--fail-on", "never"], RequestError, "--fail-on: must be warning or error"),
        ("train.py:build", ["--rows", "0"], RequestError, "--rows: must be a whole number >= 1"),
    ],
)
def test_problems_are_reported(script, target, options, error, sentence):
    result = run(f"{script.parent}/{target}", *options)
    with pytest.raises(error, match=sentence):
        raise result.exception or AssertionError("nothing was wrong")


PARTS = """
import torch
from torch import nn

X, Y = torch.ones(8, 5), torch.zeros(8, 3)

class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(5, 3)
    def forward(self, x, labels):
        return {"loss": (self.lin(x) - labels).square().mean()}

def made(kind=nn.Linear, *size):
    model = kind(*size)
    return model, torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)

def pairs():
    for _ in range(30):
        yield X, Y

def backward():
    return made(nn.Linear, 5, 3)[::-1]

def everything():
    model, optimizer = made(nn.Linear, 5, 3)
    decline = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
    return optimizer, pairs, model, nn.MSELoss(), decline

def closure():
    model, _ = made(nn.Linear, 5, 3)
    return model, torch.optim.LBFGS(model.parameters()), pairs(), nn.functional.mse_loss

def dicts():
    model, optimizer = made(Own)
    return model, [{"x": X, "labels": Y}] * 30, optimizer

def function():
    return (*made(nn.Linear, 5, 3), lambda t: 1 - t / 20)

def keywords():
    model, optimizer = made(nn.Linear, 5, 3)
    return {"model": model, "optimizer": [[optimizer]], "batches": pairs, "loss": nn.MSELoss()}

def once():
    model, _ = made(nn.Linear, 5, 3)
    losses = (model(X).square().mean() for _ in range(30))
    return model, torch.optim.LBFGS(model.parameters()), losses
"""


@pytest.mark.parametrize(
    "function, runs",
    [
        ("backward", False),
        ("everything", True),
        ("closure", True),
        ("dicts", True),
        ("function", False),
        ("keywords", True),
    ],
)
def test_a_script_may_return_its_parts_in_any_order(tmp_path, monkeypatch, function, runs):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parts.py").write_text(PARTS)
    result = run(f"parts.py:{function}", "--steps", "20")
    assert result.exit_code == 0, result.output
    assert ("what 20 real steps did" in result.output) is runs


def test_a_loss_that_can_be_differentiated_once_is_no_closure(tmp_path):
    (tmp_path / "parts.py").write_text(PARTS)
    result = run(f"{tmp_path}/parts.py:once", "--steps", "20")
    with pytest.raises(RequestError, match=r"differentiated once.*Yield a function that computes it"):
        raise result.exception or AssertionError("nothing was wrong")
