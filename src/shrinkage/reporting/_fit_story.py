"""From a fitted model to the story that its report tells. The model is known by what it learned, not by its class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shrinkage.evaluation import Blended, Effects, LinearPath, OutOfFold, Uncertainty
from shrinkage.networks import loss_named
from shrinkage.path import Choice, PathResult
from shrinkage.reporting._elsewhere import strengths_elsewhere
from shrinkage.reporting._story import ColumnSummary, FitStory, MemberStory
from shrinkage.tables import Column, Preprocessor, Problem, Table
from shrinkage.training import Recipe

__all__ = ["Fitted", "fit_story", "story_of"]


class Networks(Protocol):
    """The networks refitted on all rows: of every λ of the path, or of the chosen one alone."""

    lambdas: NDArray[np.float64]

    @property
    def n_inputs(self) -> int: ...

    @property
    def n_outputs(self) -> int: ...

    def weights(self, place: int | None = None) -> NDArray[Any]: ...


class Fitted(Protocol):
    """A model that was fitted with its out-of-fold predictions kept."""

    path_: PathResult
    choice_: Choice
    n_rows_: int
    seed_: int
    recipe_: Recipe
    preprocessor_: Preprocessor | None
    constant_losses_: NDArray[np.float64] | None
    linear_: LinearPath | None
    target_names_: tuple[str, ...]
    unseen_: OutOfFold
    predict_by_: str

    @property
    def forms_(self) -> Any: ...

    @property
    def blended_(self) -> Blended | None: ...

    @property
    def uncertainty_(self) -> Uncertainty: ...

    @property
    def networks_(self) -> Any: ...


def fit_story(
    model: Fitted,
    table: Table,
    problem: Problem,
    *,
    notes: Sequence[str],
    reproduce: Mapping[str, str],
    effects: Effects | None = None,
) -> FitStory:
    """The story of a model that was fitted on a table.

    Args:
        model: fitted on `problem`.
        table: where the rows came from.
        problem: features and target.
        notes: what was noticed on the way, one sentence each.
        reproduce: what to repeat the run with.
        effects: which columns the networks use.
    """
    return story_of(
        model,
        title=f"{table.name.removeprefix('bundled:')}: {', '.join(problem.target_names)}",
        source_name=table.name,
        target_names=problem.target_names,
        notes=notes,
        reproduce=reproduce,
        effects=effects,
    )


def _members(forms: Any) -> list[MemberStory]:
    if len(forms.names) == 1:
        return []
    each = zip(forms.names, forms.paths, forms.losses, forms.weights, strict=True)
    return [
        MemberStory(name=name, path=path.result, choice=path.choice, loss=float(loss), weight=float(weight))
        for name, path, loss, weight in each
    ]


def story_of(
    model: Fitted,
    *,
    title: str = "",
    source_name: str = "",
    target_names: Sequence[str] = (),
    notes: Sequence[str] = (),
    reproduce: Mapping[str, str] | None = None,
    effects: Effects | None = None,
) -> FitStory:
    """The story of a fitted model, with what it learned itself for what isn't given."""
    loss = loss_named(model.recipe_.loss)
    classes = None if loss.of_labels else getattr(model, "classes_", None)
    task = "regression" if classes is None else "classification"
    names = tuple(target_names) or model.target_names_
    truth, held_out = _judged_rows(model.unseen_)
    networks, path = model.networks_, model.path_
    return FitStory(
        title=title or f"{type(model).__name__}: {', '.join(names)}",
        source_name=source_name or "rows given to fit",
        task="multilabel classification" if loss.of_labels else task,
        target_names=loss.output_names(names),
        levels=loss.levels,
        class_names=None if classes is None else [str(label) for label in classes],
        n_rows=model.n_rows_,
        n_features=networks.n_inputs,
        path=path,
        choice=model.choice_,
        constant_losses=model.constant_losses_,
        guess=loss.constant,
        linear=model.linear_,
        blend=model.blended_,
        members=_members(model.forms_),
        uncertainty=None if loss.levels or loss.of_labels else model.uncertainty_,
        effects=effects,
        weights=[_weights(networks, lam) for lam in path.lambdas],
        truth=truth,
        held_out=held_out,
        columns=_columns(model, names, 2 if loss.of_labels else None if classes is None else len(classes)),
        notes=notes,
        predicted_by=_predicted_by(model),
        strengths=strengths_elsewhere(
            model.choice_.lam, model.recipe_, networks.n_outputs, model.choice_.form
        ),
        reproduce={"seed": str(model.seed_)} if reproduce is None else reproduce,
    )


def _weights(networks: Networks, lam: float) -> NDArray[Any]:
    """Those of the refitted network; none where it was not kept."""
    places = np.flatnonzero(networks.lambdas == lam)
    return networks.weights(int(places[0])) if len(places) else np.empty(0)


def _predicted_by(model: Fitted) -> str:
    """What predicts, where it is a mean over several networks of one kind."""
    folds, restarts = model.path_.validation_loss.shape[1:3]
    words = {
        "folds": f"the networks of the {folds:,} folds",
        "restarts": f"{restarts:,} restarts refitted on all rows",
    }
    return words.get(model.predict_by_, "")


def _judged_rows(unseen: OutOfFold) -> tuple[NDArray[Any], NDArray[Any]]:
    """What the rows are and what nets that had not seen them say; rows that none held out are left out."""
    held_out = unseen.of_rows()
    known = np.asarray(np.isfinite(held_out).all(axis=1))
    truth = np.zeros_like(held_out)
    truth[unseen.row] = unseen.Y
    held_out, truth = held_out[known], truth[known]
    if not unseen.of_classes:
        return truth, held_out
    if held_out.shape[1] == 1:
        return truth[:, 0].astype(np.intp), (held_out[:, 0] > 0.5).astype(np.intp)
    return truth.argmax(axis=1).astype(np.intp), held_out.argmax(axis=1).astype(np.intp)


def _columns(model: Fitted, target_names: Sequence[str], n_classes: int | None) -> list[ColumnSummary]:
    if model.preprocessor_ is None:
        names = getattr(model, "feature_names_in_", None)
        names = [f"x{j}" for j in range(model.networks_.n_inputs)] if names is None else names
        columns = [
            ColumnSummary(name=str(n), kind="number", treatment="standardized", missing=0) for n in names
        ]
    else:
        columns = [
            ColumnSummary(
                name=column.name,
                kind=column.kind,
                treatment=_treatment(column),
                missing=column.missing,
                levels=len(column.levels) + column.rare if column.levels else None,
            )
            for column in model.preprocessor_.columns
        ]
    scaled = "divided by its mean" if model.recipe_.loss == "poisson" else "standardized"
    learned = "learned as classes" if n_classes else f"learned, {scaled}"
    columns += [
        ColumnSummary(name=name, kind="target", treatment=learned, missing=0, levels=n_classes)
        for name in target_names
    ]
    return columns


def _treatment(column: Column) -> str:
    if not column.used:
        return f"left out: {column.reason}"
    words = {
        "number": "standardized",
        "boolean": "0 or 1, standardized",
        "date": f"parts: {', '.join(column.parts)}",
    }
    words["category"] = f"one-hot ({len(column.levels)} levels" + (
        ", rare ones together)" if column.rare else ")"
    )
    words["time"] = f"parts: {', '.join(column.parts)}"
    treatment = words.get(column.kind, column.kind)
    if column.missing and column.kind in ("number", "boolean", "date", "time"):
        treatment += "; missing: median and an indicator"
    how = column.reading.described if column.reading is not None else ""
    return f"{treatment}; read with {how}" if how else treatment
