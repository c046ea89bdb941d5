"""The decision about a column of text, and the decision for words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from shrinkage._errors import shown
from shrinkage.tables.read._column_cells import ColumnCells, join_cells, missing_words_phrases, sentence
from shrinkage.tables.read._exact_numbers import version_among
from shrinkage.tables.read._missing_words import PANDAS_WORDS, is_missing_level
from shrinkage.tables.read._numerals import PLAIN, Numerals
from shrinkage.tables.read._reading import Reading

__all__ = ["Decision", "Odd", "as_text", "text_with"]


@dataclass(frozen=True)
class Odd:
    """A cell for which a column cannot be what its other cells are."""

    kind: Literal["word", "unit", "sides", "marks"]
    cell: str
    rows: int
    """Number of such cells."""
    way: Numerals = PLAIN


@dataclass(frozen=True)
class Decision:
    """The decision about a column."""

    reading: Reading
    odd: Odd | None = None
    """The cell that must be corrected first; None if there is none."""
    doubt: str = ""
    """A cell such as 1.500, when all its points may be marks of thousands."""
    unsure: bool = False
    """Whether the note says of a decision that may be wrong: a warning of the estimators."""
    notable: bool = False
    """Whether the note says that cells mean something else than they may seem to."""
    words: Mapping[str, int] = field(default_factory=dict)
    """By a rule that was known before: words that were read as missing, and in how many cells each stands."""


def text_with(note: str, *cells: ColumnCells) -> Decision:
    decision = as_text(join_cells(*cells))
    return replace(decision, reading=replace(decision.reading, note=note), unsure=True)


def as_text(cells: ColumnCells) -> Decision:
    """Words. Of a category, those that mean missing are read so; free text, and codes such as NA among them, stay."""
    few = len(cells.texts) <= max(10, cells.total / 2) and len(cells.texts) > 1
    if not few or np.mean([len(text.split()) for text in cells.texts[:1000]]) >= 5:
        return Decision(Reading(form="text"))
    empty = [text in PANDAS_WORDS for text in cells.texts]
    levels = [text for text, gone in zip(cells.texts, empty, strict=True) if not gone]
    if all(re.fullmatch(r"[A-Z]{1,3}|EMEA|APAC|LATAM|AMER", text) for text in levels):
        empty = [
            gone and not re.fullmatch(r"[A-Z]{1,3}", text)
            for text, gone in zip(cells.texts, empty, strict=True)
        ]
    other = [i for i, text in enumerate(cells.texts) if text not in PANDAS_WORDS and is_missing_level(text)]
    if len({cells.texts[i].casefold() for i in other}) == 1:
        empty = [gone or i in other for i, gone in enumerate(empty)]
    gone = cells.only(lambda i: empty[i])
    if len(gone.texts) == len(cells.texts):
        return Decision(Reading(form="text"))
    version = version_among(
        [text for text, missing in zip(cells.texts, empty, strict=True) if not missing], cells.total
    )
    phrases = [f"such as {shown(version)}, kept as text, each a level of its own"] if version else []
    what = "versions or codes" if version else "words"
    note = sentence(cells.name, what, [*phrases, *missing_words_phrases(gone)])
    return Decision(
        Reading(form="text", missing=tuple(gone.texts), note=note), notable=gone.are_beyond(PANDAS_WORDS)
    )
