"""Two processes of a gloo group: how they are started, and a model cut into pieces over them."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import torch.multiprocessing as mp
from torch import nn

__all__ = ["failures_in_two_processes", "fully_sharded"]


def failures_in_two_processes(work: Callable[[int, int, Any], None]) -> list[str]:
    """What `work(rank, port, failures)` puts on the queue `failures` in either of two processes."""
    failures = mp.get_context("spawn").SimpleQueue()
    mp.spawn(work, args=(_free_port(), failures), nprocs=2)  # pyright: ignore[reportPrivateImportUsage] public in the docs
    found = []
    while not failures.empty():
        found.append(failures.get())
    return found


def fully_sharded(model: nn.Sequential) -> nn.Module:
    """The model under FSDP2, layer by layer, on the two processes."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh("cpu", (2,))
    for layer in model:
        if isinstance(layer, nn.Linear):
            fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
