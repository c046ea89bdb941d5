"""A last row that sums up the others, as spreadsheets end."""

from __future__ import annotations

import re

import pandas as pd

from shrinkage._errors import shown
from shrinkage.tables._source_table import Table

__all__ = ["note_on_totals"]

LAST = 3
"""Rows at the end that are looked at: a total may be followed by a mean."""
_SUMS_UP = re.compile(
    r"\W*(?:(?:grand|sub|over)[\s-]?)?(?:totals?|total\s\w+|sums?|summe|gesamt(?:summe)?|insgesamt|ergebnis|gesamtergebnis|somme"
    r"|suma|somma|totale|totaal|overall|average|mean|mittelwert|durchschnitt|moyenne|合計|总计|總計|합계)\W*",
    re.IGNORECASE,
)


def note_on_totals(table: Table) -> str:
    """A sentence on a last row whose word says that it sums up the others, and that stands nowhere above; '' for none."""
    frame = table.frame
    for row in range(len(frame) - 1, max(-1, len(frame) - 1 - LAST), -1):
        for place, name in enumerate(frame.columns):
            cell = frame.iat[row, place]
            if not isinstance(cell, str) or not _SUMS_UP.fullmatch(cell):
                continue
            column: pd.Series = frame.iloc[:, place]
            if (column == cell).sum() == 1:
                return (
                    f"{table.name}, {table.where(row)}: column {shown(name)} is {shown(cell)} only in this one of the "
                    "last rows. If it sums up the others, remove it: it is trained on like any other."
                )
    return ""
