"""A fitted λ path of modules: the curves, the choice, and the chosen module."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from importlib import import_module
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import nn

from shrinkage._errors import RequestError, shown
from shrinkage._files import write_atomic
from shrinkage.estimators.modules._simple_rivals import Rows, linear_of
from shrinkage.evaluation import LinearPath
from shrinkage.networks.module import ModuleKind
from shrinkage.path import FittedPath
from shrinkage.training.modules import ModuleRecipe

__all__ = ["Judged", "LambdaPath"]


class Judged(NamedTuple):
    """What the folds of a path judge by."""

    loss: Any
    """As it was given."""
    rows: Rows
    """(training, validation) row numbers of each fold."""
    weight: NDArray[np.float64] | None
    """Of all rows."""


class LambdaPath:
    """The result of `lambda_path`: a fitted λ path of modules.

    Attributes:
        lambda_: the chosen λ; `lambda_min_` has the smallest mean validation loss, `lambda_1se_` follows the 1-SE rule.
        lambdas_: (L,) all of them.
        path_: the curves of every (λ, fold, restart); `path_.to_frame()` is a table.
        choice_: how λ and epoch were chosen.
        module_: the chosen module, refitted on all rows, in evaluation mode.
        stacked_: in words: stacked, stacked but for these operations, or one by one, because …
        loss_: training loss of `module_`.
        row_shapes_: (name, shape and dtype) of each part of a row, targets last.
        constant_losses_: (F,) validation losses of a constant prediction on the same folds; None if targets are neither
            classes nor values.
    """

    def __init__(
        self,
        fitted: FittedPath,
        recipe: ModuleRecipe,
        kind: ModuleKind,
        *,
        seed: int,
        n_rows: int,
        row_shapes: Sequence[tuple[str, str]],
        judged: Judged,
        constant: NDArray[np.float64] | None,
    ) -> None:
        choice = fitted.choice
        self.path_, self.choice_ = fitted.result, choice
        self.lambdas_ = fitted.result.lambdas
        self.lambda_, self.lambda_min_, self.lambda_1se_ = choice.lam, choice.lam_min, choice.lam_1se
        self.n_iter_, self.n_rows_, self.seed_ = choice.epoch, n_rows, seed
        self.recipe_, self.row_shapes_ = recipe, tuple(row_shapes)
        self.loss_ = float(fitted.refit_loss[fitted.chosen])
        self.constant_losses_, self._judged = constant, judged
        verdict = kind.verdict
        self.stacked_ = verdict.words + (f" ({verdict.measured})" if verdict.measured else "")
        self._kind, self._fitted = kind, fitted
        self.module_ = self._module(fitted.chosen)

    def module(self, lam: float) -> nn.Module:
        """Return the module of another λ in `lambdas_`, refitted on all rows (needs `keep_path=True`)."""
        known = self._fitted.refit_lambdas
        if isinstance(lam, bool) or not isinstance(lam, Real):
            raise RequestError(f"module(lam=…): must be a number, one of lambdas_, got {shown(lam)}.")
        place = int(np.abs(known - lam).argmin())
        if not abs(known[place] - lam) <= 5e-3 * abs(lam):
            hint = "" if len(known) > 1 else " Run with keep_path=True to keep those of the whole path."
            listed = ", ".join(f"{value:g}" for value in known)
            raise RequestError(f"module(lam={lam:g}): no module of that λ was kept. Kept: {listed}.{hint}")
        return self._module(place)

    def weights(self) -> list[NDArray[Any]]:
        """Return, for each λ of the path, the decayed weights of its refitted module, flat; empty if it was not kept."""
        kept = dict(zip(self._fitted.refit_lambdas.tolist(), self._fitted.networks, strict=True))
        columns = self._fitted.layout.decayed_columns()
        return [kept[lam][columns] if lam in kept else np.empty(0) for lam in self.lambdas_.tolist()]

    def linear_path(self, X: Any, y: Any) -> LinearPath | None:
        """Fit a linear model at a range of strengths on the folds of the path; None if rows are not flat numbers.

        Args:
            X: (n, D), as given to `lambda_path`.
            y: as given to `lambda_path`.
        """
        return linear_of(X, y, *self._judged)

    def report(self, path: str | os.PathLike[str], X: Any = None, y: Any = None) -> None:
        """Write the report of the fit as one HTML page that opens offline; showing weights needs `keep_path=True`.

        Args:
            path: the file.
            X, y: as given to `lambda_path`; if X is (n, D), they add the comparison with a linear model.
        """
        reporting = import_module("shrinkage.reporting")  # from the floor above, needed only here
        linear = None if X is None else self.linear_path(X, y)
        reporting.write_fit_report(reporting.module_story(self, linear), path)

    def save(self, folder: str | os.PathLike[str], X: Any = None, y: Any = None) -> None:
        """Write `module.safetensors` (for `load_state_dict`), `path.csv`, `run.json`, and the report.

        Args:
            folder: created if it is missing.
            X, y: see `report`.
        """
        folder = Path(folder)
        for name, x in self.module_.state_dict().items():
            if isinstance(x, torch.Tensor) and x.dtype == torch.complex128:
                raise RequestError(
                    f"save({str(folder)!r}): safetensors has no complex128, which {name} is in. Save the module with "
                    "torch.save(r.module_.state_dict(), …), and the report with r.report(…)."
                )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RequestError(
                f"save({str(folder)!r}): can't be made a folder: {error.strerror or error}. Give a folder, or "
                "the name of a new one."
            ) from error
        state = {
            name: tensor.detach().cpu().contiguous().clone()
            for name, tensor in self.module_.state_dict().items()
            if isinstance(tensor, torch.Tensor)
        }
        write_atomic(folder / "module.safetensors", save(state))
        write_atomic(folder / "path.csv", self.path_.to_frame().to_csv(index=False).encode())
        write_atomic(folder / "run.json", json.dumps(self.summary(), indent=1).encode())
        self.report(folder / "report.html", X, y)

    def summary(self) -> dict[str, Any]:
        """Return the settings and the choice as JSON values."""
        choice = self.choice_
        return {
            "lambda": choice.lam,
            "lambda_min": choice.lam_min,
            "lambda_1se": choice.lam_1se,
            "epoch": choice.epoch,
            "select": choice.select,
            "stop": choice.stop,
            "extended": choice.extended,
            "diverged": list(choice.diverged),
            "rows": self.n_rows_,
            "seed": self.seed_,
            "form": self.stacked_,
            "torch": torch.__version__,
            "recipe": self.recipe_.described(),
        }

    def __repr__(self) -> str:
        L, F, R = self.path_.final_train_loss.shape
        restarts = f" × {R} restarts" if R > 1 else ""
        lambdas = "1 λ" if L == 1 else f"{L} λs"
        return f"LambdaPath(λ = {self.lambda_:.3g} of {lambdas} × {F} folds{restarts}; {self.stacked_})"

    def _module(self, place: int) -> nn.Module:
        row = torch.from_numpy(np.ascontiguousarray(self._fitted.networks[place]))
        return self._kind.module(row, self.seed_, -1, 0, "weights")
