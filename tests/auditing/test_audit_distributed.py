"""DDP, FSDP2 and tensor parallelism on two gloo processes: an audit tells what it tells of one process."""

import os
import traceback
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn

from auditing_cases import adamw, net, sgd
from distributed_cases import failures_in_two_processes, fully_sharded
from shrinkage import RequestError
from shrinkage.attachment import attach
from shrinkage.auditing import audit
from shrinkage.rules import Decoupled

pytestmark = pytest.mark.skipif(not dist.is_available() or not dist.is_gloo_available(), reason="needs gloo")


def wrapped(model: nn.Sequential, how: str) -> nn.Module:
    if how == "alone":
        return model
    if how == "ddp":
        return nn.parallel.DistributedDataParallel(model)
    if how == "fsdp2":
        return fully_sharded(model)
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

    plan = {"0": ColwiseParallel(), "3": RowwiseParallel()}
    return parallelize_module(model, init_device_mesh("cpu", (2,)), plan)


def coupled_adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=0.1)


def lost(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=1e-4)


def attached(model: nn.Module) -> torch.optim.Optimizer:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    attach(optimizer, Decoupled(0.05), model=model)
    return optimizer


BUILDS = (sgd, adamw, coupled_adam, lost, attached)


def told(how: str, build: Any, *, trained: bool) -> tuple[Any, ...]:
    """What an audit finds, and whether all is as it was."""
    model = wrapped(net(), how)
    optimizer = build(model)
    if trained:
        model(torch.randn(8, 12, generator=torch.Generator().manual_seed(3))).square().mean().backward()
        optimizer.step()
    before = [local(p).clone() for p in model.parameters()]
    found = audit(optimizer, model, rows=1000, batch_size=10, steps=50_000)
    if how in ("fsdp2", "tensor parallel"):
        with pytest.raises(RequestError, match="a sharded model"):
            audit(optimizer, model, inputs=torch.randn(8, 12))
    for p, old in zip(model.parameters(), before, strict=True):
        assert torch.equal(local(p), old)
    findings = {(f.code, f.parameters) for f in found.findings}
    # With L2 in Adam the shrink is that of the live moments, of which each process holds its own part.
    exact = build is not coupled_adam
    groups = [
        (g.rule, g.parameters, g.elements, exact and round(1e9 * (g.shrink or 0))) for g in found.groups
    ]
    return findings, groups


def local(p: torch.Tensor) -> torch.Tensor:
    return getattr(p, "to_local", lambda: p)().detach()


def work(rank: int, port: int, failures: Any) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=2)
    try:
        for how in ("ddp", "fsdp2", "tensor parallel"):
            for build in BUILDS if how != "ddp" else (adamw,):
                try:
                    # Tensor parallel, the LayerNorm between the two layers would want its input whole.
                    trained = how != "tensor parallel"
                    got, wanted = (told(place, build, trained=trained) for place in (how, "alone"))
                    assert got == wanted, f"{got} instead of {wanted}"
                except Exception:
                    failures.put(f"{how}, {build.__name__}, rank {rank}: {traceback.format_exc()[-700:]}")
    finally:
        dist.destroy_process_group()


def test_two_processes_tell_what_one_tells():
    found = failures_in_two_processes(work)
    assert not found, "\n".join(found)
