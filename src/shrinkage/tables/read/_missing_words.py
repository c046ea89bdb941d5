"""Words that stand for an empty cell."""

from __future__ import annotations

import re
from functools import lru_cache

from shrinkage.tables.read._missing_phrases import ALSO_ANSWERS, PHRASES, SPREADSHEET_ERRORS

__all__ = ["MISSING_WORDS", "NO_DAY", "PANDAS_WORDS", "is_missing_level", "is_missing_word"]

PANDAS_WORDS = frozenset(
    {"#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>"}
    | {"N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null", ""}
)
"""The words that `pandas.read_csv` reads as missing by default."""

MISSING_WORDS = frozenset(word.lower() for word in PANDAS_WORDS) | frozenset(
    {
        "nil",
        "missing",
        "-",
        "--",
        "---",
        "–",
        "—",
        "*",
        "**",
        "/",
        "\\n",
        '""',
        "''",
        "- -",
        "-/-",
        "-.-",
        "nat",
        "na_character_",
        "na_integer_",
        "na_real_",
        "#",
    }
)
"""Words and marks that mean 'missing' between numbers and dates, in lower case."""


NO_DAY = "00000000"
"""How SAP writes a missing one among dates such as 20240105."""


def _any_of(*blocks: str) -> str:
    """One regular expression for all the lines of some blocks."""
    return "|".join(line.strip() for block in blocks for line in block.splitlines() if line.strip())


_PHRASE = re.compile(
    rf"[(\[{{<*-]*\s*(?:{_any_of(*PHRASES.values())})\s*[)\]}}>*-]*\s*(?:\(\d+\))?[.!*;]?"
    r"|0000-00-00(?:[t ]00:00(?::00(?:\.0+)?)?)?|00([./-])00\1(?:0000|00)|0000([./])00\2(?:00)"
    rf"|{_any_of(SPREADSHEET_ERRORS)}|#{{2,}}|[?¿]+|(?:\.\s?)+|…+|\(-+\)",
    re.IGNORECASE,
)
_STROKE, _BESIDE = r"-\u2010-\u2015\u2212\ufe63\uff0d_~", r"\s./\\()\[\]"
_MARKS = re.compile(rf"[{_BESIDE}]*[{_STROKE}][{_STROKE}{_BESIDE}]*")
"""Strokes with points, slashes or brackets: `--/--`, `(-)`."""
_CLOCK = re.compile(r"\d:\d")
_ANSWER = re.compile(_any_of(ALSO_ANSWERS), re.IGNORECASE)


@lru_cache(maxsize=4096)
def is_missing_word(cell: str) -> bool:
    """Whether a cell between numbers, dates or truth values stands for an empty one: `?`, `unknown`, `n/a (2)`.

    Two such words with a slash or an "or" between them are one too (`don't know/refused`), and blanks may be written as
    underscores or hyphens.
    """
    if "0" <= cell[:1] <= "9":
        if "#" not in cell and cell.strip("0-./: tT"):
            return False  # a number or a date: of the words, only dates of zeros begin so
    elif ":" in cell and _CLOCK.search(cell):
        return False
    if _MARKS.fullmatch(cell):
        return True
    text = cell.lower().replace("\u2019", "'")
    if text in MISSING_WORDS or _PHRASE.fullmatch(text):
        return True
    spaced = " ".join(re.sub(r"[_-]+", " ", text).split())
    if spaced and _PHRASE.fullmatch(spaced):
        return True
    parts = re.split(r"\s*/\s*|\s+or\s+", spaced)
    return len(parts) > 1 and all(part in _SHORT or _PHRASE.fullmatch(part) for part in parts)


_SHORT = frozenset({"ref", "rf", "dk", "na", "refused", "nr"})
"""Words that mean 'missing' only beside another one: `DK/REF`."""


@lru_cache(maxsize=4096)
def is_missing_level(cell: str) -> bool:
    """The same between words, where `none` and `nothing` are answers."""
    return not _ANSWER.fullmatch(cell) and is_missing_word(cell)
