"""The Gauss–Newton matrix of a user's module on a few rows: whole where the module is small, else its root or diagonal.

Axes: B rows, S columns of a root of the loss's Hessian, C outputs, D parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from shrinkage._errors import RequestError
from shrinkage.networks import Loss, loss_named

__all__ = ["FULL_UP_TO", "curvature", "likelihood_of", "sampled_root"]

FULL_UP_TO = 300
"""Parameters up to which the matrix is taken whole; beyond, its diagonal."""
PROBES = 16
"""Random signs that the diagonal is estimated with where rows can't be taken by themselves."""
JACOBIAN_NUMBERS = 1 << 23

Parameters = Mapping[str, Tensor]


def likelihood_of(loss: str, outputs: Any) -> Loss:
    """The loss, whose Hessian at the outputs is known.

    Raises:
        RequestError: the outputs aren't (B, C).
    """
    if not isinstance(outputs, Tensor) or outputs.ndim != 2:
        shape = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise RequestError(
            f"Evidence(loss={loss!r}): the module must return outputs (rows, outputs), got {shape}. Use "
            "Hypergradient for others."
        )
    if loss == "squared_error":
        return loss_named("squared_error")
    return loss_named("logistic" if outputs.shape[1] == 1 else "softmax")


def curvature(
    module: nn.Module, params: Parameters, inputs: tuple[Any, ...], likelihood: Loss, seed: int
) -> Tensor:
    """(D, D) `(1/B) Σ Jᵀ H_loss J` over the rows, or its diagonal (D,), in float64.

    Args:
        module: in evaluation mode.
        params: those that count, by their names in the module.
        inputs: of the rows, on axis 0.
        likelihood: the loss.
        seed: of the signs.
    """
    outputs = torch.func.functional_call(module, dict(params), inputs)
    root = likelihood.hessian_root(outputs.detach())
    size = sum(p.numel() for p in params.values())
    try:
        if size <= FULL_UP_TO:
            total = root.new_zeros(size, size, dtype=torch.float64)
            for part in _root_times_jacobian(module, params, inputs, root):
                wide = torch.cat([x.flatten(2) for x in part], 2).flatten(0, 1).double()
                total.addmm_(wide.mT, wide)
            return total / len(root)
        diagonal = [torch.zeros_like(p, dtype=torch.float64).flatten() for p in params.values()]
        for part in _root_times_jacobian(module, params, inputs, root):
            for one, x in zip(diagonal, part, strict=True):
                one += x.flatten(0, 1).flatten(1).square().sum(0).double()
        return torch.cat(diagonal) / len(root)
    except (RuntimeError, NotImplementedError, ValueError):  # vmap has no rule for it
        return _probe(list(params.values()), outputs, root, seed)


def sampled_root(
    module: nn.Module, params: Parameters, inputs: tuple[Any, ...], likelihood: Loss, seed: int
) -> list[Tensor]:
    """R (B, ·) of each parameter, with `E[RᵀR] = Σ_rows Jᵀ H_loss J`: a row's S columns are summed under random signs.

    Arguments as for `curvature`.
    """
    outputs = torch.func.functional_call(module, dict(params), inputs)
    root = likelihood.hessian_root(outputs.detach())
    generator = torch.Generator().manual_seed(seed)
    signs = 2 * torch.randint(0, 2, root.shape[:2], generator=generator).to(root) - 1
    along = torch.einsum("bs,bsc->bc", signs, root)

    def weighted_sum(given: dict[str, Tensor], v: Tensor, *one: Any) -> Tensor:
        return (torch.func.functional_call(module, given, tuple(x[None] for x in one))[0] * v).sum()

    held = {name: p.detach() for name, p in params.items()}
    try:
        gradient = torch.func.vmap(torch.func.grad(weighted_sum), in_dims=(None, 0, *[0] * len(inputs)))
        found = gradient(held, along, *inputs)
        return [found[name].flatten(1) for name in held]
    except (RuntimeError, NotImplementedError, ValueError):  # vmap has no rule for it
        rows: list[list[Tensor]] = []
        for b, v in enumerate(along):
            value = (module(*(x[b : b + 1] for x in inputs))[0] * v).sum()
            parts = torch.autograd.grad(value, list(params.values()), materialize_grads=True)
            rows.append([part.flatten() for part in parts])
        return [torch.stack(list(of_one)) for of_one in zip(*rows, strict=True)]


def _root_times_jacobian(
    module: nn.Module, params: Parameters, inputs: tuple[Any, ...], root: Tensor
) -> Iterator[list[Tensor]]:
    """Pieces of Sᵀ J, (b, S, …) for each parameter."""

    def outputs(given: dict[str, Tensor], *one: Any) -> Tensor:
        return torch.func.functional_call(module, given, tuple(x[None] for x in one))[0]

    jacobian = torch.func.vmap(torch.func.jacrev(outputs), in_dims=(None, *[0] * len(inputs)))
    held = {name: p.detach() for name, p in params.items()}
    a_row = sum(p.numel() for p in held.values()) * root.shape[2]
    step = max(1, JACOBIAN_NUMBERS // a_row)
    for start in range(0, len(root), step):
        part = slice(start, start + step)
        found = jacobian(held, *(x[part] for x in inputs))
        yield [torch.einsum("bsc,bcd->bsd", root[part], found[name].flatten(2)) for name in held]


def _probe(params: list[Tensor], outputs: Tensor, root: Tensor, seed: int) -> Tensor:
    """The diagonal, without bias, from sums of all rows under random signs."""
    generator = torch.Generator().manual_seed(seed)
    total = [torch.zeros_like(p, dtype=torch.float64).flatten() for p in params]
    for _ in range(PROBES):
        signs = 2 * torch.randint(0, 2, root.shape[:2], generator=generator).to(root) - 1
        along = (torch.einsum("bs,bsc->bc", signs, root) * outputs).sum()
        found = torch.autograd.grad(along, params, retain_graph=True, materialize_grads=True)
        for one, g in zip(total, found, strict=True):
            one += g.flatten().double().square()
    return torch.cat(total) / (PROBES * len(root))
