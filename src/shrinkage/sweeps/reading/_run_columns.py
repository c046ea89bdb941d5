"""A table of runs as columns of plain numbers and words, from a frame, a list of dictionaries or a file."""

from __future__ import annotations

import ast
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from shrinkage._errors import RequestError, called, shown

__all__ = ["columns_of", "consecutive", "is_number", "numbers_of"]

Columns = dict[str, list[Any]]
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(e[+-]?\d+)?$", re.IGNORECASE)
_MISSING = frozenset({"", "nan", "none", "null", "n/a", "na", "-"})


def columns_of(results: Any) -> Columns:
    """The columns of a table of runs: dictionaries in cells spread out, numbers in text as numbers."""
    columns = _raw(results)
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise RequestError(
            f"{called('results', of='choose')}: columns must be of one length, got {sorted(lengths)}."
        )
    if lengths <= {0}:
        raise RequestError(f"{called('results', of='choose')}: the table has no runs.")
    spread: Columns = {}
    for name, values in columns.items():
        cells = [_parse(value) for value in values]
        if any(isinstance(c, dict) for c in cells) and all(isinstance(c, dict) or c is None for c in cells):
            for key in dict.fromkeys(key for cell in cells if cell for key in cell):
                spread[f"{name}.{key}"] = [cell.get(key) if cell else None for cell in cells]
        else:
            spread[name] = cells
    return {name: _plain_column(values) for name, values in spread.items()}


def _raw(results: Any) -> Columns:
    if hasattr(results, "get_dataframe"):  # Ray Tune's ResultGrid
        results = results.get_dataframe()
    if isinstance(results, str | os.PathLike):
        results = _read(Path(results))
    if isinstance(results, Mapping):
        return {str(k): list(v) for k, v in results.items()}
    if hasattr(results, "to_dict") and hasattr(results, "columns"):  # pandas, polars
        return {str(name): list(results[name]) for name in results.columns}
    rows = isinstance(results, Sequence) and results and all(isinstance(row, Mapping) for row in results)
    if rows:
        names = list(dict.fromkeys(name for row in results for name in row))
        return {str(name): [row.get(name) for row in results] for name in names}
    raise RequestError(
        f"{called('results', of='choose')}: must be a cv_results_, an Optuna study, or a table of runs (a data "
        f"frame, a list of dictionaries or a file), got {shown(type(results).__name__)}. `shrinkage choose "
        "FILE` reads a CSV file."
    )


def _read(path: Path) -> Any:
    """A CSV or Parquet file as a frame."""
    import pandas as pd

    if not path.is_file():
        raise RequestError(f"choose: there is no file {shown(str(path))}.")
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, sep=None, engine="python", encoding="utf-8-sig")
    except (ValueError, OSError, pd.errors.ParserError) as error:
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise RequestError(
            f"choose: {shown(str(path))} can't be read as a table of runs: {reason}. Export it as CSV."
        ) from error


def _parse(value: Any) -> Any:
    """A cell as a plain value: dictionaries and lists also where a file has them as text; None where it is missing."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in _MISSING:
            return None
        if text[:1] in "{[" and text[-1:] in "}]":
            try:
                value = ast.literal_eval(re.sub(r"\b(nan|NaN|null)\b", "None", text))
            except (ValueError, SyntaxError):
                return value
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, list | tuple):
        return tuple(_hashable(v) for v in value)
    if value is None or (isinstance(value, float) and math.isnan(value)) or str(value) in ("NaT", "<NA>"):
        return None
    return value if isinstance(value, str | bool | int | float) else _hashable(value)


def _hashable(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, list | tuple):
        return tuple(_hashable(v) for v in value)
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


def _plain_column(values: list[Any]) -> list[Any]:
    """Numbers in text as numbers, where all of a column's are."""
    texts = [v.strip() for v in values if isinstance(v, str)]
    others = [v for v in values if v is not None and not isinstance(v, str)]
    if not texts or any(isinstance(v, bool) or not isinstance(v, int | float) for v in others):
        return values
    if all(_DECIMAL_COMMA.match(text) or _NUMBER.match(text) for text in texts) and any(
        "," in t for t in texts
    ):
        return [_number(v.replace(",", ".")) if isinstance(v, str) else v for v in values]
    bare = [text.removesuffix("%").strip() for text in texts]
    if all(_NUMBER.match(text) or text.lower().lstrip("+-") in ("inf", "infinity") for text in bare):
        return [_number(v.strip().removesuffix("%").strip()) if isinstance(v, str) else v for v in values]
    return values


def _number(text: str) -> int | float:
    return int(text) if re.match(r"[+-]?\d{1,15}$", text) else float(text)


def is_number(value: Any) -> bool:
    """Whether a cell is a number, not a flag and not missing."""
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(float(value))


def numbers_of(value: Any) -> list[float] | None:
    """A cell that lists several scores; None for another one."""
    if isinstance(value, list | tuple) and len(value) > 1 and all(is_number(v) for v in value):
        return [float(v) for v in value]
    return None


def consecutive(columns: Columns, accepts: Any) -> dict[str, list[str]]:
    """Families of columns that differ in a number from 0 or 1 on, such as `fold_0`, `fold_1`: by what they share.

    Args:
        columns: of the table.
        accepts: of the shared part of a name, whether it is of scores or folds.
    """
    families: dict[str, dict[int, str]] = {}
    for name, values in columns.items():
        match = re.match(r"(.*?)(\d+)(\D*)$", name)
        if match and any(is_number(v) for v in values):
            families.setdefault(f"{match[1].rstrip('_-. ')}{match[3]}", {})[int(match[2])] = name
    return {
        stem: [found[i] for i in sorted(found)]
        for stem, found in families.items()
        if len(found) > 1
        and sorted(found) in (list(range(len(found))), list(range(1, len(found) + 1)))
        and accepts(stem)
    }
