"""Penalties inside a loss, measured: the part of a weight's gradient that is the weight itself.

In a loss's graph a weight is used in several places, and each sends its own part of the gradient. A part that is
λ·w, element by element, comes from (λ/2) Σ w², however it is written down.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from shrinkage._errors import RequestError, shown

__all__ = ["penalties"]


def penalties(loss: Callable[[], Tensor], parameters: Sequence[Tensor]) -> list[float]:
    """The λ of the L2 penalty that `loss()` holds for each parameter, 0 where there is none.

    Args:
        loss: computes the loss of a batch from the live parameters, with its graph.
        parameters: where to look.

    Raises:
        RequestError: `loss()` gives no single number that can be differentiated.
    """
    with torch.enable_grad():
        value = loss()
    if not isinstance(value, Tensor) or value.numel() != 1 or not value.requires_grad:
        raise RequestError(
            f"audit(loss=…): must return the loss of a batch as one number with its graph, got {shown(value)}. "
            "Return it before .item() and before .backward()."
        )
    parts: dict[int, list[Tensor]] = {id(p): [] for p in parameters}
    hooks = _listen(value.grad_fn, parts)
    trained = [p for p in parameters if p.requires_grad]
    torch.autograd.grad(value, trained, allow_unused=True)
    for hook in hooks:
        hook.remove()
    return [sum(_strength(part, p) for part in parts[id(p)]) for p in parameters]


def _listen(root: Any, parts: dict[int, list[Tensor]]) -> list[Any]:
    """Keep what every node sends into a parameter."""
    hooks, seen, queue = [], set(), [root]
    while queue:
        node = queue.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        into = [(i, id(n.variable)) for i, (n, _) in enumerate(node.next_functions) if hasattr(n, "variable")]
        wanted = [(i, key) for i, key in into if key in parts]
        if wanted:
            hooks.append(node.register_hook(_keeper(wanted, parts)))
        queue.extend(n for n, _ in node.next_functions)
    return hooks


def _keeper(wanted: list[tuple[int, int]], parts: dict[int, list[Tensor]]) -> Callable[..., None]:
    def keep(inputs: Sequence[Tensor | None], _: Sequence[Tensor | None]) -> None:
        for i, key in wanted:
            if (part := inputs[i]) is not None:
                parts[key].append(part.detach().clone())

    return keep


def _strength(part: Tensor, p: Tensor) -> float:
    w, g = p.detach().double().flatten(), part.double().flatten()
    size = float(w.square().sum())
    if w.numel() < 2 or not size or g.numel() != w.numel():
        return 0.0
    lam = float((g * w).sum()) / size
    return lam if float((g - lam * w).abs().max()) <= 1e-4 * abs(lam) * float(w.abs().max()) else 0.0
