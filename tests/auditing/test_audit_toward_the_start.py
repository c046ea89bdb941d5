"""Sentences on a pull toward the start speak of the distance to the start, not of the weights."""

import re
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from auditing_cases import codes, net
from shrinkage.attachment import attach
from shrinkage.auditing import audit, audit_run
from shrinkage.rules import L2SP, Decoupled


def pulled(kind: Any = torch.optim.SGD, lr=0.01, lam=0.1, **options):
    """A net under L2SP, biases and norms too, as in the article."""
    model = net()
    optimizer = kind(model.parameters(), lr=lr, **options)
    attach(optimizer, L2SP(lam), model=model, exempt=())
    return model, optimizer


def test_a_group_speaks_of_the_distance_to_the_start():
    model, optimizer = pulled()
    (group,) = audit(optimizer, model, rows=1000, batch_size=10, steps=500).groups
    assert group.sentence.startswith(
        "A pull of 0.001 per step toward weights other than 0, such as the start, undoes what was learned within "
        "10 epochs; your run has 5: it removes 39 % of the distance to them in all"
    )


@pytest.mark.parametrize("kind, options", [(torch.optim.SGD, {}), (torch.optim.AdamW, {"weight_decay": 0})])
def test_biases_and_norms_may_be_pulled_to_the_start(kind, options):
    model, optimizer = pulled(kind, **options)
    assert not {"bias-decayed", "norm-decayed", "swapped-groups"} & codes(optimizer, model)


def test_a_new_head_is_left_out_on_purpose():
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    attach(optimizer, L2SP(0.1), model=model, only=("0",))
    assert "matrix-exempt" not in codes(optimizer, model)


def test_weights_at_the_start_lose_nothing_without_a_gradient():
    model = nn.Sequential(nn.Embedding(20, 8), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    attach(optimizer, L2SP(0.1), model=model, exempt=())
    model(torch.arange(7)).square().sum().backward()
    assert "zero-grad-decayed" not in codes(optimizer, model)


def test_the_size_of_a_layer_before_a_norm_is_not_free():
    model, optimizer = pulled()
    assert "scale-invariant" not in codes(optimizer, model, inputs=torch.randn(8, 12))


def test_the_advice_for_adam_keeps_the_start():
    model, optimizer = pulled(torch.optim.AdamW, weight_decay=0)
    (found,) = [f for f in audit(optimizer, model).findings if f.code == "adam-l2"]
    assert 'replace(L2SP(…), entry="before")' in found.advice
    start = [p.detach().clone() for p in model.parameters()]
    other = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0)
    for handle in (other, optimizer):
        handle.zero_grad()
    attach(other, replace(L2SP(0.1), entry="before"), model=model, exempt=())
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1.0)
            p.grad = torch.zeros_like(p)
    other.step()
    for p, w in zip(model.parameters(), start, strict=True):
        torch.testing.assert_close(p.detach() - w, torch.full_like(w, 0.999))


def test_a_run_gives_no_share_of_a_distance_that_it_does_not_know():
    model, optimizer = pulled()
    found = audit_run(
        optimizer, model, (model(torch.randn(8, 12)).square().mean() for _ in range(9)), steps=9
    )
    (course,) = found.courses
    assert course.share == course.norm_at_rest == [None] * 9
    assert course.removed[-1] == pytest.approx(1 - 0.999**9)
    assert "of the distance to the weights that it pulls toward in 9 steps" in course.sentence


def test_the_page_of_a_run_speaks_of_the_start(tmp_path):
    model, optimizer = pulled()
    audit_run(
        optimizer, model, (model(torch.randn(8, 12)).square().mean() for _ in range(3)), steps=3
    ).to_html(tmp_path / "run.html")
    page = (tmp_path / "run.html").read_text()
    assert "of the distance to the start without gradients" in page
    assert "The decay&#39;s share of the update" not in page
    assert "share-over-time" not in page


@pytest.mark.parametrize(
    "lam, steps, words",
    [
        (5.0, None, "takes every weight 5 % of the way back to its start per step"),
        (0.9, 10_000, "takes every weight back to its start within 111 steps, 90 times over"),
        (1e-8, 10, "1e-07 % of the way back to its start in a run of 10 steps"),
    ],
)
def test_attach_warns_of_the_way_back_to_the_start(lam, steps, words):
    model = net()
    with pytest.warns(UserWarning, match=re.escape(words)):
        attach(torch.optim.SGD(model.parameters(), lr=0.01), L2SP(lam), model=model, steps=steps)


def test_a_decay_to_zero_beside_it_is_still_found():
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    attach(optimizer, L2SP(0.1), model=model, only=("0",), exempt=())
    attach(optimizer, Decoupled(0.1), model=model, only=("3",), exempt=())
    (found,) = [f for f in audit(optimizer, model).findings if f.code == "bias-decayed"]
    assert found.parameters == ("3.bias",)


class Drifting(torch.optim.Optimizer):
    """Moves weights by itself before any gradient has come, as Yogi does, and decays toward 0."""

    def __init__(self, params):
        super().__init__(params, {"lr": 0.01, "weight_decay": 0.01})

    @torch.no_grad()
    def step(self, closure=None):  # pyright: ignore[reportIncompatibleMethodOverride] no loss
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.mul_(1 - group["lr"] * group["weight_decay"]).sub_(group["lr"] * (p.grad + 1e-3))


def test_a_drift_of_the_optimizers_own_is_no_pull_toward_other_weights():
    model = net()
    found = audit(Drifting(model.parameters()), model)
    assert "toward weights other than 0" not in found.groups[0].rule
    assert {"bias-decayed", "norm-decayed"} <= {f.code for f in found.findings}
