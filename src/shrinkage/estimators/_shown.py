"""How an estimator shows itself: in notebooks, as charts, as a report, as saved files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sklearn import get_config
from sklearn.utils import estimator_html_repr
from sklearn.utils.validation import check_is_fitted

from shrinkage._drawing import Plotted, view_of
from shrinkage._errors import RequestError

__all__ = ["Shown"]


class Shown(Plotted):
    """The part of an estimator that is looked at."""

    out_of_fold: bool

    def plot(self, chart: str | None = None, *, scheme: str = "light") -> Any:
        """A Plotly figure of one of the report's charts: `loss`, `gap`, `map`, `epochs`, `matter`, `agreement`, …

        Args:
            chart: its name; None for the loss against λ. A name that is not known lists those that are.
            scheme: `light` or `dark`.
        """
        self._check_kept("plot")
        return super().plot(chart, scheme=scheme)

    def report(
        self, path: str | os.PathLike[str], X: Any = None, y: Any = None, sample_weight: Any = None
    ) -> None:
        """Write the report of the fit as one HTML file that opens offline.

        Args:
            path: the file.
            X: the rows that were given to `fit`; adds the chapter on which columns the networks use.
            y: their targets; adds the comparison with a linear model on the same folds.
            sample_weight: their weights, where `fit` was given some.

        Raises:
            OSError: the folder is missing or cannot be written.
        """
        self._check_kept("report")
        view_of(self).write_report(self, path, X, y, sample_weight)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the model as files that run no code, for `shrinkage.estimators.load_model` and `shrinkage predict`.

        Args:
            folder: created if it is missing.

        Columns of a matrix of numbers are called x0, x1, … in the files.

        Raises:
            RequestError: the networks are modules of `network=`, or a column of a matrix lies too far from 0 for float32.
        """
        check_is_fitted(self)
        view_of(self).save(self, Path(folder))

    def _check_kept(self, what: str) -> None:
        check_is_fitted(self)
        if not self.out_of_fold:
            raise RequestError(
                f"{what}: needs the predictions of unseen rows, which out_of_fold=False did not keep. "
                "Fit with out_of_fold=True."
            )

    def _repr_html_(self) -> str:
        if not (hasattr(self, "path_") and self.out_of_fold):
            return estimator_html_repr(self)
        return super()._repr_html_()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        bundle = {"text/plain": repr(self)}
        return bundle | ({"text/html": self._repr_html_()} if get_config()["display"] == "diagram" else {})
