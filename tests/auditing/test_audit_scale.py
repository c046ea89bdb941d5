"""A large model is audited without a second copy, in seconds."""

import math
import time

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from shrinkage.attachment import attach
from shrinkage.auditing import audit
from shrinkage.auditing.measuring._zero_rows import Unreached, unreached_rows
from shrinkage.rules import Decoupled


class Largest(TorchDispatchMode):
    """The most elements of a tensor that an operation made new memory for."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for made in tree_leaves(result):
            if isinstance(made, torch.Tensor) and not made._is_view() and made._base is None:
                given = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
                if all(made.untyped_storage().data_ptr() != t.untyped_storage().data_ptr() for t in given):
                    self.elements = max(self.elements, made.numel())
        return result


def lived(model, **options):
    """An AdamW with moments of every weight."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, **options)
    for p in model.parameters():
        p.grad = torch.full_like(p, 1e-3)
    optimizer.step()
    return optimizer


@pytest.mark.parametrize("attached", [False, True])
def test_no_tensor_as_large_as_a_parameter_is_made(monkeypatch, attached):
    monkeypatch.setattr("shrinkage.auditing.subjects._untouched._SMALL", 0)
    model = nn.Sequential(nn.Embedding(3000, 700), nn.Linear(700, 2000), nn.Linear(2000, 700))
    optimizer = lived(model, weight_decay=0.0 if attached else 0.1)
    if attached:
        attach(optimizer, Decoupled(0.1), model=model, lower=False)
    with Largest() as largest:
        audit(optimizer, model, rows=1000, batch_size=10, steps=100)
    assert largest.elements < 2**18 < min(p.numel() for p in model.parameters() if p.dim() > 1)


@pytest.mark.parametrize("block", [7, 2**20])
def test_rows_of_zeros_are_exact_although_few_columns_are_checked_first(monkeypatch, block):
    monkeypatch.setattr("shrinkage.auditing.measuring._zero_rows._BLOCK", block)
    p = nn.Parameter(torch.randn(6, 1000))
    p.grad = torch.zeros_like(p)
    p.grad[0, 3] = p.grad[2, 999] = 1e-30  # in columns that are not among the first looked at
    p.grad[4, 0] = 1.0
    assert unreached_rows([p], {})[0] == Unreached(3, 6, "gradient")


def test_looking_for_rows_of_zeros_takes_no_memory_of_their_size():
    p = nn.Parameter(torch.zeros(4096, 40_000, dtype=torch.bfloat16))
    p.grad = p.detach()
    p.grad[0] = 1.0
    before = most_resident()
    assert unreached_rows([p], {})[0] == Unreached(4095, 4096, "gradient")
    assert most_resident() - before < 64 < p.numel() / 2**20  # the mask of all of it would be 156 MiB


@pytest.mark.slow
def test_a_billion_weights_take_seconds_and_little_memory():
    width, layers = 4096, 60
    with torch.device("meta"):
        model = nn.Sequential(*(nn.Linear(width, width, bias=False) for _ in range(layers)))
    model = model.to(torch.bfloat16).to_empty(device="cpu")
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(0.02)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
    before, start = most_resident(), time.perf_counter()
    found = audit(optimizer, model)
    assert time.perf_counter() - start < 60
    assert most_resident() - before < 512
    assert [f.code for f in found.findings] == ["rounded-away"]
    assert sum(g.elements for g in found.groups) == width * width * layers > 1e9


def most_resident() -> float:
    """The most MiB that the process has held."""
    resource = pytest.importorskip("resource")
    return math.ceil(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
