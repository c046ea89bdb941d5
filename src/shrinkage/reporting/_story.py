"""What the report of a fit is made from: results and words, no open files and no live networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shrinkage._errors import RequestError
from shrinkage.evaluation import Blended, Effects, LinearPath, Uncertainty, Verdict, verdict
from shrinkage.path import Choice, PathResult

__all__ = ["ColumnSummary", "FitStory", "MemberStory", "StrengthElsewhere"]


@dataclass(frozen=True, kw_only=True)
class ColumnSummary:
    """One column of the table and what became of it."""

    name: str
    """The column's name in the file."""
    kind: str
    """What it was read as: `number`, `category`, `boolean`, `date`, `text`, `target`."""
    treatment: str
    """What was done with it, in a few words: `standardized`, `one-hot`, `left out`."""
    missing: int
    """Rows without a value."""
    levels: int | None = None
    """Distinct values of a category or a class; None where counting them says nothing."""


@dataclass(frozen=True, kw_only=True)
class StrengthElsewhere:
    """The chosen λ as the number to type in another framework."""

    framework: str
    """`PyTorch`, `scikit-learn`."""
    argument: str
    """The name of what takes the number: `torch.optim.SGD(weight_decay=…)`."""
    value: float | str
    """The number, or a word where there is none."""
    note: str = ""
    """When it holds, in one sentence."""

    @property
    def typed(self) -> str:
        """What to type: `torch.optim.SGD(weight_decay=0.0046)`."""
        if isinstance(self.value, str):
            return f"{self.argument}: {self.value}"
        value = f"{self.value:.3g}"  # λ is known to one grid step, not to its third digit
        return self.argument.replace("…", value) if "…" in self.argument else f"{self.argument} = {value}"

    @property
    def in_two(self) -> tuple[str, str]:
        """The argument and what it is given to, which together fit a phone: `weight_decay=0.0046`, `torch.optim.SGD`."""
        called, _, inside = self.typed.partition("(")
        return (inside.removesuffix(")"), called) if inside.endswith(")") else (self.typed, "")


@dataclass(frozen=True, kw_only=True)
class MemberStory:
    """One of several models that were trained side by side."""

    name: str
    path: PathResult
    choice: Choice
    loss: float
    """On unseen rows, or minus the score."""
    weight: float
    """In the mean that predicts."""


@dataclass(frozen=True, kw_only=True)
class FitStory:
    """All that the report of one fit shows. L λs, n rows, k targets.

    Raises:
        RequestError: when lengths disagree (weights and λs, truth and predictions, classes and task).
    """

    title: str
    """The page's heading: `Breast cancer: diagnosis`."""
    source_name: str
    """The name of the table, as the user wrote it: `train.csv`."""
    task: Literal["classification", "regression", "multilabel classification"]
    """Decides between confusion matrix, predicted-against-true, and a table of the labels."""
    target_names: Sequence[str]
    """The k target columns (one for a classification), or the several quantiles of one."""
    levels: Sequence[float] = ()
    """Of several quantiles, one per column of `truth`, whose columns are then identical; otherwise empty."""
    class_names: Sequence[str] | None
    """The classes in the order of their indices; None for a regression and for several labels per row."""
    n_rows: int
    """Rows the path was computed on."""
    n_features: int
    """Number of inputs of the net."""
    shapes: str = ""
    """What a row is, if it is not a row of a table: `X of float32 × 7×2`."""
    path: PathResult
    """The curves of every (λ, fold, restart)."""
    choice: Choice
    """The chosen λ and epoch."""
    constant_losses: NDArray[np.float64] | None = None
    """(F,) validation losses of a constant guess on the folds of the path; None where they were not measured."""
    guess: str = ""
    """That constant in words, such as `the median`; empty for the usual one of the metric."""
    linear: LinearPath | None = None
    """A linear model on the same folds and inputs; None where it was not trained."""
    blend: Blended | None = None
    """The mean prediction of several members, of which `path` is the best one's; None for a single one."""
    members: Sequence[MemberStory] = ()
    """The models that were trained side by side; empty for a single one."""
    uncertainty: Uncertainty | None = None
    """Errors on unseen rows: reliability, widths of intervals; None where they were not kept."""
    effects: Effects | None = None
    """Which columns the networks use; None where that was not asked."""
    weights: Sequence[NDArray[np.floating]]
    """L flat arrays: the decayed weights of the net refitted on all rows, one per λ of the path; empty if it was not
    kept."""
    truth: NDArray[np.integer] | NDArray[np.floating]
    """(n,) class indices, (n, k) values in the target's own units, or (n, k) labels of 0 and 1; without rows the
    comparison is left out."""
    held_out: NDArray[np.integer] | NDArray[np.floating]
    """Same shape: each row as predicted by the net of the chosen λ that had not seen it, labels by their probability;
    NaN for no net."""
    columns: Sequence[ColumnSummary]
    """One entry a column of the table, targets included."""
    notes: Sequence[str] = ()
    """Warnings worth reading beside the results, one sentence each."""
    predicted_by: str = ""
    """What predicts where it isn't the network refitted on all rows: `the 5 networks of the folds`."""
    strengths: Sequence[StrengthElsewhere] = ()
    """The chosen λ as other frameworks call it."""
    reproduce: Mapping[str, str]
    """What to repeat the run with, in order: command line, versions, seed, the data's SHA-256."""

    @cached_property
    def verdict(self) -> Verdict:
        """What the chosen λ is held against."""
        linear = None if self.linear is None else self.linear.fold_losses
        return verdict(
            self.path,
            self.choice,
            constant=self.constant_losses,
            linear=linear,
            blend=None if self.blend is None else self.blend.losses,
            guess=self.guess,
        )

    def __post_init__(self) -> None:
        problems = [text for wrong, text in self._checks() if wrong]
        if problems:
            raise RequestError(problems)

    def _checks(self) -> list[tuple[bool, str]]:
        n_lambdas, n_weights = len(self.path.lambdas), len(self.weights)
        truth, held_out = np.shape(self.truth), np.shape(self.held_out)
        expected = 1 if self.task == "classification" else 2
        return [
            (
                n_weights != n_lambdas,
                f"FitStory(weights=…): must have one array for each of the {n_lambdas} λs, got {n_weights}.",
            ),
            (
                truth != held_out or len(truth) != expected,
                f"FitStory(truth=…, held_out=…): must have {expected} axes and the same shape for a "
                f"{self.task}, got {truth} and {held_out}.",
            ),
            (
                (self.class_names is None) == (self.task == "classification"),
                "FitStory(class_names=…): must name the classes for a classification, and be None otherwise.",
            ),
            (
                expected == 2 and truth[1:] != (len(self.target_names),),
                f"FitStory(target_names=…): must name each column of `truth`, got "
                f"{len(self.target_names)} names for shape {truth}.",
            ),
        ]
