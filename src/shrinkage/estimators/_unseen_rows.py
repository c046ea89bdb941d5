"""What an estimator keeps of its folds: predictions of rows that their networks had not seen, and their errors."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from shrinkage._errors import RequestError
from shrinkage.estimators._estimator_inputs import filled_matrix, table_of
from shrinkage.estimators.members._blend import Blend, Forms
from shrinkage.estimators.members._fold_models import FoldModels, fold_blends, fold_models, held_out_of
from shrinkage.evaluation import (
    Blended,
    OutOfFold,
    Uncertainty,
    blended_by_fold,
    calibrate,
    out_of_fold,
    uncertainty,
)
from shrinkage.path import Fold
from shrinkage.tables import Preprocessor
from shrinkage.tables.forms import Form
from shrinkage.training import Recipe

__all__ = ["UnseenRows"]


class UnseenRows:
    """The part of an estimator that judges by its folds."""

    out_of_fold: bool
    calibrate: bool | str
    preprocessor_: Preprocessor | None
    medians_: NDArray[np.float64]
    blend_: Blend
    forms_: Forms
    unseen_: OutOfFold
    out_of_fold_: NDArray[np.float64]
    fold_models_: FoldModels
    n_features_in_: int

    def _judge_by_folds(
        self,
        members: Forms,
        folds: Sequence[Fold],
        forms: Sequence[Mapping[str, Form]],
        encoders: Sequence[Preprocessor | None],
        recipe: Recipe,
    ) -> None:
        """Predictions of unseen rows, the temperature that they ask for, and what intervals need."""
        blends, temperature = fold_blends(members, folds, forms, recipe), 1.0
        predicted = [held_out_of(blend, members, fold) for blend, fold in zip(blends, folds, strict=True)]
        unseen = out_of_fold(folds, predicted, recipe.loss)
        if unseen.of_classes:
            found = calibrate(unseen.z, unseen.Y, unseen.fold, unseen.weight)
            if isinstance(self.calibrate, bool):
                found = replace(found, applied=self.calibrate)
            self.calibration_ = found
            temperature = found.temperature if found.applied else 1.0
            self.blend_ = replace(self.blend_, temperature=temperature)
        self.unseen_ = unseen
        self.out_of_fold_ = self._as_predicted(unseen.of_rows(temperature))
        self.fold_models_ = fold_models(blends, encoders, unseen, temperature)

    @property
    def uncertainty_(self) -> Uncertainty:
        """Errors on unseen rows, in figures for a report."""
        return uncertainty(self.unseen_, self.fold_models_.scores, getattr(self, "calibration_", None))

    @property
    def blended_(self) -> Blended | None:
        """What the mean prediction of several members is worth on unseen rows; None for a single one."""
        if len(self.blend_.parts) == 1:
            return None
        names = [n for n, w in zip(self.forms_.names, self.forms_.weights, strict=True) if w > 0]
        scales = [networks.parts[0].y_scale for networks in self.fold_models_.networks]
        return blended_by_fold(names, self.unseen_, scales)

    @abstractmethod
    def _as_predicted(self, predicted: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predictions (n, C) in the shape that users know."""

    def _fold_models(self) -> FoldModels:
        check_is_fitted(self)
        if not self.out_of_fold:
            raise RequestError(
                "predict_interval: needs the networks of the folds, which out_of_fold=False did not keep. "
                "Fit with out_of_fold=True."
            )
        return self.fold_models_

    def _rows_of(self, X: Any) -> Any:
        """X as the networks' folds take it: a frame, or a matrix of numbers."""
        estimator: Any = self
        if self.preprocessor_ is not None:
            return table_of(estimator, X)
        return filled_matrix(estimator, X, self.medians_)
