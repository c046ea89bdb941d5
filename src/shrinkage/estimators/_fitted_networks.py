"""The networks of a fitted path with the scales of their inputs and outputs: everything that a prediction needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import nn

from shrinkage._errors import RequestError, called
from shrinkage.evaluation import probabilities_of
from shrinkage.networks import (
    Kind,
    Layout,
    PerceptronKind,
    PerceptronLayout,
    loss_named,
    perceptron_layout,
)
from shrinkage.networks.module import ModuleKind
from shrinkage.path import Choice, PathResult, Scale, predictions
from shrinkage.tables.forms import Form, StandardInputs

__all__ = ["FittedNetworks", "OfNetworks"]


@dataclass(frozen=True, kw_only=True)
class FittedNetworks:
    """The networks of M λs, refitted on all rows, with D parameters, I inputs and C outputs."""

    kind: Kind
    layout: Layout
    loss: str
    """Key of the loss."""
    lambdas: NDArray[np.float64]
    """(M,)"""
    rows: NDArray[Any]
    """(M, D) parameters, weights before biases, layer by layer."""
    chosen: int
    """Index of the chosen λ."""
    x_scale: Scale | None
    """(I,) standardization of the inputs."""
    y_scale: Scale | None
    """(C,) standardization of the targets."""
    restarts: NDArray[Any] | None = None
    """(R, D) the refits of the chosen λ whose mean predicts; None where the chosen network predicts alone."""
    form: Form = field(default_factory=StandardInputs)
    """Converts columns to inputs, before they are standardized."""

    @property
    def n_inputs(self) -> int:
        return self.layout.inputs

    @property
    def n_outputs(self) -> int:
        return self.layout.outputs

    @property
    def embedded_columns(self) -> tuple[int, ...]:
        """The inputs that an embedding takes; none without one."""
        layout = self.layout
        return layout.embedding.columns if isinstance(layout, PerceptronLayout) and layout.embedding else ()

    @property
    def predicting(self) -> NDArray[Any]:
        """(R, D) the networks whose mean predicts at the chosen λ."""
        return self.rows[[self.chosen]] if self.restarts is None else self.restarts

    @property
    def of_classes(self) -> bool:
        return loss_named(self.loss).of_classes

    @property
    def perceptron(self) -> PerceptronKind:
        """The kind of the networks, for operations that only perceptrons have."""
        if not isinstance(self.kind, PerceptronKind):
            raise RequestError(
                "These networks were built by network=…, so this package does not know their layers and "
                "file format. Call model.module() and save its state_dict()."
            )
        return self.kind

    def module(self, place: int | None = None) -> nn.Module:
        """Return a network built by `network=` as an ordinary module in evaluation mode; the chosen one by default."""
        kind = self.kind
        if not isinstance(kind, ModuleKind):
            raise RequestError("module(): only networks built by network=… are modules.")
        row = torch.from_numpy(np.ascontiguousarray(self.rows[self.chosen if place is None else place]))
        return kind.of_layout(self.layout).module(row, "outputs")

    def predict(self, X: NDArray[Any], lam: float | None = None) -> NDArray[np.float64]:
        """Predict probabilities, (n, C), or values in the targets' own units, for columns X (n, D).

        Args:
            X: the matrix of the columns, before the form of input and standardization.
            lam: predict with the network of this λ; None for the chosen one, or the mean over `restarts`.
        """
        if lam is None and self.restarts is not None:
            return self.mean_prediction(X, self.restarts)
        X = self.form(X)
        if self.x_scale is not None:
            X = self.x_scale.standardize(X)
        place = self.chosen if lam is None else self.place(lam)
        predicted = predictions(self.kind, self.layout, self.loss, self.rows[[place]], X)[0]
        if self.y_scale is not None:
            predicted = self.y_scale.restore(predicted)
        return predicted

    def mean_prediction(self, X: NDArray[Any], rows: NDArray[Any] | None = None) -> NDArray[np.float64]:
        """Return the mean prediction, (n, C), of networks (R, D), by default all `rows`; probabilities in float64.

        In float32 a probability near 1 rounds to 1, which a temperature could not undo.
        """
        X = self.form(X)
        if self.x_scale is not None:
            X = self.x_scale.standardize(X)
        return self.mean_of_standardized(X, self.rows if rows is None else rows)

    def mean_of_standardized(self, X: NDArray[np.float64], rows: NDArray[Any]) -> NDArray[np.float64]:
        """The same for inputs that are already standardized."""
        if not self.of_classes:
            predicted = predictions(self.kind, self.layout, self.loss, rows, X).mean(axis=0)
            return predicted if self.y_scale is None else self.y_scale.restore(predicted)
        z = predictions(self.kind, self.layout, "squared_error", rows, X)
        return np.mean([probabilities_of(each) for each in z], axis=0)

    def place(self, lam: float) -> int:
        """Return the index of the network of `lam`, which may be rounded to 3 digits, as printed."""
        distance = np.abs(self.lambdas - lam)
        nearest = int(distance.argmin())
        if not distance[nearest] <= 5e-3 * abs(lam):
            known = ", ".join(f"{value:.6g}" for value in self.lambdas)
            hint = (
                " Fit with keep_path=True to keep those of the whole path." if len(self.lambdas) == 1 else ""
            )
            raise RequestError(
                f"{called('lam', float(f'{lam:g}'), of='predict')}: no network of that λ was kept. Kept: {known}.{hint}"
            )
        return nearest

    def weights(self, place: int | None = None) -> NDArray[Any]:
        """(·,) the decayed weights of one network, the chosen one by default."""
        return self.rows[self.chosen if place is None else place, self.layout.decayed_columns()]

    def layers(self, row: NDArray[Any] | None = None) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """(weights (I, O), biases (O,)) of each layer of one of `rows`, of the chosen network by default."""
        _ = self.perceptron  # only it has such layers
        return perceptron_layout(self.layout).layers(self.rows[self.chosen] if row is None else row)


class OfNetworks:
    """The part of an estimator that gives access to its networks."""

    networks_: FittedNetworks
    path_: PathResult
    choice_: Choice

    @property
    def best_score_(self) -> float:
        """Mean over folds of the `scoring` at the chosen λ; without `scoring`, minus its validation loss."""
        check_is_fitted(self)
        path, choice = self.path_, self.choice_
        if path.validation_score is not None:
            return float(path.over_folds(path.validation_score)[0][choice.index])
        return -float(
            path.over_folds(path.validation_at(path.validation_loss, choice.epochs))[0][choice.index]
        )

    @property
    def coefs_(self) -> list[NDArray[Any]]:
        """Weights (fan_in, fan_out) of each layer of the chosen network, for standardized inputs and targets."""
        return [weights for weights, _ in self.networks_.layers()]

    @property
    def intercepts_(self) -> list[NDArray[Any]]:
        """Biases (fan_out,) of each layer of the chosen network."""
        return [biases for _, biases in self.networks_.layers()]

    def module(self, lam: float | None = None) -> nn.Module:
        """Return the chosen network, or that of another λ, as a torch module; only with `network=`.

        It takes standardized inputs, like the other networks.
        """
        check_is_fitted(self)
        return self.networks_.module(None if lam is None else self.networks_.place(lam))
