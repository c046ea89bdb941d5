"""What a replayed demonstration gives back: tables of figures with their errors, and what they say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from shrinkage.pages import ABSENT

__all__ = ["DemoResult", "DemoTable"]


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

    def texts(self) -> list[tuple[str, ...]]:
        """The cells of the known columns as text, the heads first; a column of shares has one number of decimals."""
        columns = [_texts([row[i] for row in self.rows]) for i in self.known]
        return [tuple(self.columns[i] for i in self.known), *zip(*columns, strict=True)]

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


def _texts(cells: list[Any]) -> list[str]:
    """The cells of one column."""
    numbers = [cell for cell in cells if isinstance(cell, float)]
    texts = [_shown(cell) for cell in cells]
    if not numbers or max(map(abs, numbers)) > 1:
        return texts
    digits = max(len(f"{number:.4f}".rstrip("0").partition(".")[2]) for number in numbers)
    return [
        f"{cell:.{digits}f}" if isinstance(cell, float) else text
        for cell, text in zip(cells, texts, strict=True)
    ]


def _shown(cell: Any) -> str:
    if cell is None:
        return ABSENT
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
