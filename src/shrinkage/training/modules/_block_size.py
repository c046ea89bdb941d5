"""How many modules make a block: as many as share a stack well, and no more state than a process may hold."""

from __future__ import annotations

import torch

from shrinkage.networks.module import ModuleLayout

__all__ = ["modules_a_block"]

STATE_BYTES, STATE_BYTES_ON_A_DEVICE = 96 << 20, 1 << 33
"""Parameters, gradients and two moments of a block: on a CPU and on a GPU."""
MODULES_A_BLOCK, MODULES_ON_A_DEVICE = 16, 256


def modules_a_block(layout: ModuleLayout, device: str) -> int:
    """Modules of a block on the device, at least one."""
    on_cpu = torch.device(device).type == "cpu"
    state = 4 * sum(length * dtype.itemsize for dtype, length in layout.lengths().items())
    room = (STATE_BYTES if on_cpu else STATE_BYTES_ON_A_DEVICE) // max(1, state)
    return max(1, min(MODULES_A_BLOCK if on_cpu else MODULES_ON_A_DEVICE, room))
