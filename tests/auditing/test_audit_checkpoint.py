"""Checkpoints are audited without running what they hold."""

import pickle
import re
from functools import partial

import pytest
import safetensors.torch
import torch
from torch import nn

from auditing_cases import adamw, matrices, net, rest, sgd, trained
from shrinkage import RequestError
from shrinkage.attachment import attach
from shrinkage.auditing import audit_checkpoint
from shrinkage.rules import L2SP


def saved(path, build, model=None, **extra):
    model = model or net()
    optimizer = trained(model, build(model))
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), **extra}, path)
    return path


def named(model):
    return torch.optim.AdamW(model.named_parameters(), lr=1e-3, weight_decay=0.1)


def test_names_and_roles_come_from_the_saved_names(tmp_path):
    audit = audit_checkpoint(saved(tmp_path / "c.pt", named, epoch=3))
    found = {f.code: f.parameters for f in audit.findings}
    assert found["bias-decayed"] == ("0.bias", "3.bias")
    assert found["norm-decayed"] == ("1.weight", "1.bias")
    assert audit.groups[0].shrink == pytest.approx(1e-4, rel=1e-6)


@pytest.mark.parametrize("build, name", [(partial(sgd, momentum=0.9), "SGD"), (adamw, "AdamW")])
def test_the_class_is_recognized_by_its_options(tmp_path, build, name):
    audit = audit_checkpoint(saved(tmp_path / "c.pt", build))
    assert audit.optimizer == name
    assert len(audit.groups) == 2


