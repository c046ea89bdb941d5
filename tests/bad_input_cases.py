"""What can be wrong with a request or a table: one row a case, run through the real command line.

A new case is one more `Case`: a file, the options, and what the message must say.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["FIT", "PREDICT", "Case"]

N = 24


@dataclass(frozen=True, kw_only=True)
class Case:
    """One thing that can be wrong."""

    id: str
    says: tuple[str, ...]
    """Parts of the message: what, where, what to do."""
    file: str | bytes | Callable[[Path], object] | None = None
    """Content of the data file, or what makes it; None for no file."""
    name: str = "data.csv"
    options: tuple[str, ...] = ("-t", "y")
    """`{out}`, `{file}` and `{folder}` are filled in."""
    problems: int = 1
    """Lines of the message, all of them problems."""
    code: int = 2


def table(**columns: Any) -> str:
    """A CSV of N rows with a number `a` and a target `y` of two classes, columns replaced or added."""
    plain = {"a": [round(0.37 * i - 3, 2) for i in range(N)], "y": ["yes", "no"] * (N // 2)}
    return pd.DataFrame(plain | columns).to_csv(index=False)


def replaced(values: list[Any], place: int, value: object) -> list[Any]:
    return [*values[:place], value, *values[place + 1 :]]


def written(values: list[float], decimal: str = ",", thousands: str = ".") -> list[str]:
    """Numbers as a German writes them: 1.223,91."""
    swap = str.maketrans({",": thousands, ".": decimal})
    return [f"{value:,.2f}".translate(swap) for value in values]


def semicolons(**columns: Any) -> str:
    return pd.read_csv(io.StringIO(table(**columns)), dtype=str).to_csv(index=False, sep=";")


def zipped(*members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for member in members:
            archive.writestr(member, table())
    return buffer.getvalue()


def parquet(path: Path, **columns: Any) -> None:
    pd.read_csv(io.StringIO(table())).assign(**columns).to_parquet(path, index=False)


PRICES = [1223.91 + 517.3 * i for i in range(N)]
NUMBERS = [str(round(0.37 * i - 3, 2)) for i in range(N)]
GERMAN, COMMAS = written(PRICES), [number.replace(".", ",") for number in NUMBERS]
CONSTANT = ("one value ('yes')", "nothing to learn")
"""A table that is read as it should be, and then has nothing to learn from: shows that the reading worked."""
LONELY = table(y=["yes"] * N)

FILES = (
    Case(id="missing file", name="none.csv", says=("none.csv", "No such file")),
    Case(id="folder", file=Path.mkdir, says=("data.csv", "is a folder", "name a CSV or Parquet file")),
    Case(id="fifo", file=os.mkfifo, says=("data.csv", "not a regular file", "save the table")),
    Case(id="url", name="https://example.org/d.csv", says=("web address", "download the file first")),
    Case(id="empty", file=b"", says=("data.csv", "empty (0 bytes)")),
    Case(id="blanks", file=" \n\n  \n", says=("data.csv", "only blank lines")),
    Case(id="header alone", file="a,y\n", says=("data.csv", "header but no data rows")),
    Case(id="HTML", file="<!DOCTYPE html>\n<html>404</html>\n", says=("looks like HTML", "DOCTYPE")),
    Case(id="JSON", file='[{"a": 1, "y": 2}]', says=("looks like JSON, not CSV",)),
    Case(id="byte-order mark", file="\ufeffy,a\n" + "yes,1\n" * N, says=CONSTANT),
    Case(id="UTF-16 with mark", file=LONELY.encode("utf-16"), says=CONSTANT),
    Case(
        id="UTF-16 without mark", file=LONELY.encode("utf-16-le"), says=("line 1", "NUL", "--encoding utf-16")
    ),
    Case(id="NUL byte", file=table().replace("yes", "y\0s", 1), says=("line 2", "NUL byte", "--encoding")),
    Case(
        id="Latin-1",
        file=table(y=["né", "no"] * (N // 2)).encode("latin-1"),
        says=("line 2, byte", "0xE9 is not UTF-8", "--encoding latin-1"),
    ),
    Case(
        id="unknown encoding",
        file=table(),
        options=("-t", "y", "--encoding", "klingon"),
        says=("--encoding klingon",),
    ),
    Case(
        id="separator that is none",
        file=table(),
        options=("-t", "y", "--sep", "(,"),
        says=("--sep '(,'", "regular expression"),
    ),
    Case(
        id="row too long",
        file=table() + "1,yes,2\n",
        says=("line 26: 3 fields", "header has 2", "'1,yes,2'", "--sep"),
    ),
    Case(id="every row too long", file="a,y\n" + "1,2,yes\n" * N, says=("line 2: 3 fields", "24 such rows")),
    Case(id="row too short", file=table() + "1\n", says=("line 26: 1 fields", "header has 2")),
    Case(id="preamble", file="# made by a machine\n" + table(), says=("line 1", "#", "comment")),
    Case(id="no header", file="5.1,1\n" * N, options=("-t", "1"), says=("not column names", "add a line")),
    Case(
        id="repeated names",
        file="a,a,y\n" + "1,2,yes\n" * N,
        says=("more than once: 'a'", "Rename or remove"),
    ),
    Case(id="repeated target", file="a,y,y\n" + "1,2,2\n" * N, says=("more than once: 'y'",)),
    Case(id="padded names", file=LONELY.replace("a,y", " a , y "), says=CONSTANT),
    Case(id="trailing separator", file=LONELY.replace("\n", ",\n"), says=CONSTANT),
    Case(
        id="quoted line break",
        file=table(a=["two\nlines"] * N, y=replaced(["u", "v"] * 12, 3, None)),
        says=("(line 8)",),
    ),
    Case(id="open quote", file=table() + '"1,yes\n2,no\n', says=("line 26", "never closed")),
    Case(id="carriage returns alone", file=LONELY.replace("\n", "\r"), says=CONSTANT),
    Case(id="mixed line ends", file=LONELY.replace("\n", "\r\n", 9), says=CONSTANT),
    Case(id="gzip called csv", file=gzip.compress(LONELY.encode()), says=CONSTANT),
    Case(id="bzip2", file=bz2.compress(LONELY.encode()), says=CONSTANT),
    Case(id="xz", file=lzma.compress(LONELY.encode()), says=CONSTANT),
    Case(id="cut gzip", file=gzip.compress(table().encode())[:-9], says=("damaged or cut off",)),
    Case(id="zip of two", file=zipped("a.csv", "b.csv"), says=("holds 2 files",)),
    Case(id="corrupt Parquet", file=b"PAR1....PAR1", says=("not a readable Parquet file",)),
    Case(
        id="spreadsheet",
        file=zipped("[Content_Types].xml", "b"),
        says=("Office file", "save the table as CSV"),
    ),
)

TARGETS = (
    Case(id="no target", file=table(), options=(), says=("--target", "--target price")),
    Case(id="other case", file=table(), options=("-t", "Y"), says=("no column 'Y'", "did you mean 'y'?")),
    Case(
        id="unknown target",
        file=table(),
        options=("-t", "quality"),
        says=("no column 'quality'", "columns are 'a', 'y'"),
    ),
    Case(
        id="wrong separator",
        file=semicolons(),
        options=("-t", "y", "--sep", ","),
        says=("no column 'y'", "separated by ';'", "--sep ';'"),
    ),
    Case(
        id="missing in the target",
        file=table(y=replaced(["u", "v"] * 12, 3, None)),
        says=("missing in 1 of 24 rows (line 5)", "--drop-missing-target"),
    ),
    Case(id="constant target", file=LONELY, says=CONSTANT),
    Case(
        id="rare class",
        file=table(y=replaced(["u", "v"] * 12, 3, "w")),
        says=("'w' (1)", "5 folds", "--drop-rare-classes", "--folds"),
    ),
    Case(
        id="numbers as classes",
        file=table(y=NUMBERS),
        options=("-t", "y", "--task", "classification"),
        says=("24 different numbers", "--task regression"),
    ),
    Case(
        id="words as numbers",
        file=table(),
        options=("-t", "y", "--task", "regression"),
        says=("line 2", "'yes'", "--task classification"),
    ),
    Case(
        id="a word in a numeric target",
        file=table(y=replaced(NUMBERS, 4, "much")),
        says=("line 6", "'y' holds numbers, but here 'much'", "--na"),
    ),
    Case(
        id="words in two targets that aren't labels",
        file=table(z=["u", "v", "w"] * 8),
        options=("-t", "y", "-t", "z"),
        says=("'y'", "'z'"),
        problems=2,
    ),
    Case(id="nothing besides", file="y\n" + "u\nv\n" * 12, says=("no column besides the target",)),
    Case(
        id="too few rows",
        file="a,y\n1,u\n2,v\n3,u\n",
        says=("5 folds need at least 10 rows, found 3", "--folds"),
        problems=2,
    ),
)

VALUES = (
    Case(
        id="infinite",
        file=table(a=replaced(NUMBERS, 4, "inf")),
        says=("line 6", "'a' is infinite", "leave the cell empty"),
    ),
    Case(id="overflow", file=table(a=replaced(NUMBERS, 4, "1e400")), says=("line 6", "'a' is infinite")),
    Case(
        id="beyond float32",
        file=table(a=replaced(NUMBERS, 4, "1e300")),
        says=("line 6", "1e+300, beyond 3.4e38"),
    ),
    Case(
        id="two units",
        file=table(a=replaced([f"{i} kg" for i in range(N)], 4, "9 lb")),
        says=("line 6", "'a' holds numbers with a unit, but here '9 lb'", "--text a"),
    ),
    Case(
        id="a count with rare values",
        file=table(y=replaced(["0", "1"] * 12, 3, "7")),
        says=("'y' has a class", "--task regression"),
    ),
    Case(
        id="a word",
        file=table(a=replaced(NUMBERS, 4, "abc")),
        says=("line 6", "'a' holds numbers, but here 'abc'", "--na"),
    ),
    Case(id="a hexadecimal", file=table(a=replaced(NUMBERS, 4, "0x1F")), says=("line 6", "'0x1F'")),
    Case(
        id="a word between decimal commas",
        file=semicolons(a=replaced(COMMAS, 4, "abc")),
        says=("line 6", "'a' holds numbers, but here 'abc'"),
    ),
    Case(
        id="a word between marked thousands",
        file=semicolons(a=replaced(GERMAN, 4, "abc")),
        says=("line 6", "'a' holds numbers, but here 'abc'"),
    ),
    Case(
        id="commas of either kind",
        file=semicolons(a=[f"{i},{i:03d}" for i in range(1, N + 1)]),
        says=("'a' holds numbers such as '1,001'", "--decimal ','", "--thousands ','"),
    ),
    Case(
        id="points of either kind",
        file=semicolons(a=COMMAS, b=[f"{i}.{i:03d}" for i in range(1, N + 1)]),
        says=("'b' holds '1.001'", "decimal commas of column 'a'", "--thousands '.'"),
    ),
    Case(
        id="marked thousands, asked for",
        file=semicolons(a=replaced(GERMAN, 4, "1.22,3")),
        options=("-t", "y", "--thousands", ".", "--decimal", ","),
        says=("line 6", "'1.22,3'"),
    ),
    Case(
        id="unknown decimal point",
        file=table(),
        options=("-t", "y", "--decimal", "'"),
        says=("--decimal", "'.' or ','"),
    ),
    Case(
        id="one mark for both",
        file=table(),
        options=("-t", "y", "--thousands", ".", "--decimal", "."),
        says=("--thousands .", "not the decimal point"),
    ),
    Case(
        id="kept and dropped",
        options=("-t", "y", "--drop", "a", "--keep-columns", "a"),
        says=("--drop a: --keep-columns names it too",),
    ),
    Case(
        id="no column to ignore",
        file=table(),
        options=("-t", "y", "--drop", "b"),
        says=("no column 'b'", "'a', 'y'"),
    ),
    Case(
        id="everything at once",
        file=table(
            a=replaced(NUMBERS, 2, "inf"),
            b=[None] * N,
            c=replaced(NUMBERS, 3, "x"),
            y=replaced(["u"] * N, 5, None),
        ),
        options=("-t", "y", "-t", "Z"),
        says=(
            "no column 'Z'",
            "line 4: column 'a' is infinite",
            "line 5: column 'c'",
            "(line 7)",
            "one value",
        ),
        problems=5,
    ),
    Case(
        id="nothing to learn from",
        file=table(a=[f"w{i}" for i in range(N)]),
        says=("No column is left to learn from", "'a': each row has its own value"),
    ),
    Case(
        id="nested Parquet",
        name="d.parquet",
        file=lambda path: parquet(path, a=[[1, 2]] * N),
        says=("'a': its cells are not single values",),
    ),
    Case(
        id="infinite in Parquet",
        name="d.parquet",
        file=lambda path: parquet(path, a=[np.inf, *[1.0] * (N - 1)]),
        says=("row 1", "infinite"),
    ),
    Case(
        id="hostile names",
        file=table().replace("a,y", "a,\x1b[31m\u202e"),
        options=("-t", "y"),
        says=("\\x1b[31m", "\\u202e"),
    ),
    Case(id="hostile file name", name="\x1b[2J\u202e.csv", file=LONELY, says=("\\x1b[2J", "\\u202e")),
)

_OPTIONS = tuple(
    Case(id=f"{option} {value}", file=table(), options=("-t", "y", option, value), says=says)
    for option, value, says in [
        ("--task", "clustering", ("--task clustering", "regression")),
        ("--folds", "1", ("--folds 1", "at least 2")),
        ("--epochs", "abc", ("--epochs", "'abc'")),
        ("--epochs", "0", ("--epochs", "auto", ">= 1", "'0'")),
        ("--folds", "x", ("--folds", "valid integer", "shrinkage fit --help")),
        ("--batch-size", "0", ("--batch-size", ">= 1", "'0'")),
        ("--batch-size", "2.5", ("--batch-size", "whole number", "'2.5'")),
        ("--restarts", "0", ("--restarts", ">= 1", "got 0")),
        ("--extensions", "-1", ("--extensions", ">= 0", "got -1")),
        ("--seed", "-1", ("--seed", "from 0 to 4294967295", "got -1")),
        ("--seed", "4294967296", ("--seed", "from 0 to 4294967295", "got 4294967296")),
        ("--lr", "-1", ("--lr", "auto", "> 0", "-1")),
        ("--lr", "fast", ("--lr", "'fast'")),
        ("--lr", "nan", ("--lr", "finite", "nan")),
        ("--lambdas", "many", ("--lambdas", "'many'")),
        ("--lambdas", "-1,0", ("--lambdas", ">= 0")),
        ("--lambdas", "1:0:5", ("--lambdas", "both > 0")),
        ("--lambdas", "999999999", ("--lambdas", "up to 10,000")),
        ("--hidden", "wide", ("--hidden", "'wide'")),
        ("--hidden", "-3", ("--hidden", ">= 1")),
        ("--jobs", "0", ("--jobs", "other than 0")),
        ("--rule", "ridge", ("ridge", "l2")),
        ("--trainer", "magic", ("--trainer", "backprop", "'magic'")),
        ("--solver", "lbfgs", ("--solver", "adam", "'lbfgs'")),
        ("--schedule", "step", ("--schedule", "cosine", "'step'")),
        ("--activation", "gelu", ("--activation", "relu", "'gelu'")),
        ("--select", "max", ("--select", "1se", "'max'")),
        ("--stop", "early", ("--stop", "last", "'early'")),
        ("--device", "abacus", ("--device abacus", "--device cpu")),
        ("--bogus", "1", ("--bogus", "shrinkage fit --help")),
    ]
)
REQUESTS = (
    *_OPTIONS,
    Case(id="no such bundled table", options=("--bundled", "titanic"), says=("'titanic'", "breast_cancer")),
    Case(
        id="resume and overwrite",
        file=table(),
        options=("-t", "y", "--resume", "--overwrite"),
        says=("--resume", "--overwrite"),
    ),
    Case(
        id="output is a file",
        file=table(),
        options=("-t", "y", "--out", "{file}"),
        says=("it is a file", "name a folder"),
    ),
    Case(
        id="output below a file",
        file=table(),
        options=("-t", "y", "--out", "{file}/x"),
        says=("--out", "Not a directory", "another folder"),
    ),
    Case(
        id="output where nothing may be",
        file=table(),
        options=("-t", "y", "--out", "/proc/x"),
        says=("--out", "/proc/x"),
        code=1,
    ),
    Case(
        id="output too long",
        file=table(),
        options=("-t", "y", "--out", "x" * 300),
        says=("File name too long", "another folder"),
    ),
)

FIT = (*FILES, *TARGETS, *VALUES, *REQUESTS)

NEW = "size,colour,smoker,day\n0.5,red,yes,2024-01-05\n0.1,green,no,2024-01-06\n"
"""Rows for the network of `mixed_table`."""
PREDICT = (
    Case(
        id="a column missing",
        file=NEW.replace("colour", "color"),
        options=(),
        says=("'colour' is missing", "leave the cell empty"),
    ),
    Case(
        id="a word for a number",
        file=NEW.replace("0.1", "abc"),
        options=(),
        says=("line 3", "'size' is 'abc', not a number", "--na"),
    ),
    Case(
        id="a decimal comma for a number",
        file=NEW.replace(",", ";").replace("0.1", "0,1").replace("0.5", "x"),
        options=(),
        says=("line 2", "'size' is 'x'", "2 such cells", "--decimal"),
    ),
    Case(id="infinite", file=NEW.replace("0.1", "inf"), options=(), says=("line 3", "'size' is infinite")),
    Case(
        id="a word for a boolean",
        file=NEW.replace("no", "perhaps"),
        options=(),
        says=("line 3", "'perhaps', not true or false"),
    ),
    Case(
        id="another date",
        file=NEW.replace("2024-01-06", "2024-13-06"),
        options=(),
        says=("line 3", "'day' is '2024-13-06', not a date"),
    ),
    Case(
        id="all of it at once",
        file=NEW.replace("colour", "c")
        .replace("0.1", "inf")
        .replace("no", "perhaps")
        .replace("2024-01-06", "soon"),
        options=(),
        says=("'colour'", "infinite", "perhaps", "soon"),
        problems=4,
    ),
    Case(
        id="another lambda",
        file=NEW,
        options=("--lam", "0.7"),
        says=("--lam 0.7", "no network of that λ was kept"),
    ),
    Case(
        id="a spreadsheet to write",
        file=NEW,
        options=("-o", "{folder}/out.xlsx"),
        says=("out.xlsx", "CSV (.csv) or Parquet"),
    ),
    Case(
        id="nowhere to write",
        file=NEW,
        options=("-o", "{folder}/none/out.csv"),
        says=("out.csv", "No such file"),
    ),
    Case(id="an empty file", file="", options=(), says=("empty (0 bytes)",)),
    Case(id="a missing file", name="none.csv", options=(), says=("No such file",)),
)
