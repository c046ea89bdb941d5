"""How the columns of a table become a network's inputs, as plain data for programs that know no Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shrinkage.tables.learn._cell_values import DATE_PARTS
from shrinkage.tables.learn._columns import Column
from shrinkage.tables.learn._preprocessor import Preprocessor

__all__ = ["column_rules", "input_recipe"]

FORMAT, VERSION = "shrinkage.inputs", 1


def column_rules(preprocessor: Preprocessor) -> list[dict[str, Any]]:
    """For each column of the training table: its name, kind, whether it is used or why not, and how its text is read."""
    return [
        {
            "name": column.name,
            "kind": column.kind,
            "used": column.used,
            "reason": column.reason,
            "reading": None if column.reading is None else column.reading.to_dict(),
        }
        for column in preprocessor.columns
    ]


def input_recipe(preprocessor: Preprocessor) -> dict[str, Any]:
    """Everything needed to compute the inputs of a row, in order; docs/reliability.md defines each entry.

    Args:
        preprocessor: of a fitted network.

    Returns:
        `columns` as `column_rules` gives them, and `inputs`: for each the column it is made of and how.
    """
    inputs = list(_inputs(preprocessor))
    assert [entry["name"] for entry in inputs] == preprocessor.feature_names_out
    return {"format": FORMAT, "version": VERSION, "columns": column_rules(preprocessor), "inputs": inputs}


def _inputs(preprocessor: Preprocessor) -> Iterator[dict[str, Any]]:
    used = [column for column in preprocessor.columns if column.used]
    plain = [column for column in used if column.kind != "category"]
    numbers, marked = preprocessor.fills("numbers"), preprocessor.marked
    for column, fill in zip(plain, numbers, strict=True):
        part = column.parts[0] if column.parts else "number"
        name = f"{column.name}: {part}" if column.parts else column.name
        yield _entry(name, column, part, offset=column.offset, fill=fill)
    for place in marked:
        yield _entry(f"{plain[place].name} (missing)", plain[place], "missing")
    parts = [(column, part) for column in plain for part in column.parts[1:]]
    for (column, part), fill in zip(parts, preprocessor.fills("parts"), strict=True):
        yield _entry(f"{column.name}: {part}", column, part, fill=fill)
    for column in used:
        if column.kind != "category":
            continue
        for level in column.levels:
            yield _entry(f"{column.name}={level}", column, "level", level=level)
        if column.rare:
            yield _entry(f"{column.name}=(other)", column, "other", levels=list(column.levels))
        if column.missing:
            yield _entry(f"{column.name}=(missing)", column, "missing")


def _entry(name: str, column: Column, value: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "column": column.name,
        "value": value.replace(DATE_PARTS[0], "days since 2000-01-01"),
        **more,
    }
