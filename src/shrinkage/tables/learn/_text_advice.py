"""What somebody does in Python about text that stands for numbers."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pandas as pd

from shrinkage.tables.read._reading import as_read
from shrinkage.tables.read._typing import decide

__all__ = ["in_python", "number_advice"]

_DAY, _HOUR, _START = pd.Timedelta(days=1), pd.Timedelta(hours=1), pd.Timestamp(2000, 1, 1)
_SINCE = "- pandas.Timestamp(2000, 1, 1)) / pandas.Timedelta(days=1)"


def _without(y: pd.Series, marks: str) -> pd.Series:
    return y.str.replace(marks, "", regex=True)


_WAYS: dict[str, Callable[[pd.Series], pd.Series]] = {
    r"pandas.Series(y).str.replace(r'[^\d.-]', '', regex=True).astype(float)": (
        lambda y: _without(y, r"[^\d.-]").astype(float)
    ),
    r"pandas.Series(y).str.replace(r'[^\d,-]', '', regex=True).str.replace(',', '.').astype(float)": (
        lambda y: _without(y, r"[^\d,-]").str.replace(",", ".").astype(float)
    ),
    "pandas.to_timedelta(y) / pandas.Timedelta(hours=1)": lambda y: pd.to_timedelta(y) / _HOUR,
    "pandas.to_timedelta(pandas.Series(y) + ':00') / pandas.Timedelta(hours=1)": (
        lambda y: pd.to_timedelta(y + ":00") / _HOUR
    ),
    f"(pandas.to_datetime(y) {_SINCE}": lambda y: (pd.to_datetime(y) - _START) / _DAY,
    f"(pandas.to_datetime(y, dayfirst=True) {_SINCE}": (
        lambda y: (pd.to_datetime(y, dayfirst=True) - _START) / _DAY
    ),
}
"""Expressions that turn text into numbers; what they give is compared with what the cells mean."""
_OPTIONS = (
    (r"\(--text \S+ keeps the column as text\)", "(the dtype 'category' keeps the column as text)"),
    (r"\(--text \S+ changes that\)", "(the dtype 'category' changes that)"),
    (
        r"\(--(?:day|month)-first (?:or --month-first )?(?:decides|changes that)\)",
        "(pandas.to_datetime decides otherwise)",
    ),
    (r"use --na\.", "replace it by None."),
)


def in_python(note: str) -> str:
    """A note on how a column is read with what to do in Python in place of options of the command line."""
    for option, way in _OPTIONS:
        note = re.sub(option, way, note)
    return note


def number_advice(values: pd.Series) -> str:
    """How text becomes the numbers that it stands for, as an expression in `y`; empty where it stands for none."""
    texts = values.map(str, na_action="ignore").astype(object)
    rule = decide(texts, str(values.name or "y")).reading
    if rule.form == "text":
        return ""
    read, lost = as_read(rule, texts)
    if lost.any():
        return ""
    meant = ((read - _START) / _DAY if rule.form == "date" else read).to_numpy(dtype=np.float64)
    held = pd.Series(texts[read.notna()])
    for expression, way in _WAYS.items():
        try:
            found = np.asarray(way(held), dtype=np.float64)
        except (ValueError, TypeError):
            continue
        if np.allclose(found, meant[read.notna().to_numpy()], rtol=1e-9):
            return expression
    return ""
