"""From a fitted model to what a report is told: findings in plain words, and the number to type elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage.estimators import MLPCV
from shrinkage.pages import number, percent, strength
from shrinkage.reporting._story import ColumnSummary, FitStory, StrengthElsewhere
from shrinkage.reporting._words import dropped_words
from shrinkage.rules import Rule
from shrinkage.strength import convert
from shrinkage.tables import Column, Problem, Table
from shrinkage.training import Backprop

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
        n_features=model.networks_.layout.inputs,
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
            f"{strength(choice.lam)} was chosen {_reason(model)}: {_metric(model, 'final_train_metric', chosen)} on "
            f"training rows, {_metric(model, 'validation_metric', chosen)} on unseen rows; the validation loss went "
            f"from {_loss(model, 0)} to {_loss(model, chosen)}{_hardly(model)}."
        )
        found.append(f"The largest weight went from {_largest(model, 0)} to {_largest(model, chosen)}.")
    else:
        found.append(
            f"{strength(choice.lam)} was kept{_alone(model)}. The largest weight is {_largest(model, 0)}."
        )
    if choice.extended:
        times = "once" if choice.extended == 1 else f"{choice.extended} times"
        strongest = max([float(path.lambdas[-1]), *choice.dropped])
        found.append(
            f"The grid was extended {times}, to λs from {number(weakest)} to {number(strongest)}, because "
            "the best λ lay on its edge."
        )
    if choice.dropped:
        found.append(dropped_words(path, choice))
    if choice.at_edge:
        found.append("The best λ lies on the edge of the grid: a value beyond it may be better.")
    if choice.diverged:
        listed = ", ".join(number(lam) for lam in choice.diverged)
        found.append(
            f"Training diverged at λ = {listed}, left out of the choice: the steps are too long for it "
            "(lower the learning rate)."
        )
    return found


def strengths_elsewhere(model: MLPCV) -> list[StrengthElsewhere]:
    """The chosen λ as the number to type elsewhere: for L2 in PyTorch and scikit-learn, else for the rule itself."""
    lam, recipe, trainer = model.choice_.lam, model.recipe_, model.recipe_.trainer
    if not isinstance(trainer, Backprop):
        return [_canonical(model)]
    if recipe.rule.name not in ("L2", "Decoupled"):
        return [_canonical(model), _of_the_rule(model)]
    scaled = "inputs" if recipe.loss != "squared_error" else "inputs and targets"
    scale = f"on standardized {scaled}, weights only"
    exempt = f"{scale}: biases in a group with weight_decay=0"
    if recipe.rule.name == "Decoupled":
        native = recipe.rule.clock == "lr" and trainer.optimizer == "adam"
        in_torch = StrengthElsewhere(
            framework="PyTorch", argument="torch.optim.AdamW(weight_decay=…)", value=lam, note=exempt
        )
        return [_canonical(model), in_torch if native else _of_the_rule(model)]
    optimizer = "Adam" if trainer.optimizer == "adam" else "SGD"
    classifier = recipe.loss != "squared_error"
    name = "MLPClassifier" if classifier else "MLPRegressor"
    alpha = convert(
        lam,
        "lam",
        f"sklearn.neural_network.{name}",
        batch_size=trainer.batch_size,
        loss="cross_entropy" if classifier else "mse",
        outputs=model.networks_.layout.outputs,
    )
    return [
        _canonical(model),
        StrengthElsewhere(
            framework="PyTorch",
            argument=f"torch.optim.{optimizer}(weight_decay=…)",
            value=convert(lam, "lam", f"torch.optim.{optimizer}").value,
            note=f"with a mean loss, {exempt}",
        ),
        StrengthElsewhere(
            framework="scikit-learn",
            argument=f"{name}(alpha=…)",
            value=alpha.value,
            note=f"with batch_size={trainer.batch_size}, by which it divides alpha; {scale}",
        ),
    ]


def _canonical(model: MLPCV) -> StrengthElsewhere:
    rule = model.recipe_.rule.name
    note = "J = mean loss + (λ/2) Σw²" if rule == "L2" else f"the λ along which {rule} was driven"
    return StrengthElsewhere(framework="canonical", argument="λ", value=model.choice_.lam, note=note)


def _of_the_rule(model: MLPCV) -> StrengthElsewhere:
    """The strength in the rule's own unit, as `attach` takes it."""
    recipe, trainer = model.recipe_, model.recipe_.trainer
    assert isinstance(trainer, Backprop)
    lr = trainer.learning_rate
    rule = recipe.rule.at_lambda(model.choice_.lam, lr)
    unit = "the fraction of a weight removed per step" if rule.is_fraction else "the rule's λ"
    return StrengthElsewhere(
        framework="any torch optimizer",
        argument=f"shrinkage.attach(optimizer, {_call(rule)})",
        value=float(rule.strength),
        note=f"{unit}, at a learning rate of {lr:g}",
    )


