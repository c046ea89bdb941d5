"""An audit of a run: what the decay did in real steps, against the steps themselves."""

import json
import re

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from auditing_cases import matrices, net, rest
from shrinkage import RequestError
from shrinkage.auditing import audit_run
from shrinkage.auditing.running._course import Course
from shrinkage.cli import app


def linear():
    torch.manual_seed(0)
    return nn.Linear(6, 4, bias=False)


def batches(model, count=40):
    generator = torch.Generator().manual_seed(1)
    for _ in range(count):
        yield model(torch.randn(8, 6, generator=generator)).square().mean()


def test_the_norms_are_those_of_the_same_steps_by_hand():
    model, twin = linear(), linear()
    found = audit_run(
        torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.5), model, batches(model), steps=40
    )
    optimizer, norms = torch.optim.AdamW(twin.parameters(), lr=0.01, weight_decay=0.5), []
    for loss in batches(twin):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        norms.append(float(twin.weight.detach().norm()))
    assert found.courses[0].norm == pytest.approx(norms, rel=1e-6)
    assert torch.equal(model.weight, twin.weight)
    assert found.courses[0].removed == pytest.approx([1 - 0.995**t for t in range(1, 41)])


def test_the_shrink_follows_the_schedule():
    model = linear()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1 - t / 10)
    found = audit_run(optimizer, model, batches(model), steps=10, scheduler=schedule)
    assert found.courses[0].shrink == pytest.approx([0.01 * (1 - t / 10) for t in range(10)], abs=1e-12)


def test_without_gradients_the_decay_is_the_whole_update():
    model = linear()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1)
    found = audit_run(optimizer, model, (0.0 * model.weight.sum() for _ in range(5)), steps=5)
    assert found.courses[0].share == pytest.approx([1.0] * 5, abs=1e-4)
    assert found.courses[0].norm_at_rest[-1] == pytest.approx(0.0, abs=1e-4)


def test_the_sentence_says_whose_share_of_the_update_it_is():
    model = linear()
    found = audit_run(
        torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.5), model, batches(model), steps=5
    )
    text = found.courses[0].sentence
    assert re.search(r"%\); the decay was \S+ % of the last update, and the equilibrium ‖w‖ \S+ where", text)


def test_weights_at_equilibrium_stay_at_the_reported_norm():
    """Independent updates of length u on a scale-free weight: ‖w‖ = u/√(2s)."""
    torch.manual_seed(0)
    model = nn.Linear(64, 64, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.5)

    def noise():
        while True:
            yield (model.weight * torch.randn(64, 64)).sum()

    last = audit_run(optimizer, model, noise(), steps=120).courses[0]
    assert last.norm_at_rest[-1] == pytest.approx(last.norm[-1], rel=0.1)


@pytest.mark.parametrize(
    "item",
    [
        lambda model, x: model(x).square().mean(),
        lambda model, x: lambda: model(x).square().mean(),
        lambda model, x: (x, lambda outputs: outputs.square().mean()),
        lambda model, x: (x, model(x).square().mean()),
    ],
    ids=["loss", "function", "inputs and function of outputs", "inputs and loss"],
)
def test_a_batch_may_come_in_several_forms(item):
    model, x = linear(), torch.ones(2, 6)
    found = audit_run(
        torch.optim.SGD(model.parameters(), lr=0.1), model, (item(model, x) for _ in range(3)), steps=3
    )
    assert len(found.losses) == 3
    assert found.losses[-1] < found.losses[0]


@pytest.mark.parametrize(
    "given, words", [([], "gave no batches"), ([3.0], r"batch 1 must be a loss .* got 3\.0")]
)
def test_a_batch_without_a_loss_is_refused(given, words):
    model = linear()
    with pytest.raises(RequestError, match=words):
        audit_run(torch.optim.SGD(model.parameters(), lr=0.1), model, given, steps=2)


def test_batches_may_be_a_function_that_gives_them():
    model = linear()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    found = audit_run(optimizer, model, lambda: batches(model, 3), steps=5)
    assert found.courses[0].steps[-1] == 3
    with pytest.raises(
        RequestError, match="must be an iterable of losses, or a function that returns one, got 5"
    ):
        audit_run(optimizer, model, 5, steps=5)  # pyright: ignore[reportArgumentType] on purpose


def test_several_optimizers_step_together():
    model = net()
    optimizers = [
        torch.optim.SGD(matrices(model), lr=0.1, weight_decay=1e-3),
        torch.optim.AdamW(rest(model), weight_decay=0.0),
    ]
    losses = (model(torch.ones(4, 12)).square().mean() for _ in range(5))
    found = audit_run(optimizers, model, losses, steps=5)
    assert [course.label for course in found.courses] == ["group 0: weight", "group 1: bias, norm"]
    assert "no decay acted" in found.courses[1].sentence


SCRIPT = """
import torch

def build():
    model = torch.nn.Linear(6, 4)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    batches = (model(torch.randn(8, 6)).square().mean() for _ in range(100))
    return {"model": model, "optimizer": optimizer, "batches": batches, "rows": 800, "batch_size": 8}
"""


def test_the_command_steps_and_writes_a_page(tmp_path, monkeypatch):
    (tmp_path / "train.py").write_text(SCRIPT)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["audit", "train.py:build", "--steps", "20"])
    assert result.exit_code == 0, result.output
    assert "what 20 real steps did" in result.output
    page = (tmp_path / "audit-run.html").read_text(encoding="utf-8")
    assert "What the decay did in 20 steps of AdamW" in page
    told = json.loads(CliRunner().invoke(app, ["audit", "train.py:build", "--steps", "20", "--json"]).output)
    assert told["courses"][0]["steps"][-1] == 20


@pytest.mark.parametrize(
    "first, last, words", [(4.89, 10.6, "(+120 %)"), (4.89, 4.86, "(−0.61 %)"), (2.0, 2.0, "(+0 %)")]
)
def test_a_change_of_the_norm_is_a_plain_percentage(first, last, words):
    course = Course(
        label="group 0",
        rule="no decay",
        steps=[1, 200],
        lr=[0.1, 0.1],
        shrink=[0.0, 0.0],
        removed=[0.0, 0.0],
        norm=[first, last],
        norm_at_rest=[None, None],
        share=[None, None],
    )
    assert words in course.sentence
