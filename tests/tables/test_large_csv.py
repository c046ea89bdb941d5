"""Large regular CSV files: parsed a group of columns at a time, which changes nothing but the memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from shrinkage.tables import read_table
from shrinkage.tables.read.files import _arrow_csv
from shrinkage.tables.read.files._arrow_csv import ArrowColumns

PEAK = """
import sys
from shrinkage.tables import check_table, read_table

def resident(key):
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(key))

def checked(path):
    check_table(read_table(path), "y")

checked(sys.argv[1])
before = resident("VmRSS")
checked(sys.argv[2])
print(resident("VmHWM") - before)
"""


@pytest.mark.parametrize("order", [range(9), range(8, -1, -1), [4, 4, 0, -1]])
def test_columns_are_the_same_in_groups(monkeypatch: pytest.MonkeyPatch, order: list[int]):
    text = "\n".join(",".join(f"{row}.{column}" for column in range(9)) for row in range(30)).encode()
    whole = ArrowColumns(memoryview(text), ",", 9, quoted=False)
    monkeypatch.setattr(_arrow_csv, "WHOLE", 0)
    parted = ArrowColumns(memoryview(text), ",", 9, quoted=False)
    for place in order:
        assert parted[place].to_pylist() == [f"{row}.{range(9)[place]}" for row in range(30)]
        assert parted[place].equals(whole[place])


def test_later_groups_are_smaller_and_none_is_empty():
    assert _arrow_csv._halves(30, 4) == [0, 15, 23, 27]
    assert _arrow_csv._halves(2, 4) == [0, 1]
    assert _arrow_csv._halves(1, 4) == [0]


@pytest.mark.parametrize("row", ["1,2,3", "1,2,3,4,5"])
def test_a_row_of_another_length_is_found_in_the_first_group(monkeypatch: pytest.MonkeyPatch, row: str):
    monkeypatch.setattr(_arrow_csv, "WHOLE", 0)
    with pytest.raises(pa.ArrowException):
        ArrowColumns(memoryview(f"1,2,3,4\n{row}\n".encode()), ",", 4, quoted=False)


def test_a_table_is_the_same_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rows = range(40)
    frame = pd.DataFrame({"": rows, "a": [f"w{i % 3}" for i in rows], "b": [i / 7 for i in rows], "c": "x"})
    frame["d"] = [None if i % 5 else i for i in rows]
    frame.to_csv(tmp_path / "t.csv", index=False)
    whole = read_table(tmp_path / "t.csv")
    monkeypatch.setattr(_arrow_csv, "WHOLE", 0)
    parted = read_table(tmp_path / "t.csv")
    pd.testing.assert_frame_equal(parted.frame, whole.frame)
    assert parted.notes == whole.notes


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
def test_reading_and_checking_takes_at_most_three_times_the_file(tmp_path: Path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.standard_normal((100_000, 30))).add_prefix("x")
    frame["y"] = (frame["x0"] > 0).astype(int)
    frame.head(1000).to_csv(tmp_path / "small.csv", index=False)
    frame.to_csv(tmp_path / "large.csv", index=False)
    command = [sys.executable, "-c", PEAK, str(tmp_path / "small.csv"), str(tmp_path / "large.csv")]
    peak = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert peak <= 3 * (tmp_path / "large.csv").stat().st_size
