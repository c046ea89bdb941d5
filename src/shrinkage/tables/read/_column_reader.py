"""The columns of a file, one after the other: numbers where they are ones, else text with the rule to read it by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as _compute
from numpy.typing import NDArray

from shrinkage._errors import RequestError, shown
from shrinkage.tables.read._column_cells import Hints
from shrinkage.tables.read._exact_numbers import EXACT, FEW_VERSIONS, is_versions, loses
from shrinkage.tables.read._numerals import PLAIN, ambiguous_cell, groups_for_sure
from shrinkage.tables.read._reading import Reading, as_read, different
from shrinkage.tables.read._typing import Decision, decide
from shrinkage.tables.read.dates._date_layouts import may_be_six_digits
from shrinkage.tables.read.files._csv import Cells

__all__ = ["Columns", "read_text_columns"]

pc: Any = _compute  # its functions are made at import
LOSSY = r"^[+-]?(0\d|\d{16,}$)"
SAMPLE = 2000


@dataclass(frozen=True, kw_only=True)
class Columns:
    """How to read the columns of a file."""

    na: frozenset[str] = frozenset()
    hints: Hints = field(default_factory=Hints)
    known: Mapping[str, Reading] = field(default_factory=dict)
    """Rules that are fixed: those of a fitted preprocessor, or asked for."""

    def read(
        self, frame: pd.DataFrame, file: str, where: Callable[[int], str]
    ) -> tuple[pd.DataFrame, dict[str, Decision], list[str]]:
        """A frame with its columns of text read, what was decided about them, and notes on them."""
        decisions: dict[str, Decision] = {}
        for name in frame.columns:
            column: Any = frame[name]
            values: Any = column.astype(object) if column.dtype == "str" else column
            if values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) == "string":
                gone = values.map(lambda cell: isinstance(cell, str) and cell.strip() in self.na | {""})
                values = values.mask(gone.astype(bool) | values.isna(), None)
                frame[name], decisions[name] = self._of_text(values, name, where)
        _refuse_doubt(decisions, file)
        return frame, decisions, self.notes(decisions)

    def column(
        self, cells: pa.ChunkedArray, name: str, where: Callable[[int], str]
    ) -> tuple[pd.Series, Decision]:
        """One column of text and what was decided about it."""
        cells = _without(cells, self.na)
        known = self.known.get(name)
        plainly = known is None or (known.form == "number" and known.numerals == PLAIN and not known.is_share)
        if (
            plainly
            and not (known is None and may_be_six_digits(name, _texts(cells.slice(0, SAMPLE))))
            and self.hints.numerals in (None, PLAIN)
            and (found := _quick(cells, exact=known is None)) is not None
        ):
            return found, Decision(
                known or Reading(form="number"), doubt="" if known or self.hints.numerals else _doubt(cells)
            )
        return self._of_text(_objects(cells), name, where)

    def _of_text(
        self, values: pd.Series, name: str, where: Callable[[int], str]
    ) -> tuple[pd.Series, Decision]:
        decision = self._decide(values, name, where)
        known = self.known.get(name)
        found = with_types(values, decision.reading)
        if known is not None and known.form == "number":
            if found.dtype == object:
                decision, found = self._otherwise(values, found, name, known, where)
            if found.dtype != object:
                decision = replace(decision, words=_words(values, decision.reading))
        return found, decision

    def _otherwise(
        self, values: pd.Series, found: pd.Series, name: str, known: Reading, where: Callable[[int], str]
    ) -> tuple[Decision, pd.Series]:
        """Numbers that are not written as the rule says, if asked for, or if they all can be read in another way alone.

        What the rule does read must keep its value: beside 1,234 for 1234 a cell 12,34 is a slip.
        """
        if self.hints.numerals is not None:
            marks = self.hints.numerals
            rule = replace(known, decimal=marks.decimal, thousands=marks.thousands, note="")
        else:
            rule = decide(values, name, self.hints, where).reading
        if rule.form != "number" or (rule.unit, rule.factors) != (known.unit, known.factors):
            return Decision(known), found
        read = with_types(values, rule)
        if read.dtype == object:
            return Decision(known), found
        if self.hints.numerals is None:
            by_known = np.asarray(as_read(known, values)[0], dtype=np.float64)
            sure = np.isfinite(by_known)
            if (by_known[sure] != np.asarray(read, dtype=np.float64)[sure]).any():
                return Decision(known), found
            if rule.decimal != known.decimal and not rule.note:
                mark = f"{rule.decimal!r} was read as the decimal mark, unlike in the training rows"
                rule = replace(rule, note=f"Column {shown(name)}: {mark}.")
        return Decision(rule), read

    def notes(self, decisions: Mapping[str, Decision]) -> list[str]:
        """The notes on all columns.

        A rule that a model learned gives no note, since it describes the cells of another file; what concerns a feature
        alone is left to the check, which knows the target.
        """
        return [
            found.reading.note
            for name, found in decisions.items()
            if not found.reading.of_feature
            and found.reading.note
            and (found.reading.asked or found.reading is not self.known.get(name))
        ]

    def _decide(self, values: pd.Series, name: str, where: Callable[[int], str]) -> Decision:
        known = self.known.get(name)
        return Decision(known) if known is not None else decide(values, name, self.hints, where)


def _words(values: pd.Series, rule: Reading) -> dict[str, int]:
    """Words among numbers that were read as missing, and in how many cells each stands."""
    places, texts = different(values)
    counts = np.bincount(places[places >= 0], minlength=len(texts))
    return {text: int(count) for text, count in zip(texts, counts, strict=True) if rule.is_gap(text)}


def read_text_columns(
    wanted: Columns, cells: Cells, file: str
) -> tuple[pd.DataFrame, dict[str, Decision], list[str]]:
    """The frame of a CSV file, what was decided about its columns, and notes on them."""
    columns: dict[str, pd.Series] = {}
    decisions: dict[str, Decision] = {}
    for name, column in zip(cells.names, cells.columns, strict=True):
        columns[name], decisions[name] = wanted.column(column, name, lambda row: f"line {cells.lines[row]}")
    _refuse_doubt(decisions, file)
    return pd.DataFrame(columns, copy=False), decisions, wanted.notes(decisions)


def with_types(values: pd.Series, reading: Reading) -> pd.Series:
    """Numbers as such if every cell is one or stands for a missing one; any other column as it is."""
    if reading.form != "number":
        return values
    found, lost = as_read(reading, values)
    return (
        values
        if lost.any()
        else pd.Series(whole(found.to_numpy(np.float64)), index=values.index, name=values.name)
    )


def whole(values: NDArray[np.float64]) -> NDArray[Any]:
    """Whole numbers without a gap as integers."""
    if (
        len(values)
        and np.isfinite(values).all()
        and (values == np.trunc(values)).all()
        and np.abs(values).max() < EXACT
    ):
        return values.astype(np.int64)
    return values


def _without(cells: pa.ChunkedArray, words: frozenset[str]) -> pa.ChunkedArray:
    gone = pa.array(sorted(words | {"", "NaN", "nan"}), pa.string())
    missing = pc.is_in(cells, value_set=gone)
    return pc.if_else(missing, pa.scalar(None, pa.string()), cells) if pc.any(missing).as_py() else cells


def _quick(cells: pa.ChunkedArray, *, exact: bool) -> pd.Series | None:
    """Numbers by pyarrow, if every cell is a plain one and, where it must be `exact`, nothing is lost by it."""
    try:
        found = pc.cast(cells, pa.float64())
    except pa.ArrowException:
        return None
    if found.null_count == len(found):
        return None
    if exact and pc.any(pc.match_substring_regex(cells, LOSSY)).as_py() and loses(_texts(cells)):
        return None
    if exact and (_may_be_versions(cells) or groups_for_sure(_texts(cells.slice(0, SAMPLE)))):
        return None
    values = whole(found.to_numpy())
    if exact and values.dtype == np.int64 and _may_be_days(values):
        return None
    return pd.Series(values)


def _may_be_days(values: NDArray[np.int64]) -> bool:
    """Whether all numbers lie between the first and the last date of two centuries, written as numbers."""
    least, most = int(values.min()), int(values.max())
    return any(1900 * 10**zeros <= least and most < 2100 * 10**zeros for zeros in (2, 3, 4, 8, 10))


def _may_be_versions(cells: pa.ChunkedArray) -> bool:
    if len(pc.unique(cells.slice(0, SAMPLE))) > FEW_VERSIONS:
        return False
    counts = pc.value_counts(pc.drop_null(cells))
    texts = counts.field("values").to_pylist()
    return is_versions(texts, int(pc.sum(counts.field("counts")).as_py() or 0))


def _doubt(cells: pa.ChunkedArray) -> str:
    return ambiguous_cell(_texts(cells)) if ambiguous_cell(_texts(cells.slice(0, SAMPLE))) else ""


def _texts(cells: pa.ChunkedArray) -> list[str]:
    return pc.drop_null(pc.unique(cells)).to_pylist()


def _objects(cells: pa.ChunkedArray) -> pd.Series:
    """Text without blanks around it, equal cells being one object; None for an empty cell."""
    coded = cells.combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    words = np.array([*((text.strip() or None) for text in coded.dictionary.to_pylist()), None], dtype=object)
    places = coded.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)
    return pd.Series(words[places], dtype=object)


def _refuse_doubt(columns: Mapping[str, Decision], name: str) -> None:
    """Beside a column with decimal commas, 1.500 is more likely a thousand and a half than one and a half."""
    commas = [
        column
        for column, found in columns.items()
        if found.reading.form == "number" and found.reading.decimal == ","
    ]
    doubted = [(column, found.doubt) for column, found in columns.items() if found.doubt]
    if commas and doubted:
        raise RequestError(
            [
                f"{name}: column {shown(column)} holds {shown(cell)}, which, given the decimal commas of "
                f"column {shown(commas[0])}, may be a number above a thousand. Choose: --decimal ',' "
                "--thousands '.', or --decimal '.'."
                for column, cell in doubted
            ]
        )
