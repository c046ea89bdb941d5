"""DDP, FSDP2 and ZeRO on two gloo processes give what one process gives."""

import copy
import os
import traceback
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)

from attachment_cases import decay_lr, make_model, optimizer_for, train
from distributed_cases import failures_in_two_processes, fully_sharded
from rules_cases import ROWS
from shrinkage.attachment import attach

STEPS = 4
CASES = [(name, "AdamW" if row.adam_only else "SGD momentum") for name, row in ROWS.items()]
CASES += [("Decoupled lr", "AdamW foreach"), ("L2", "Adam"), ("Cautious", "AdamW")]

RESUMED = [
    ("L2SP", "AdamW"),
    ("Decoupled lr", "SGD momentum"),
    ("UncertainDecay", "AdamW"),
    ("AdaptiveL2", "SGD momentum"),
    ("ConstrainedNorm relative", "AdamW"),
]

SHARDED = [
    (rule, "AdamW")
    for rule in (
        "Decoupled lr",
        "Decoupled constant",
        "WeightDecay updated",
        "L2",
        "L2SP",
        "Cautious",
        "UncertainDecay",
    )
]
"""Under `ZeroRedundancyOptimizer`, where each process steps a share of the parameters and sends it round."""

pytestmark = pytest.mark.skipif(not dist.is_available() or not dist.is_gloo_available(), reason="needs gloo")


def wrapped(model: nn.Module, how: str) -> nn.Module:
    if how == "ddp":
        return nn.parallel.DistributedDataParallel(model)
    assert isinstance(model, nn.Sequential)
    return fully_sharded(model)


def whole(p: torch.Tensor) -> torch.Tensor:
    return getattr(p, "full_tensor", lambda: p)().detach()


def stepped(model: nn.Module, optimizer: torch.optim.Optimizer, rank: int, steps: range) -> None:
    """Steps on this process's half of each batch."""
    for t in steps:
        decay_lr(optimizer, t)
        optimizer.zero_grad()
        generator = torch.Generator().manual_seed(1000 + t)
        x = torch.randn(16, 5, generator=generator, dtype=torch.float64)
        y = torch.randn(16, 3, generator=generator, dtype=torch.float64)
        half = slice(8 * rank, 8 * rank + 8)
        (model(x[half]) - y[half]).square().mean().backward()
        optimizer.step()


def run(rule_name: str, optimizer_name: str, how: str, rank: int) -> list[torch.Tensor]:
    model = wrapped(make_model(), how)
    optimizer = optimizer_for(optimizer_name, model)
    handle = attach(optimizer, ROWS[rule_name].rule, model=model)
    assert next(row.name for row in handle.table()) == "0.weight"
    stepped(model, optimizer, rank, range(STEPS))
    handle.log()
    optimizer.state_dict()
    return [whole(p) for p in model.parameters()]


