"""Did regularization matter, and does the network beat simpler models? The answers in sentences and in one chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shrinkage.evaluation import Against, Verdict
from shrinkage.pages import Figure, Key, Section, Table, number, percent, plain, strength
from shrinkage.path import Choice, PathResult
from shrinkage.reporting._words import at_best_epoch

__all__ = ["constant_words", "headline", "matter_section"]


def headline(path: PathResult, choice: Choice, verdict: Verdict, linear_name: str = "") -> list[str]:
    """First the fair comparison, then the one after all epochs, then the linear model."""
    sentences = [_fair(path, choice, verdict), _to_the_end(path, choice, verdict)]
    if verdict.blend is not None:
        sentences.append(_blend_words(path, choice, verdict.blend))
    if verdict.linear is not None and (verdict.blend is not None or path.places[0].form != "linear"):
        sentences.append(_against_linear(path, verdict, linear_name))
    if warning := constant_words(verdict, path):
        sentences.insert(0 if verdict.loses_to_constant else len(sentences), warning)
    return [sentence for sentence in sentences if sentence]


def constant_words(verdict: Verdict, path: PathResult) -> str:
    """A warning where a constant guess is as good, or may be; empty where the network clearly beats it."""
    against = verdict.constant
    if against is None or against.is_better:
        return ""
    guess = f"{verdict.guess} of the training rows"
    if verdict.loses_to_constant:
        return (
            f"{_model(verdict, path).capitalize()} loses to always predicting {guess}: its validation loss is "
            f"{number(against.chosen_loss)}, "
            f"that of the constant {number(against.loss)} ({_difference(against, path)}). Do not use it, or "
            "its λ elsewhere."
        )
    if not against.gain.is_known:
        return ""
    return (
        f"These rows can't distinguish {_model(verdict, path)} from always predicting {guess}: the validation losses are "
        f"{number(against.chosen_loss)} and {number(against.loss)} ({_difference(against, path)}). So its λ is not "
        "recommended for other frameworks."
    )


def _fair(path: PathResult, choice: Choice, verdict: Verdict) -> str:
    against, chosen, weak = verdict.stopped, strength(choice.lam), strength(path.lambdas[verdict.weakest])
    if against is None:
        return f"{chosen} can't be compared with {weak}: a network diverged."
    stopped = at_best_epoch(
        path, weak, f"stopped at its own best epoch ({verdict.best_epoch:,} of {path.n_epochs:,})"
    )
    if choice.index == verdict.weakest:
        if verdict.best_epoch == choice.epoch:
            return ""
        more = "" if not against.gain.is_known else _stopping_words(against)
        return (
            f"{stopped} has a validation loss of {number(against.loss)}, after {choice.epoch:,} epochs "
            f"{number(against.chosen_loss)} ({_difference(against, path)}){more}."
        )
    if not against.gain.is_known:
        answer = "One split can't show whether regularization helped"
    elif against.is_better:
        answer = "Regularization helped"
    elif against.is_worse:
        early = "Early stopping alone did better than regularization"
        answer = early if path.n_epochs > 1 else "Regularization did not help"
    else:
        answer = "These rows can't tell whether regularization helped"
    return (
        f"{answer}: the validation loss{_of_member(choice, verdict)} is {number(against.chosen_loss)} at {chosen} and "
        f"{number(against.loss)} at "
        f"{stopped}: {_lower(against)} ({_difference(against, path)})."
    )


def _stopping_words(against: Against) -> str:
    if against.is_worse:
        return ": early stopping would help"
    return ": these rows can't tell whether early stopping would help"


def _to_the_end(path: PathResult, choice: Choice, verdict: Verdict) -> str:
    against, weak = verdict.to_the_end, strength(path.lambdas[verdict.weakest])
    if choice.index == verdict.weakest or verdict.best_epoch == path.n_epochs:
        return ""
    if against is None:
        return f"After all {path.n_epochs:,} epochs {weak} has diverged."
    unclear = (
        "" if against.is_better or against.is_worse or not against.gain.is_known else ", not distinguishable"
    )
    return (
        f"After all {path.n_epochs:,} epochs {weak} has {number(against.loss)}; the chosen λ is {_lower(against)} "
        f"than that ({_difference(against, path)}{unclear})."
    )


def _model(verdict: Verdict, path: PathResult) -> str:
    """What predicts."""
    if verdict.blend is not None:
        return "the mean prediction"
    form = path.places[0].form
    return f"the {form} model" if form in ("linear", "additive") else "the network"


def _of_member(choice: Choice, verdict: Verdict) -> str:
    return "" if verdict.blend is None else f" of the best member alone ({choice.form})"


def _blend_words(path: PathResult, choice: Choice, against: Against) -> str:
    return (
        f"The mean prediction of the members has a validation loss of {number(against.chosen_loss)} in the mean "
        f"of the folds, {_lower(against)} than that of {choice.form} alone ({_difference(against, path)})."
    )


def _against_linear(path: PathResult, verdict: Verdict, name: str) -> str:
    against, model = verdict.linear, _model(verdict, path)
    assert against is not None
    if not against.gain.is_known:
        answer = f"A linear model ({name})"
    elif against.is_better:
        answer = f"{model.capitalize()} beats a linear model: {name}"
    elif against.is_worse:
        answer = f"A linear model does better than {model}: {name}"
    else:
        answer = f"These rows can't distinguish {model} from a linear model: {name}"
    known = "" if not against.gain.is_known else f", {_difference_of(against)}"
    return (
        f"{answer} on the same folds and inputs, at its own best strength, has a validation loss of "
        f"{number(against.loss)}; {model} {_difference_text(against)}{known}."
    )


def _difference_text(against: Against) -> str:
    """A percentage, or how many times where it would have four digits."""
    if against.share <= -9:
        return f"has {number(1 - against.share)} times that"
    return f"is {_lower(against)}"


def _lower(against: Against) -> str:
    share = against.share
    return f"{percent(abs(share))} {'higher' if share < 0 else 'lower'}"


def _difference(against: Against, path: PathResult) -> str:
    if not against.gain.is_known:
        return "one split has no standard error"
    return f"{_difference_of(against)}, paired over {path.n_folds} folds"


def _difference_of(against: Against) -> str:
    gain = against.gain
    return (
        f"difference {number(gain.value, 2)} ± {number(gain.se, 2)}, "
        f"95 % interval {number(gain.low, 2)} to {number(gain.high, 2)}"
    )


def matter_section(path: PathResult, choice: Choice, verdict: Verdict, linear_name: str) -> Section | None:
    """The chapter that answers the question of the headline; None where there is no rival."""
    rivals = _rivals(path, choice, verdict, linear_name)
    if not rivals:
        return None
    drawn = [
        (name, against)
        for name, against in rivals
        if against is not verdict.constant and against.gain.is_known
    ]
    rows = [
        [name, a.loss, a.chosen_loss, a.gain.value, a.gain.se, a.gain.low, a.gain.high, _answer(a)]
        for name, a in rivals
    ]
    return Section(
        id="matter",
        topic="Did it matter?",
        title=_title(path, choice, verdict),
        caption="Each row is a baseline on the same validation folds: how much larger its loss is than "
        "the chosen λ's. Right of 0 the chosen λ is better. The bar is the 95 % interval of the "
        "paired difference (corrected resampled t-test, Nadeau and Bengio 2003, as in `shrinkage "
        "compare`); where it contains 0, these rows can't distinguish the two. λ, the epochs and "
        "the linear model's strength were all chosen on these folds; `compare` makes the same "
        "comparison on rows that were not used for any choice, so its answer may be less clear.",
        keys=[
            Key(
                role="validation",
                text="rival's loss minus the chosen λ's, with its 95 % interval",
                mark="dot",
            )
        ]
        if drawn
        else [],
        figures=[_figure(drawn)] if drawn else [],
        tables=[
            Table(
                caption="the chosen λ against its rivals",
                head=[
                    "rival",
                    "its loss",
                    "chosen λ" if verdict.blend is None else "chosen λ, or mean prediction",
                    "difference",
                    "± SE",
                    "95 % from",
                    "to",
                    "the chosen λ is",
                ],
                rows=rows,
                folded=False,
            )
        ],
    )


def _rivals(
    path: PathResult, choice: Choice, verdict: Verdict, linear_name: str
) -> list[tuple[str, Against]]:
    weak = strength(path.lambdas[verdict.weakest])
    found: list[tuple[str, Against | None]] = []
    if choice.index != verdict.weakest or verdict.best_epoch != choice.epoch:
        stopped = "" if path.n_epochs == 1 else f", stopped at epoch {verdict.best_epoch:,}"
        found.append((f"{weak}{stopped}", verdict.stopped))
    if choice.index != verdict.weakest and verdict.best_epoch != path.n_epochs:
        found.append((f"{weak}, all {path.n_epochs:,} epochs", verdict.to_the_end))
    found.append((f"{choice.form} alone", verdict.blend))
    found.append((linear_name, verdict.linear))
    constant = verdict.guess.removeprefix("the ")
    found.append((constant if constant == "class shares" else f"{constant} of the target", verdict.constant))
    return [(name, against) for name, against in found if against is not None]


def _answer(against: Against) -> str:
    if not against.gain.is_known:
        return "not known from one split"
    return "better" if against.is_better else "worse" if against.is_worse else "not distinguishable"


def _title(path: PathResult, choice: Choice, verdict: Verdict) -> str:
    if verdict.loses_to_constant:
        return "The network loses to a constant guess"
    against, weak = verdict.stopped, strength(path.lambdas[verdict.weakest])
    if len(path.lambdas) == 1:
        return f"{weak} against its rivals"
    if choice.index == verdict.weakest:
        better = "lower validation loss"
        if choice.score_name:
            better = f"better validation {choice.score_name}"
        return f"{weak} was chosen: no stronger penalty had a {better}"
    if against is None or not against.gain.is_known:
        return f"{strength(choice.lam)} against its rivals"
    if against.is_better:
        even = at_best_epoch(path, f"{weak} is worse", "even when it is stopped at its best epoch")
        return f"Regularization helped: {even}"
    if against.is_worse:
        early = "Early stopping alone did better" if path.n_epochs > 1 else "Regularization did not help"
        return f"{early}: {at_best_epoch(path, weak, 'at its best epoch')} has a lower loss"
    stopped = at_best_epoch(path, weak, "stopped at its best epoch")
    return f"These rows can't tell {strength(choice.lam)} from {stopped}"


def _figure(drawn: Sequence[tuple[str, Against]]) -> Figure:
    """One dot and one bar per rival."""
    names = [name for name, _ in drawn]
    places = list(range(len(drawn)))
    gains = [against.gain for _, against in drawn]
    dots: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "x": plain([gain.value for gain in gains]),
        "y": places,
        "error_x": {
            "type": "data",
            "symmetric": True,
            "array": plain([gain.high - gain.value for gain in gains]),
            "color": "@validation",
            "thickness": 2,
            "width": 6,
        },
        "marker": {"color": "@validation", "size": 11},
        "text": [f"{name}<br>{_difference_of(against)}" for name, against in drawn],
        "hovertemplate": "%{text}<extra></extra>",
        "cliponaxis": False,
    }
    zero = {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper"}
    layout = {
        "xaxis": {"title": {"text": "rival's validation loss minus the chosen λ's"}},
        "yaxis": {
            "tickvals": places,
            "ticktext": names,
            "range": [len(drawn) - 0.5, -0.5],
            "showgrid": False,
        },
        "shapes": [{**zero, "line": {"color": "@ink", "width": 1.4}}],
    }
    label = "How much larger the validation loss of each rival is, with 95 % intervals."
    return Figure(id="matter-chart", label=label, data=[dots], layout=layout, height=110 + 56 * len(drawn))
