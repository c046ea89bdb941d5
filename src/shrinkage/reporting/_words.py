"""Titles and captions of the charts of a fit: findings in sentences, which hold in the unlucky cases too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from shrinkage.evaluation import Verdict
from shrinkage.pages import Tile, number, percent, strength
from shrinkage.path import Choice, PathResult
from shrinkage.reporting._story import FitStory
from shrinkage.reporting.figures import Curve, Histograms, Judged

__all__ = [
    "blend_metric",
    "dropped_words",
    "edge_words",
    "epochs_title",
    "gap_title",
    "list_in_words",
    "loss_title",
    "map_title",
    "metric_of_folds",
    "skipped_words",
    "tiles",
    "weights_title",
]

MOST_STRETCHES = 4
"""Of the grid, that are named one by one."""


def tiles(story: FitStory, judged: Judged, shown: Histograms, weakest: int) -> list[Tile]:
    """The numbers of the page's head, each beside its value at the weakest λ; ± is one standard error over folds."""
    path, choice = story.path, story.choice
    chosen, before = choice.index, strength(path.lambdas[weakest])
    moved = path.refit_trace is not None
    lowest = f"the {choice.best}" if choice.score_name else "the minimum of the validation loss"
    how = lowest if choice.select == "min" else "by the one-standard-error rule"
    how = "where the training rows are most likely" if moved else how
    gap, largest = judged.gap.mean, shown.largest
    if not np.isfinite(largest[weakest]):  # its network was not kept
        largest = path.max_weight.mean(axis=(1, 2))
    mean = float(judged.validation_metric.mean[chosen])

    def metric(index: int) -> str:
        return metric_of_folds(path.metric_name, judged.validation_metric, index)

    def beside(value: Callable[[int], str]) -> str:
        return "" if chosen == weakest else f"{value(weakest)} at {before}"

    over = ", mean over folds" if path.n_folds > 1 else ""
    return [
        Tile(label="λ after training" if moved else "Chosen λ", value=number(choice.lam), before=how),
        Tile(
            label=_metric_label(path.metric_name, over),
            value=percent(mean) if path.metric_name.endswith("accuracy") else number(mean),
            error=_error_of(path.metric_name, judged.validation_metric, chosen),
            before=beside(metric),
        )
        if story.blend is None
        else _blend_tile(story, f"{metric(chosen)} for {choice.form} alone"),
        *_score_tile(path, choice, beside),
        *_error_tile(story),
        Tile(
            label="Overfitting gap (in loss)",
            value=number(gap[chosen]),
            error=_error_of("", judged.gap, chosen),
            before=beside(lambda index: number(gap[index])),
        ),
        Tile(
            label="Largest weight",
            value=number(largest[chosen]),
            before=beside(lambda index: number(largest[index])),
        ),
    ]


def _metric_label(name: str, of: str) -> str:
    """`Validation R², mean over folds`; of quantiles, the share of values at or below."""
    if not name.endswith("share below"):
        return f"Validation {name}{of}"
    share = f"{name.removesuffix('share below')}share of validation values at or below the prediction{of}"
    return share[0].upper() + share[1:]


def metric_of_folds(name: str, curve: Curve, index: int) -> str:
    """`97.4 % ± 0.6`: the mean over folds with its standard error."""
    mean, error = float(curve.mean[index]), _error_of(name, curve, index)
    return (percent(mean) if name.endswith("accuracy") else number(mean)) + (f" ± {error}" if error else "")


def _error_of(name: str, curve: Curve, index: int) -> str:
    """The standard error over folds, in points for a percentage; empty for one fold."""
    se = float(curve.se[index])
    if not np.isfinite(se):
        return ""
    return f"{100 * se:.1f}" if name.endswith("accuracy") else number(se, 2)


def _blend_tile(story: FitStory, before: str) -> Tile:
    value, _, error = blend_metric(story).partition(" ± ")
    return Tile(
        label=_metric_label(story.path.metric_name, " of the mean prediction"),
        value=value,
        error=error,
        before=before,
    )


def blend_metric(story: FitStory) -> str:
    """`97.4 % ± 0.6` of the mean prediction."""
    assert story.blend is not None
    metrics = story.blend.metrics
    folds, repeats = len(metrics), story.path.repeats
    se = metrics.std(ddof=1) / np.sqrt(folds / repeats) if folds > 1 else np.nan
    return metric_of_folds(story.path.metric_name, Curve(np.array([metrics.mean()]), np.array([se])), 0)


def list_in_words(names: Sequence[str]) -> str:
    """`standard, bounded and linear`"""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _score_tile(
    path: PathResult, choice: Choice, beside: Callable[[Callable[[int], str]], str]
) -> list[Tile]:
    """The score that chose λ, where it isn't the loss."""
    if path.validation_score is None:
        return []
    curve = Curve(*path.over_folds(path.validation_score))
    return [
        Tile(
            label=f"Validation {path.score_name}, which chose λ",
            value=number(float(curve.mean[choice.index])),
            error=_error_of("", curve, choice.index),
            before=beside(lambda index: number(float(curve.mean[index]))),
        )
    ]


