"""The networks that may be part of one model: what each sees of the columns, and the path that it is trained on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shrinkage._errors import RequestError, called, shown
from shrinkage.networks import PerceptronKind, PerceptronLayout
from shrinkage.path import (
    BlockStore,
    FittedPath,
    Fold,
    PathRequest,
    Progress,
    Scale,
    fit_path,
    fitted_scale,
    fold_losses_of,
    losses_at,
)
from shrinkage.path import Inputs as SeenInputs
from shrinkage.tables.forms import FORMS, Form, levels_of
from shrinkage.training import Backprop, Budget, ConvexOptimum, Recipe, has_one_minimum

__all__ = [
    "AUTO",
    "MEMBERS",
    "FittedMembers",
    "described_members",
    "fit_members",
    "inputs_of_members",
    "members_for",
    "members_of",
    "recipe_of_member",
    "recipes_of_members",
    "window",
]

Floats = NDArray[np.float64]
REACH = 1
"""Number of λs on each side of the best earlier member's λ at which the path of the next member begins."""
CODED_UP_TO = 20_000
"""Rows up to which `auto` tries piecewise codes of the numbers."""
WIDE_FROM, WIDE_UP_TO, WIDER, WIDEST = 2_000, 16, 4, 256
"""Above so many rows, and up to so many columns, `auto` has a member with so many times the units, up to so many a layer,
in place of a deep one. With more columns it would take most of the time, and gained nothing on four tables."""
SCREENED_FROM, SCREENING_FOLDS, CLEARLY_WORSE = 2_000, 2, 1.1
"""With at least this many training rows, a member is left out if its loss is this many times that of the best earlier
member in each of the first folds. Training it would take most of the time, and it would rarely predict. With fewer rows,
folds differ too much to tell."""
NEARLY_EXACT, LONGER, LONGER_UP_TO = 0.12, 3, 2_000
"""If an earlier member's squared error on unseen rows is below this share of the targets' variance, the next ones with
hidden layers train for so many times the epochs, on tables of up to so many rows: where there is very little noise, a
network keeps learning from more steps (docs/speed.md)."""


class Member(NamedTuple):
    """A network that may be part of a model."""

    form: str
    """What it sees of the columns."""
    hidden: bool
    """With the hidden layers asked for; without, it is a linear model of its inputs."""
    shape: str = "plain"
    """Of the hidden layers: `plain`, as given; `deep`, two of half the units in place of each; `wide`, `WIDER`
    times the units."""
    embedding: str = "none"
    """What the network does with numbers first: `none`, or `periodic`."""


class FittedMembers(NamedTuple):
    """What came of the members of a model."""

    paths: dict[str, FittedPath]
    """By member; without those that were left out."""
    recipes: dict[str, Recipe]
    """As each of these was trained."""
    left_out: dict[str, float]
    """The loss of each other one in the first folds, divided by the best earlier one's."""

    def spent(self, budget: Budget) -> Budget:
        """The budget, with the epochs of those that trained longer."""
        most = max(recipe.max_epochs for recipe in self.recipes.values())
        return replace(budget, longer=most) if most > budget.epochs else budget


MEMBERS: dict[str, Member] = {
    "standard": Member("standard", True),
    "bounded": Member("bounded", True),
    "piecewise": Member("piecewise", True),
    "deep": Member("bounded", True, "deep"),
    "deep_piecewise": Member("piecewise", True, "deep"),
    "wide_piecewise": Member("piecewise", True, "wide"),
    "linear": Member("standard", False),
    "additive": Member("piecewise", False),
    "periodic": Member("bounded", True, embedding="periodic"),
}
"""By the names that `inputs=` takes, and that the places of their paths have."""
AUTO = ("standard", "bounded", "piecewise", "deep_piecewise", "linear", "additive")
"""What `auto` is for up to `WIDE_FROM` rows."""
AUTO_OF_MORE_ROWS = ("standard", "bounded", "piecewise", "wide_piecewise", "linear", "additive")
"""For up to `CODED_UP_TO` rows, if there are few columns and the hidden layers are narrow."""
AUTO_OF_MANY_ROWS = ("standard", "bounded", "deep", "linear")
EMBEDDINGS: dict[str | None, tuple[str, ...]] = {
    "auto": AUTO,
    None: AUTO_OF_MANY_ROWS,
    "piecewise": ("piecewise", "deep_piecewise", "linear", "additive"),
    "periodic": ("periodic", "linear"),
}
"""The members of `inputs="auto"`, by the values that `embedding=` takes."""


def members_of(inputs: str | Sequence[str], embedding: str | None = "auto") -> tuple[str, ...]:
    """`inputs=` as names of members: one name, several, or `auto`, of which `embedding=` may ask for some."""
    if embedding not in tuple(EMBEDDINGS):
        known = ", ".join(str(name) for name in EMBEDDINGS)
        raise RequestError(f"{called('embedding')}: must be one of {known}, got {shown(embedding)}.")
    names = (inputs,) if isinstance(inputs, str) else tuple(inputs)
    if names == ("auto",):
        return EMBEDDINGS[embedding]
    if embedding != "auto":
        raise RequestError(
            f"{called('embedding', embedding)}: says which networks {called('inputs', 'auto')} tries, but "
            f"{called('inputs', inputs)} names them already. Leave one of the two at auto."
        )
    if not names or len(set(names)) < len(names) or any(name not in MEMBERS for name in names):
        raise RequestError(
            f"{called('inputs')}: must be auto, or one or several of {', '.join(MEMBERS)}, got {shown(inputs)}."
        )
    return names


