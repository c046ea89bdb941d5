"""A comparison as a page in the style of the fit report."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

from shrinkage._files import write_atomic
from shrinkage.comparison._methods import NONE, swarm
from shrinkage.comparison._pairs import known_distances
from shrinkage.comparison.page import _comparison_figures as figures
from shrinkage.comparison.page._comparison_findings import divergence_text, findings, metric_words
from shrinkage.comparison.page._comparison_words import plain_words
from shrinkage.comparison.page._path_figure import path_figure, path_keys, path_table
from shrinkage.pages import Key, Page, Section, Tile, clean, number, render_page
from shrinkage.rules import L2
from shrinkage.training import ParticleSwarms

if TYPE_CHECKING:
    from shrinkage.comparison._comparison import ComparisonResult

__all__ = ["render_comparison", "to_html"]


def render_comparison(c: ComparisonResult) -> str:
    """The comparison as one HTML document, under 6 MB, that opens offline."""
    return render_page(
        Page(
            title="No regularization, L2 and weight decay, side by side",
            kicker="Comparison",
            subtitle=f"{clean(c.source, 200)} · {c.n_rows:,} rows · {c.n_features:,} inputs · {c.task} of "
            f"{_names(c)} · {len(c.runs)} methods × {c.splitting.count} outer splits · {number(c.seconds, 2)} s",
            tiles=_tiles(c),
            findings=findings(c),
            notes=list(c.notes)[:50],
            sections=[
                _losses(c),
                _differences(c),
                _paths(c),
                _sizes(c),
                _pairs(c),
                *plain_words(c),
                _method(c),
            ],
        )
    )


def to_html(self: ComparisonResult, path: str | os.PathLike[str]) -> None:
    """Write everything as a page that opens offline, whole or not at all."""
    write_atomic(path, render_comparison(self).encode())


def _names(c: ComparisonResult) -> str:
    names = [f"“{clean(name, 40)}”" for name in c.target_names[:3]]
    return ", ".join(names) + (" …" if len(c.target_names) > 3 else "")


def _tiles(c: ComparisonResult) -> list[Tile]:
    best = c.best.method
    keys = {runs.method.key for runs in c.runs}
    equal = max(known_distances(c.pairs, by_algebra=True), default=math.nan)
    failed = "no regularization diverged" if c.of(NONE).diverged else ""
    tiles = [
        Tile(
            label="Lowest test loss",
            value=number(c.mean(best.key, "test_loss").value),
            before=f"{best.name}; {failed or number(c.mean(NONE, 'test_loss').value) + ' without regularization'}",
        ),
        Tile(
            label=f"Its test {c.metric_name}",
            value=metric_words(c, c.mean(best.key, "test_metric").value),
            before=failed or f"{metric_words(c, c.mean(NONE, 'test_metric').value)} without regularization",
        ),
    ]
    if "l2" in keys:
        tiles.append(
            Tile(
                label="Weight norm with L2",
                value=number(c.mean("l2", "weight_norm").value),
                before="L2 diverged"
                if c.of("l2").diverged
                else failed or f"{number(c.mean(NONE, 'weight_norm').value)} without",
            )
        )
    tiles.append(
        Tile(
            label="Equal by algebra, apart", value=number(equal, 2), before="relative distance of the weights"
        )
    )
    return tiles


def _losses(c: ComparisonResult) -> Section:
    best = c.best.method
    trained = " that was trained on every split" if any(runs.diverged for runs in c.runs) else ""
    return Section(
        id="losses",
        topic="Losses",
        title=f"The lowest test loss is that of {best.name}"
        if best.key != NONE
        else f"No method{trained} has a lower test loss than no regularization",
        caption=f"Each dot is a mean over {c.splitting.count} outer splits. Test rows were used for "
        "nothing else: not for the choice of λ, the scaling or the training. Training far left of "
        "test is overfitting; validation is the loss that chose λ. Bars are one standard error of "
        "the test loss, corrected for the rows that the training sets share. The lowest of "
        f"{len(c.runs)} looks slightly better than it is: see the intervals below.",
        keys=[
            Key(role="ink", text="test, ± SE", mark="dot"),
            Key(role="validation", text="validation", mark="ring"),
            Key(role="training", text="training", mark="dot"),
        ],
        figures=[figures.loss_figure(c)],
        tables=figures.loss_tables(c),
    )


def _differences(c: ComparisonResult) -> Section:
    others = [runs for runs in c.runs if runs.method.key != NONE]
    gaps = [gap for runs in others if (gap := c.difference(runs.method.key)).is_known]
    better = sum(gap.excludes_zero and gap.value < 0 for gap in gaps)
    worse = sum(gap.excludes_zero and gap.value > 0 for gap in gaps)
    return Section(
        id="differences",
        topic="Paired differences",
        title=_gaps_title(c, len(gaps), better, worse),
        caption="Each split gives one difference on the same test rows, with the same seeds; the bar is "
        "its 95 % interval. An interval that includes 0 means that these rows can't distinguish "
        "the two, not that the two are equal. The interval is that of the corrected resampled "
        "t-test (Nadeau and Bengio 2003; for repeated folds Bouckaert and Frank 2004): its "
        f"variance is (1/J + n_test/n_train)·s² over J = {c.splitting.count} splits, since "
        f"training sets overlap. Together, {len(gaps)} intervals miss more often than one: expect "
        "one in twenty to exclude 0 by chance. The last columns of the table compare each method "
        "with its own training at λ = 0, which removes the optimizer from the comparison.",
        keys=[Key(role="validation", text="difference, 95 % interval", mark="dot")],
        figures=[figures.difference_figure(c)] if gaps else [],
        tables=[figures.difference_table(c)] if gaps else [],
    )


def _gaps_title(c: ComparisonResult, known: int, better: int, worse: int) -> str:
    if failed := divergence_text(c, NONE):
        return f"No differences from no regularization: {failed}"
    lost = len(c.runs) - 1 - known
    return (
        f"Of {known} methods {better or 'none'} {'is' if better < 2 else 'are'} clearly better than no "
        f"regularization, {worse or 'none'} clearly worse{f'; {lost} diverged' if lost else ''}"
    )


def _paths(c: ComparisonResult) -> Section:
    keys = [Key(role=role, text=text, mark=mark) for role, text, mark in path_keys(c)]
    return Section(
        id="paths",
        topic="Choosing λ",
        title="Every method chose its λ on a path of its own, by the same inner folds",
        caption="Mean validation loss over all splits against λ. Where lines coincide, the methods are "
        "the same: the wide line is L2 in the error, and both decays of plain SGD lie on it. If a "
        "line has its minimum further right, the same λ pulls less there. A line ends where some "
        "split has no number: its best λ was not on the edge, so the grid was not extended; the "
        "fraction per step would have been above 1; or training diverged. A ring is the mean over "
        "the remaining splits, whose best λ was on the edge, so it does not cover all rows "
        "equally.",
        keys=keys,
        figures=[path_figure(c)] if keys else [],
        tables=[path_table(c)] if keys else [],
    )


def _sizes(c: ComparisonResult) -> Section:
    none = c.mean(NONE, "weight_norm").value
    trained = [runs for runs in c.runs if not runs.diverged]
    smallest = min(trained, key=lambda runs: c.mean(runs.method.key, "weight_norm").value)
    low = c.mean(smallest.method.key, "weight_norm").value
    return Section(
        id="sizes",
        topic="The weights",
        title=f"Smallest weights: {smallest.method.name}, ‖w‖ {number(low)}, "
        + (
            "no regularization diverged"
            if c.of(NONE).diverged
            else f"while no regularization has {number(none)}"
        ),
        caption="Means over the outer splits for the refitted nets, without biases. Small weights are a "
        "means, not an end: the method with the smallest ones need not have the lowest test loss. "
        "γ counts the weights that the rows determine against the penalty; it is explained below.",
        figures=figures.size_figures(c),
        tables=[figures.size_table(c)],
    )


def _pairs(c: ComparisonResult) -> Section:
    equal = [pair for pair in c.pairs if pair.by_algebra]
    measured = known_distances(c.pairs, by_algebra=True)
    held, lost = sum(pair.equal for pair in equal), len(equal) - len(measured)
    yardstick = (
        f"end {number(c.pairs_yardstick, 2)} apart"
        if math.isfinite(c.pairs_yardstick)
        else "diverged, one or both"
    )
    return Section(
        id="pairs",
        topic="Equal or alike",
        title=f"{held} of {len(measured)} pairs that are equal by algebra end within 10⁻¹² of each other; "
        f"{f'{lost} diverged; ' if lost else ''}{len(c.pairs) - len(equal)} only look alike",
        caption=f"Each pair was trained side by side on all rows, {c.pairs_epochs} epochs in float64 at λ = "
        f"{number(c.pairs_lambda, 2)}, from the same weights, with the same batches. The dashed line is 10⁻¹²: left "
        "of it is rounding. As a yardstick, L2 and no regularization "
        f"{yardstick}.",
        keys=[
            Key(role="validation", text="equal by algebra", mark="dot"),
            Key(role="training", text="only alike", mark="dot"),
        ],
        figures=[figures.pair_figure(c)],
        tables=[figures.pair_table(c)],
    )


def _method(c: ComparisonResult) -> Section:
    s, p = c.setting, c.splitting
    hidden = "-".join(str(units) for units in s.hidden_layer_sizes) or "none"
    return Section(
        id="method",
        topic="How it was done",
        title="The same splits, seeds and inner folds for all",
        caption=f"{p.folds} outer folds, drawn {p.repeats} times{clean(p.in_groups)}; on each outer "
        "training set λ, and the "
        f"epoch of early stopping, are chosen on {p.inner_folds} inner folds; the net is refitted "
        "on the outer training set and tested on the rest. Columns are typed, missing values "
        "filled and numbers scaled using only training rows. All but the swarm start from the "
        "same weights and see the same batches. The time covers path, choice and refit on one "
        "split.",
        facts=[
            ("network", f"{c.n_features}-{hidden}, {s.activation}; biases exempt"),
            (
                "plain SGD",
                f"η = {s.learning_rate:g}, constant, batches of {s.batch_size}, {s.epochs} epochs, float64",
            ),
            ("Adam", f"η = {s.adam_learning_rate:g}, constant, the same batches and epochs, float64"),
            ("swarm", _swarm(c)),
            ("λs", ", ".join(number(lam) for lam in c.lambdas) + "; more when the best is on the edge"),
            ("seed", str(p.seed)),
        ],
    )


def _swarm(c: ComparisonResult) -> str:
    recipe, trainer = swarm(L2(0.0), c.setting, "squared_error"), ParticleSwarms()
    fastest = "" if trainer.swarm.max_velocity is None else f"|v| ≤ {trainer.swarm.max_velocity:g}, "
    return (
        f"{trainer.swarm.particles} particles, {trainer.iterations_an_epoch * c.setting.epochs} iterations, start in "
        f"±{trainer.start_range:g}, {fastest}{recipe.dtype}"
    )