def _call(rule: Rule) -> str:
    """How the rule is written, its strength left open."""
    if rule.name == "Decoupled":
        return f"Decoupled({'rate=' if rule.is_fraction else ''}…, clock={rule.clock!r})"
    if rule.name == "WeightDecay":
        return f"WeightDecay(…, of={'updated' if rule.entry == 'after' else 'original'!r})"
    return f"{rule.name}(…)"


def _metric(model: MLPCV, curve: str, index: int) -> str:
    """Of the epoch at which the λ is judged; before the last epoch training rows are known by the running mean."""
    path, choice = model.path_, model.choice_
    if curve == "validation_metric":
        values = path.validation_at(path.validation_metric, choice.epochs)[index]
    elif choice.stop == "best":
        values = path.train_metric[index, ..., int(choice.epochs[index]) - 1]
    else:
        values = path.final_train_metric[index]
    value = float(np.mean(values))
    words = percent(value) if path.metric_name == "accuracy" else number(value)
    return f"{path.metric_name} {words}"


def _alone(model: MLPCV) -> str:
    """Why the weakest λ was kept."""
    if len(model.lambdas_) == 1 and not model.choice_.dropped:
        return ": no other λ was tried"
    return f" {_reason(model)}: no stronger one did better"


def _hardly(model: MLPCV) -> str:
    """What to think of a gain that is smaller than its standard error."""
    path, choice = model.path_, model.choice_
    judged = path.validation_at(path.validation_loss, choice.epochs)
    losses = [judged[i].mean(axis=-1) for i in (0, choice.index)]
    gains = losses[0] - losses[1]
    if choice.select == "1se" or len(gains) < 2 or not np.isfinite(gains).all():
        return ""
    error = gains.std(ddof=1) / np.sqrt(len(gains))
    return (
        "" if gains.mean() > error else ", less than one standard error of that difference: hardly a choice"
    )


def _largest(model: MLPCV, index: int) -> str:
    """Of the network refitted on all rows."""
    weights = model.networks_.weights(model.networks_.place(float(model.lambdas_[index])))
    return number(float(np.abs(weights).max()))


def _loss(model: MLPCV, index: int) -> str:
    judged = model.path_.validation_at(model.path_.validation_loss, model.choice_.epochs)
    return number(float(np.mean(judged[index])))


def _reason(model: MLPCV) -> str:
    if model.choice_.select == "1se":
        return "as the strongest within one standard error of the smallest mean validation loss"
    return "for its smallest mean validation loss"


def _judged_rows(model: MLPCV, problem: Problem) -> tuple[NDArray[Any], NDArray[Any]]:
    """What the rows are and what nets that had not seen them say; rows that none held out are left out."""
    held_out = model.held_out_
    assert held_out is not None
    known = np.asarray(np.isfinite(held_out).all(axis=1))
    held_out = held_out[known]
    if problem.classes is None:
        return np.asarray(problem.target, float).reshape(len(known), -1)[known], held_out
    guess = (held_out[:, 0] > 0.5) if held_out.shape[1] == 1 else held_out.argmax(axis=1)
    return np.searchsorted(problem.classes, problem.target)[known], guess.astype(np.intp)


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
