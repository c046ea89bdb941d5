"""From a fitted model to what a report is told: findings in plain words, and the number to type elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage.estimators import MLPCV
from shrinkage.pages import number, percent
from shrinkage.reporting._story import ColumnSummary, FitStory, StrengthElsewhere
from shrinkage.strength import convert
from shrinkage.tables import Column, Problem, Table
from shrinkage.training import TrainingOptions

__all__ = ["findings", "fit_story", "strengths_elsewhere"]


def fit_story(
    model: MLPCV, table: Table, problem: Problem, *, notes: Sequence[str], reproduce: Mapping[str, str]
) -> FitStory:
    """The story of a model that was fitted with `keep_path=True` and its held-out predictions kept.

    Args:
        model: fitted on `problem`.
        table: where the rows came from.
        problem: features and target.
        notes: what was noticed on the way, one sentence each.
        reproduce: what to repeat the run with.
    """
    classes = None if problem.classes is None else [str(label) for label in problem.classes]
    truth, held_out = _judged_rows(model, problem)
    return FitStory(
        title=f"{table.name.removeprefix('bundled:')}: {', '.join(problem.target_names)}",
        source_name=table.name,
        task=problem.task,
        target_names=problem.target_names,
        class_names=classes,
        n_rows=model.n_rows_,
        n_features=model.networks_.layout.sizes[0],
        path=model.path_,
        choice=model.choice_,
        weights=[model.networks_.weights(place) for place in range(len(model.lambdas_))],
        truth=truth,
        held_out=held_out,
        columns=_columns(model, problem),
        findings=findings(model),
        notes=notes,
        strengths=strengths_elsewhere(model),
        reproduce=reproduce,
    )


def findings(model: MLPCV) -> list[str]:
    """What a fit with `keep_path=True` found, one plain sentence each."""
    path, choice = model.path_, model.choice_
    weakest, chosen = float(path.lambdas[0]), choice.index
    first = "no penalty (λ = 0)" if weakest == 0 else f"the weakest penalty (λ = {number(weakest)})"
    found = [
        f"With {first} the network reached {_metric(model, 'final_train_metric', 0)} on the rows it was trained on "
        f"and {_metric(model, 'validation_metric', 0)} on rows it had not seen."
    ]
    if chosen:
        found.append(
            f"λ = {number(choice.lam)} was chosen {_reason(model)}: {_metric(model, 'final_train_metric', chosen)} on "
            f"training rows, {_metric(model, 'validation_metric', chosen)} on unseen rows; the validation loss went "
            f"from {_loss(model, 0)} to {_loss(model, chosen)}."
        )
        found.append(f"The largest weight went from {_largest(model, 0)} to {_largest(model, chosen)}.")
    else:
        found.append(
            f"No stronger λ did better: the weakest was kept, {_reason(model)}. Its largest weight is "
            f"{_largest(model, 0)}."
        )
    if choice.at_edge:
        found.append(
            f"The best λ still lies on the edge of the grid after {choice.extended} extensions: "
            "a value beyond it may be better."
        )
    if choice.diverged:
        listed = ", ".join(number(lam) for lam in choice.diverged)
        found.append(
            f"Training diverged at λ = {listed}, which were left out of the choice: the learning rate is large."
        )
    return found


def strengths_elsewhere(model: MLPCV) -> list[StrengthElsewhere]:
    """The chosen λ as the number to type in PyTorch and scikit-learn, for the rule L2."""
    lam, options = model.choice_.lam, model.training_options_
    rows = [
        StrengthElsewhere(framework="canonical", argument="λ", value=lam, note="J = mean loss + (λ/2) Σw²")
    ]
    if options.rule.name != "L2" or not isinstance(options, TrainingOptions):
        return rows
    scale = "on standardized inputs, weights only"
    optimizer = "Adam" if options.optimizer == "adam" else "SGD"
    classifier = options.loss != "squared_error"
    name = "MLPClassifier" if classifier else "MLPRegressor"
    outputs = model.networks_.layout.sizes[-1]
    alpha = convert(
        lam,
        "lam",
        f"sklearn.neural_network.{name}",
        batch_size=options.batch_size,
        loss="cross_entropy" if classifier else "mse",
        outputs=outputs,
    )
    return [
        *rows,
        StrengthElsewhere(
            framework="PyTorch",
            argument=f"torch.optim.{optimizer}(weight_decay=…)",
            value=convert(lam, "lam", f"torch.optim.{optimizer}").value,
            note=f"with a mean loss, {scale}: biases in a group with weight_decay=0",
        ),
        StrengthElsewhere(
            framework="scikit-learn",
            argument=f"{name}(alpha=…)",
            value=alpha.value,
            note=f"with batch_size={options.batch_size}, by which it divides alpha; {scale}",
        ),
    ]


def _metric(model: MLPCV, curve: str, index: int) -> str:
    path = model.path_
    values = getattr(path, curve)[index]
    if curve == "validation_metric":
        values = values[..., int(model.choice_.epochs[index]) - 1]
    value = float(np.mean(values))
    words = percent(value) if path.metric_name == "accuracy" else number(value)
    return f"{path.metric_name} {words}"


def _largest(model: MLPCV, index: int) -> str:
    """Of the network refitted on all rows."""
    weights = model.networks_.weights(model.networks_.place(float(model.lambdas_[index])))
    return number(float(np.abs(weights).max()))


def _loss(model: MLPCV, index: int) -> str:
    epoch = int(model.choice_.epochs[index]) - 1
    return number(float(np.mean(model.path_.validation_loss[index, ..., epoch])))


def _reason(model: MLPCV) -> str:
    if model.choice_.select == "1se":
        return "as the strongest within one standard error of the smallest mean validation loss"
    return "for its smallest mean validation loss"


def _judged_rows(model: MLPCV, problem: Problem) -> tuple[NDArray[Any], NDArray[Any]]:
    held_out = model.held_out_
    assert held_out is not None
    if problem.classes is None:
        return np.asarray(problem.target, float).reshape(len(held_out), -1), held_out
    guess = (held_out[:, 0] > 0.5) if held_out.shape[1] == 1 else held_out.argmax(axis=1)
    return np.searchsorted(problem.classes, problem.target), guess.astype(np.intp)


def _columns(model: MLPCV, problem: Problem) -> list[ColumnSummary]:
    assert model.preprocessor_ is not None
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
    levels = None if problem.classes is None else len(problem.classes)
    learned = "learned as classes" if levels else "learned, standardized"
    columns += [
        ColumnSummary(name=name, kind="target", treatment=learned, missing=0, levels=levels)
        for name in problem.target_names
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
    words["category"] = f"one input a level ({len(column.levels)})" + (
        ", rare ones together" if column.rare else ""
    )
    return words.get(column.kind, column.kind)
