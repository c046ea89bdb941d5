"""What of a comparison a notebook shows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from shrinkage.comparison.page._comparison_figures import (
    difference_figure,
    difference_table,
    loss_figure,
    loss_tables,
    pair_figure,
)
from shrinkage.pages import Figure, Table

if TYPE_CHECKING:
    from shrinkage.comparison._comparison import ComparisonResult

__all__ = ["comparison_charts", "comparison_tables"]


def comparison_charts(comparison: ComparisonResult) -> dict[str, Callable[[], Figure]]:
    """Charts of its page by name."""
    return {
        "losses": partial(loss_figure, comparison),
        "differences": partial(difference_figure, comparison),
        "pairs": partial(pair_figure, comparison),
    }


def comparison_tables(comparison: ComparisonResult) -> list[Table]:
    """Losses, metrics and differences of the methods."""
    return [*loss_tables(comparison), difference_table(comparison)]
