"""From the λ path of a module to the facts that its report shows."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

from shrinkage.estimators import LambdaPath
from shrinkage.evaluation import LinearPath
from shrinkage.reporting._story import ColumnSummary, FitStory, StrengthElsewhere

__all__ = ["module_story"]


def module_story(path: LambdaPath, linear: LinearPath | None = None) -> FitStory:
    """The story of a path of modules; weights are shown where the path was run with `keep_path=True`.

    Args:
        path: the path.
        linear: a linear model on its folds.
    """
    weights, recipe = path.weights(), path.recipe_
    classes = recipe.metric_name == "accuracy"
    task: Literal["classification", "regression"] = "classification" if classes else "regression"
    module = type(path.module_).__name__
    trained = sum(p.numel() for p in path.module_.parameters() if p.requires_grad)
    columns = [
        ColumnSummary(
            name=name, kind="target" if name.startswith("y") else kind, treatment="as it is", missing=0
        )
        for name, kind in path.row_shapes_
    ]
    return FitStory(
        title=f"λ path of {module}",
        source_name=f"{module} of {trained:,} trained parameters, {path.stacked_.split(' (')[0]}",
        task=task,
        target_names=("y",),
        class_names=() if classes else None,
        n_rows=path.n_rows_,
        n_features=len(columns) - 1,
        shapes=", ".join(f"{name} of {kind}" for name, kind in path.row_shapes_[:-1]),
        path=path.path_,
        choice=path.choice_,
        constant_losses=path.constant_losses_,
        linear=linear,
        weights=weights,
        truth=np.empty(0) if classes else np.empty((0, 1)),
        held_out=np.empty(0) if classes else np.empty((0, 1)),
        columns=columns,
        notes=[f"The modules were trained {path.stacked_}."],
        strengths=_strengths(path),
        reproduce={
            "seed": str(path.seed_),
            "torch": torch.__version__,
            **{name: value for name, value in recipe.described().items() if name != "module"},
            "form": path.stacked_,
        },
    )


def _strengths(path: LambdaPath) -> list[StrengthElsewhere]:
    """The chosen λ as `attach` takes it, and as the `weight_decay` of a torch optimizer where that is the same."""
    recipe, trainer = path.recipe_, path.recipe_.trainer
    rate: float = getattr(trainer, "learning_rate", 0.0)
    rule = recipe.rule.at_lambda(path.lambda_, rate)
    unit = "the fraction of a weight removed per step" if rule.is_fraction else "the rule's λ"
    note = "J = mean loss + (λ/2) Σw²" if rule.name == "L2" else f"the λ along which {rule.name} was driven"
    found = [
        StrengthElsewhere(framework="canonical", argument="λ", value=path.lambda_, note=note),
        StrengthElsewhere(
            framework="any torch optimizer",
            argument=f"shrinkage.attach(optimizer, {rule.name}(…), model=model)",
            value=float(rule.strength),
            note=f"{unit}, at a learning rate of {rate:g}",
        ),
    ]
    if rule.name == "L2":
        found.append(
            StrengthElsewhere(
                framework="PyTorch",
                argument="torch.optim.Adam(weight_decay=…)",
                value=path.lambda_,
                note="with a mean loss, weights only: biases and norms in a group with weight_decay=0",
            )
        )
    return found
