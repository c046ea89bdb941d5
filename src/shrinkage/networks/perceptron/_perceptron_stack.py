"""Forward and backward passes of K networks at once, written out.

Axes: K networks, B rows, I inputs, H hidden units, C outputs, C′ of them with padding. Inputs are (B, I), shared by all
networks, or (K, B, I).
Each product is one batched matrix product over K, so a network's numbers don't depend on its neighbours; with the
padding of `PerceptronLayout` they don't depend on its place in the stack either, to the last bit.
"""

from __future__ import annotations

import torch
from torch import Tensor

from shrinkage.networks._activations import ACTIVATIONS
from shrinkage.networks._losses import Loss
from shrinkage.networks.perceptron._perceptron_layout import Parameters, PerceptronLayout

__all__ = ["PerceptronStack", "outputs"]


def outputs(parameters: Parameters, activation: str, X: Tensor) -> Tensor:
    """Linear outputs z (K, B, C) of all networks for rows X, (B, I) or (K, B, I)."""
    act = ACTIVATIONS[activation]
    a = X if X.dim() == 3 else X.expand(parameters.n_networks, *X.shape)
    if (embedded := parameters.embedded) is not None:
        a = embedded.first_layer_inputs(
            a, embedded.angles(a), parameters.inputs, parameters.weights[0].shape[1]
        )
    last = len(parameters.weights) - 1
    for layer, (W, b) in enumerate(zip(parameters.weights, parameters.biases, strict=True)):
        z = torch.baddbmm(b, a, W)
        a = z if layer == last else act.forward_(z)
    return a


class PerceptronStack:
    """K >= 2 networks of one architecture, their parameters and gradients in one flat buffer each.

    Args:
        layout: the architecture.
        activation: name of the hidden activation.
        loss: the error that `gradient_` differentiates.
        rows: (K, D) the networks to begin with; the dtype and device are theirs.
    """

    def __init__(self, layout: PerceptronLayout, activation: str, loss: Loss, rows: Tensor) -> None:
        self.layout = layout
        self.padded = layout.padded(rows.dtype)
        self.activation = activation
        self.loss = loss
        self.flat = layout.buffer(len(rows), rows)
        self.flat_grad = torch.zeros_like(self.flat)
        self.parameters = layout.views_of_stack(self.flat, len(rows))
        self.gradients = layout.views_of_stack(self.flat_grad, len(rows))
        self.parameters.copy_rows_(rows)
        self._buffers: dict[int, list[Tensor]] = {}

    @property
    def n_networks(self) -> int:
        return self.parameters.n_networks

    @property
    def x_width(self) -> int:
        return self.padded.sizes[0] if self.layout.embedding is None else self.layout.inputs

    @property
    def z_width(self) -> int:
        return self.padded.sizes[-1]

    def rows(self) -> Tensor:
        """(K, D) the networks as they are now; a copy."""
        return self.parameters.rows()

    def pulled(self, biases: bool, *, padded: bool = False) -> list[tuple[Tensor, Tensor]]:
        """(w, gradient) of every decayed tensor, (K, I, O) or (K, 1, O) of a bias.

        Args:
            biases: the biases too.
            padded: with the padding of zeros, for what is done element by element.
        """
        tensors = [
            parameters.padded_tensors() if padded else parameters.tensors()
            for parameters in (self.parameters, self.gradients)
        ]
        count = len(self.layout.decayed(biases))
        return list(zip(tensors[0][:count], tensors[1][:count], strict=True))

    def views(self, flat: Tensor) -> list[Tensor]:
        """The tensors of `pulled(True)` in another buffer of the stack's size, such as an optimizer's moment."""
        return self.layout.views_of_stack(flat, self.n_networks).tensors()

    def outputs(self, X: Tensor) -> Tensor:
        """Linear outputs z (K, B, C) for rows X, (B, I) or (K, B, I), with padded inputs."""
        return outputs(self.parameters, self.activation, X)[..., : self.layout.sizes[-1]]

    def gradient_(self, X: Tensor, Y: Tensor, weight: Tensor | None, z_out: Tensor) -> None:
        """Back-propagation: the gradient of `(1/B) Σ sᵢ lossᵢ` into the gradient buffer.

        Args:
            X: (B, I) or (K, B, I) inputs, I padded.
            Y: (B, C) or (K, B, C) targets.
            weight: (B, 1) or (K, B, 1) row weights s, or None for 1.
            z_out: (K, B, C′) receives the linear outputs, from before the update.
        """
        act, W, b = ACTIVATIONS[self.activation], self.parameters.weights, self.parameters.biases
        rows = X.shape[-2]
        *hidden, delta = self._buffers_of(rows)
        X = X if X.dim() == 3 else X.expand(self.n_networks, *X.shape)
        a, angles = self._embed(X)
        for layer, buffer in enumerate(hidden):
            torch.baddbmm(b[layer], a[layer], W[layer], out=buffer)
            a.append(self._without_padding(act.forward_(buffer), layer))
        torch.baddbmm(b[-1], a[-1], W[-1], out=z_out)

        self.loss.slope_(delta, z_out, Y)
        delta.mul_(1 / rows if weight is None else weight / rows)
        for layer in range(len(W) - 1, -1, -1):
            torch.bmm(a[layer].transpose(1, 2), delta, out=self.gradients.weights[layer])
            torch.sum(delta, 1, keepdim=True, out=self.gradients.biases[layer])
            if layer:
                delta = act.backward_(torch.bmm(delta, W[layer].transpose(1, 2)), a[layer])
        if (embedded := self.parameters.embedded) is not None and self.gradients.embedded is not None:
            units = slice(self.layout.inputs, self.layout.sizes[0])
            delta = torch.bmm(delta, W[0].transpose(1, 2))[..., units]
            embedded.gradient_(self.gradients.embedded, X, angles, delta)

    def _embed(self, X: Tensor) -> tuple[list[Tensor], Tensor]:
        """What the first layer sees of inputs (K, B, ·), as the first of the activations; the angles of an embedding."""
        if (embedded := self.parameters.embedded) is None:
            return [X], X
        angles = embedded.angles(X)
        return [embedded.first_layer_inputs(X, angles, self.layout.inputs, self.padded.sizes[0])], angles

    def _without_padding(self, a: Tensor, layer: int) -> Tensor:
        """Padded units of an activation with σ(0) ≠ 0 would teach the weights that leave them."""
        if self.activation == "logistic":
            a[..., self.layout.sizes[layer + 1] :] = 0
        return a

    def _buffers_of(self, rows: int) -> list[Tensor]:
        """For each layer but the inputs (K, rows, units): the hidden units, and the slopes at the outputs."""
        if rows not in self._buffers:
            self._buffers[rows] = [
                self.flat.new_zeros(self.n_networks, rows, units) for units in self.padded.sizes[1:]
            ]
        return self._buffers[rows]
