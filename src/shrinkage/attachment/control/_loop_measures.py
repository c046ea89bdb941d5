"""What a controller is shown of a model in training: numbers of each pulled tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from shrinkage.attachment._claims import Claim
from shrinkage.attachment.control._loop_batches import LoopBatches, at_rest, mean_loss, number_of_rows
from shrinkage.attachment.control._loop_curvature import FULL_UP_TO, curvature, likelihood_of, sampled_root
from shrinkage.attachment.control._loop_slopes import (
    as_real,
    conjugate_gradients,
    distance_of,
    dot,
    hessian_product,
    neumann,
    one_step,
    pull_of,
)
from shrinkage.networks import determined_by_kernels, determined_parameters
from shrinkage.rules import Controller, Evidence, Hypergradient, plain, wide

__all__ = ["Measures"]

ROOT_NUMBERS = 1 << 24
"""Numbers of a root of the Gauss–Newton matrix: rows beyond are not looked at."""

Numbers = dict[Claim, float]
Groups = Mapping[Tensor, Mapping[str, Any]]


class Measures:
    """Measures what `controller` needs, on batches of its own.

    Args:
        controller: with its batches.
        model: unwrapped; None where none is needed.
    """

    def __init__(self, controller: Controller, model: nn.Module | None) -> None:
        self._controller, self._model = controller, model
        self._batches = self._training = None
        self.rows, self.outputs = 0, 1
        if isinstance(controller, Hypergradient):
            self._batches = LoopBatches(controller.batches, "Hypergradient(batches=…)")
            self._loss = mean_loss(controller.loss)
            if controller.training is not None:
                self._training = LoopBatches(controller.training, "Hypergradient(training=…)")
        elif isinstance(controller, Evidence):
            self._batches = LoopBatches(controller.batches, "Evidence(batches=…)")
            self._loss = mean_loss(controller.loss)
            self.rows = controller.rows or number_of_rows(controller.batches) or 0

    @property
    def places(self) -> list[float]:
        """Positions of the streams of batches."""
        return [float(stream.position if stream else 0) for stream in (self._batches, self._training)]

    def seek(self, places: Sequence[float]) -> None:
        """Go on where a checkpoint stood."""
        for stream, place in zip((self._batches, self._training), places, strict=True):
            if stream is not None:
                stream.seek(int(place))

    def of(
        self,
        held: Sequence[Claim],
        claims: Sequence[Claim],
        lam: Mapping[Claim, float],
        groups: Groups,
        optimizer: Optimizer,
        pulls: Mapping[Claim, Tensor],
        update: int,
    ) -> dict[str, Numbers | float]:
        """What the controller needs.

        Args:
            held: the pulled parameters.
            claims: all of the optimizer.
            lam: the λ of each pulled one.
            groups: the group of each parameter.
            optimizer: after its step.
            pulls: by what the rule pulled in that step.
            update: its number, which chance depends on.
        """
        seen: dict[str, Numbers | float] = {}
        if "norm" in self._controller.needs:
            seen["norm"] = {claim: _size(claim) for claim in held}
        if isinstance(self._controller, Evidence):
            seen["loss"], seen["determined"] = self._likelihood(claims, lam, update)
        elif isinstance(self._controller, Hypergradient):
            slopes = (
                self._one_step_deep(groups, optimizer, pulls)
                if self._controller.inverse == "step"
                else self._where_converged(held, claims, lam, groups, update)
            )
            seen[f"slope_by_{self._controller.inverse}"] = slopes
        return seen

    def _one_step_deep(self, groups: Groups, optimizer: Optimizer, pulls: Mapping[Claim, Tensor]) -> Numbers:
        moved = [claim for claim in pulls if claim.param.requires_grad]
        slope = self._validation_gradient([claim.param for claim in moved])
        return {
            claim: dot([g], [one_step(optimizer, groups[claim.param], claim, pulls[claim])])
            for claim, g in zip(moved, slope, strict=True)
        }

    def _validation_gradient(self, params: list[Tensor]) -> list[Tensor]:
        assert self._model is not None
        assert self._batches is not None
        with at_rest(self._model):
            inputs, targets = self._batches.draw(params[0].device)
            with self._batches.explained_errors(inputs, targets):
                loss = self._loss(self._model(*inputs), targets)
            self._batches.check_loss(loss)
            found = torch.autograd.grad(loss, params, materialize_grads=True)
        return [as_real(g.detach()) for g in found]

    def _where_converged(
        self,
        held: Sequence[Claim],
        claims: Sequence[Claim],
        lam: Mapping[Claim, float],
        groups: Groups,
        update: int,
    ) -> Numbers:
        """−∇Lᵥᵀ(H + Λ)⁻¹F(w), H of the training loss."""
        assert isinstance(self._controller, Hypergradient)
        assert self._model is not None
        assert self._training is not None
        trained = [claim for claim in claims if claim.param.requires_grad]
        params, strengths = [c.param for c in trained], [lam.get(c, 0.0) for c in trained]
        slope = self._validation_gradient(params)
        with at_rest(self._model):
            inputs, targets = self._training.draw(params[0].device)
            if self._controller.inverse == "curvature":
                with self._training.explained_errors(inputs, targets):
                    solved = self._by_curvature(trained, strengths, inputs, slope, update)
            else:
                with self._training.explained_errors(inputs, targets):
                    loss = self._loss(self._model(*inputs), targets)
                self._training.check_loss(loss)
                product = hessian_product(loss, params, strengths)
                terms = self._controller.terms
                solved = (
                    conjugate_gradients(product, slope, terms)
                    if self._controller.inverse == "cg"
                    else neumann(product, slope, terms, float(groups[params[0]]["lr"]))
                )
        pulled = set(held)
        return {c: -dot([x], [pull_of(c)]) for c, x in zip(trained, solved, strict=True) if c in pulled}

    def _by_curvature(
        self,
        trained: Sequence[Claim],
        strengths: Sequence[float],
        inputs: tuple[Any, ...],
        slope: Sequence[Tensor],
        update: int,
    ) -> list[Tensor]:
        assert self._model is not None
        name = str(self._controller.loss)  # pyright: ignore[reportAttributeAccessIssue]
        H = curvature(
            self._model, self._by_name(trained), inputs, likelihood_of(name, self._model(*inputs)), update
        )
        lam, v = _spread(trained, strengths), torch.cat([g.flatten() for g in slope]).double()
        if H.ndim == 1:
            found = v / (H + lam).clamp_min(1e-12)
        else:
            found = torch.linalg.pinv(H + torch.diag(lam), hermitian=True) @ v
        parts = found.split([g.numel() for g in slope])
        return [part.view_as(g) for part, g in zip(parts, slope, strict=True)]

    def _likelihood(
        self, claims: Sequence[Claim], lam: Mapping[Claim, float], update: int
    ) -> tuple[float, Numbers]:
        """Mean training loss, and γ of each pulled tensor."""
        assert isinstance(self._controller, Evidence)
        assert self._model is not None
        assert self._batches is not None
        trained = [claim for claim in claims if claim.param.requires_grad]
        params = self._by_name(trained)
        size = sum(p.numel() for p in params.values())
        whole = size <= FULL_UP_TO
        total, seen, H, roots = 0.0, 0, torch.zeros(()), list[list[Tensor]]()
        wanted = min(self._controller.sample, self.rows, max(1, ROOT_NUMBERS // size))
        with at_rest(self._model):
            while seen < wanted:
                inputs, targets = self._batches.draw(trained[0].param.device)
                with torch.no_grad(), self._batches.explained_errors(inputs, targets):
                    outputs = self._model(*inputs)
                    loss = float(self._loss(outputs, targets))
                likelihood = likelihood_of(str(self._controller.loss), outputs)
                self.outputs = outputs.shape[1]
                new = len(outputs)
                if whole:
                    H = (
                        H.to(outputs.device)
                        + curvature(self._model, params, inputs, likelihood, update) * new
                    )
                else:
                    roots.append(sampled_root(self._model, params, inputs, likelihood, update + seen))
                total, seen = total + loss * new, seen + new
        strengths = [lam.get(claim, 0.0) for claim in trained]
        if whole:
            each = determined_parameters(H / seen, _spread(trained, strengths))
            parts = each.split([claim.param.numel() for claim in trained])
            gamma = [float(part.sum()) for part in parts]
        else:
            # In float64, because exempt parameters have a tiny λ, which would amplify float32 rounding.
            whole_roots = [torch.cat(parts).double() for parts in zip(*roots, strict=True)]
            gamma = determined_by_kernels([R @ R.mT / seen for R in whole_roots], strengths)
        return total / seen, dict(zip(trained, gamma, strict=True))

    def _by_name(self, trained: Sequence[Claim]) -> dict[str, Tensor]:
        assert self._model is not None
        names = {id(p): name for name, p in self._model.named_parameters()}
        return {names[id(claim.param)]: claim.param for claim in trained}


def _spread(trained: Sequence[Claim], strengths: Sequence[float]) -> Tensor:
    """(D,) a number for each parameter."""
    return torch.cat(
        [
            torch.full((claim.param.numel(),), strength, dtype=torch.float64, device=claim.param.device)
            for claim, strength in zip(trained, strengths, strict=True)
        ]
    )


def _size(claim: Claim) -> float:
    return float(plain(wide(distance_of(claim)).square().sum(dtype=torch.float64)))
