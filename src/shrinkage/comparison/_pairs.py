"""Which forms are one form: trained side by side on the same rows, and how far apart they end.

Each pair starts from the same weights and sees the same batches, in float64. What is equal by algebra ends apart by
rounding alone; what only looks alike does not, at whatever strength it is given.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage.comparison._forms import FORMS, Form, Forms
from shrinkage.comparison._methods import Setting
from shrinkage.comparison._splits import targets
from shrinkage.path import ALL_ROWS, STANDARD, Fold, fitted_scale, predictions, standard_inputs
from shrinkage.rules import L2
from shrinkage.tables import Preprocessor, Problem

__all__ = ["EQUAL_WITHIN", "Pair", "known_distances", "measured_pairs"]

EQUAL_WITHIN = 1e-12
"""Relative distance of the weights up to which two float64 runs differ by rounding."""
MOST_EPOCHS = 30
FALLBACK_LAMBDA = 0.01


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two trainings at converted strengths, and how far apart they ended."""

    key: str
    short: str
    """A few words for a chart."""
    first: str
    second: str
    conversion: str
    """The strengths of both, in symbols."""
    why: str
    """Why they are equal, or why not, in a sentence."""
    by_algebra: bool
    """Equal by algebra, or only alike."""
    distance: float
    """‖w₁ − w₂‖/‖w₁‖ after training."""
    predictions: float
    """Largest difference of a prediction (a probability, or a value in the target's standard deviations)."""

    @property
    def equal(self) -> bool:
        """Whether what was measured is rounding."""
        return self.distance <= EQUAL_WITHIN


def known_distances(pairs: Sequence[Pair], *, by_algebra: bool) -> list[float]:
    """Of the pairs of one kind whose training did not diverge."""
    return [p.distance for p in pairs if p.by_algebra is by_algebra and math.isfinite(p.distance)]


def measured_pairs(
    problem: Problem, setting: Setting, lam: float, seed: int
) -> tuple[tuple[Pair, ...], float, int, float]:
    """Train every pair on all rows.

    Args:
        problem: features and target.
        setting: the network and its training.
        lam: λ of the pairs; 0 takes 0.01, and at most half of a weight is removed per step: λ ≤ 0.5/η of the
            larger learning rate.
        seed: of initial weights and batches.

    Returns:
        The pairs, the λ, the epochs, and as a yardstick the distance of L2 from no regularization.
    """
    lam = min(lam or FALLBACK_LAMBDA, 0.5 / max(setting.learning_rate, setting.adam_learning_rate))
    Y, loss = targets(problem)
    every = np.arange(len(Y))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its notes were given when the rows were checked
        X = Preprocessor().fit(problem.features).transform(problem.features)
    scaled = fitted_scale(Y, every, None) if loss == "squared_error" else None
    fold = Fold(
        number=ALL_ROWS,
        Y=Y,
        weight=None,
        train=every,
        validation=None,
        inputs=standard_inputs(X, fitted_scale(X, every, None)),
        y_scale=scaled,
    )
    epochs = min(setting.epochs, MOST_EPOCHS)
    trainer = _Trainer(fold, seed, replace(setting, epochs=epochs), loss, lam)
    pairs = tuple(trainer.pair(forms) for forms in FORMS)
    l2 = Form(name="L2", rule=L2(0.0))
    return pairs, lam, epochs, _distance(trainer.network(l2), trainer.network(replace(l2, times=0.0)))


class _Trainer:
    """Trains one network at a time, each training once."""

    def __init__(self, fold: Fold, seed: int, setting: Setting, loss: str, lam: float) -> None:
        self.fold, self.seed, self.setting, self.loss, self.lam = fold, seed, setting, loss, lam
        self._networks: dict[tuple[str, float], NDArray[np.float64]] = {}

    def network(self, form: Form) -> NDArray[np.float64]:
        """(D,) the trained parameters."""
        recipe, lam = form.recipe(self.setting, self.loss, self.lam), form.times * self.lam
        key = (str(recipe.described()), lam)
        if key not in self._networks:
            member = self.fold.member(0, recipe.dtype, recipe.device)
            self._networks[key] = recipe.train([lam], [member], seed=self.seed).networks[0, 0]
        return self._networks[key]

    def pair(self, forms: Forms) -> Pair:
        networks = [self.network(form) for form in (forms.first, forms.second)]
        inputs = self.fold.inputs[STANDARD]
        kind = forms.first.recipe(self.setting, self.loss, self.lam).kind
        layout = self.fold.layout(kind)
        X = inputs.standardize(np.arange(len(inputs.X)))
        both = predictions(kind, layout, self.loss, np.stack(networks), X)
        return Pair(
            key=forms.key,
            short=forms.short,
            first=forms.first.name,
            second=forms.second.name,
            conversion=forms.conversion.format(adam=self.setting.adam_learning_rate),
            why=forms.why,
            by_algebra=forms.by_algebra,
            distance=_distance(*networks),
            predictions=float(np.abs(both[0] - both[1]).max()),
        )


def _distance(first: NDArray[Any], second: NDArray[Any]) -> float:
    """‖first − second‖/‖first‖; NaN where training diverged."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.linalg.norm(first - second) / np.linalg.norm(first))
