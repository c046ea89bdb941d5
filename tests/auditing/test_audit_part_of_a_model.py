"""Optimizers that hold a part of a model each: what one leaves to the other is no slip."""

import pytest
import torch
from torch import nn

from auditing_cases import matrices, net, rest
from shrinkage.auditing import audit


def split(is_one):
    """A head beside two hidden matrices: held by two optimizers, or by one with an auxiliary part."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(6, 8, bias=False), nn.Linear(8, 8, bias=False), nn.Linear(8, 4, bias=False)
    )
    *hidden, head = model.parameters()
    last = [head]
    if is_one:
        return model, torch.optim.SGD(
            [
                {"params": hidden, "weight_decay": 0.1, "use_muon": True},
                {"params": last, "weight_decay": 0.0, "use_muon": False},
            ],
            lr=0.1,
        )
    return model, [
        torch.optim.Muon(hidden, lr=0.02, weight_decay=0.1),
        torch.optim.AdamW(last, lr=1e-3, weight_decay=0.0),
    ]


@pytest.mark.parametrize("is_one", [True, False], ids=["auxiliary", "two optimizers"])
def test_a_head_that_another_optimizer_holds_was_set_apart_on_purpose(is_one):
    model, optimizer = split(is_one)
    assert "matrix-exempt" not in {f.code for f in audit(optimizer, model).findings}


def test_a_matrix_that_its_own_optimizer_leaves_out_is_found_beside_another():
    model = net()
    groups = [{"params": [matrices(model)[0]]}, {"params": [matrices(model)[1]], "weight_decay": 0.0}]
    pair = [torch.optim.AdamW(groups, weight_decay=0.1), torch.optim.SGD(rest(model), lr=0.1)]
    (found,) = [f for f in audit(pair, model).findings if f.code == "matrix-exempt"]
    assert found.parameters == ("3.weight",)


def test_one_optimizer_of_several_is_advised_to_be_audited_with_the_others():
    model = net()
    (found,) = [
        f for f in audit(torch.optim.SGD(matrices(model), lr=0.1), model).findings if f.code == "in-no-group"
    ]
    assert "audit([first, second], model)" in found.advice
