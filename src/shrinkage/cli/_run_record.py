"""What `run.json` records of a fit."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shrinkage.reporting import FitStory

__all__ = ["comparison_record"]


def comparison_record(story: FitStory) -> dict[str, Any]:
    """The baselines of the chosen λ as JSON values: their losses, and the paired differences over the folds."""
    verdict = story.verdict
    rivals = {
        "unpenalized_at_best_epoch": verdict.stopped,
        "unpenalized_after_all_epochs": verdict.to_the_end,
        "constant": verdict.constant,
        "linear": verdict.linear,
        **({} if verdict.blend is None else {"best_member_alone": verdict.blend}),
    }
    words: dict[str, Any] = {"weakest_lambda": float(story.path.lambdas[0]), "best_epoch": verdict.best_epoch}
    for name, against in rivals.items():
        words[name] = against and {
            "loss": against.loss,
            "chosen_loss": against.chosen_loss,
            **{key: None if value != value else value for key, value in asdict(against.gain).items()},
        }
    return words
