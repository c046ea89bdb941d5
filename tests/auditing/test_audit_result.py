"""The result as objects, as text and as JSON; requests that are wrong."""

import io
import json
import re

import pytest
import torch
from rich.console import Console
from torch import nn

from auditing_cases import adamw, net, sgd
from shrinkage import RequestError
from shrinkage.auditing import SEVERITIES, audit


def test_groups_tell_the_rule_in_words_symbols_and_numbers():
    model = net()
    decayed, exempt = audit(sgd(model, momentum=0.9), model, rows=50_000, batch_size=100).groups
    assert decayed.rule == "L2 in the gradient, through momentum"
    assert decayed.formula == "g ← g + 0.001·w"
    assert decayed.lam == pytest.approx(1e-3, rel=1e-3)
    assert decayed.shrink == pytest.approx(1e-3, rel=0.02)
    assert decayed.epochs == pytest.approx(1000 * 100 / 50_000, rel=0.02)
    assert (exempt.rule, exempt.shrink, exempt.to_dict()["steps"]) == ("no decay", 0.0, None)


def test_the_three_worst_findings_stand_before_the_table():
    model = net()
    optimizer = torch.optim.Adam([{"params": [*model.parameters()], "weight_decay": -0.1, "wd": 1}], lr=1e-3)
    shown = audit(optimizer, model)
    text = str(shown)
    before_table = text[: text.index("group  parameters")]
    assert [f.severity for f in shown.findings] == sorted(
        (f.severity for f in shown.findings), key=SEVERITIES.index
    )
    assert re.findall(r"^(?:error|warning|note) ([\w-]+)", before_table, re.MULTILINE) == [
        f.code for f in shown.findings[:3]
    ]
    assert all(f.code in text for f in shown.findings)
    assert max(map(len, text.splitlines())) <= 110


def shown_at(columns, found):
    console = Console(file=io.StringIO(), width=columns, force_terminal=False, color_system=None)
    console.print(found)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_at_80_columns_it_is_read_in_ten_seconds():
    model = net()
    optimizer = torch.optim.Adam([{"params": [*model.parameters()], "weight_decay": -0.1, "wd": 1}], lr=1e-3)
    found = audit(optimizer, model)
    lines = shown_at(80, found)
    assert max(map(len, lines)) <= 80
    codes = [line.split()[1] for line in lines[2:25] if re.match("error|warning", line)]
    assert codes == [f.code for f in found.findings[:3]]
    assert [len(line) - len(line.lstrip()) for line in lines if "measured" in line] == [2, 2, 2]
    (group,) = [line for line in lines if line.startswith("group 0")]
    assert group.endswith("6: bias, norm, weight")
    rest = lines[lines.index("also found") + 1 :]
    assert [line.split()[1] for line in rest if re.match("  (warning|note)", line)] == [
        f.code for f in found.findings[3:]
    ]


def test_json_holds_everything():
    model = net()
    shown = audit(torch.optim.Adam(model.parameters(), weight_decay=0.1), model)
    told = json.loads(json.dumps(shown.to_dict(), allow_nan=False))
    assert [f["code"] for f in told["findings"]] == [f.code for f in shown.findings]
    assert told["groups"][0]["parameters"] == [name for name, _ in model.named_parameters()]


@pytest.mark.parametrize("on, expected", [("error", False), ("warning", True), ("note", True)])
def test_failing_is_a_matter_of_severity(on, expected):
    model = net()
    assert audit(torch.optim.Adam(model.parameters(), weight_decay=0.1), model).fails(on) is expected
    assert audit(adamw(model), model).fails(on) is False


def test_at_a_warm_up_from_zero_the_peak_of_the_plan_is_measured():
    model = net()
    optimizer = adamw(model)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: min(t, 10) / 10)
    assert optimizer.param_groups[0]["lr"] == 0
    for told in ({}, {"steps": 20, "scheduler": schedule}):
        assert audit(optimizer, model, **told).groups[0].shrink == pytest.approx(1e-4, rel=1e-6)


class Broken(torch.optim.SGD):
    def step(self, closure=None):
        raise RuntimeError("needs the cluster")


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda m, o: audit(m, o), r"audit\(optimizer=…\): must be a torch.optim.Optimizer"),
        (lambda m, o: audit(o, o), r"audit\(model=…\): must be a torch.nn.Module"),
        (lambda m, o: audit(o, m, rows=0), r"audit\(rows=…\): must be a whole number >= 1, got 0"),
        (lambda m, o: audit(o, m, steps=True), r"audit\(steps=…\): must be a whole number >= 1, got True"),
        (lambda m, o: audit(o, m, loss=lambda: torch.tensor(1.0)), r"audit\(loss=…\): must return the loss"),
        (
            lambda m, o: audit(Broken(m.parameters(), lr=1)),
            r"no step of a copy of Broken succeeded .*needs the cluster",
        ),
        (
            lambda m, o: audit(o, m, steps=2, scheduler=torch.optim.lr_scheduler.ReduceLROnPlateau(o)),
            r"audit\(scheduler=…\): ReduceLROnPlateau.step\(\) must work without arguments",
        ),
        (
            lambda m, o: audit(torch.optim.SGD(nn.Linear(2, 2, device="meta").parameters(), lr=1)),
            "on the meta device",
        ),
    ],
)
def test_wrong_requests_are_refused_in_a_sentence(call, sentence):
    model = net()
    with pytest.raises(RequestError, match=sentence):
        call(model, sgd(model))
