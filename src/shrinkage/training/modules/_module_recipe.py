"""The recipe of a path of modules: kind, loss, rule and trainer, with any loss in the place of a perceptron's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shrinkage._errors import check_count
from shrinkage.networks import loss_named
from shrinkage.networks.module import CallableLoss, ModuleKind, ModuleLoss, NamedLoss, module_loss
from shrinkage.training._recipe import Recipe, check_device, check_rule
from shrinkage.training.modules._module_settings import ModuleSettings

__all__ = ["ModuleRecipe", "module_parts", "of_perceptrons"]


def of_perceptrons(loss: str) -> ModuleLoss:
    """The loss of modules that is an estimator's, whose targets are one-hot, 0 and 1, or values."""
    if loss_named(loss).of_classes:
        return module_loss("cross_entropy")
    return module_loss("squared_error") if loss == "squared_error" else NamedLoss(loss_named(loss))


@dataclass(frozen=True, kw_only=True)
class ModuleRecipe(Recipe):
    """A recipe for modules."""

    of_rows: ModuleLoss = field(default_factory=lambda: module_loss("squared_error"))
    """The objective to minimize."""

    def __post_init__(self) -> None:
        check_count("max_epochs", self.max_epochs)
        check_count("validate_every", self.validate_every)
        check_device(self.device)
        check_rule(self.rule)
        self.trainer.check(self)

    @property
    def loss_name(self) -> str:
        return self.of_rows.name

    @property
    def metric_name(self) -> str:
        return self.of_rows.metric_name

    def described(self) -> dict[str, str]:
        loss: Any = self.of_rows
        named = getattr(loss.function, "__qualname__", "") if isinstance(loss, CallableLoss) else loss.name
        found = super().described() | {"loss": named or type(loss).__name__}
        return {name: value for name, value in found.items() if name != "of_rows"}


def module_parts(recipe: Recipe) -> tuple[ModuleKind, ModuleLoss, ModuleSettings]:
    """Kind, loss and trainer of a recipe for modules."""
    kind = recipe.kind
    assert isinstance(recipe, ModuleRecipe)
    assert isinstance(kind, ModuleKind)
    assert isinstance(recipe.trainer, ModuleSettings)
    return kind, recipe.of_rows, recipe.trainer
