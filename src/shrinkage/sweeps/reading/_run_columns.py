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
from shrinkage.sweeps.reading._run_files import read_runs

__all__ = ["columns_of", "consecutive", "is_number", "numbers_of"]

Columns = dict[str, list[Any]]
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(e[+-]?\d+)?$", re.IGNORECASE)
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+\.\d+$")
"""A comma between thousands; told from a decimal comma by the point that follows."""
_VALUE = r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:e[+-]?\d+)?"
_MEAN_AND_SPREAD = re.compile(
    rf"(?P<mean>{_VALUE})\s*%?\s*(?:(?:±|\+/-|\+-|\\pm)\s*(?P<plus>{_VALUE})|\((?:±|\+/-)?\s*(?P<bracket>{_VALUE})\s*%?\))"
    r"\s*(?P<unit>%?)$",
    re.IGNORECASE,
)
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
    parsed = {name: [_parse(value) for value in values] for name, values in columns.items()}
    spread: Columns = {}
    for name, values in _spread_dictionaries(parsed).items():
        means, spreads = _with_spread(values)
        spread[name] = means
        if spreads is not None:
            spread[f"{name}_std"] = spreads
    return {name: _plain_column(values) for name, values in spread.items()}


def _spread_dictionaries(columns: Columns) -> Columns:
    """Columns whose cells are dictionaries as a column for each key, at any depth."""
    spread: Columns = {}
    for name, cells in columns.items():
        if any(isinstance(c, dict) for c in cells) and all(isinstance(c, dict) or c is None for c in cells):
            keys = dict.fromkeys(key for cell in cells if cell for key in cell)
            inner = {f"{name}.{k}": [_parse(cell.get(k)) if cell else None for cell in cells] for k in keys}
            spread |= _spread_dictionaries(inner)
        else:
            spread[name] = [_hashable(c) if isinstance(c, dict) else c for c in cells]
    return spread


def _with_spread(values: list[Any]) -> tuple[list[Any], list[Any] | None]:
    """Cells such as `0.91 ± 0.02` as their means and spreads; other columns as they are."""
    found = [_MEAN_AND_SPREAD.match(v.strip()) if isinstance(v, str) else None for v in values]
    if not any(found) or any(m is None and v is not None for m, v in zip(found, values, strict=True)):
        return values, None
    unit = [m["unit"] or "" if m else "" for m in found]
    means = [m["mean"] + u if m else None for m, u in zip(found, unit, strict=True)]
    return means, [m["plus"] or m["bracket"] if m else None for m in found]


def _raw(results: Any) -> Columns:
    if hasattr(results, "get_dataframe"):  # Ray Tune's ResultGrid
        results = results.get_dataframe()
    if isinstance(results, str | os.PathLike):
        results = read_runs(Path(results))
    if isinstance(results, np.ndarray):
        results = {name: results[name].tolist() for name in results.dtype.names or ()} or results
    if hasattr(results, "to_pydict"):  # pyarrow
        results = results.to_pydict()
    if isinstance(results, Mapping):
        return _of_mapping(results)
    if hasattr(results, "to_dict") and hasattr(results, "columns"):  # pandas, polars
        index = [n for n in getattr(getattr(results, "index", None), "names", ()) if n is not None]
        if index and not set(index) & set(results.columns):
            results = results.reset_index()
        return {str(name): list(results[name]) for name in results.columns}
    rows = isinstance(results, Sequence) and results and all(isinstance(row, Mapping) for row in results)
    if rows:
        names = list(dict.fromkeys(name for row in results for name in row))
        return {str(name): [row.get(name) for row in results] for name in names}
    raise RequestError(f"{called('results', of='choose')}: {_what_instead(results)}")


def _of_mapping(results: Mapping[Any, Any]) -> Columns:
    """A dictionary of columns; what is one value for all of them is repeated, and one of single values is one run."""
    columns = {str(k): list(v.values()) if isinstance(v, Mapping) else v for k, v in results.items()}
    single = {k for k, v in columns.items() if isinstance(v, str) or not hasattr(v, "__len__")}
    runs = next((len(v) for k, v in columns.items() if k not in single), 1)
    return {k: [v] * runs if k in single else list(v) for k, v in columns.items()}


def _what_instead(results: Any) -> str:
    name = type(results).__name__
    if hasattr(results, "fit") and any(hasattr(results, n) for n in ("param_grid", "param_distributions")):
        return f"this {name} has no scores yet. Call its fit first."
    if hasattr(results, "fit") and name.endswith("CV"):
        return (
            f"{name} does not keep the settings beside their scores. Search with GridSearchCV and give that, or a "
            "table with a row for each setting and fold."
        )
    return (
        "must be a cv_results_, an Optuna study, or a table of runs (a data frame, a list of dictionaries or a "
        f"file), got {shown(name)}. `shrinkage choose FILE` reads files."
    )


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
    bare = [text.removesuffix("%").strip() for text in texts]
    written = _notation(bare)
    if written is None:
        return values
    numbers = iter(_number(text.replace(*written)) for text in bare)
    return [next(numbers) if isinstance(v, str) else v for v in values]


def _notation(texts: list[str]) -> tuple[str, str] | None:
    """What to replace by what, so that all texts are numbers; None where some are none."""
    if all(_NUMBER.match(t) or t.lower().lstrip("+-") in ("inf", "infinity") for t in texts):
        return "", ""
    if all(_DECIMAL_COMMA.match(t) or _NUMBER.match(t) for t in texts):
        return ",", "."
    return (",", "") if all(_GROUPED.match(t) or _NUMBER.match(t) for t in texts) else None


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