def wrongly_split(model):
    """Groups without names: the matrices and a bias, and the rest."""
    groups = [
        {"params": [*matrices(model), model[3].bias], "weight_decay": 0.1},
        {"params": [model[0].bias, model[1].weight, model[1].bias], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=1e-3)


def test_groups_without_names_are_matched_by_shape_and_order(tmp_path):
    audit = audit_checkpoint(saved(tmp_path / "c.pt", wrongly_split))
    assert [g.parameters for g in audit.groups] == [
        ("0.weight", "3.weight", "3.bias"),
        ("0.bias", "1.weight", "1.bias"),
    ]
    assert {f.code: f.parameters for f in audit.findings} == {"bias-decayed": ("3.bias",)}


def same_shapes_in_both(model):
    groups = [
        {"params": [model[0].bias], "weight_decay": 0.1},
        {"params": [model[1].weight, model[1].bias, *matrices(model)], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=1e-3)


def test_shapes_shared_by_groups_are_named_by_group_and_number(tmp_path):
    audit = audit_checkpoint(saved(tmp_path / "c.pt", same_shapes_in_both))
    assert audit.groups[0].parameters == ("group 0, parameter 0 (16)",)
    assert audit.groups[1].parameters[2:] == ("0.weight", "3.weight")
    assert audit.groups[0].shrink == pytest.approx(1e-4, rel=1e-6)
    assert audit.groups[0].roles == ("bias",)  # by its one axis: a bias, or what is as good as one
    assert audit.groups[1].roles == ("bias", "weight")


def test_without_moments_and_weights_the_groups_are_measured_all_the_same(tmp_path):
    model = net()
    groups = [{"params": matrices(model), "weight_decay": 1e-3}, {"params": rest(model)}]
    torch.save(torch.optim.SGD(groups, lr=0.1).state_dict(), tmp_path / "c.pt")
    audit = audit_checkpoint(tmp_path / "c.pt")
    assert [g.lam for g in audit.groups] == [pytest.approx(1e-3, rel=1e-6), 0.0]


def test_of_an_attached_rule_the_checkpoint_says_that_it_is_not_measured(tmp_path):
    def build(model):
        optimizer = torch.optim.AdamW(model.named_parameters(), lr=1e-3, weight_decay=0.0)
        attach(optimizer, L2SP(0.1), model=model)
        return optimizer

    audit = audit_checkpoint(saved(tmp_path / "c.pt", build))
    assert audit.optimizer.startswith("AdamW (in addition to a rule of shrinkage.attach")
    assert {g.rule for g in audit.groups} == {"no decay"}


def test_adam_is_distinguished_from_adamw_by_its_flag(tmp_path):
    audit = audit_checkpoint(
        saved(tmp_path / "c.pt", lambda m: torch.optim.Adam(m.named_parameters(), lr=1e-3, weight_decay=0.1))
    )
    assert audit.optimizer == "Adam"
    assert audit.findings[0].code == "adam-l2"


def test_the_class_can_be_named(tmp_path):
    audit = audit_checkpoint(saved(tmp_path / "c.pt", named), optimizer="torch.optim.Adam")
    assert audit.findings[0].code == "adam-is-adamw"  # the flag travels with the groups


def test_safetensors_are_weights_alone(tmp_path):
    model = nn.Linear(100, 3)
    nn.init.normal_(model.weight)
    safetensors.torch.save_file(model.state_dict(), tmp_path / "m.safetensors")
    audit = audit_checkpoint(tmp_path / "m.safetensors")
    assert [f.code for f in audit.findings] == ["outsized"]


class Malicious:
    def __reduce__(self):
        return print, ("run",)


def refused(tmp_path, name):
    path = tmp_path / name
    if name == "code.pt":
        torch.save({"model": net()}, path)
    elif name == "evil.pt":
        path.write_bytes(pickle.dumps(Malicious()))
    elif name == "text.pt":
        path.write_text("no checkpoint")
    elif name == "cut.pt":
        whole = saved(path, named).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif name == "text.safetensors":
        path.write_text("no weights")
    elif name == "empty.pt":
        torch.save({"epoch": 3}, path)
    elif name == "unknown.pt":
        torch.save({"state": {}, "param_groups": [{"params": [0], "lr": 1.0, "odd": 2}]}, path)
    return path


@pytest.mark.parametrize(
    "name, sentence",
    [
        ("code.pt", "would run the code of .*Sequential.* refused"),
        ("evil.pt", "would run .* refused"),
        ("text.pt", "is not a checkpoint: torch.save writes a different format"),
        ("cut.pt", "is not a torch checkpoint"),
        ("text.safetensors", "is not a readable safetensors file"),
        ("empty.pt", "neither weights nor an optimizer"),
        ("unknown.pt", "its optimizer can't be recognized from its options"),
        ("absent.pt", "there is no such file"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(tmp_path, capsys, name, sentence):
    with pytest.raises(RequestError, match=re.compile(sentence, re.DOTALL)):
        audit_checkpoint(refused(tmp_path, name))
    assert "run" not in capsys.readouterr().out


def test_an_optimizer_in_a_list_is_found(tmp_path):
    model = net()
    optimizer = trained(model, named(model))
    torch.save({"state_dict": model.state_dict(), "optimizers": [optimizer.state_dict()]}, tmp_path / "c.pt")
    audit = audit_checkpoint(tmp_path / "c.pt")
    assert audit.optimizer == "AdamW"
    assert audit.groups[0].shrink == pytest.approx(1e-4, rel=1e-6)


def test_one_group_without_names_is_named_in_the_order_of_the_weights(tmp_path):
    def build(model):
        return torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=1e-3)

    audit = audit_checkpoint(saved(tmp_path / "c.pt", build))
    assert [name for g in audit.groups for name in g.parameters] == [
        name for name, _ in net().named_parameters()
    ]


@pytest.mark.parametrize(
    "optimizer, sentence",
    [
        ("torch.optim.Adamm", "optimizer='torch.optim.Adamm': cannot be imported"),
        ("no.such.Module", "optimizer='no.such.Module': cannot be imported"),
        ("torch.nn.Linear", "its optimizer's state does not fit Linear"),
    ],
)
def test_a_named_class_that_does_not_fit_is_reported(tmp_path, optimizer, sentence):
    with pytest.raises(RequestError, match=sentence):
        audit_checkpoint(saved(tmp_path / "c.pt", named), optimizer=optimizer)


def test_weights_alone_are_judged_without_a_class_or_not_at_all(tmp_path):
    torch.save(net().state_dict(), tmp_path / "w.pt")
    assert audit_checkpoint(tmp_path / "w.pt").groups == []
    with pytest.raises(RequestError, match=r"contains only weights, so SGD can't be audited from it"):
        audit_checkpoint(tmp_path / "w.pt", optimizer="SGD")