def resumed(rule_name: str, optimizer_name: str, way: str, rank: int) -> list[torch.Tensor]:
    """Sharded training that is broken off in the middle, and goes on with other objects."""
    options = StateDictOptions(full_state_dict=way == "full")
    old = wrapped(make_model(), "fsdp2")
    optimizer = optimizer_for(optimizer_name, old)
    attach(optimizer, ROWS[rule_name].rule, model=old)
    stepped(old, optimizer, rank, range(STEPS // 2))
    state = (
        optimizer.state_dict() if way == "own" else get_optimizer_state_dict(old, optimizer, options=options)
    )
    state = copy.deepcopy(state)
    model = wrapped(make_model(), "fsdp2")
    again = optimizer_for(optimizer_name, model)
    attach(again, ROWS[rule_name].rule, model=model)
    with torch.no_grad():
        for p, q in zip(model.parameters(), old.parameters(), strict=True):
            p.copy_(q)
    if way == "own":
        again.load_state_dict(state)
    else:
        set_optimizer_state_dict(model, again, state, options=options)
    stepped(model, again, rank, range(STEPS // 2, STEPS))
    return [whole(p) for p in model.parameters()]


def compare_resumed(rule_name: str, optimizer_name: str, way: str, rank: int) -> None:
    expected = run(rule_name, optimizer_name, "fsdp2", rank)
    for a, b in zip(resumed(rule_name, optimizer_name, way, rank), expected, strict=True):
        assert torch.equal(a, b)


def compare(rule_name: str, optimizer_name: str, how: str, rank: int) -> None:
    got = run(rule_name, optimizer_name, how, rank)
    alone = make_model()
    optimizer = optimizer_for(optimizer_name, alone)
    attach(optimizer, ROWS[rule_name].rule, model=alone)
    torch.testing.assert_close(got, train(alone, optimizer, STEPS), rtol=1e-9, atol=1e-11)


def sharded(model: nn.Module, like: torch.optim.Optimizer) -> Any:
    """The same optimizer, its state shared out over the processes."""
    from torch.distributed.optim import ZeroRedundancyOptimizer  # warns of torch.jit, here outside pytest

    options = {k: v for k, v in like.param_groups[0].items() if k in ("lr", "betas", "eps", "weight_decay")}
    return ZeroRedundancyOptimizer(model.parameters(), optimizer_class=type(like), **options)


def compare_sharded(rule_name: str, optimizer_name: str, rank: int) -> None:
    """Steps in two halves: the second by a new model and optimizer that load what the first process saved."""
    rule, alone = ROWS[rule_name].rule, make_model()
    plain = optimizer_for(optimizer_name, alone)
    old = wrapped(make_model(), "ddp")
    optimizer = sharded(old, plain)
    attach(optimizer, rule, model=old)
    stepped(old, optimizer, rank, range(STEPS // 2))
    optimizer.consolidate_state_dict(to=0)
    saved = [(old.state_dict(), optimizer.state_dict()) if rank == 0 else None]
    dist.broadcast_object_list(saved, src=0)
    assert saved[0] is not None
    new = wrapped(make_model(), "ddp")
    again = sharded(new, plain)
    attach(again, rule, model=new)
    new.load_state_dict(saved[0][0])
    again.load_state_dict(saved[0][1])
    stepped(new, again, rank, range(STEPS // 2, STEPS))
    attach(plain, rule, model=alone)
    expected = train(alone, plain, STEPS)
    torch.testing.assert_close([p.detach() for p in new.parameters()], expected, rtol=1e-9, atol=1e-11)


def work(rank: int, port: int, failures: Any) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=2)
    try:
        for how in ("ddp", "fsdp2"):
            for rule_name, optimizer_name in CASES:
                try:
                    compare(rule_name, optimizer_name, how, rank)
                except Exception:
                    where = f"{how}, {rule_name} on {optimizer_name}, rank {rank}"
                    failures.put(f"{where}: {traceback.format_exc()[-600:]}")
        for rule_name, optimizer_name in RESUMED:
            for way in ("own", "sharded", "full"):
                try:
                    compare_resumed(rule_name, optimizer_name, way, rank)
                except Exception:
                    where = f"resumed ({way}), {rule_name} on {optimizer_name}, rank {rank}"
                    failures.put(f"{where}: {traceback.format_exc()[-600:]}")
        for rule_name, optimizer_name in SHARDED:
            try:
                compare_sharded(rule_name, optimizer_name, rank)
            except Exception:
                where = f"ZeRO, {rule_name} on {optimizer_name}, rank {rank}"
                failures.put(f"{where}: {traceback.format_exc()[-600:]}")
        dist.barrier()  # neither closes its sockets while the other still uses them
    finally:
        dist.destroy_process_group()
    # All is compared and told. Now and then torch's own threads abort the interpreter's way out of such a process.
    os._exit(0)


def test_two_processes_are_one():
    found = failures_in_two_processes(work)
    assert not found, "\n".join(found)
