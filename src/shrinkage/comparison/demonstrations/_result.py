"""What a replayed demonstration gives back: tables of figures with their errors, and what they say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from shrinkage.comparison._means import Mean
from shrinkage.pages import ABSENT

__all__ = ["DemoResult", "DemoTable", "is_share", "points", "share"]

MINUS = "\N{MINUS SIGN}"
_SHARES = frozenset(
    {
        "train",
        "test",
        "published train",
        "published test",
        "train (24)",
        "test (6)",
        "fresh (120)",
        "test (40)",
    }
    | {"fresh (4,000)", "at the bound"}
)
_GAINS = frozenset({"gain", "gain on fresh"})
"""Columns of shares of one, and of their differences: shown as percentages and as points."""


def points(gain: float | Mean) -> str:
    """A difference of shares: `+1.2 ± 0.3 points`."""
    if isinstance(gain, Mean):
        return f"{100 * gain.value:+.1f} ± {100 * gain.se:.1f} points".replace("-", MINUS)
    return f"{100 * gain:+.1f} points".replace("-", MINUS)


def share(of_one: float | Mean) -> str:
    """A share as a percentage: `97.2 ± 0.3 %`."""
    if isinstance(of_one, Mean):
        return f"{100 * of_one.value:.1f} ± {100 * of_one.se:.1f} %"
    return f"{100 * of_one:.1f} %"


@dataclass(frozen=True, kw_only=True)
class DemoTable:
    """One table: a cell is a text, a number, a `Mean`, or None where no figure is known."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def row(self, name: str) -> dict[str, Any]:
        """The row whose first cell is `name`, by column."""
        found = next(row for row in self.rows if row[0] == name)
        return dict(zip(self.columns, found, strict=True))

    @property
    def known(self) -> tuple[int, ...]:
        """Places of the columns in which some row has a figure."""
        return tuple(i for i in range(len(self.columns)) if any(row[i] is not None for row in self.rows))

    @property
    def heads(self) -> tuple[str, ...]:
        """The names of the known columns, with the unit of shares and of gains."""
        return tuple(_head(self.columns[i]) for i in self.known)

    def cells(self) -> list[list[Any]]:
        """The rows of the known columns; shares and gains in hundredths, which `to_dict` has as parts of one."""
        return [[_in_unit(self.columns[i], row[i]) for i in self.known] for row in self.rows]

    def texts(self) -> list[tuple[str, ...]]:
        """`cells` as text, the heads first; a column of shares, or of what is below 1, has one number of decimals."""
        units = (is_share(self.columns[i]) for i in self.known)
        columns = [
            _texts(list(column), shares=shares)
            for column, shares in zip(zip(*self.cells(), strict=True), units, strict=True)
        ]
        return [self.heads, *zip(*columns, strict=True)]

    def __str__(self) -> str:
        cells = self.texts()
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(
                c.ljust(w) if not i else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
            )
            for row in cells
        ]
        return "\n".join([self.title, lines[0], "─" * len(lines[0]), *lines[1:]])


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """A demonstration, replayed; `print` it."""

    name: str
    title: str
    setting: str
    """Data, network and training, in words."""
    tables: tuple[DemoTable, ...]
    says: tuple[str, ...]
    """What the figures say, in sentences made from them."""

    def __str__(self) -> str:
        return "\n\n".join(
            [self.title, self.setting, *map(str, self.tables), "\n".join(f"• {s}" for s in self.says)]
        )

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        from rich.table import Table
        from rich.text import Text

        yield Text(self.title, style="bold")
        yield Text(self.setting, style="dim")
        for table in self.tables:
            shown = Table(
                box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", title=table.title
            )
            shown.title_justify, shown.title_style = "left", "bold"
            head, *rows = table.texts()
            for place, column in enumerate(head):
                shown.add_column(column, justify="right" if place else "left", overflow="fold")
            for row in rows:
                shown.add_row(*row)
            yield Text()
            yield shown
        yield Text()
        for sentence in self.says:
            yield Text(f"• {sentence}")

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values; a mean is {"value", "se"}."""
        return asdict(self)


def is_share(column: str) -> bool:
    """Whether a column has shares of one, or differences of them."""
    return column in _SHARES | _GAINS


def _head(column: str) -> str:
    return f"{column}, %" if column in _SHARES else f"{column}, points" if column in _GAINS else column


def _in_unit(column: str, cell: Any) -> Any:
    if not is_share(column):
        return cell
    if isinstance(cell, Mean):
        return Mean(100 * cell.value, 100 * cell.se)
    return round(100 * cell, 1) if isinstance(cell, float) else cell


def _texts(cells: list[Any], *, shares: bool) -> list[str]:
    """The cells of one column."""
    numbers = [cell for cell in cells if isinstance(cell, float)]
    texts = [_cell_text(cell) for cell in cells]
    if not numbers or (max(map(abs, numbers)) > 1 and not shares):
        return texts
    digits = 1 if shares else max(len(f"{number:.4f}".rstrip("0").partition(".")[2]) for number in numbers)
    return [
        f"{cell:.{digits}f}" if isinstance(cell, float) else text
        for cell, text in zip(cells, texts, strict=True)
    ]


def _cell_text(cell: Any) -> str:
    if cell is None:
        return ABSENT
    text = f"{cell:.4g}" if isinstance(cell, float) else str(cell)
    return f"{MINUS}{text[1:]}" if text.startswith("-") and not isinstance(cell, str) else text
