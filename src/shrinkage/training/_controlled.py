"""A controller at work on a block: what it is shown between epochs, and the λs that it answers with.

What it is shown is computed from the networks' rows, the same for every trainer and kind. Axes: G members, L λs, T
pulled tensors, D parameters.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from shrinkage._errors import RequestError
from shrinkage.networks import (
    PerceptronKind,
    determined_by_kernels,
    determined_by_kronecker,
    determined_parameters,
    gauss_newton,
    gauss_newton_diagonal,
    kernels_of_perceptron,
    kronecker_factors,
    loss_named,
)
from shrinkage.rules import Controller, Need, Run, State
from shrinkage.training._recipe import Recipe
from shrinkage.training._rows import Batch, Rows
from shrinkage.training._trainee import Trainee

__all__ = ["Control", "control_of"]

FULL_UP_TO = 300
"""Parameters of a network up to which its Gauss–Newton matrix is taken whole."""
FULL_BY_ROWS = 600
"""Rows times outputs up to which it is taken whole all the same, by the rows; beyond, its Kronecker factors."""
ROWS_SHOWN = 4096
"""Rows at most that a curvature or a slope is measured on."""


class Control:
    """Moves the strengths of a block every few epochs, and keeps their trace.

    Args:
        recipe: with a controller.
        block: in training.
        lr, steps: the largest learning rate, and the optimizer's steps of the run.
    """

    def __init__(self, recipe: Recipe, block: Trainee, *, lr: float, steps: int) -> None:
        assert recipe.controller is not None
        _refuse(recipe.controller)
        self.controller: Controller = recipe.controller
        self.recipe, self.block, self.layout = recipe, block, block.members[0].layout(recipe.kind)
        self.slots = self.layout.decayed(recipe.decay_biases)
        sizes = tuple(slot.columns.stop - slot.columns.start for slot in self.slots)
        self.run = Run(
            lr=lr,
            steps=steps,
            rows=len(block.members[0].train),
            outputs=self.layout.outputs,
            regression=recipe.metric_name == "R²",
            sizes=sizes,
            exempt=self.layout.n_parameters - sum(sizes),
        )
        lam, self.state = self.controller.start(self._starting_lambdas(), self.run)
        block.strengths.set(lam)
        self._seen: dict[Need, Callable[[Tensor], Tensor]] = {
            "norm": self._norm,
            "determined": self._determined,
            "loss": lambda rows: torch.from_numpy(block.judge()[0]),
            "slope_by_step": self._slope_by_step,
            "slope_by_curvature": self._slope_by_curvature,
        }

    @property
    def every(self) -> int:
        return self.controller.interval("epochs")

    @property
    def lam(self) -> np.ndarray:
        """(G, L) or (G, L, T) as they are now."""
        return self.block.strengths.lam.numpy()

    def update(self) -> None:
        """Show the controller the networks as they are, and go on with its λs."""
        rows = torch.from_numpy(self.block.networks()).double()
        with torch.enable_grad():
            seen = {need: self._seen[need](rows).detach() for need in self.controller.needs}
        state: State = self.state
        lam, self.state = self.controller.update(self.block.strengths.lam, seen, state, self.run)
        self.block.strengths.set(lam)

    def _starting_lambdas(self) -> Tensor:
        lam = self.block.strengths.lam
        if self.recipe.strengths == "network":
            return lam
        return lam[..., None].expand(*lam.shape, len(self.slots)).contiguous()

    def _norm(self, rows: Tensor) -> Tensor:
        return self._by_tensor(rows.square())

    def _determined(self, rows: Tensor) -> Tensor:
        """γ of each pulled tensor at the present λ."""
        lam = self._lam_of_columns()
        found = torch.zeros(*rows.shape[:2], len(self.slots), dtype=rows.dtype)
        for g, i in np.ndindex(*rows.shape[:2]):
            X = _first_rows(self.block.members[g].train).X.double()
            found[g, i] = self._determined_of(rows[g, i], X, lam[g, i])
        return found

    def _determined_of(self, row: Tensor, X: Tensor, lam: Tensor) -> Tensor:
        """(T,) for one network: by the whole matrix, on its side or on that of the rows; else by Kronecker factors."""
        kind, loss = self.recipe.kind, loss_named(self.recipe.loss)
        if len(row) <= FULL_UP_TO or not isinstance(kind, PerceptronKind):
            return self._by_tensor(determined_parameters(self._curvature(row, X), lam))
        slots = self.layout.slots
        if len(X) * self.layout.outputs <= FULL_BY_ROWS:
            strengths = [float(lam[slot.columns.start]) for slot in slots]
            gamma = determined_by_kernels(kernels_of_perceptron(kind, self.layout, row, X, loss), strengths)
        else:
            factors = kronecker_factors(kind, self.layout, row, X, loss)
            factors += [(torch.ones(1, 1).to(row), G) for _, G in factors]
            gamma = determined_by_kronecker(factors, [float(lam[slot.columns.start]) for slot in slots])
        return torch.tensor([gamma[slots.index(slot)] for slot in self.slots], dtype=row.dtype)

    def _slope_by_step(self, rows: Tensor) -> Tensor:
        return self._by_tensor(-self.run.lr * self._validation_gradient(rows) * rows)

    def _slope_by_curvature(self, rows: Tensor) -> Tensor:
        lam, gradient = self._lam_of_columns(), self._validation_gradient(rows)
        found = torch.zeros_like(rows)
        for g, i in np.ndindex(*rows.shape[:2]):
            H = self._curvature(rows[g, i], _first_rows(self.block.members[g].train).X.double())
            if H.ndim == 1:
                found[g, i] = gradient[g, i] / (H + lam[g, i]).clamp_min(1e-12)
            else:
                inverse = torch.linalg.pinv(H + torch.diag(lam[g, i]), hermitian=True)
                found[g, i] = inverse @ gradient[g, i]
        return self._by_tensor(-found * rows)

    def _curvature(self, row: Tensor, X: Tensor) -> Tensor:
        whole = len(row) <= FULL_UP_TO
        measure = gauss_newton if whole else gauss_newton_diagonal
        return measure(self.recipe.kind, self.layout, row, X, loss_named(self.recipe.loss))

    def _validation_gradient(self, rows: Tensor) -> Tensor:
        """(G, L, D) ∇Lᵥ of the mean loss over the validation rows; 0 for a member without any."""
        loss, found = loss_named(self.recipe.loss), torch.zeros_like(rows)
        for g, member in enumerate(self.block.members):
            if member.validation is None:
                continue
            batch = _first_rows(member.validation)
            w = rows[g].clone().requires_grad_()
            z = self.recipe.kind.outputs(self.layout, w, batch.X.double())
            slope = torch.zeros_like(z)
            loss.slope_(slope, z.detach(), batch.Y.double().expand(len(z), -1, -1))
            share = slope if batch.weight is None else slope * batch.weight.double()
            (found[g],) = torch.autograd.grad(z, w, share / len(batch.X))
        return found

    def _lam_of_columns(self) -> Tensor:
        """(G, L, D) λ of every parameter, 0 for exempt ones."""
        lam = self.block.strengths.lam
        columns = lam.new_zeros(*lam.shape[:2], self.layout.n_parameters)
        for t, slot in enumerate(self.slots):
            columns[..., slot.columns] = (lam[..., t] if lam.ndim == 3 else lam)[..., None]
        return columns

    def _by_tensor(self, of_columns: Tensor) -> Tensor:
        """(G, L, T) summed over each pulled tensor, of numbers (G, L, D)."""
        return torch.stack([of_columns[..., slot.columns].sum(-1) for slot in self.slots], -1)


def control_of(recipe: Recipe, block: Trainee, *, lr: float, steps: int) -> Control | None:
    """The control of a block, or None where its λs are fixed."""
    return None if recipe.controller is None else Control(recipe, block, lr=lr, steps=steps)


def _refuse(controller: Controller) -> None:
    """Raise for what only a training loop has."""
    if getattr(controller, "batches", None) is not None:
        raise RequestError(
            f"{type(controller).__name__}(batches=…): a path uses the training and validation rows of each "
            "fold. Leave batches out; they are for attach(…, control=…)."
        )
    if unknown := controller.needs & {"slope_by_neumann", "slope_by_cg"}:
        way = min(unknown).removeprefix("slope_by_")
        raise RequestError(
            f"Hypergradient(inverse={way!r}): a path computes the Gauss–Newton matrix exactly. Use "
            "inverse='curvature'."
        )


def _first_rows(rows: Rows) -> Batch:
    """The first rows, standardized; on the CPU."""
    batch = rows.read(torch.arange(min(len(rows), ROWS_SHOWN), device=rows.X.device))
    return Batch(batch.X.cpu(), batch.Y.cpu(), None if batch.weight is None else batch.weight.cpu())
