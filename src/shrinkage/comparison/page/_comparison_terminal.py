"""A comparison for the terminal: two tables that fit 80 columns, the pairs, and what was found."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from shrinkage.comparison._means import decimals, with_sign
from shrinkage.comparison._methods import NONE
from shrinkage.comparison.page._comparison_findings import findings
from shrinkage.pages import ABSENT, clean, number

if TYPE_CHECKING:
    from shrinkage.comparison._comparison import ComparisonResult

__all__ = ["Shown"]

_LONGEST = 2000
"""Characters of a sentence."""


class Shown:
    """A comparison, as rich prints it."""

    def __init__(self, comparison: ComparisonResult) -> None:
        self.comparison = comparison

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        c = self.comparison
        yield Text(
            f"{clean(c.source, 200)}: {c.n_rows:,} rows, {c.n_features} inputs, {c.task}", style="bold"
        )
        yield Text(
            f"{c.splitting.folds} folds × {c.splitting.repeats}{clean(c.splitting.in_groups, 80)}, "
            f"λ by {c.splitting.inner_folds} inner folds; "
            f"{c.loss_name}; ± SE",
            style="dim",
        )
        yield Text()
        yield self._losses()
        yield Text()
        yield self._differences()
        yield Text()
        yield Text(
            "λ: median over splits of the chosen λ; γ: number of weights that the data determine (effective parameters); "
            "s: seconds per split.",
            style="dim",
        )
        yield Text()
        yield self._pairs()
        yield Text()
        for sentence in findings(c):
            yield Text(f"• {clean(sentence, _LONGEST)}")
        for note in c.notes:
            yield Text(f"note: {clean(note, _LONGEST)}", style="yellow")

    def _losses(self) -> Table:
        c = self.comparison
        table = _table("method", "λ", "train", "valid.", "test loss", f"test {c.metric_name}")
        best = c.best.method.key
        for runs in c.runs:
            key = runs.method.key
            test, metric = c.mean(key, "test_loss"), c.mean(key, "test_metric")
            table.add_row(
                runs.method.name,
                number(runs.median("lam"), 2) if runs.method.chooses_lambda else ABSENT,
                number(c.mean(key, "train_loss").value),
                number(c.mean(key, "validation_loss").value),
                _with_error(test.value, test.se),
                _share(metric.value, metric.se)
                if c.metric_name == "accuracy"
                else _with_error(metric.value, metric.se),
                style="bold" if key == best else None,
            )
        return table

    def _differences(self) -> Table:
        c = self.comparison
        table = _table("Δ test loss", "vs none", "95 % interval", "max|w|", "‖w‖", "γ", "s")
        for runs in c.runs:
            key = runs.method.key
            gap = c.difference(key)
            digits, held = decimals(gap.se), key != NONE and gap.is_known
            table.add_row(
                runs.method.name,
                with_sign(gap.value, digits) if held else ABSENT,
                f"{with_sign(gap.low, digits)} to {with_sign(gap.high, digits)}" if held else ABSENT,
                number(c.mean(key, "max_weight").value),
                number(c.mean(key, "weight_norm").value),
                number(c.mean(key, "gamma").value, 2),
                _seconds(float(runs.seconds.mean())),
            )
        return table

    def _pairs(self) -> Table:
        c = self.comparison
        table = _table(
            "", f"trained side by side at λ = {number(c.pairs_lambda, 2)}, float64", "‖w₁−w₂‖/‖w₁‖"
        )
        table.columns[1].justify = "left"
        for pair in c.pairs:
            names = f"{pair.first} / {pair.second}"
            table.add_row("=" if pair.by_algebra else "≈", names, _tiny(pair.distance))
        return table


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for place, head in enumerate(heads):
        table.add_column(head, justify="right" if place else "left", overflow="fold")
    return table


def _with_error(value: float, se: float) -> str:
    return ABSENT if not math.isfinite(value) else f"{value:.{decimals(se)}f} ± {se:.{decimals(se)}f}"


def _share(value: float, se: float) -> str:
    return ABSENT if not math.isfinite(value) else f"{100 * value:.1f} ± {100 * se:.1f} %"


def _seconds(mean: float) -> str:
    return f"{mean:.1f}" if math.isfinite(mean) else ABSENT


def _tiny(distance: float) -> str:
    return ABSENT if not math.isfinite(distance) else "0" if distance == 0 else f"{distance:.1e}"
