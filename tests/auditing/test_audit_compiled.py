"""However the steps of an optimizer are carried out, its audit is that of the plain form."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from auditing_cases import net
from shrinkage.auditing import Audit, audit

FORMS = {
    "foreach": {"foreach": True},
    "one by one": {"foreach": False},
    "fused": {"fused": True},
    "capturable": {"capturable": True},
    "capturable foreach": {"capturable": True, "foreach": True},
    "differentiable": {"differentiable": True},
    "tensor lr": {"lr": torch.tensor(1e-3)},
    "capturable tensor lr": {"capturable": True, "lr": torch.tensor(1e-3), "foreach": True},
}


def audited(kind: Any, **options: Any) -> Audit:
    model = net()
    return audit(kind(model.parameters(), **{"lr": 1e-3, "weight_decay": 0.1, **options}), model)


def assert_alike(found: Audit, plain: Audit) -> None:
    assert {f.code for f in found.findings} == {f.code for f in plain.findings}
    for a, b in zip(found.groups, plain.groups, strict=True):
        assert (a.rule, a.parameters) == (b.rule, b.parameters)
        for x, y in ((a.shrink, b.shrink), (a.lam, b.lam)):
            assert x == (None if y is None else pytest.approx(y, rel=1e-6))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [torch.optim.AdamW, torch.optim.Adam], ids=["AdamW", "Adam"])
def test_every_form_of_the_step_has_the_audit_of_the_plain_one(kind: Any, form: str):
    assert_alike(audited(kind, **FORMS[form]), audited(kind))


def compiled_in_place(model: nn.Module, **options: Any) -> torch.optim.Optimizer:
    optimizer: Any = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1, **options)
    optimizer.step = torch.compile(optimizer.step, backend="eager")
    return optimizer


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # raised by torch's own compiler
@pytest.mark.parametrize("options", [{}, {"capturable": True}], ids=["float", "capturable"])
def test_a_compiled_step_has_the_audit_of_the_plain_one_before_and_after_it_ran(options: dict[str, Any]):
    model = net()
    optimizer = compiled_in_place(model, **options)
    assert_alike(audit(optimizer, model), audited(torch.optim.AdamW))
    model(torch.ones(2, 12)).sum().backward()
    optimizer.step()
    other = net()
    beside = torch.optim.AdamW(other.parameters(), lr=1e-3, weight_decay=0.1)
    other(torch.ones(2, 12)).sum().backward()
    beside.step()
    assert_alike(audit(optimizer, model), audit(beside, other))
    assert all(group["capturable"] == bool(options) for group in optimizer.param_groups)