def members_for(given: Mapping[str, Any], rows: int, columns: int) -> tuple[str, ...]:
    """The members that an estimator's parameters ask for on so many training rows and columns.

    `auto` has neither codes nor an embedding on large tables, where they take most of the time, and a wide network on
    those of some thousand rows and few columns, where it is often the best one. It is one network alone,
    of the standard form or with the embedding asked for, where several can't be blended or would cost too much: for
    modules of the user's own, a λ that moves by the evidence, swarms, and networks without hidden layers.
    """
    evidence = isinstance(given["lambdas"], str) and given["lambdas"] == "evidence"
    linear = not np.size(given["hidden_layer_sizes"])
    names = members_of(given["inputs"], given["embedding"])
    if not isinstance(given["inputs"], str) or given["inputs"] != "auto":
        return names
    if given["network"] is not None or evidence or linear or given["trainer"] != "backprop":
        return names[:1]
    if given["embedding"] == "auto" and rows > CODED_UP_TO:
        return AUTO_OF_MANY_ROWS
    gains = (
        rows > WIDE_FROM and columns <= WIDE_UP_TO and np.max(given["hidden_layer_sizes"]) * WIDER <= WIDEST
    )
    return AUTO_OF_MORE_ROWS if names == AUTO and gains else names


def recipe_of_member(recipe: Recipe, name: str) -> Recipe:
    """The recipe of one member: with its own embedding and layers; without hidden ones at its minimum, if it has one."""
    member = MEMBERS[name]
    if member.hidden and member.shape == "plain" and member.embedding == "none":
        return recipe
    assert isinstance(recipe.kind, PerceptronKind)
    if member.hidden:
        units = _units_of_shape(recipe.kind.hidden_layer_sizes, member.shape)
        return replace(
            recipe, kind=replace(recipe.kind, hidden_layer_sizes=units, embedding=member.embedding)
        )
    linear = replace(recipe.kind, hidden_layer_sizes=())
    if recipe.controller is None and has_one_minimum(
        linear, recipe.rule, loss=recipe.loss, decay_biases=recipe.decay_biases
    ):
        return replace(recipe, kind=linear, trainer=ConvexOptimum(), max_epochs=1, validate_every=1)
    return replace(recipe, kind=linear)


