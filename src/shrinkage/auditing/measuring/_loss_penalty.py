"""Penalties inside a loss, measured: the part of a weight's gradient that is the weight itself, or its sign.

In a loss's graph a weight is used in several places, and each sends its own part of the gradient. A part that is
λ·w, element by element, comes from (λ/2) Σ w², however it is written down, and one that is λ₁·sgn w from λ₁ Σ |w|.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from shrinkage._errors import RequestError, called, shown
from shrinkage.auditing.subjects._sampling import sample

__all__ = ["Penalty", "penalties"]

_MOST_ELEMENTS = 65_536
"""Elements of a parameter whose gradients are compared with it."""


@dataclass(frozen=True)
class Penalty:
    """The penalty on one parameter in a loss; 0 if there is none."""

    l2: float = 0.0
    """λ of (λ/2) Σ w²."""
    l1: float = 0.0
    """λ₁ of λ₁ Σ |w|."""

    @property
    def pulls(self) -> bool:
        """Whether there is one that makes weights smaller."""
        return self.l2 > 0 or self.l1 > 0

    @property
    def pushes(self) -> bool:
        """Whether there is one that makes weights larger."""
        return self.l2 < 0 or self.l1 < 0

    @property
    def words(self) -> str:
        """Its strengths in symbols."""
        terms = (("λ", self.l2), ("λ₁", self.l1))
        return ", ".join(f"{symbol} = {value:.3g}" for symbol, value in terms if value)


def penalties(loss: Callable[[], Tensor], parameters: Sequence[Tensor]) -> list[Penalty]:
    """The penalties that `loss()` holds for each parameter.

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
            f"{called('loss', of='audit')}: must return the loss of a batch as one number with its graph, "
            f"got {shown(value)}. "
            "Return it before .item() and before .backward()."
        )
    parts: dict[int, list[Tensor]] = {id(p): [] for p in parameters}
    hooks = _listen(value.grad_fn, parts)
    trained = [p for p in parameters if p.requires_grad]
    torch.autograd.grad(value, trained, allow_unused=True)
    for hook in hooks:
        hook.remove()
    return [_penalty(p, parts[id(p)]) for p in parameters]


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
                parts[key].append(sample(part, _MOST_ELEMENTS))

    return keep


def _penalty(p: Tensor, parts: Sequence[Tensor]) -> Penalty:
    w = sample(p, _MOST_ELEMENTS)
    return Penalty(
        l2=sum(_multiple(part, w) for part in parts), l1=sum(_multiple(part, w.sgn()) for part in parts)
    )


def _multiple(part: Tensor, direction: Tensor) -> float:
    """λ where the part is λ times this direction, element by element, and 0 where it is not."""
    d, g = direction.double().flatten(), part.double().flatten()
    size = float(d.square().sum())
    if d.numel() < 2 or not size or g.numel() != d.numel():
        return 0.0
    lam = float((g * d).sum()) / size
    return lam if float((g - lam * d).abs().max()) <= 1e-4 * abs(lam) * float(d.abs().max()) else 0.0
