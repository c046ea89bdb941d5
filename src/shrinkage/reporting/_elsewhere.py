"""The chosen λ as the number to type in other frameworks."""

from __future__ import annotations

from shrinkage.networks import loss_named
from shrinkage.reporting._story import StrengthElsewhere
from shrinkage.rules import Rule
from shrinkage.strength import Quantities, find, translate
from shrinkage.training import Backprop, Recipe

__all__ = ["strengths_elsewhere"]


BOUNDED = "inputs in the bounded form (median and quantile scaling, at most ±3)"
PIECEWISE = "inputs in the piecewise form (the bounded inputs and their piecewise codes)"
SCALED = {
    "bounded": BOUNDED,
    "deep": BOUNDED,
    **dict.fromkeys(("piecewise", "deep_piecewise", "wide_piecewise"), PIECEWISE),
    "periodic": "inputs in the bounded form, numbers embedded by trained cosines",
}


def strengths_elsewhere(
    lam: float, recipe: Recipe, n_outputs: int, form: str = "standard"
) -> list[StrengthElsewhere]:
    """For L2 in PyTorch and scikit-learn, for other rules in their own unit; the canonical λ first.

    Args:
        lam: the chosen λ.
        recipe: what the networks were trained with.
        n_outputs: outputs of the network, by which scikit-learn's alpha of a regression is divided.
        form: what the network sees of the columns: a λ means the same on the same inputs alone.
    """
    trainer = recipe.trainer
    if not isinstance(trainer, Backprop):
        return [_canonical(lam, recipe)]
    if recipe.rule.name not in ("L2", "Decoupled"):
        return [_canonical(lam, recipe), _of_the_rule(lam, recipe)]
    labels = loss_named(recipe.loss).of_labels
    classifier = loss_named(recipe.loss).of_classes or labels
    plain = form not in SCALED
    scaled = "standardized inputs" if plain else SCALED[form]
    if recipe.loss == "poisson":
        scaled = f"{scaled}, counts divided by their mean"
    elif not classifier:
        scaled = f"{scaled} and targets" if plain else f"{scaled} and standardized targets"
    scale = f"on {scaled}, weights only"
    exempt = "biases, phases and frequencies" if form == "periodic" else "biases"
    exempt = f"{scale}: {exempt} in a group with weight_decay=0"
    if recipe.rule.name == "Decoupled":
        native = recipe.rule.clock == "lr" and trainer.optimizer == "adam"
        in_torch = StrengthElsewhere(
            framework="PyTorch", argument="torch.optim.AdamW(weight_decay=…)", value=lam, note=exempt
        )
        return [_canonical(lam, recipe), in_torch if native else _of_the_rule(lam, recipe)]
    optimizer = "Adam" if trainer.optimizer == "adam" else "SGD"
    in_torch = StrengthElsewhere(
        framework="PyTorch",
        argument=f"torch.optim.{optimizer}(weight_decay=…)",
        value=translate(
            lam, find("lam"), find(f"torch.optim.{optimizer}"), Quantities(), approximate=False
        ).value,
        note=f"with a mean loss, {exempt}",
    )
    if (not classifier and recipe.loss != "squared_error") or form == "periodic":
        return [_canonical(lam, recipe), in_torch]  # scikit-learn has neither such a loss nor an embedding
    name = "MLPClassifier" if classifier else "MLPRegressor"
    run = Quantities(
        batch_size=trainer.batch_size, loss="cross_entropy" if classifier else "mse", outputs=n_outputs
    )
    alpha = translate(lam, find("lam"), find(f"sklearn.neural_network.{name}"), run, approximate=False)
    added = f", and adds up the losses of {n_outputs} labels" if labels else ""
    return [
        _canonical(lam, recipe),
        in_torch,
        StrengthElsewhere(
            framework="scikit-learn",
            argument=f"{name}(alpha=…)",
            value=alpha.value * n_outputs if labels else alpha.value,
            note=f"with batch_size={trainer.batch_size}, by which it divides alpha{added}; {scale}",
        ),
    ]


def _canonical(lam: float, recipe: Recipe) -> StrengthElsewhere:
    rule = recipe.rule.name
    note = "J = mean loss + (λ/2) Σw²" if rule == "L2" else f"the λ along which {rule} was driven"
    return StrengthElsewhere(framework="canonical", argument="λ", value=lam, note=note)


def _of_the_rule(lam: float, recipe: Recipe) -> StrengthElsewhere:
    """The strength in the rule's own unit, as `attach` takes it."""
    assert isinstance(recipe.trainer, Backprop)
    lr = recipe.trainer.learning_rate
    rule = recipe.rule.at_lambda(lam, lr)
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
        return f"Decoupled({'rate=' if rule.clock == 'constant' else ''}…, clock={rule.clock!r})"
    if rule.name == "WeightDecay":
        return f"WeightDecay(…, of={'updated' if rule.entry == 'after' else 'original'!r})"
    return f"{rule.name}(…)"