def _error_tile(story: FitStory) -> list[Tile]:
    """The root mean square error of a single target, in its own units."""
    if story.task != "regression" or len(story.target_names) != 1 or story.path.metric_name == "share below":
        return []
    truth, held_out = (np.asarray(a, dtype=float)[:, 0] for a in (story.truth, story.held_out))
    known = np.isfinite(truth) & np.isfinite(held_out)
    if known.sum() < 2:
        return []
    squares = np.square(truth[known] - held_out[known])
    rmse = float(np.sqrt(squares.mean()))
    se = float(squares.std(ddof=1) / np.sqrt(len(squares)) / (2 * rmse)) if rmse else 0.0
    return [
        Tile(
            label="RMSE on unseen rows, in the target's units",
            value=number(rmse),
            error=number(se, 2),
            before=f"{number(float(truth[known].std()))} for always predicting the mean",
        )
    ]


def at_best_epoch(path: PathResult, lam: str, how: str = "stopped at its own best epoch") -> str:
    """λ in words, and that it was stopped; of a minimum that was found without epochs the λ alone."""
    return lam if path.n_epochs == 1 else f"{lam} {how}"


def loss_title(path: PathResult, choice: Choice, verdict: Verdict) -> str:
    """Where the validation loss is lowest, and what was chosen."""
    if choice.score_name and choice.index == choice.index_min:
        return f"{strength(choice.lam)} has the {choice.best}; drawn is the loss"
    if choice.score_name:
        return (
            f"{strength(choice.lam)} is the strongest within one standard error of the {choice.best}, at "
            f"{strength(choice.lam_min)}"
        )
    if choice.lam == 0 and choice.index == choice.index_min:
        return "No regularization did best here: the validation loss is lowest at λ = 0"
    if choice.index == choice.index_min:
        fair, weak = verdict.stopped, strength(path.lambdas[verdict.weakest])
        rest = ""
        if choice.index and fair is not None and fair.gain.is_known:
            how = "below" if fair.share >= 0 else "above"
            sure = "" if fair.is_better or fair.is_worse else ", which these rows can't distinguish"
            weak = at_best_epoch(path, weak, "at its own best epoch")
            rest = f", {percent(abs(fair.share))} {how} {weak}{sure}"
        return f"The validation loss is lowest at {strength(choice.lam)}{rest}"
    if choice.select == "1se":
        return (
            f"{strength(choice.lam)} is the strongest within one standard error of the lowest validation loss, "
            f"at {strength(choice.lam_min)}"
        )
    return f"{strength(choice.lam)} was chosen; the validation loss is lowest at {strength(choice.lam_min)}"


def edge_words(choice: Choice) -> str:
    """What the grid left open; empty when it left nothing open."""
    sentences = []
    if choice.extended:
        times = "once" if choice.extended == 1 else f"{choice.extended} times"
        sentences.append(f" The grid was extended {times} because the best λ was at its edge.")
    if choice.at_edge:
        sentences.append(" The best λ is still at the edge of the grid: a λ beyond it may do better.")
    if choice.diverged:
        names = ", ".join(number(lam) for lam in choice.diverged)
        sentences.append(f" Left out because a net diverged: λ = {names}.")
    if choice.dropped:
        sentences.append(" λs that were dropped after the first folds are not drawn.")
    if choice.skipped:
        sentences.append(" Only the points were trained; the lines between them were not measured.")
    return "".join(sentences)


def dropped_words(path: PathResult, choice: Choice) -> str:
    """How many λs a fast path dropped, which and when."""
    first, last = min(choice.dropped_after), max(choice.dropped_after)
    after = f"{first}" if first == last else f"{first} to {last}"
    many, total = len(choice.dropped), len(choice.dropped) + len(path.lambdas)
    what = "one λ" if many == 1 else f"{many} λs"
    were = "was" if many == 1 else "were"
    diverged = ", or with a network that diverged" if set(choice.dropped) & set(choice.diverged) else ""
    return (
        f"To save time {what} of {total} ({_ranges(path, choice)}) {were} dropped after {after} of {path.n_folds} "
        f"folds: worse there than the best λ{'' if choice.skipped else ', by a paired t-test at 5 %'}{diverged}."
    )


def skipped_words(path: PathResult, choice: Choice) -> str:
    """How much of the grid the search trained."""
    trained = len(path.lambdas) + len(choice.dropped)
    return (
        f"The search trained {trained} of {trained + len(choice.skipped)} λs of the grid, closest "
        "together around the best one. The others were not trained."
    )


