"""Tables for the tests of the tables floor: files as bytes, frames of every kind of column, random frames."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from shrinkage.tables import Preprocessor, Table, read_table

# "inf" is read as a number, and refused as one: a test of its own.
WORDS = st.text(max_size=6).filter(lambda word: "inf" not in word.lower()) | st.sampled_from(
    ["NA", "None", "yes", "no", "1", "007", "1.0", "=1", "\0", "😀", "Ä"]
)
CELLS: dict[str, Any] = {
    "number": st.floats(-1e30, 1e30) | st.none(),
    "integer": st.integers(-(2**70), 2**70),
    "boolean": st.booleans() | st.none(),
    "text": WORDS | st.none(),
    "date": st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)) | st.none(),
    "mixed": WORDS | st.integers(-5, 5) | st.booleans() | st.none() | st.floats(-1, 1),
    "nested": st.lists(st.integers(), max_size=2),
}
SLIPS = st.sampled_from(["unknown", "..", "\\N", "-", "n/a (2)", "NA", "<NA>", "?", "", "oops"]) | st.none()
_NUMBER, _DATE = st.floats(-1e6, 1e6), st.datetimes(datetime(1970, 1, 1), datetime(2060, 1, 1))
WRITTEN: dict[str, Any] = {
    "currency": _NUMBER.map(lambda x: f"${x:,.2f}"),
    "percent": _NUMBER.map(lambda x: f"{x:.1f}%"),
    "unit": _NUMBER.map(lambda x: f"{x:.1f} kg"),
    "accountant": _NUMBER.map(lambda x: f"({abs(x):.2f})" if x < 0 else f"{x:.2f}"),
    "comma": _NUMBER.map(lambda x: f"{x:.2f}".replace(".", ",")),
    "wide space": _NUMBER.map(lambda x: f"{x:,.2f}".replace(",", "\u00a0").replace("-", "\u2212")),
    "ISO": _DATE.map(datetime.isoformat),
    "day first": _DATE.map(lambda day: day.strftime("%d/%m/%Y")),
    "named month": _DATE.map(lambda day: day.strftime("%d-%b-%y")),
    "half a day": _DATE.map(lambda day: day.strftime("%m/%d/%Y %I:%M %p")),
    "quarter": _DATE.map(lambda day: f"{day.year}Q{day.month // 4 + 1}"),
    "clock": _DATE.map(lambda day: day.strftime("%H:%M")),
    "version": st.sampled_from(["3.1", "3.10", "3.9", "3.11"]),
    "zip": st.integers(0, 999).map(lambda code: f"{code:05d}"),
}
"""Cells as people write them, each column in one way, with some `SLIPS` between them."""
CELLS["written"] = None


@st.composite
def frames(draw: Any, min_rows: int = 1, max_rows: int = 30, names: list[str] | None = None) -> pd.DataFrame:
    """A frame of random columns, and always one that can be learned from."""
    n = draw(st.integers(min_rows, max_rows))
    columns: dict[str, pd.Series] = {"anchor": pd.Series(np.arange(n) * 0.5 - 1)}
    others = st.lists(st.text(max_size=5).filter(lambda name: name != "anchor"), max_size=5, unique=True)
    for name in draw(others) if names is None else names:
        kind = draw(st.sampled_from(sorted(CELLS)))
        cells = draw(written(n) if kind == "written" else st.lists(CELLS[kind], min_size=n, max_size=n))
        dtype = object if kind != "number" else np.float64
        columns[name] = pd.Series(cells, dtype=dtype)
    return pd.DataFrame(columns)


@st.composite
def written(draw: Any, n: int) -> list[str | None]:
    """A column as people write it: in one way, or in two, with what means missing and mistakes."""
    ways = draw(st.lists(st.sampled_from(sorted(WRITTEN)), min_size=1, max_size=2, unique=True))
    slips = draw(st.sampled_from([0, 0, 1, n // 3]))
    cells = draw(st.lists(st.one_of([WRITTEN[way] for way in ways[:1]]), min_size=n, max_size=n))
    if len(ways) == 2:
        cells[: n // 4] = draw(st.lists(WRITTEN[ways[1]], min_size=n // 4, max_size=n // 4))
    return [*cells[: n - slips], *draw(st.lists(SLIPS, min_size=slips, max_size=slips))]


def text_table(path: Path, content: str | bytes, **options: Any) -> Table:
    """The table in a file of this content."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(path, **options)


def in_memory(**columns: Any) -> Table:
    """A table without a file; in messages it is `d.csv`."""
    return Table(frame=pd.DataFrame(columns), source="d.csv", sha256="")


def every_kind(n: int = 60, seed: int = 0) -> pd.DataFrame:
    """One column of each kind, with missing cells; `comment` and `id` are to be left out."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "size": random.normal(5, 2, n).round(3),
            "count": random.integers(0, 9, n),
            "city": random.choice(["Paris", "Rome", "NA"], n),
            "zip": random.choice(["00501", "10001", "94105"], n),
            "smoker": random.choice(["yes", "no"], n),
            "member": random.random(n) < 0.5,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 900, n), unit="D"),
            "seen": [f"{1 + 5 * i % 28:02d}/{1 + i % 12:02d}/2021" for i in range(n)],
            "comment": [f"row {i} says {random.integers(10**9)} words" for i in range(n)],
            "id": np.arange(n) + 1000,
            "same": ["x"] * n,
        }
    )
    frame.loc[frame.index % 7 == 3, ["size", "city", "since"]] = None
    return frame


def state(preprocessor: Preprocessor, folder: Path) -> bytes:
    """All that was fitted, as the bytes of its file."""
    from shrinkage.tables import save_preprocessor

    save_preprocessor(preprocessor, folder / "state.skops")
    return (folder / "state.skops").read_bytes()
