"""Lines of a text file that are no rows of its table: rulers, titles, notes; and the command that removes them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from shrinkage._errors import RequestError, shown

__all__ = ["command_for", "is_number", "refuse_ruler", "titles_or_notes"]

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*", re.IGNORECASE)
_RULE, _SHORT_RULE = re.compile(r":?-{3,}:?|={3,}"), re.compile(r":?-+:?|=+")
_AROUND_RULES = re.compile(r"[\s|+,;]+")
_MOST_NOTES = 20
"""More lines at the end than these are rows with mistakes."""


def command_for(command: str, name: str) -> str:
    """A command that writes what is left of the file to `table.csv`; `name` is the file's in messages."""
    file = "FILE" if name == "standard input" else name
    return f"`{command} {file} > table.csv`"


def is_number(cell: str) -> bool:
    """Whether a cell is a plain number."""
    return _NUMBER.fullmatch(cell) is not None


def refuse_ruler(head: str, name: str, line: int) -> None:
    """Raise if one of the first two lines of a table is drawn, as databases and text editors print one.

    Args:
        head: the first part of the file, from the line with the names on.
        name: of the file, for messages.
        line: the number of that line.
    """
    lines = [(line + i, text) for i, text in enumerate(head.splitlines()[:10]) if text.strip()][:2]
    for place, (number, text) in enumerate(lines):
        if not _is_ruler(text):
            continue
        where, rest = "", "" if "+" not in text else r";/^([0-9]* rows*)$/d"
        way = "Export the table as CSV (mysql --batch, psql --csv), or k" if "+" in text else "K"
        command = f"sed '{number}d{rest}'"
        if place == 0:
            command = "grep -v '^[-=+|: ]*$'"
        else:
            where = " below the column names"
        raise RequestError(
            f"{name}, line {number} is a ruler{where}: {shown(text.strip(), 60)}. {way}eep only the lines with cells: "
            f"{command_for(command, name)}."
        )


def _is_ruler(text: str) -> bool:
    """Whether a line is drawn; between `+` or `|` a stroke may be short."""
    parts = [part for part in _AROUND_RULES.split(text) if part]
    if not parts or not all(map(_SHORT_RULE.fullmatch, parts)):
        return False
    long = [_RULE.fullmatch(part) is not None or ":" in part for part in parts]
    return any(long) or "+" in text if "+" in text or "|" in text else all(long)


def titles_or_notes(
    header: Sequence[str], rows: Sequence[Sequence[str]], lines: Sequence[int], name: str
) -> str:
    """The sentence about lines above the column names or below the rows, by their number of fields; empty without any.

    Args:
        header: the first row.
        rows: the others.
        lines: the line at which each of these starts.
        name: of the file.
    """
    widths = [len(row) for row in rows]
    usual, count = Counter(widths).most_common(1)[0]
    if usual < 2 or count <= len(rows) / 2:
        return ""
    if len(header) != usual:
        first = widths.index(usual)
        if not _holds_names(rows[first]) or not any(map(is_number, rows[min(first + 1, len(rows) - 1)])):
            return ""
        return (
            f"{name}: the {count:,} rows from line {lines[first]} on have {usual} fields, but line 1 has {len(header)}. "
            f"If line {lines[first]} holds the column names ({shown(rows[first][0])}, …), remove the lines above it: "
            f"{command_for(f'tail -n +{lines[first]}', name)}."
        )
    last = len(widths) - next(i for i, width in enumerate(reversed(widths)) if width == usual)
    notes = rows[last:]
    if len(notes) > _MOST_NOTES or any(width != usual for width in widths[:last]):
        return ""
    if any(len(row) > usual or any(map(is_number, row)) for row in notes):
        return ""
    text = shown("".join(rows[last][:1]))
    return (
        f"{name}: the table ends above line {lines[last]}, which has {widths[last]} "
        f"field{'s' * (widths[last] > 1)} where the header has {usual}: {text}. If it is a note below the table, remove "
        f"what follows the rows: {command_for(f'head -n {lines[last] - 1}', name)}."
    )


def _holds_names(row: Sequence[str]) -> bool:
    return all(cell.strip() and not is_number(cell) for cell in row)
