"""A GPU's ways on a CPU: torch's check of `capturable` lifted, numbers not read, and a stand-in for a CUDA graph."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from attachment_cases import loss_at

CAPTURABLE: dict[str, tuple[type[Optimizer], dict[str, Any]]] = {
    "Adam": (torch.optim.Adam, {"lr": 0.01}),
    "Adam amsgrad": (torch.optim.Adam, {"lr": 0.01, "amsgrad": True}),
    "AdamW": (torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0}),
    "NAdam": (torch.optim.NAdam, {"lr": 0.01}),
    "RAdam": (torch.optim.RAdam, {"lr": 0.01}),
    "RMSprop": (torch.optim.RMSprop, {"lr": 0.01}),
    "Adadelta": (torch.optim.Adadelta, {"lr": 0.5}),
    "Adamax": (torch.optim.Adamax, {"lr": 0.01}),
    "ASGD": (torch.optim.ASGD, {"lr": 0.05}),
    "Rprop": (torch.optim.Rprop, {"lr": 0.01}),
}
"""All of torch's optimizers that take `capturable`."""

_READS = {"aten::_local_scalar_dense", "aten::nonzero", "aten::equal", "aten::is_nonzero", "aten::item"}


@contextmanager
def as_on_a_gpu() -> Iterator[None]:
    """Let torch and `attach` take the CPU, or meta, for a device whose numbers are not read."""
    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if name.startswith("torch.optim.") and hasattr(module, "_get_capturable_supported_devices"):
                supported = ["cpu", "meta"]
                stack.enter_context(
                    patch.object(module, "_get_capturable_supported_devices", lambda *_, s=supported, **__: s)
                )
        stack.enter_context(patch("shrinkage.attachment._attachment._check_can_step", lambda *_: None))
        for module in ("_host", "repair._carry", "_directions"):
            stack.enter_context(patch(f"shrinkage.attachment.{module}.readable", lambda x: False))
        yield


class NothingMoves(TorchDispatchMode):
    """Raises where a tensor moves from one device to another; that one of `meta` has no number, torch says itself."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if func.name().split(".")[0] in ("aten::_to_copy", "aten::copy_"):
            devices = {x.device for x in tree_leaves((args, out)) if isinstance(x, Tensor)}
            assert len(devices) == 1, f"{func.name()} from one of {devices} to the other"
        return out


class Graph(NothingMoves):
    """What a CUDA graph does: the operations of one step, on the memory they had then, without Python.

    `with Graph() as graph: step()` records and does them, and raises where a number is read; `graph.replay()` does them
    again. What a step leaves in a new tensor is at the same place in every replay, where the next one does not look.
    """

    def __init__(self) -> None:
        super().__init__()
        self._done: list[tuple[Any, Any, Any, Any]] = []

    def __enter__(self) -> Graph:
        self._captured = patch("shrinkage.attachment._host.is_captured", lambda: True)
        self._captured.start()
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        self._captured.stop()
        super().__exit__(*error)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func.name().split(".")[0] not in _READS, f"{func.name()} makes the device wait"
        out = super().__torch_dispatch__(func, types, args, kwargs)
        self._done.append((func, args, kwargs or {}, out))
        return out

    @torch.no_grad()
    def replay(self) -> None:
        for func, args, kwargs, out in self._done:
            again = func(*args, **kwargs)
            for new, old in zip(tree_leaves(again), tree_leaves(out), strict=True):
                if isinstance(new, Tensor) and new is not old:
                    old.copy_(new)


def into_the_same_gradients(model: torch.nn.Module, step: int) -> None:
    """The gradients of `step`, in the tensors that a graph knows."""
    params = list(model.parameters())
    for p, grad in zip(params, torch.autograd.grad(loss_at(model, step), params), strict=True):
        if p.grad is None:
            p.grad = torch.zeros_like(p)
        p.grad.copy_(grad)


def steps_of(model: torch.nn.Module, do: Callable[[], Any], steps: range) -> list[Tensor]:
    """`do` after the gradients of every step."""
    for t in steps:
        into_the_same_gradients(model, t)
        do()
    return [p.detach().clone() for p in model.parameters()]
