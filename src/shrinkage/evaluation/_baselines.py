"""Models that a network should beat, on the folds of its own path: a constant guess and a linear model.

Axes: n rows, D inputs, C outputs, M strengths, F folds. Losses are the path's: nats per row, or squared errors of
standardized targets, with the fold's row weights.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

from shrinkage.evaluation._linear_values import OF_VALUES, linear_values
from shrinkage.evaluation._losses_of_values import best_constant, losses_of_values
from shrinkage.networks import loss_named
from shrinkage.path import STANDARD, Fold, Inputs

__all__ = ["LinearPath", "constant_losses", "linear_path"]

Floats = NDArray[np.float64]

RIDGE_STRENGTHS = np.logspace(-6, 2, 25)
LOGISTIC_STRENGTHS = np.logspace(-5, 1, 13)
NEWTON_UP_TO = 400
"""Coefficients up to which Newton's method with a full Hessian is the faster one."""


@dataclass(frozen=True, kw_only=True)
class LinearPath:
    """A linear model at M strengths on the folds of the path; its strength is chosen by them as λ is."""

    name: str
    """`ridge regression`, `logistic regression`, or another of the same loss as the network's."""
    lambdas: Floats
    """(M,) canonical, ascending: J = (1/n) Σ lossᵢ + (λ/2) Σ w², the intercept exempt."""
    losses: Floats
    """(M, F) validation losses."""

    @property
    def index(self) -> int:
        """Place of the strength of the smallest mean validation loss."""
        means = self.losses.mean(axis=1)
        return int(np.where(np.isfinite(means), means, np.inf).argmin())

    @property
    def lam(self) -> float:
        return float(self.lambdas[self.index])

    @property
    def fold_losses(self) -> Floats:
        """(F,) at that strength."""
        return self.losses[self.index]


@dataclass(frozen=True)
class _Rows:
    """Some rows of a fold, standardized as the networks see them; `weight` has mean 1."""

    X: Floats
    Y: Floats
    weight: Floats

    @classmethod
    def of(cls, fold: Fold, index: NDArray[np.int64]) -> _Rows:
        X, Y = _columns_of(fold).standardize(index), fold.Y[index].astype(np.float64)
        Y = Y if fold.y_scale is None else fold.y_scale.standardize(Y)
        weight = np.ones(len(index)) if fold.weight is None else fold.weight[index]
        return cls(X, Y, weight / weight.mean())

    def mean(self, of_rows: Floats) -> float:
        return float(np.average(of_rows, weights=self.weight))


def constant_losses(folds: Sequence[Fold], loss: str) -> Floats:
    """(F,) validation losses of the training rows' best constant: mean, median or quantile, or shares of classes."""
    found = []
    for fold in folds:
        if fold.validation is None:
            continue
        Y = fold.Y.astype(np.float64)
        weight = np.ones(len(Y)) if fold.weight is None else fold.weight
        guess = best_constant(loss, Y[fold.train], weight[fold.train], fold.y_scale)
        if not loss_named(loss).of_classes:
            held = Y[fold.validation]
            of_rows = losses_of_values(loss, np.broadcast_to(guess, held.shape), held, fold.y_scale)
        else:
            with np.errstate(divide="ignore"):
                of_rows = -np.log((_one_hot(Y[fold.validation]) * _one_hot(guess[None])).sum(axis=1))
        found.append(np.average(of_rows, weights=weight[fold.validation]))
    return np.array(found)


def linear_path(folds: Sequence[Fold], loss: str) -> LinearPath:
    """Ridge regression for `squared_error`, logistic regression for classes, else the linear model of the same loss."""
    if loss_named(loss).of_classes:
        losses = np.array([_logistic(*parts) for parts in _parts(folds)]).T
        return LinearPath(name="logistic regression", lambdas=LOGISTIC_STRENGTHS, losses=losses)
    if loss == "squared_error":
        losses = np.array([_ridge(*parts) for parts in _parts(folds)]).T
        return LinearPath(name="ridge regression", lambdas=RIDGE_STRENGTHS, losses=losses)
    losses = np.array([_of_values(loss, *parts) for parts in _parts(folds)]).T
    return LinearPath(name=OF_VALUES[loss.partition(":")[0]], lambdas=LOGISTIC_STRENGTHS, losses=losses)


