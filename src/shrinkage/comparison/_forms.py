"""The pairs of forms that `compare` trains side by side, one row each: equal by algebra first, then the similar ones.

In the symbols of a row η is the learning rate, λ the canonical strength and s the fraction removed per step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shrinkage.comparison._methods import Setting, adam, sgd
from shrinkage.rules import L2, Decoupled, Rule, WeightDecay
from shrinkage.training import Backprop, Recipe

__all__ = ["FORMS", "MOMENTUM", "Form", "Forms"]

MOMENTUM = 0.9


@dataclass(frozen=True, kw_only=True)
class Form:
    """One training of a pair."""

    name: str
    rule: Rule
    train: Callable[..., Recipe] = sgd
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further changes to its training."""
    rate: Callable[[float, float], float] | None = None
    """η and λ ↦ its learning rate; None for η itself."""
    times: float = 1.0
    """Its strength over λ."""

    def recipe(self, setting: Setting, loss: str, lam: float) -> Recipe:
        """Its training at this λ."""
        trainer = self.train(self.rule, setting, loss).trainer
        assert isinstance(trainer, Backprop)
        rate = trainer.learning_rate if self.rate is None else self.rate(trainer.learning_rate, lam)
        return self.train(self.rule, setting, loss, learning_rate=rate, **self.more)


@dataclass(frozen=True, kw_only=True)
class Forms:
    """Two trainings at converted strengths."""

    key: str
    short: str
    """A few words for a chart."""
    first: Form
    second: Form
    conversion: str
    """The strengths of both, in symbols; `{adam}` is Adam's learning rate."""
    why: str
    """Why they are equal, or why not, in a sentence."""
    by_algebra: bool
    """Equal by algebra, or only alike."""


_BIASES = {"decay_biases": True}
_COSINE = {"schedule": "cosine"}
_L2 = Form(name="L2", rule=L2(0.0))
_L2_BIASES = Form(name="L2, biases too", rule=L2(0.0), more=_BIASES)
_L2_COSINE = Form(name="L2, cosine schedule", rule=L2(0.0), more=_COSINE)
_ADAM_DECOUPLED = Form(name="Adam, decoupled", rule=Decoupled(0.0), train=adam)
_UPDATED, _ORIGINAL = WeightDecay(0.0), WeightDecay(0.0, of="original")


def _with_momentum(name: str, rule: Rule, times: float = 1.0) -> Form:
    """A step of the same size in the long run: momentum adds up 1/(1 − μ) gradients."""
    return Form(
        name=name,
        rule=rule,
        more={"momentum": MOMENTUM},
        rate=lambda eta, lam: eta * (1 - MOMENTUM),
        times=times,
    )


FORMS = (
    Forms(
        key="original",
        short="L2 = of the original",
        first=_L2,
        second=Form(name="decay of the original", rule=_ORIGINAL),
        conversion="s = ηλ",
        why="w − η(g + λw) and w − ηg − s·w are the same sum.",
        by_algebra=True,
    ),
    Forms(
        key="updated",
        short="L2 = after the update",
        first=_L2_BIASES,
        # An exempt bias would feel only the longer step.
        second=Form(
            name="decay after the update, biases too",
            rule=_UPDATED,
            more=_BIASES,
            rate=lambda eta, lam: eta / (1 - eta * lam),
        ),
        conversion="s = ηλ, at the learning rate η/(1 − s)",
        why=(
            "(1 − s)(w − η′g) = (1 − s)w − ηg when η′ = η/(1 − s); biases must be decayed too, or they "
            "feel only η′."
        ),
        by_algebra=True,
    ),
    Forms(
        key="decoupled",
        short="L2 = decoupled, cosine",
        first=_L2_COSINE,
        second=Form(name="decoupled, cosine schedule", rule=Decoupled(0.0), more=_COSINE),
        conversion="s = η_t λ in step t",
        why="The decay follows the learning rate schedule, as the penalty does.",
        by_algebra=True,
    ),
    Forms(
        key="adam_original",
        short="Adam: decoupled = original",
        first=_ADAM_DECOUPLED,
        second=Form(name="Adam, decay of the original", rule=_ORIGINAL, train=adam),
        conversion="s = ηλ, η = {adam:g}",
        why="Both leave the penalty out of Adam's moments; at a constant learning rate s is one number.",
        by_algebra=True,
    ),
    Forms(
        key="updated_same_rate",
        short="after the update, same η",
        first=_L2,
        second=Form(name="decay after the update", rule=_UPDATED),
        conversion="the same η, s = ηλ/(1 + ηλ)",
        why="The factor 1 − s shortens the step too: it trains with η(1 − s).",
        by_algebra=False,
    ),
    Forms(
        key="schedule",
        short="fixed fraction, cosine η",
        first=_L2_COSINE,
        second=Form(name="decay of the original, cosine", rule=_ORIGINAL, more=_COSINE),
        conversion="s = ηλ of the first step",
        why="The penalty fades with the learning rate; a fixed fraction does not.",
        by_algebra=False,
    ),
    Forms(
        key="momentum",
        short="momentum",
        first=_with_momentum("L2, momentum", L2(0.0)),
        second=_with_momentum("decoupled, momentum", Decoupled(0.0), times=1 / (1 - MOMENTUM)),
        conversion=f"λ/(1 − μ), μ = {MOMENTUM:g}",
        why=(
            "Momentum carries old penalties forward: the same strength in the long run, but at different "
            "times."
        ),
        by_algebra=False,
    ),
    Forms(
        key="adam",
        short="Adam: L2 or decoupled",
        first=Form(name="Adam, L2", rule=L2(0.0), train=adam),
        second=_ADAM_DECOUPLED,
        conversion="the same λ",
        why=(
            "Adam divides the penalty by √v of each weight, so the pull is weaker where gradients are large."
        ),
        by_algebra=False,
    ),
    Forms(
        key="biases",
        short="biases decayed or not",
        first=_L2,
        second=_L2_BIASES,
        conversion="the same λ",
        why="A decayed bias moves the whole output toward 0, whatever the inputs.",
        by_algebra=False,
    ),
)
"""In the order in which they are shown."""
