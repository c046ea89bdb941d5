"""A file of runs as a frame or a list of dictionaries: CSV, Excel, JSON, JSON lines, Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shrinkage._errors import RequestError, shown

__all__ = ["read_runs"]

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def read_runs(path: Path) -> Any:
    """The runs in a file, by the end of its name; every other is taken for CSV.

    Raises:
        RequestError: there is no such file, or it is not what its name says.
    """
    import pandas as pd

    if path.is_dir():
        raise RequestError(f"choose: {shown(str(path))} is a folder. Give the file with a row for each run.")
    if path.suffix.lower() in (".db", ".sqlite", ".sqlite3"):
        raise RequestError(
            f"choose: {shown(str(path))} is a database, not a table of runs. Of an Optuna study, give the study to "
            "choose(…), or write study.trials_dataframe() to a CSV file."
        )
    if not path.is_file():
        raise RequestError(f"choose: there is no file {shown(str(path))}.")
    try:
        return _read(path)
    except ImportError as error:
        raise RequestError(
            f"choose: reading {shown(str(path))} needs the package {error.name or error}. Install it, or export the "
            "runs as CSV."
        ) from error
    except (ValueError, OSError, KeyError, csv.Error, pd.errors.ParserError) as error:
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise RequestError(
            f"choose: {shown(str(path))} can't be read as a table of runs: {reason}. Export it as CSV."
        ) from error


def _read(path: Path) -> Any:
    import pandas as pd

    kind = path.suffix.lower()
    if kind == ".parquet":
        return pd.read_parquet(path)
    if kind in (".xlsx", ".xls", ".xlsm", ".ods"):
        return pd.read_excel(path)
    if kind in (".json", ".jsonl", ".ndjson"):
        return _of_json(path.read_text(encoding="utf-8-sig"))
    if kind == ".tsv":
        return pd.read_csv(path, sep="\t", encoding="utf-8-sig")
    with path.open("rb") as file:
        encoding = "utf-16" if file.read(2) in _UTF_16 else "utf-8-sig"
    try:
        return pd.read_csv(path, sep=None, engine="python", encoding=encoding)
    except UnicodeDecodeError:
        return pd.read_csv(path, sep=None, engine="python", encoding="cp1252")


def _of_json(text: str) -> Any:
    """A list of runs, columns, or one run a line; also where a dictionary has nothing but that list in it."""
    try:
        found = json.loads(text)
    except ValueError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        return [json.loads(line) for line in lines]
    lists = [v for v in found.values() if isinstance(v, list)] if isinstance(found, Mapping) else []
    if len(lists) == 1 and all(isinstance(run, Mapping) for run in lists[0]):
        return lists[0]
    return found
