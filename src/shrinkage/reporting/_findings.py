"""What a fit found, in plain sentences."""

from __future__ import annotations

import numpy as np

from shrinkage.pages import number, strength
from shrinkage.reporting._agreement import SHARE_BELOW, shares_in_words
from shrinkage.reporting._headline import headline
from shrinkage.reporting._story import FitStory
from shrinkage.reporting._words import (
    blend_metric,
    dropped_words,
    list_in_words,
    metric_of_folds,
    skipped_words,
)
from shrinkage.reporting.figures import Curve, Judged, judge
from shrinkage.reporting.sections._moved_section import has_moved, moved_words

__all__ = ["findings"]


def findings(story: FitStory) -> list[str]:
    """One plain sentence each, the answer to “did regularization matter?” first."""
    path, choice, verdict = story.path, story.choice, story.verdict
    name = "" if story.linear is None else story.linear.name
    chosen = [] if choice.index else [f"{strength(choice.lam)} was kept{_alone(story)}."]
    if has_moved(path):
        chosen = [moved_words(path)]
    found = [*headline(path, choice, verdict, name), *chosen, _metrics(story, judge(path, choice))]
    if choice.index:
        found.append(f"{strength(choice.lam)} was chosen {_reason(story)}{_weights(story)}.")
    if story.levels and len(story.truth):
        found.append(f"On rows it had not seen, {shares_in_words(story)}.")
    if story.predicted_by:
        found.append(
            f"New rows are predicted by the mean over {story.predicted_by}. The figures for unseen rows are of each "
            "fold's networks alone, and the charts of weights are of the network refitted on all rows."
        )
    if choice.extended:
        times = "once" if choice.extended == 1 else f"{choice.extended} times"
        weakest, strongest = float(path.lambdas[0]), max([float(path.lambdas[-1]), *choice.dropped])
        found.append(
            f"The grid was extended {times}, to λs from {number(weakest)} to {number(strongest)}, because "
            "the best λ was at its edge."
        )
    if choice.skipped:
        found.append(skipped_words(path, choice))
    if choice.dropped:
        found.append(dropped_words(path, choice))
    if choice.at_edge:
        found.append("The best λ is at the edge of the grid: a value beyond it may be better.")
    if choice.diverged:
        listed = ", ".join(number(lam) for lam in choice.diverged)
        found.append(
            f"Training diverged at λ = {listed}, left out of the choice: the steps are too large (lower "
            "the learning rate)."
        )
    return found


def _metrics(story: FitStory, judged: Judged) -> str:
    """Accuracy or R² of the chosen λ and of the weakest, each at the epoch at which it is judged."""
    path, chosen = story.path, story.choice.index
    name = path.metric_name

    def pair(index: int) -> tuple[str, str]:
        return (
            metric_of_folds(name, judged.validation_metric, index),
            metric_of_folds(name, Curve(judged.train_metric.mean, np.full(len(path.lambdas), np.nan)), index),
        )

    unseen, seen = pair(chosen)
    of_folds = ", means over folds ± standard error" if path.n_folds > 1 else ""
    who, reached = "the network", f"reached {name}"
    if name.endswith(SHARE_BELOW):
        reached = f"had a {name.removesuffix(' below')} of values at or below its predictions of"
    if story.blend is not None:
        who = f"{story.choice.form} alone"
    text = f"On unseen rows {who} {reached} {unseen}, on its training rows {seen}{of_folds}"
    if story.blend is not None:
        members = list_in_words(story.blend.members)
        text = f"On unseen rows the mean prediction of {members} {reached} {blend_metric(story)}. {text}"
    if not chosen:
        return f"{text}."
    weak_unseen, weak_seen = pair(0)
    weak = strength(path.lambdas[0])
    epochs = int(story.choice.epochs[0])
    when = "" if path.n_epochs == 1 else f" after {epochs:,} epochs"
    verb = "had" if name.endswith(SHARE_BELOW) else "reached"
    return f"{text}; {weak}{when} {verb} {weak_unseen} and {weak_seen}."


def _alone(story: FitStory) -> str:
    """Why the weakest λ was kept."""
    if len(story.path.lambdas) == 1 and not story.choice.dropped:
        return ": no other λ was tried"
    return f" {_reason(story)}: no stronger one did better"


def _reason(story: FitStory) -> str:
    if story.choice.select == "1se":
        return f"as the strongest within one standard error of the {story.choice.best}"
    return f"for its {story.choice.best}"


def _weights(story: FitStory) -> str:
    kept = [story.weights[i] for i in (0, story.choice.index)]
    if not all(weights.size for weights in kept):
        return ""
    before, after = (float(np.abs(weights).max()) for weights in kept)
    weak = strength(story.path.lambdas[0])
    return f"; the largest weight is {number(after)}, while {weak} has {number(before)}"