def _units_of_shape(units: tuple[int, ...], shape: str) -> tuple[int, ...]:
    """Units of the hidden layers of a member of this shape, from those given."""
    if shape == "deep":
        return tuple(-(-u // 2) for u in units for _ in range(2))
    if shape == "wide":
        return tuple(max(u, min(WIDER * u, WIDEST)) for u in units)
    return units


def recipes_of_members(
    names: Sequence[str], recipe: Recipe, all_rows: Fold, budget: Budget
) -> dict[str, Recipe]:
    """The recipe of each member, at the learning rate that the budget has for as many inputs as it sees, and for the
    width of its layers."""
    recipes = {name: recipe_of_member(recipe, name) for name in names}
    for name, own in recipes.items():
        if isinstance(own.trainer, Backprop):
            layout = all_rows.layout(own.kind, name)
            inputs = layout.sizes[0] if isinstance(layout, PerceptronLayout) else layout.inputs
            rate = budget.rate_at(inputs, _times_wider(own, recipe))
            recipes[name] = replace(own, trainer=replace(own.trainer, learning_rate=rate))
    return recipes


def _times_wider(recipe: Recipe, given: Recipe) -> float:
    """The units of a member's widest layers, divided by those given; at least 1."""
    own, those = (getattr(each.kind, "hidden_layer_sizes", ()) for each in (recipe, given))
    return max([1.0, *(a / b for a, b in zip(own, those, strict=False))])


def described_members(recipes: Mapping[str, Recipe]) -> dict[str, str]:
    """What kept blocks are known by: the first recipe, and those of other members that differ from it."""
    first, *others = (recipe.described() for recipe in recipes.values())
    own = {name: other for name, other in zip(list(recipes)[1:], others, strict=True) if other != first}
    return {**first, **({"recipes": json.dumps(own, sort_keys=True)} if own else {})}


def window(lambdas: Floats, lam: float, reach: int) -> Floats:
    """The λs of a grid within `reach` places of `lam`, and its weakest: where the path of the next member begins.

    The best λs of two forms of the same columns are seldom far apart. The weakest tells whether regularization mattered.
    """
    at = int(np.abs(lambdas - lam).argmin())
    near = lambdas[max(0, at - reach) : at + reach + 1]
    return np.unique([lambdas[0], *near])


def inputs_of_members(
    names: Sequence[str],
    X: NDArray[Any],
    train: NDArray[np.int64],
    weight: Floats | None,
    *,
    standardize: bool,
) -> tuple[dict[str, Form], dict[str, SeenInputs]]:
    """What each member sees of all rows, by what the training rows show.

    Args:
        names: the members.
        X: (N, D) the matrix of the columns.
        train: (n,) training rows.
        weight: (N,) of the rows, or None.
        standardize: scale to mean 0 and standard deviation 1 what isn't bounded.
    """
    forms: dict[str, Form] = {}
    seen: dict[str, SeenInputs] = {}
    shown = X[train]
    embedded = numbers_of(shown) if any(MEMBERS[name].embedding != "none" for name in names) else ()
    for name in names:
        form = MEMBERS[name].form
        numbers = () if MEMBERS[name].embedding == "none" else embedded
        twin = next((other for other in forms if MEMBERS[other].form == form), None)
        if twin is not None:
            forms[name], seen[name] = forms[twin], replace(seen[twin], numbers=numbers)
            continue
        forms[name] = FORMS[form].fit(shown, None if weight is None else weight[train])
        scale: Scale | None = None
        if standardize and forms[name].standardize:
            scale = fitted_scale(X, train, weight)
        seen[name] = SeenInputs(forms[name](X), scale, numbers, forms[name].pieces)
    return forms, seen


def numbers_of(X: NDArray[Any]) -> tuple[int, ...]:
    """The columns of training rows X (n, D) that are neither levels nor marks: more than two different values."""
    return tuple(int(column) for column in np.flatnonzero(~levels_of(X)))


def fit_members(
    recipes: Mapping[str, Recipe],
    request: PathRequest,
    folds: Sequence[Fold],
    all_rows: Fold,
    *,
    budget: Budget,
    store: BlockStore | None,
    progress: Progress | None,
) -> FittedMembers:
    """The path of each member, on the same folds, seeds and batches.

    The first one with hidden layers, and the first one without, search the whole grid; the others begin around the best λ
    of those before them. From there `search="bracket"` goes on over the grid, and `"grid"` is extended. If the budget
    chose the epochs, they may be `LONGER`.
    """
    paths: dict[str, FittedPath] = {}
    trained: dict[str, Recipe] = {}
    left_out: dict[str, float] = {}
    worked = 0.0
    for name, recipe in recipes.items():
        lambdas, start = request.lambdas, None
        before = [paths[other] for other in paths if MEMBERS[other].hidden == MEMBERS[name].hidden]
        if before:
            best = min(before, key=_standing)
            start = window(best.result.lambdas, best.choice.lam, REACH)
            lambdas = np.union1d(lambdas, start) if request.search == "bracket" else start
        if MEMBERS[name].hidden and "epochs" in budget.chosen and budget.rows <= LONGER_UP_TO:
            recipe = _longer(recipe, list(paths.values()))
        report = None if progress is None else _after(progress, worked)
        one = replace(
            request,
            form=name,
            recipe=recipe,
            lambdas=lambdas,
            start=start,
            held_out=request.held_out or len(recipes) > 1,
        )
        if paths and (times := _times_the_best(one, list(paths.values()), folds, store)) > CLEARLY_WORSE:
            left_out[name] = times
            continue
        paths[name], trained[name] = fit_path(one, folds, all_rows, store=store, progress=report), recipe
        worked += paths[name].result.train_loss.size
    return FittedMembers(paths, trained, left_out)


def _longer(recipe: Recipe, before: Sequence[FittedPath]) -> Recipe:
    """The recipe with more epochs if an earlier member's errors are small, so that there is little noise."""
    if recipe.loss != "squared_error":
        return recipe
    losses = [float(path.result.validation_mean[path.choice.index]) for path in before]
    if not any(loss < NEARLY_EXACT for loss in losses):
        return recipe
    return replace(recipe, max_epochs=LONGER * recipe.max_epochs)


def _times_the_best(
    request: PathRequest, before: Sequence[FittedPath], folds: Sequence[Fold], store: BlockStore | None
) -> float:
    """The smaller, over the first folds, of two losses' ratio: that of a member at the λ of the best earlier member,
    divided by that member's own. 0 where members are not screened."""
    some = folds[:SCREENING_FOLDS]
    if request.score is not None or len(folds) <= len(some) or len(some[0].train) < SCREENED_FROM:
        return 0.0
    best = min(before, key=_standing)
    rival = fold_losses_of(best.result, best.choice.index, request.stop)[: len(some)]
    return float((losses_at(request, some, best.choice.lam, store=store) / rival).min())


def _standing(path: FittedPath) -> float:
    """The mean loss of the chosen λ, or minus its score: what a path is chosen by."""
    result = path.result
    if result.validation_score is not None:
        return -float(result.over_folds(result.validation_score)[0][path.choice.index])
    return float(result.validation_mean[path.choice.index])


def _after(progress: Progress, worked: float) -> Callable[[float, float], object]:
    """The progress of one member among those already trained."""
    return lambda done, total: progress(worked + done, worked + total)
