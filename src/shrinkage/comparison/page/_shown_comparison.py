"""A comparison as its users meet it: what was measured, printed, drawn and written as a page."""

from __future__ import annotations

import io
from typing import Any

from shrinkage._drawing import Plotted
from shrinkage.comparison._comparison import ComparisonResult
from shrinkage.comparison.page._comparison_page import to_html
from shrinkage.comparison.page._comparison_terminal import Shown

__all__ = ["Comparison"]

_WIDTH = 80


class Comparison(Plotted, ComparisonResult):
    """Ways to keep weights small, side by side on one table. `print` shows it; `to_html` writes the page.

    Every method chose its own λ by the same inner folds, and was tested on the same outer rows, which nothing of it had
    seen. Standard errors and intervals are those of the corrected resampled t-test.
    """

    to_html = to_html

    def __rich__(self) -> Any:
        return Shown(self)

    def __str__(self) -> str:
        from rich.console import Console

        console = Console(file=io.StringIO(), width=_WIDTH, force_terminal=False, color_system=None)
        console.print(self)
        assert isinstance(console.file, io.StringIO)
        return "\n".join(line.rstrip() for line in console.file.getvalue().rstrip().splitlines())
