"""Which parameters move: frozen ones, rows without gradient, groups that come later, adapters, divided models."""

import pytest
import torch
from torch import nn

from attachment_cases import loss_at, make_model
from shrinkage._errors import RequestError
from shrinkage.attachment import attach
from shrinkage.rules import L1, L2, L2SP, Decoupled, WeightDecay


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize(
    "rule", [L2(0.5), Decoupled(0.5), WeightDecay(0.1)], ids=["L2", "Decoupled", "WeightDecay"]
)
def test_frozen_means_frozen(rule, lower):
    model = make_model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0)
    attach(optimizer, rule, model=model, lower=lower)
    frozen, stale = model.get_parameter("0.weight"), model.get_parameter("2.weight")
    frozen.requires_grad_(False)
    before = frozen.detach().clone(), stale.detach().clone()
    loss_at(model, 0).backward()
    stale.grad = None
    optimizer.step()
    assert torch.equal(frozen, before[0])
    assert torch.equal(stale, before[1])


@pytest.mark.parametrize(
    "rule", [L2(0.5), Decoupled(0.5), WeightDecay(0.1)], ids=["L2", "Decoupled", "WeightDecay"]
)
def test_rows_without_gradient_are_left_on_request(rule):
    table = nn.Embedding(5, 3)
    optimizer = torch.optim.SGD(table.parameters(), lr=0.1)
    attach(optimizer, rule, model=table, rows="touched")
    before = table.weight.detach().clone()
    table(torch.tensor([1, 3])).sum().mul(1e-3).backward()
    optimizer.step()
    changed = (table.weight.detach() != before).any(1)
    assert changed.tolist() == [False, True, False, True, False]
    assert (table.weight.detach()[1] - before[1] + 1e-4).abs().max() > 1e-3


@pytest.mark.parametrize("rows", ["all", "touched"])
def test_sparse_gradients_ask_for_a_choice(rows):
    table = nn.Embedding(5, 3, sparse=True)
    optimizer = torch.optim.SGD(table.parameters(), lr=0.1)
    attach(optimizer, Decoupled(0.5), model=table, rows=rows)
    before = table.weight.detach().clone()
    table(torch.tensor([1, 3])).sum().mul(0).backward()
    optimizer.step()
    factor = torch.full((5, 1), 0.95)
    if rows == "touched":
        factor[[0, 2, 4]] = 1.0
    torch.testing.assert_close(table.weight.detach(), before * factor)


@pytest.mark.parametrize(
    "rule, message", [(Decoupled(0.5), r'rows="all", or rows="touched"'), (L1(0.5), r"needs a dense one")]
)
def test_sparse_gradients_without_a_choice(rule, message):
    table = nn.Embedding(5, 3, sparse=True)
    optimizer = torch.optim.SGD(table.parameters(), lr=0.1)
    attach(optimizer, rule, model=table)
    table(torch.tensor([1, 3])).sum().backward()
    with pytest.raises(RequestError, match=message):
        optimizer.step()


@pytest.mark.parametrize("lower", [True, False])
def test_a_group_added_later_is_pulled_by_role(lower):
    first, second = nn.Linear(2, 3), nn.Linear(3, 3)
    model = nn.Sequential(first, second)
    optimizer = torch.optim.AdamW(first.parameters(), lr=0.1, weight_decay=0)
    handle = attach(optimizer, Decoupled(0.5), model=model, lower=lower)
    optimizer.add_param_group({"params": [*second.parameters()], "lr": 0.2})
    before = [p.detach().clone() for p in second.parameters()]
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    torch.testing.assert_close(second.weight.detach(), 0.9 * before[0])
    assert torch.equal(second.bias.detach(), before[1])
    assert handle.table()["1.weight"].rule == "Decoupled 0.5 × lr"


@pytest.mark.parametrize("lower", [True, False])
def test_a_parameter_that_takes_anothers_place_is_pulled(lower):
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    handle = attach(optimizer, Decoupled(0.5), model=model, lower=lower)
    model.weight = nn.Parameter(torch.ones(4, 3))
    optimizer.param_groups[0]["params"][0] = model.weight
    model.weight.grad = torch.zeros_like(model.weight)
    optimizer.step()
    torch.testing.assert_close(model.weight.detach(), torch.full((4, 3), 0.95))
    assert [(row.name, row.shape) for row in handle.table()] == [("weight", (4, 3)), ("bias", (2,))]
    assert len(handle.claims) == 2


def test_a_group_added_later_with_its_own_decay_is_an_error():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3))
    optimizer = torch.optim.AdamW(model[0].parameters(), lr=0.1, weight_decay=0)
    attach(optimizer, Decoupled(0.5), model=model)
    optimizer.add_param_group({"params": [*model[1].parameters()], "weight_decay": 0.1})
    with pytest.raises(RequestError, match=r"the group added with 1.weight already has a weight_decay, 0.1"):
        optimizer.step()


def test_two_rules_on_disjoint_parameters():
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    start = model.get_parameter("0.weight").detach().clone()
    attach(optimizer, L2SP(0.5), model=model, only=("0",))
    attach(optimizer, Decoupled(0.5), model=model, only=("2",))
    with torch.no_grad():
        model.get_parameter("0.weight").add_(1)
    before = model.get_parameter("2.weight").detach().clone()
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    torch.testing.assert_close(model.get_parameter("0.weight").detach(), start + 0.95)
    torch.testing.assert_close(model.get_parameter("2.weight").detach(), 0.95 * before)


@pytest.mark.parametrize(
    "rule", [L2(0.5), Decoupled(0.5), WeightDecay(0.1)], ids=["L2", "Decoupled", "WeightDecay"]
)
@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.AdamW])
def test_a_gradient_left_over_does_not_decay_what_is_frozen(kind, rule):
    model = make_model()
    optimizer = kind(model.parameters(), lr=0.1, weight_decay=0)
    attach(optimizer, rule, model=model)
    frozen, free = model.get_parameter("0.weight"), model.get_parameter("2.weight")
    before = frozen.detach().clone(), free.detach().clone()
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    frozen.requires_grad_(False)
    optimizer.step()
    assert torch.equal(frozen, before[0])
    assert not torch.equal(free, before[1])


def test_without_a_model_everything_is_pulled():
    model = make_model()
    optimizer = torch.optim.SGD(model.named_parameters(), lr=0.1)
    handle = attach(optimizer, Decoupled(0.5), exempt=("*.bias",))
    assert {row.name for row in handle.table() if row.how} == {"0.weight", "2.weight"}
    bare = torch.optim.SGD(model.parameters(), lr=0.1)
    assert len([row for row in attach(bare, Decoupled(0.5), exempt=()).table() if row.how]) == 4


def test_low_rank_adapters_are_weights_and_their_base_stays():
    class LoRA(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.base = nn.Linear(4, 4)
            self.base.requires_grad_(False)
            self.lora_A = nn.ModuleDict({"default": nn.Linear(4, 2, bias=False)})
            self.lora_magnitude_vector = nn.Parameter(torch.ones(4))

    model = LoRA()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0)
    handle = attach(optimizer, Decoupled(0.5), model=model)
    base, low = (
        model.base.weight.detach().clone(),
        model.get_parameter("lora_A.default.weight").detach().clone(),
    )
    model.get_parameter("lora_A.default.weight").grad = torch.zeros(2, 4)
    optimizer.step()
    assert torch.equal(model.base.weight.detach(), base)
    torch.testing.assert_close(model.get_parameter("lora_A.default.weight").detach(), 0.95 * low)
    assert handle.table()["lora_magnitude_vector"].role == "scale"