def _columns_of(fold: Fold) -> Inputs:
    """The standard form of input where there is one, else the first."""
    return fold.inputs.get(STANDARD) or next(iter(fold.inputs.values()))


def _parts(folds: Sequence[Fold]) -> list[tuple[_Rows, _Rows]]:
    return [
        (_Rows.of(fold, fold.train), _Rows.of(fold, fold.validation))
        for fold in folds
        if fold.validation is not None
    ]


def _ridge(train: _Rows, validation: _Rows) -> Floats:
    """(M,) losses. With the error (1/n) Σᵢ (1/C) Σ_c r²: w = (XᵀX/n + (λC/2) I)⁻¹ XᵀY/n, by one eigendecomposition."""
    s, n, C = train.weight[:, None], len(train.X), train.Y.shape[1]
    x_mean, y_mean = (np.average(a, axis=0, weights=train.weight) for a in (train.X, train.Y))
    X, Y = (train.X - x_mean) * np.sqrt(s), (train.Y - y_mean) * np.sqrt(s)
    values, vectors = np.linalg.eigh(X.T @ X / n)
    values, projected = np.maximum(values, 0), vectors.T @ (X.T @ Y / n)
    turned = (validation.X - x_mean) @ vectors
    losses = []
    for lam in RIDGE_STRENGTHS:
        predicted = y_mean + turned @ (projected / (values + lam * C / 2)[:, None])
        losses.append(validation.mean(np.square(predicted - validation.Y).mean(axis=1)))
    return np.array(losses)


def _of_values(loss: str, train: _Rows, validation: _Rows) -> Floats:
    """(M,) losses."""
    found = linear_values(loss, (train.X, train.Y, train.weight), validation.X, LOGISTIC_STRENGTHS)
    return np.array([validation.mean(losses_of_values(loss, each, validation.Y, None)) for each in found])


def _logistic(train: _Rows, validation: _Rows) -> Floats:
    """(M,) losses, from the strongest to the weakest penalty, each started where the one before ended."""
    n, labels = len(train.X), _one_hot(train.Y).argmax(axis=1)
    present = np.unique(labels)
    if len(present) < 2:
        return np.full(len(LOGISTIC_STRENGTHS), np.nan)
    n_coefficients = train.X.shape[1] * max(1, train.Y.shape[1])
    solver = "newton-cholesky" if n_coefficients <= NEWTON_UP_TO else "lbfgs"
    model = LogisticRegression(solver=solver, warm_start=True, max_iter=200)
    losses = np.full(len(LOGISTIC_STRENGTHS), np.nan)
    one_hot = _one_hot(validation.Y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit that is not fully converged is still a fair baseline
        for place in reversed(range(len(LOGISTIC_STRENGTHS))):
            model.set_params(C=1 / (n * LOGISTIC_STRENGTHS[place])).fit(train.X, labels, train.weight)
            z = np.full(one_hot.shape, -np.inf)
            scores = np.asarray(model.decision_function(validation.X))
            z[:, present] = np.stack([0 * scores, scores], axis=1) if scores.ndim == 1 else scores
            own = np.where(one_hot > 0, z, 0).sum(axis=1)
            losses[place] = validation.mean(logsumexp(z, axis=1) - own)
    return losses


def _one_hot(Y: Floats) -> Floats:
    """(n, C) of classes; a single column of 0 and 1 becomes two."""
    return np.hstack([1 - Y, Y]) if Y.shape[1] == 1 else Y
