"""The page of plain words: what the two articles left open, answered with the numbers of the run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from shrinkage.comparison._forms import MOMENTUM
from shrinkage.comparison._methods import NONE
from shrinkage.comparison._pairs import known_distances
from shrinkage.comparison.page._comparison_findings import divergence_text, metric_words
from shrinkage.pages import ABSENT, Section, Table, number, strength
from shrinkage.training import ParticleSwarms

if TYPE_CHECKING:
    from shrinkage.comparison._comparison import ComparisonResult
    from shrinkage.comparison._pairs import Pair

__all__ = ["plain_words"]


def plain_words(c: ComparisonResult) -> list[Section]:
    """The sections of the page that explain, in reading order."""
    return [
        _penalty(c),
        _decay(c),
        _same(c),
        _not_same(c),
        _biases(c),
        _strengths(c),
        *_effective(c),
        _swarm(c),
    ]


def _penalty(c: ComparisonResult) -> Section:
    words = (
        "A network that follows its training rows too closely needs large weights to do so. L2 regularization makes "
        "large weights cost something: it adds λ/2 times the sum of the squared weights to the error that training "
        "minimizes. The gradient of that addition is λw, so every step pulls every weight toward 0 by an amount "
        "proportional to its size."
    )
    if not _has(c, "l2"):
        return _section(
            "penalty", "What an L2 penalty is", "An L2 penalty makes large weights part of the error", words
        )
    forms = [
        ("what is minimized", "J = (1/n) Σ lossᵢ + (λ/2) Σ w²"),
        ("one step of plain SGD", "w ← w − η (g + λ w)"),
    ]
    l2, none = c.mean("l2", "weight_norm").value, c.mean(NONE, "weight_norm").value
    if failed := divergence_text(c, NONE, "l2"):
        return _section(
            "penalty",
            "What an L2 penalty is",
            "An L2 penalty makes large weights part of the error",
            f"{words} Its effect here is unknown: {failed}.",
            forms,
        )
    lam, splits = c.of("l2").median("lam"), len(c.of("l2").lam)
    if lam == 0:
        words += (
            f" Here the inner folds mostly chose {strength(0)} (the median of {splits} splits): on these rows, with "
            "this net and this many epochs, the penalty does not help."
        )
        return _section(
            "penalty",
            "What an L2 penalty is",
            "An L2 penalty makes large weights part of the error",
            words,
            forms,
        )
    words += (
        f" Here the inner folds chose {strength(lam)} (the median of {splits} splits). With it the norm of "
        f"the weights is {number(l2)}; without a penalty it is {number(none)}. The training loss goes from "
        f"{number(c.mean(NONE, 'train_loss').value)} to {number(c.mean('l2', 'train_loss').value)}, which is the "
        f"cost. The test loss goes from {number(c.mean(NONE, 'test_loss').value)} to "
        f"{number(c.mean('l2', 'test_loss').value)}: {_verdict(c, 'l2')}."
    )
    verb = "falls" if l2 < none else "goes"
    return _section(
        "penalty",
        "What an L2 penalty is",
        f"An L2 penalty makes large weights part of the error: ‖w‖ {verb} from {number(none)} to {number(l2)}",
        words,
        forms,
    )


def _decay(c: ComparisonResult) -> Section:
    lam, eta = c.pairs_lambda, c.setting.learning_rate
    shrink = eta * lam
    return _section(
        "decay",
        "What weight decay is",
        f"Weight decay removes a fraction of every weight in each step: here {number(shrink, 2)}",
        "Weight decay involves no penalty and no gradient of one. Before or after each step it multiplies the weight "
        "by a number slightly below 1, as in w = 0.98 * w. Some programs decay the weight after the step, others the "
        "weight before it; the difference is of second "
        f"order. A weight without a gradient falls to 1/e after 1/s = {number(1 / shrink, 2)} steps, "
        f"which with batches of {c.setting.batch_size} of {c.n_rows:,} rows is "
        f"{number(c.setting.batch_size / (c.n_rows * shrink), 2)} epochs. That timescale says more about a decay "
        "than the fraction does.",
        [
            ("of the updated weight", "w ← (1 − s)(w − η g)"),
            ("of the original weight", "w ← w − η g − s w"),
            ("the textbook's", "w ← (1 − ηλ/n) w − η ∂C/∂w, where λ is n times the λ of this page"),
        ],
    )


def _same(c: ComparisonResult) -> Section:
    original, updated, scheduled = (_pair(c, key) for key in ("original", "updated", "decoupled"))
    return _section(
        "same",
        "When they are the same",
        f"Under plain SGD they are one method: {_ends(original.distance, 'the weights end', 'but training diverged')}",
        "With plain SGD, no momentum, the step on the penalized error is w − η(g + λw) = (1 − ηλ)w − ηg. That is "
        "weight decay of the original weight with s = ηλ: the same sum, written twice. Trained side by side on all "
        f"rows of this table for {c.pairs_epochs} epochs, from the same weights and with the same batches, "
        f"{_ends(original.distance, 'the two end', 'they diverged')} (relative distance of the weights, float64). "
        "Decay of the updated weight multiplies the step by 1 − s too, so it equals L2 at the learning rate η(1 − s): "
        f"run at η/(1 − s) to compensate, it is L2 again ({_apart(updated.distance)}), provided that biases are "
        "decayed in both. Under a schedule they stay one method as long as the decay follows the learning rate "
        f"({_apart(scheduled.distance)}). For comparison, no regularization and L2 are {_apart(c.pairs_yardstick)}.",
        [
            (f"{pair.first} = {pair.second}", f"{pair.conversion}. {pair.why}")
            for pair in c.pairs
            if pair.by_algebra
        ],
    )


def _not_same(c: ComparisonResult) -> Section:
    momentum, adam, schedule, same_rate = (
        _pair(c, key) for key in ("momentum", "adam", "schedule", "updated_same_rate")
    )
    adam_words, chosen = "", []
    if _has(c, "adam_l2", "adam_decoupled"):
        chosen = [c.of(key).median("lam") for key in ("adam_decoupled", "adam_l2")]
        if failed := divergence_text(c, "adam_decoupled", "adam_l2"):
            adam_words, chosen = f" Their best strengths are unknown: {failed}.", []
    if chosen and chosen[0] != chosen[1]:
        adam_words = (
            f" So they need different strengths: the inner folds chose {strength(chosen[0])} for the decoupled decay and "
            f"{strength(chosen[1])} for L2. A λ copied from one to the other means something else."
        )
    return _section(
        "not-same",
        "When they are not",
        f"Momentum, Adam, schedules and the place of the decay make them differ{_farthest(c)}",
        "Once the optimizer does more with a gradient than scale it, a penalty and a decay differ. "
        f"Momentum (μ = {MOMENTUM:g}) carries each penalty over to later steps: even at strengths that agree in the "
        f"long run, {_ends(momentum.distance, 'the weights end', 'training diverged here')}. Adam divides the gradient, "
        "penalty included, by its own size for each weight, so L2 shrinks weights with large gradients least, while "
        "decoupled "
        f"decay shrinks all weights equally: {_apart(adam.distance)} at the same λ.{adam_words} A fixed fraction under "
        f"a falling learning rate keeps shrinking the weights after the gradient steps have faded: "
        f"{_apart(schedule.distance)}. "
        "And decay after the update, at an unchanged learning rate, is L2 with a step shorter by "
        f"{number(100 * c.setting.learning_rate * c.pairs_lambda, 2)} %: {_apart(same_rate.distance)}, usually close "
        "enough to pass for the same.",
        [(f"{pair.first} / {pair.second}", pair.why) for pair in c.pairs if not pair.by_algebra],
    )


def _biases(c: ComparisonResult) -> Section:
    pair = _pair(c, "biases")
    unit = "" if c.task == "classification" else " standard deviations of the target"
    return _section(
        "biases",
        "Why biases are exempt",
        f"Decaying the biases too moves a prediction by up to {number(pair.predictions, 2)}{unit}"
        if math.isfinite(pair.predictions)
        else "Decaying the biases too moves predictions",
        "A weight determines how strongly an input matters, and smaller weights make the net smoother. A bias only "
        "shifts the output of a unit: a large bias does not make the net follow its rows more closely, and there "
        "are few of them. Shrinking the output bias toward 0 pulls predictions toward even odds, or toward 0, whatever "
        "the data say; so the result would depend on how the target is coded. All methods here exempt "
        f"biases. Trained side by side at {strength(c.pairs_lambda, 2)}, with and without decayed biases, "
        f"{_ends(pair.distance, 'the weights end', 'training diverged')}.",
    )


def _strengths(c: ComparisonResult) -> Section:
    eta, n = c.setting.learning_rate, round(c.n_rows * (1 - 1 / c.splitting.folds))
    rows: list[list[str | float | int | None]] = []
    for runs in c.runs:
        if not runs.method.chooses_lambda:
            continue
        lam, rest = runs.median("lam"), len(runs.lam) - runs.diverged
        if not rest:
            rows.append(
                [runs.method.name, runs.method.update, "diverged", ABSENT, ABSENT, _meaning(runs.method.key)]
            )
            continue
        of_some = f" ({rest} of {len(runs.lam)} splits; it diverged on the others)" if runs.diverged else ""
        rows.append(
            [
                runs.method.name,
                runs.method.update,
                number(lam) + of_some,
                *_number_to_type(runs.method.key, lam, eta, c),
                _meaning(runs.method.key),
            ]
        )
    table = Table(
        caption="the chosen λ, and its number in other units",
        head=["method", "update", "λ (median)", "number to type", "as", "what λ means there"],
        rows=rows,
        folded=False,
    )
    l2 = c.of("l2").median("lam") if _has(c, "l2") and not divergence_text(c, "l2") else c.pairs_lambda
    return Section(
        id="strengths",
        topic="What λ means in each",
        title=f"One letter, several units: with L2, {strength(l2)} here is λ = {number(n * l2)} in the textbook's (1 "
        "− ηλ/n)",
        caption="On this page every λ is canonical: the factor in J = (1/n) Σ lossᵢ + (λ/2) Σ w², or what equals it "
        f"for plain SGD at η = {eta:g}. The textbook's λ is n times that (n = {n:,} training rows here), because its "
        "penalty is divided by n like the errors. The fraction of a decay is λ times the learning rate. The λ of L1 is a "
        "force of the same size on every weight, so it can't be compared with the other rows. PyTorch's weight_decay "
        "also decays biases, unless they are in a separate group with weight_decay=0.",
        tables=[table],
    )


def _number_to_type(key: str, lam: float, eta: float, c: ComparisonResult) -> tuple[str, str]:
    """The number that a program would be given, and as what."""
    adam_eta = c.setting.adam_learning_rate
    if key == "decay_updated":
        return number(eta * lam / (1 + eta * lam)), "s, in w = (1 − s) * w after the step"
    if key == "decay_original":
        return number(eta * lam), "s, a fraction of the weight before the step"
    if key == "adam_decoupled":
        return number(
            lam
        ), f"weight_decay of torch.optim.AdamW (a fraction {number(adam_eta * lam, 2)} per step)"
    if key == "adam_l2":
        return number(lam), "weight_decay of torch.optim.Adam"
    if key == "l2":
        return number(lam), "weight_decay of torch.optim.SGD"
    return number(lam), "the factor of the sum in the error"


def _meaning(key: str) -> str:
    return {
        "l2": "cost of a squared weight, in units of the mean loss",
        "decay_updated": "the same under plain SGD; in fact a fraction per step",
        "decay_original": "the same under plain SGD; in fact a fraction per step",
        "adam_decoupled": "a rate of forgetting, 1/(ηλ) steps; no penalty corresponds to it",
        "adam_l2": "cost of a squared weight; Adam turns it into a different shrink for every weight",
        "l1": "cost of the size of a weight; the same force on small and large weights",
        "swarm_l2": "cost of a squared weight; the swarm sees the sum and no gradient",
    }[key]


def _effective(c: ComparisonResult) -> list[Section]:
    """What γ says of L2; nothing where L2 was not compared, diverged or chose no λ."""
    if not _has(c, "l2") or divergence_text(c, "l2") or not c.of("l2").median("lam"):
        return []
    gamma, weights = c.mean("l2", "gamma"), c.of("l2").median("n_weights")
    section = _section(
        "effective",
        "Effective parameters",
        f"With L2 the data determine about {number(gamma.value, 2)} of {weights:.0f} weights; the penalty determines "
        "the rest",
        "The data do not determine every weight to the same degree. Let h be the curvature of the mean loss along one "
        "weight. Then γᵢ = h/(h + λ) is near 1 for a weight that the data determine, and near 0 for one that they "
        "hardly constrain, which the penalty pulls to 0. The sum of all γᵢ is the effective number of parameters "
        f"(MacKay 1992). Here it is {gamma} at the chosen λ, of {weights:.0f} weights, from the exact diagonal "
        "of the Gauss–Newton matrix on the training rows; the diagonal treats weights as independent, so this is an "
        "estimate. 1 − γᵢ measures how undetermined a weight is, as a chess rating moves faster while it is uncertain. "
        "None of the methods here uses it. UncertainDecay in shrinkage.rules decays each weight by that factor, "
        "through attach on a PyTorch optimizer.",
        [
            ("a weight's share", "γᵢ = hᵢ/(hᵢ + λ)"),
            ("decay of undetermined weights", "w ← (1 − η λ (1 − γᵢ)) w − η g"),
        ],
    )
    return [section]


def _swarm(c: ComparisonResult) -> Section:
    particles = ParticleSwarms().swarm.particles
    words = (
        f"A particle swarm uses no gradient: {particles} copies of the net move through the space of weights, each "
        "toward "
        "the best position it has found and toward the best position of all. A decay could shrink the positions. Here "
        "the penalty is part of the error by which each position is scored. "
    )
    title = "A swarm needs no gradient, and pays for it"
    compared = _has(c, "swarm_l2", "l2")
    if compared and (failed := divergence_text(c, "swarm_l2", "l2")):
        words += f"Here it can't be compared with back-propagation: {failed}. "
    elif compared:
        found, l2 = c.of("swarm_l2"), c.of("l2")
        times = number(float(found.seconds.mean() / l2.seconds.mean()), 2)
        title = f"A swarm needs no gradient, and takes {times} times as long"
        at_0 = float(np.mean(found.unpenalized_test_loss))
        words += (
            f"Here it reaches a test loss of {number(c.mean('swarm_l2', 'test_loss').value)} "
            f"({c.metric_name} {metric_words(c, c.mean('swarm_l2', 'test_metric').value)}) where back-propagation "
            f"with L2 reaches {number(c.mean('l2', 'test_loss').value)} "
            f"({metric_words(c, c.mean('l2', 'test_metric').value)}), in {times} times the time; without its penalty "
            f"it has {number(at_0)}. "
        )
    words += (
        "Back-propagation is nearly always better, and more so with more weights: above about 200 weights "
        "we claim no parity. A swarm is useful for an error without a gradient: accuracy itself, a cost "
        'with steps, a business rule. shrinkage fit --trainer swarm and MLPClassifierCV(trainer="swarm", '
        "error=…) accept one."
    )
    return _section("swarm", "The swarm", title, words)


def _section(
    id_: str, topic: str, title: str, caption: str, facts: list[tuple[str, str]] | None = None
) -> Section:
    return Section(id=id_, topic=topic, title=title, caption=caption, facts=facts or [])


def _has(c: ComparisonResult, *keys: str) -> bool:
    return set(keys) <= {runs.method.key for runs in c.runs}


def _pair(c: ComparisonResult, key: str) -> Pair:
    return next(pair for pair in c.pairs if pair.key == key)


def _farthest(c: ComparisonResult) -> str:
    known = known_distances(c.pairs, by_algebra=False)
    return f": by up to {number(max(known), 2)}" if known else "; here training diverged"


def _apart(distance: float) -> str:
    return (
        f"{number(distance, 2)} apart" if math.isfinite(distance) else "not measured, since training diverged"
    )


def _ends(distance: float, they_end: str, otherwise: str) -> str:
    """`the two end 0.1 apart`, or the words for training that diverged."""
    return f"{they_end} {_apart(distance)}" if math.isfinite(distance) else otherwise


def _verdict(c: ComparisonResult, key: str) -> str:
    gap = c.difference(key)
    if not gap.excludes_zero:
        return "a difference that these rows can't distinguish from 0"
    return "this is the gain" if gap.value < 0 else "here the penalty was harmful"
