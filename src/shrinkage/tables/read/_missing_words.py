"""Words that stand for an empty cell."""

from __future__ import annotations

import re

__all__ = ["MISSING_WORDS", "PANDAS_WORDS", "is_missing_level", "is_missing_word"]

PANDAS_WORDS = frozenset(
    {"#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>"}
    | {"N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null", ""}
)
"""The words that `pandas.read_csv` reads as missing by default."""

MISSING_WORDS = frozenset(word.lower() for word in PANDAS_WORDS) | frozenset(
    {"nil", "missing", "?", "??", "-", "--", "---", "–", "—", ".", "..", "...", "…", "*", "**", "/", "\\n"}
)
"""Words and marks that mean 'missing' between numbers and dates, in lower case."""

_SAYS_MISSING = re.compile(
    r"""
    [(\[<]?\s*(?:
        unk(?:n|nown)? | undefined | undisclosed | undetermined | undet | unspecified | unreported | unrecorded
      | not\s(?:\w+\s)?(?:available|known|applicable|reported|stated|specified|provided|recorded|answered|asked|given
            |found|disclosed|disc|measured|tested|determined|done|collected|assessed|assigned|sure|set|entered|detected)
      | no\s(?:data|answer|response|information|info|value|reply|record|entry|result|reading|estimate)
      | n\.?\s?[/\\.]\s?[akdr]\.? | n\.a\. | nd | dk | dnk | na(?:n)?
      | (?:i\s)?(?:prefer|choose|chose|wish|rather|would\srather)\snot\s(?:to\s)?(?:say|answer|disclose|state|respond)
      | rather\snot\ssay | (?:i\s)?(?:do\snot|don'?t|dont)\sknow | refused(?:\sto\s\w+)? | declined(?:\sto\s\w+)?
      | decline(?:\sto\s\w+)? | withheld | suppressed | confidential | redacted | missing(?:\s(?:data|value))?
      | blank | empty | null | none | nothing | tbd | tba | tbc | to\sbe\s(?:determined|announced|confirmed) | pending
      | invalid | error | k\.?\s?a\.? | keine\sangabe | unbekannt | fehlt | inconnu | desconocido | s/d | s/i | sin\sdato
      | nicht\s(?:bekannt|verfügbar) | no\sdisponible | non\sdisponible | sconosciuto | onbekend | okänd | ukjent
    )\s*[)\]>]?\s*(?:\(\d+\))?[.!]?
    | \#(?:div/0|value|ref|name|num|null|spill|calc)[!?]?
    """,
    re.IGNORECASE | re.VERBOSE,
)


def is_missing_word(cell: str) -> bool:
    """Whether a cell between numbers, dates or truth values stands for an empty one: `?`, `unknown`, `n/a (2)`."""
    return cell.lower() in MISSING_WORDS or _SAYS_MISSING.fullmatch(cell) is not None


def is_missing_level(cell: str) -> bool:
    """The same between words, where `none` and `nothing` are answers."""
    return cell.lower() not in {
        "none",
        "nothing",
        "nil",
        "error",
        "invalid",
        "pending",
        "nd",
        "dk",
        "/",
    } and (is_missing_word(cell))
