"""Day or month first in rows to predict, where no training row shows it: decided on all of them, in no part alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd

from shrinkage.tables._source_table import Table, column_of
from shrinkage.tables.learn._columns import Column
from shrinkage.tables.learn._preprocessor import Preprocessor
from shrinkage.tables.read.dates._dates import Order, has_order, moment_of, order_of

__all__ = ["DateOrders"]


class DateOrders:
    """Writes dates such as 31/01/2024 with the year first, in columns of dates whose order no training row shows.

    Args:
        preprocessor: of the fitted network.
        again: reads all rows anew, a part at a time; None where they can be read only once: a date that has two readings
            stays as it is then.
    """

    def __init__(self, preprocessor: Preprocessor, again: Callable[[], Iterable[Table]] | None) -> None:
        self._names = [column.name for column in preprocessor.columns if _is_open(column)]
        self._again = again
        self._orders: dict[str, Order] | None = None

    def apply(self, table: Table) -> Table:
        """A part with these dates rewritten, as far as their order is known."""
        cells = {name: _cells_with_order(table, name) for name in self._names}
        if not any(cells.values()):
            return table
        if self._orders is None:
            self._orders = self._find()
        frame = table.frame.copy(deep=False)
        for name, texts in cells.items():
            moments = {text: _moment(text.strip(), self._orders[name]) for text in texts}
            known = {text: moment.isoformat() for text, moment in moments.items() if moment is not None}
            frame[name] = column_of(frame, name).map(lambda cell, known=known: known.get(cell, cell))
        frame.attrs = table.frame.attrs
        return replace(table, frame=frame)

    def _find(self) -> dict[str, Order]:
        held: dict[str, dict[str, None]] = {name: {} for name in self._names}
        for table in () if self._again is None else self._again():
            for name in self._names:
                held[name] |= dict.fromkeys(text.strip() for text in _cells_with_order(table, name))
        return {name: _order_in([*cells]) for name, cells in held.items()}


def _is_open(column: Column) -> bool:
    rule = column.reading
    order = rule is None or (rule.form == "date" and rule.day_first is None and not rule.layout)
    return column.used and column.kind == "date" and order and not column.format


def _cells_with_order(table: Table, name: str) -> list[str]:
    if name not in table.frame.columns or (values := column_of(table.frame, name)).dtype != object:
        return []
    return [cell for cell in pd.unique(values) if isinstance(cell, str) and has_order(cell.strip())]


def _moment(cell: str, order: Order) -> datetime | None:
    return moment_of(cell, order.day_first, order.year_first)


def _order_in(cells: list[str]) -> Order:
    """The order that some of the cells show and none contradicts."""
    if not cells:
        return Order(None)
    order = order_of(cells, np.ones(len(cells), dtype=np.int64), None)
    sure = [(moment_of(cell, None), _moment(cell, order)) for cell in cells]
    return Order(None) if order.alone or any(one not in (None, other) for one, other in sure) else order