def _ranges(path: PathResult, choice: Choice) -> str:
    """The dropped λs as stretches of the grid: `from 1e-06 to 1e-04 and 1`."""
    stretches: list[list[float]] = []
    grid, previous = sorted([*map(float, path.lambdas), *choice.dropped]), False
    for lam in grid:
        if (now := lam in choice.dropped) and previous:
            stretches[-1].append(lam)
        elif now:
            stretches.append([lam])
        previous = now
    if len(stretches) > MOST_STRETCHES:
        return f"between {number(choice.dropped[0])} and {number(choice.dropped[-1])}"
    texts = [
        number(some[0]) if len(some) == 1 else f"from {number(some[0])} to {number(some[-1])}"
        for some in stretches
    ]
    return list_in_words(texts)


def map_title(path: PathResult, choice: Choice) -> str:
    """Where on the map the loss is lowest."""
    mean, _ = path.over_folds(path.validation_loss)
    if not np.isfinite(mean).any():
        return "Every net diverged"
    index, epoch = np.unravel_index(int(np.nanargmin(mean)), mean.shape)
    place = f"{strength(path.lambdas[index])} and epoch {path.validated[epoch]}"
    return f"Over all λs and epochs the validation loss is lowest, {number(mean[index, epoch])}, at {place}"


def epochs_title(path: PathResult, choice: Choice, weakest: int) -> str:
    """How far the validation loss ends above its lowest point, at the weakest and at the chosen λ."""
    if len(path.validated) == 1:
        return "The training loss over epochs; validation rows were scored only after the last one"
    weak, chosen = strength(path.lambdas[weakest]), strength(choice.lam)
    rise, rise_chosen = _Rise.of(path, weakest), _Rise.of(path, choice.index)
    if weakest == choice.index:
        return f"At {chosen} the validation loss {rise.words()}"
    if not rise.clear and not rise_chosen.clear:
        return f"Longer training does not clearly raise the validation loss, at {weak} or at {chosen}"
    return f"At {weak} the validation loss {rise.words()}; at {chosen} it {rise_chosen.words()}"


@dataclass(frozen=True)
class _Rise:
    """How a curve of validation loss ends."""

    share: float
    """Last value over smallest value, minus 1; NaN when training diverged."""
    epoch: int
    """Epoch of the smallest value, counted from 1."""
    is_last: bool
    """Whether that is the last epoch."""
    clear: bool
    """Whether the rise exceeds the standard error at the end, or there is no such error."""

    @classmethod
    def of(cls, path: PathResult, index: int) -> _Rise:
        mean, se = (values[index] for values in path.over_folds(path.validation_loss))
        if not np.isfinite(mean[-1]):
            return cls(np.nan, 0, False, False)
        best = int(np.nanargmin(mean))
        share = mean[-1] / mean[best] - 1 if mean[best] > 0 else 0.0
        clear = bool(share >= 0.01 and not mean[-1] - mean[best] <= se[-1])
        return cls(float(share), int(path.validated[best]), best + 1 == len(mean), clear)

    def words(self) -> str:
        if np.isnan(self.share):
            return "diverges"
        if self.is_last:
            return "ends at its lowest"
        if self.share < 0.01:
            return f"ends within 1 % of its lowest, at epoch {self.epoch}"
        above = f"{percent(self.share)} above its lowest"
        if not self.clear:
            return f"ends {above}, within one standard error"
        end = above if self.share < 1 else f"at {number(1 + self.share, 2)} times its lowest"
        return f"turns up after epoch {self.epoch} and ends {end}"


def weights_title(path: PathResult, shown: Histograms, weakest: int, chosen: int) -> str:
    """How the largest weight changes."""
    before, after = float(shown.largest[weakest]), float(shown.largest[chosen])
    if weakest == chosen:
        return f"The largest weight is {number(after)}"
    if before == after:
        both = f"{strength(path.lambdas[weakest])} and {strength(path.lambdas[chosen])}"
        return f"The largest weight is {number(after)} at {both}"
    verb = "falls" if after < before else "grows"
    return (
        f"The largest weight {verb} from {number(before)} at {strength(path.lambdas[weakest])} "
        f"to {number(after)} at {strength(path.lambdas[chosen])}"
    )


def gap_title(path: PathResult, judged: Judged, weakest: int, chosen: int) -> str:
    """How the overfitting gap changes."""
    before, after = float(judged.gap.mean[weakest]), float(judged.gap.mean[chosen])
    name = strength(path.lambdas[chosen])
    if weakest == chosen:
        return f"The overfitting gap is {number(after)} at {name}"
    verb = "shrinks" if after < before else "grows"
    return (
        f"The overfitting gap {verb} from {number(before)} at {strength(path.lambdas[weakest])} "
        f"to {number(after)} at {name}"
    )
