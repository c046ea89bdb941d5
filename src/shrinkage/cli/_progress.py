"""A progress bar with the time that is left, on standard error; a few lines where that is not a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shrinkage.cli._exit import note

__all__ = ["progress_bar"]

SPOKEN_EVERY = 10.0


@contextmanager
def progress_bar(
    title: str, *, quiet: bool, before: str = ""
) -> Iterator[Callable[[float, float], None] | None]:
    """Yields a function of (done, total), or None when nothing is to be shown.

    Args:
        title: of what is reported.
        quiet: show nothing.
        before: the title until the first report: the bar moves from the start, though nobody knows how far it is.
    """
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar(title, before) as report:
            yield report
    else:
        if before:
            note(f"{before}.")
        yield _spoken(title)


@contextmanager
def _bar(title: str, before: str) -> Iterator[Callable[[float, float], None]]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        SpinnerColumn,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("left"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=Console(stderr=True), speed_estimate_period=60) as bar:
        task = bar.add_task(before or title, total=None)
        yield lambda done, total: bar.update(task, description=title, completed=done, total=total)


def _spoken(title: str) -> Callable[[float, float], None]:
    start = last = time.monotonic()
    kept: float | None = None  # work of an earlier run took no time in this one

    def report(done: float, total: float) -> None:
        nonlocal start, last, kept
        now = time.monotonic()
        if kept is None:
            start, kept = now, done
        if now - last < SPOKEN_EVERY or done <= kept:
            return
        last = now
        left = (now - start) * (total - done) / (done - kept)
        print(f"{title}: {100 * done / total:.0f} %, {left:.0f} s left", file=sys.stderr)

    return report
