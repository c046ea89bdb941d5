"""The error of networks that are particles: all of them evaluated at once on the same rows.

Axes: S swarms, P particles, K = S·P networks, D parameters; B rows, I inputs, O units of a layer, C outputs.
Activations lie unit by unit, (…, O, B), so that a swarm's first layer is one matrix product with the rows it shares and
the sums over few outputs run along the many rows. Each product is batched over swarms or networks, and so a swarm's
numbers don't depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from shrinkage._errors import RequestError, called
from shrinkage.networks import ACTIVATIONS, Loss, PerceptronLayout, loss_named
from shrinkage.training._rows import Batch, Rows, chunks

__all__ = ["ErrorOfNetworks", "MeanError", "particle_outputs"]

ErrorOfNetworks = Callable[[Tensor, Tensor], Tensor]
"""(predicted (K, n, C), targets (n, C)) ↦ (K,): probabilities or values of K networks, and their errors."""

HELD_ACTIVATIONS = 1 << 19
"""Numbers of one layer computed at a time: 2 MB in float32, what a core's cache holds."""
VECTOR_BYTES = 128
"""What a processor takes in at a time, two of its widest registers."""
KEPT_ELEMENTS = 1 << 24
"""Inputs of rows that are read once and kept; those of more rows are read in each iteration."""


def particle_outputs(layout: PerceptronLayout, activation: str, networks: Tensor, X: Tensor) -> Tensor:
    """Linear outputs z (S, P, C, B) of networks (S, P, D) for rows X (B, I)."""
    S, P = networks.shape[:2]
    networks = _align(networks)
    parameters = layout.from_rows(networks.view(-1, layout.n_parameters))
    act_ = _tanh_ if activation == "tanh" else ACTIVATIONS[activation].forward_
    units, K = layout.sizes[1], parameters.n_networks
    W, b = parameters.weights[0].mT.reshape(S, K // S * units, -1), parameters.biases[0].reshape(S, -1, 1)
    a = torch.baddbmm(b, W, X.mT.expand(S, -1, -1)).view(K, units, -1)
    for W, b in zip(parameters.weights[1:], parameters.biases[1:], strict=True):
        a = torch.baddbmm(b.mT, W.mT, act_(a))
    return a.view(S, K // S, *a.shape[1:])[:, :P]


def _align(networks: Tensor) -> Tensor:
    """The networks (S, P, D), with particles of zeros after the P so that every swarm's numbers fill whole vectors.

    Products and functions round differently at the odd end of a buffer, and a swarm would depend on its place.
    """
    S, P, D = networks.shape
    vectors = VECTOR_BYTES // networks.element_size()
    room = networks.new_zeros(S, -(-P // vectors) * vectors, D)
    room[:, :P] = networks
    return room


class MeanError:
    """The mean error over some rows of networks (S, P, D), as (S, P).

    Args:
        layout: of each network.
        activation: its hidden units'.
        loss: what its outputs stand for, and the error when `error` is `loss`.
        error: `loss`; `accuracy`, the share of rows whose class is wrong; or a function.
        rows: the rows, shared by all networks.
    """

    def __init__(
        self, layout: PerceptronLayout, activation: str, loss: str, error: str | ErrorOfNetworks, rows: Rows
    ) -> None:
        self.layout, self.activation, self.rows = layout, activation, rows
        self.loss: Loss = loss_named(loss)
        self.error = error
        if callable(error) and rows.weight is not None:
            raise RequestError(
                f"{called('error')}: a function of predictions and targets does not know the row weights. "
                "Leave sample_weight out, or use error='loss' or 'accuracy'."
            )
        kept = len(rows) * layout.sizes[0] <= KEPT_ELEMENTS
        self._kept = [self._read(0, len(rows))] if kept else None

    def __call__(self, networks: Tensor) -> Tensor:
        widest, P = max(self.layout.sizes[1:]), networks.shape[1]
        together = max(1, HELD_ACTIVATIONS // (widest * P * len(self.rows)))
        return torch.cat([self._of_few(networks[a:b]) for a, b in chunks(len(networks), together)])

    def _of_few(self, networks: Tensor) -> Tensor:
        rows = max(
            1, HELD_ACTIVATIONS // (max(self.layout.sizes[1:]) * networks.shape[0] * networks.shape[1])
        )
        if callable(self.error):
            return self._by_function(self.error, networks, rows)
        total, weight = 0.0, 0.0
        for batch in self._batches(rows):
            z = particle_outputs(self.layout, self.activation, networks, batch.X)
            Y = batch.Y.mT
            each = self.loss.of_rows(z, Y) if self.error == "loss" else 1 - self.loss.hits(z, Y)[..., 0, :]
            s = None if batch.weight is None else batch.weight[:, 0]
            total = total + (each if s is None else each * s).sum(-1)
            weight = weight + (len(batch.X) if s is None else s.sum())
        assert isinstance(total, Tensor)
        return total / weight

    def _by_function(self, error: ErrorOfNetworks, networks: Tensor, rows: int) -> Tensor:
        batches = list(self._batches(rows))
        z = torch.cat(
            [particle_outputs(self.layout, self.activation, networks, batch.X) for batch in batches], -1
        )
        predicted = self.loss.predict(z.mT.flatten(0, 1))
        found = torch.as_tensor(error(predicted, torch.cat([batch.Y for batch in batches])))
        if found.shape != predicted.shape[:1]:
            raise RequestError(
                f"{called('error')}: for predictions of shape (K, n, C) and targets (n, C) it must return "
                f"K numbers, shape {tuple(predicted.shape[:1])}, got {tuple(found.shape)}."
            )
        return found.to(networks).view(networks.shape[:2])

    def _batches(self, size: int) -> Iterator[Batch]:
        for start, stop in chunks(len(self.rows), size):
            yield self._kept[0].part(start, stop) if self._kept else self._read(start, stop)

    def _read(self, start: int, stop: int) -> Batch:
        return self.rows.read(torch.arange(start, stop, device=self.rows.X.device))


def _tanh_(z: Tensor) -> Tensor:
    # tanh z = 2σ(2z) − 1, to 1e-7 in float32: torch's own tanh takes ten times as long, most of an evaluation. The
    # buffers are whole vectors (see _aligned), so torch.sigmoid has no odd numbers at the end to round differently.
    return z.mul_(2).sigmoid_().mul_(2).sub_(1)
