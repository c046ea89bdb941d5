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

    def __str__(self) -> str:
        cells = [self.columns, *(tuple(_shown(cell) for cell in row) for row in self.rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
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
            for place, column in enumerate(table.columns):
                shown.add_column(column, justify="right" if place else "left", overflow="fold")
            for row in table.rows:
                shown.add_row(*(_shown(cell) for cell in row))
            yield Text()
            yield shown
        yield Text()
        for sentence in self.says:
            yield Text(f"• {sentence}")

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values; a mean is {"value", "se"}."""
        return asdict(self)


def _shown(cell: Any) -> str:
    if cell is None:
        return ABSENT
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
