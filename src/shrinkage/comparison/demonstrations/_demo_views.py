"""How each demonstration is shown: its headline, its first numbers and its charts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shrinkage.comparison.demonstrations._result import DemoResult, points
from shrinkage.comparison.demonstrations._swarm_2015 import verdict
from shrinkage.pages import Tile, number, percent

__all__ = ["SHOWN", "Chart", "Dots", "Shown"]


@dataclass(frozen=True, kw_only=True)
class Dots:
    """One kind of dot in a chart: a column of the table."""

    column: str
    role: str
    symbol: str = "circle"


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart: rows of a table down, columns of it as dots."""

    table: int
    heading: str
    dots: tuple[Dots, ...]
    axis: str
    named_by: int = 1
    """How many of the first cells make a row's name."""
    log: bool = False
    zero: bool = False
    """Draw a line at 0: the dots are differences."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """How one demonstration is shown."""

    headline: Callable[[DemoResult], str]
    charts: tuple[Chart, ...]
    tiles: Callable[[DemoResult], list[Tile]]


def _row(result: DemoResult, name: str, table: int = 0) -> dict[str, Any]:
    return result.tables[table].row(name)


def _article_headline(result: DemoResult) -> str:
    none, printed, right = ([*result.tables[0].rows][i] for i in range(3))
    columns = result.tables[0].columns
    fresh, norm = columns.index("fresh (4,000)"), columns.index("‖w‖")
    return (
        f"With its sign as printed ‖w‖ ends at {number(printed[norm])}, with the right one at {number(right[norm])}: "
        f"{points(printed[fresh] - none[fresh])} and {points(right[fresh] - none[fresh])} on fresh items"
    )


def _article_tiles(result: DemoResult) -> list[Tile]:
    none, printed, right, *_, path = result.tables[0].rows
    columns = result.tables[0].columns
    fresh, norm = columns.index("fresh (4,000)"), columns.index("‖w‖")
    none_words = f"{percent(none[fresh])} without a penalty"
    return [
        Tile(
            label="‖w‖ as printed",
            value=number(printed[norm]),
            before=f"{number(right[norm])} with the right sign",
        ),
        Tile(label="Fresh items, as printed", value=percent(printed[fresh]), before=none_words),
        Tile(label="Fresh items, right sign", value=percent(right[fresh]), before=none_words),
        Tile(
            label="Fresh items, our path",
            value=percent(path[fresh]),
            before=str(path[0]).removeprefix("our path, "),
        ),
    ]


def _swarm_2013_headline(result: DemoResult) -> str:
    decay, l2, start = (
        points(_row(result, name)["gain on fresh"])
        for name in ("decay at 2b, 1 % per step", "L2 in the error, λ = .001", "start in ±1, |v| ≤ .1")
    )
    return f"Gain on fresh irises: {decay} by a decay, {l2} by L2, {start} by a smaller start"


def _swarm_2013_tiles(result: DemoResult) -> list[Tile]:
    printed, start = _row(result, "as printed"), _row(result, "start in ±1, |v| ≤ .1")
    before = f"{percent(start['at the bound'].value)} from the small start"
    return [
        Tile(
            label="Weights at the bound, as printed",
            value=percent(printed["at the bound"].value),
            before=before,
        ),
        Tile(
            label="Fresh irises, as printed",
            value=percent(printed["fresh (120)"].value),
            before=f"{percent(start['fresh (120)'].value)} from the small start",
        ),
    ]


def _swarm_2015_rows(result: DemoResult) -> list[dict[str, Any]]:
    table = result.tables[0]
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def _swarm_2015_headline(result: DemoResult) -> str:
    rows = _swarm_2015_rows(result)
    wide, small = rows[1]["gain"], rows[5]["gain"]
    return (
        f"The penalty gains {points(wide)} from the wide start and {points(small)} from the small one: "
        f"{verdict(wide, small)}"
    )


def _swarm_2015_tiles(result: DemoResult) -> list[Tile]:
    rows = _swarm_2015_rows(result)
    return [
        Tile(
            label="Gap to the optimum, wide start",
            value=number(rows[0]["gap"].value, 2),
            before=f"{number(rows[4]['gap'].value, 2)} from the small start",
        ),
        Tile(
            label="Gain of the penalty, wide start",
            value=points(rows[1]["gain"].value),
            before=f"{points(rows[5]['gain'].value)} from the small start",
        ),
    ]


def _backprop_headline(result: DemoResult) -> str:
    decay, l2, none = (
        number(_row(result, name)["‖w‖"].value)
        for name in ("decay 1e-4 after the step", "L2 in the gradient, λ = 0.002", "none")
    )
    return f"Decay of 1e-4 per step ends at ‖w‖ = {decay}, L2 at the converted λ at {l2}, neither at {none}"


def _backprop_tiles(result: DemoResult) -> list[Tile]:
    decay, l2 = _row(result, "decay 1e-4 after the step"), _row(result, "L2 in the gradient, λ = 0.002")
    return [
        Tile(
            label="‖w‖ with decay 1e-4",
            value=number(decay["‖w‖"].value),
            before=f"{number(l2['‖w‖'].value)} with L2, λ = 0.002",
        ),
        Tile(
            label="Test accuracy with decay",
            value=percent(decay["test"].value),
            before=f"{percent(_row(result, 'none')['test'].value)} without",
        ),
    ]


_FRESH = Dots(column="fresh (4,000)", role="validation")
_ARTICLE = Shown(
    headline=_article_headline,
    tiles=_article_tiles,
    charts=(
        Chart(
            table=0,
            heading="Accuracy on the article's items",
            dots=(
                Dots(column="train", role="training"),
                Dots(column="test (40)", role="muted", symbol="circle-open"),
                _FRESH,
            ),
            axis="share of items that are right",
        ),
        Chart(
            table=0,
            heading="Size of the weights",
            dots=(Dots(column="‖w‖", role="ink"),),
            axis="‖w‖ (log scale)",
            log=True,
        ),
        Chart(
            table=1,
            heading="Accuracy over other teachers",
            dots=(
                Dots(column="train", role="training"),
                Dots(column="test (40)", role="muted", symbol="circle-open"),
                _FRESH,
            ),
            axis="share of items that are right",
        ),
        Chart(
            table=1,
            heading="Gain on fresh items",
            dots=(Dots(column="gain on fresh", role="ink"),),
            axis="difference from no penalty, paired",
            zero=True,
        ),
    ),
)
SHOWN: dict[str, Shown] = {
    "l2-2017": _ARTICLE,
    "l1-2017": _ARTICLE,
    "swarm-2013": Shown(
        headline=_swarm_2013_headline,
        tiles=_swarm_2013_tiles,
        charts=(
            Chart(
                table=0,
                heading="Accuracy",
                dots=(
                    Dots(column="train (24)", role="training"),
                    Dots(column="fresh (120)", role="validation"),
                ),
                axis="share of irises that are right",
            ),
            Chart(
                table=0,
                heading="Gain on fresh irises",
                dots=(Dots(column="gain on fresh", role="ink"),),
                axis="difference from the program as printed",
                zero=True,
            ),
        ),
    ),
    "swarm-2015": Shown(
        headline=_swarm_2015_headline,
        tiles=_swarm_2015_tiles,
        charts=(
            Chart(
                table=0,
                heading="Gain of the penalty on test rows",
                dots=(Dots(column="gain", role="validation"),),
                axis="difference from no penalty",
                named_by=2,
                zero=True,
            ),
            Chart(
                table=0,
                heading="Optimization gap",
                dots=(Dots(column="gap", role="training"),),
                axis="objective above what the gradient reaches",
                named_by=2,
                zero=True,
            ),
        ),
    ),
    "backprop-2013": Shown(
        headline=_backprop_headline,
        tiles=_backprop_tiles,
        charts=(
            Chart(
                table=0,
                heading="Accuracy",
                dots=(Dots(column="train", role="training"), Dots(column="test", role="validation")),
                axis="share of irises that are right",
            ),
            Chart(
                table=0,
                heading="Size of the weights",
                dots=(Dots(column="‖w‖", role="ink"),),
                axis="‖w‖",
                zero=False,
            ),
        ),
    ),
}
