"""Reading: what comes out of a file, and the sentence where nothing can."""

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shrinkage._errors import RequestError
from shrinkage.tables import read_table
from tables_cases import text_table

CSV = "a,b\n1,x\n2,y\n"


def zipped(*members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for member in members:
            archive.writestr(member, CSV)
    return buffer.getvalue()


def tarred(*members: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for member in members:
            info = tarfile.TarInfo(member)
            info.size = len(CSV)
            archive.addfile(info, io.BytesIO(CSV.encode()))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        CSV.encode(),
        b"\xef\xbb\xbf" + CSV.encode(),
        CSV.encode("utf-16"),
        CSV.encode("utf-32"),
        CSV.replace("\n", "\r").encode(),
        CSV.replace("\n", "\r\n").encode(),
        b"a,b\r\n1,x\n2,y",
        CSV.replace(",", ";").encode(),
        CSV.replace(",", "\t").encode(),
        CSV.replace(",", "|").encode(),
        b" a , b\n1, x\n 2,y \n",
        b'"a","b"\n"1","x"\n"2","y"\n',
        b"\na,b\n\n1,x\n   \n2,y\n\n",
        b"a,b,\n1,x,\n2,y,\n",
        gzip.compress(CSV.encode(), mtime=0),
        bz2.compress(CSV.encode()),
        lzma.compress(CSV.encode()),
        zipped("t.csv"),
        zipped("t.csv", "__MACOSX/._t.csv", ".DS_Store"),
        zipped("data/t.csv", "README.txt", "LICENSE"),
        zipped("t.dat"),
        gzip.compress(gzip.compress(CSV.encode(), mtime=0), mtime=0),
        gzip.compress(zipped("t.csv"), mtime=0),
        tarred("data/t.csv", "data/._t.csv", "README.txt"),
        gzip.compress(tarred("t.csv"), mtime=0),
        pa.compress(CSV.encode(), codec="zstd", asbytes=True),
    ],
    ids=lambda content: f"{len(content)} bytes",  # a zip holds the time, an id must not
)
def test_one_table_in_many_dresses(tmp_path: Path, content: bytes):
    table = text_table(tmp_path / "t.csv", content)
    assert table.frame.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}
    assert table.frame["a"].dtype == np.int64
    assert table.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", r"empty \(0 bytes\)"),
        (b" \n\n ", "only blank lines"),
        (gzip.compress(b"", mtime=0), "holds no text"),
        (b"a,b\n", "header but no data rows"),
        (b"<!DOCTYPE html><html>", "looks like HTML"),
        (b'[{"a": 1}]', "looks like JSON"),
        (b'{"a": 1}', "looks like JSON"),
        (b"a,b\n1,\x002\n", "line 2: a NUL byte.*--encoding utf-16"),
        ("a,b\n1,é\n".encode("latin-1"), "line 2, byte 3: 0xE9 is not UTF-8.*--encoding latin-1"),
        (b"a,b\n1,2\n1,2,3\n4\n", "line 3: 3 fields where the header has 2.*2 such rows; next line 4"),
        (b"a,b\n1,2,3\n1,2,3,4\n", "line 2: 3 fields where the header has 2"),
        (b"a,b\nr,1,2\ns,3,4\n", "line 2: 3 fields where the header has 2.*as R writes tables, add a name"),
        (b'a,b\n1,"2 \\" x"\n', r"line 2: text follows a closing quote.*--escape '\\'"),
        (b'"a" "b"\n"x" 1\n', r"line 1: text follows a closing quote.*--sep '\\s\+'"),
        (b"E,1,E\n2,3,4\n", "more than once: 'E'.*If the first line holds values, use --no-header"),
        (b'a,b\n"x\ny",1\n3\n', "line 4: 1 fields"),
        (b'a,b\n1,2\n3,"4\n5,6\n', "line 3: a quote .* never closed"),
        (b'a,b\n1,"2"x\n', "line 2: text follows a closing quote"),
        (b"a,b,a\n1,2,3\n", "more than once: 'a'"),
        (b"5.1,3.5,1\n4.9,3.0,0\n", "not column names"),
        (b",\n1,2\n", "not column names"),
        (gzip.compress(CSV.encode() * 99, mtime=0)[:-9], "damaged or cut off"),
        (zipped("a.csv", "b.csv"), r"holds 2 files \('a\.csv', 'b\.csv'\): give a zip file with one table"),
        (tarred("a.csv", "b.csv"), r"holds 2 files \('a\.csv', 'b\.csv'\): give a tar file with one table"),
        ("a,b\n1,é\n".encode("utf-16-be"), "--encoding utf-16-be"),
        (zipped(), r"holds 0 files: give"),
        (b"7z\xbc\xaf\x27\x1c....", "7-Zip or RAR archive"),
        (zipped("[Content_Types].xml", "b"), "Office file"),
        (b"\x28\xb5\x2f\xfd....", "damaged or cut off"),
        (b"PAR1....PAR1", "not a readable Parquet file"),
        (b"a\n" + b'"' + b"x" * 140_000 + b'"\n', "more than 131,072 characters"),
    ],
)
def test_a_file_that_is_no_table(tmp_path: Path, content: bytes, message: str):
    with pytest.raises(RequestError, match=f"(?s){message}") as caught:
        text_table(tmp_path / "t.csv", content)
    assert all("t.csv" in problem and "\n" not in problem for problem in caught.value.problems)


def test_a_compressed_file_of_columns_with_types_is_read(tmp_path: Path):
    buffer = io.BytesIO()
    pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}).to_parquet(buffer)
    table = text_table(tmp_path / "t.parquet.gz", gzip.compress(buffer.getvalue(), mtime=0))
    assert table.frame.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}


def test_all_problems_of_a_file_are_reported_at_once(tmp_path: Path):
    with pytest.raises(RequestError) as caught:
        text_table(tmp_path / "t.csv", "a,a\n1,2,3\n")
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    "path, message",
    [
        ("missing.csv", "No such file"),
        (".", "is a folder"),
        ("/dev/null", "not a regular file"),
        ("https://example.org/a.csv", "web address"),
        ("a\0b", "cannot be read"),
        ("x" * 5000, "cannot be read"),
    ],
)
def test_a_path_that_is_no_file(path: str, message: str):
    with pytest.raises(RequestError, match=message):
        read_table(path)


@pytest.mark.parametrize(
    "cells, expected, note",
    [
        (["1", "", "3"], [1.0, None, 3.0], ""),
        (["1.5", "NA", "?"], [1.5, None, None], "'?' in 1 cell, 'NA' in 1 cell read as missing"),
        (["NA", "US", ""], ["NA", "US", None], ""),
        (["None", "null", "NaN"], ["None", "null", None], ""),
        (["00501", "10001", "2"], ["00501", "10001", "2"], "leading zeros, as in '00501'"),
        (["0", "0.5", "-0.25"], [0.0, 0.5, -0.25], ""),
        (["9007199254740993", "", "1"], ["9007199254740993", None, "1"], "beyond 2^53"),
        (["1e3", "-2.5E-1", "+4"], [1000.0, -0.25, 4.0], ""),
        (["0x1F", "1_000", "2"], ["0x1F", "1_000", "2"], ""),
        (["true", "false", ""], ["true", "false", None], ""),
        (["2020-01-02", "2020-01-03", ""], ["2020-01-02", "2020-01-03", None], ""),
        (["", "", ""], [None, None, None], ""),
    ],
)
def test_a_cell_becomes_a_number_only_where_nothing_is_lost(
    tmp_path: Path, cells: list[str], expected: list[object], note: str
):
    table = text_table(tmp_path / "t.csv", "a,b\n" + "".join(f"{cell},0\n" for cell in cells))
    found = [None if pd.isna(value) else value for value in table.frame["a"]]
    assert found == expected
    assert note in " ".join(table.notes)
    assert bool(note) == bool(table.notes)


def test_decimal_commas_are_read_and_possible_thousands_are_not(tmp_path: Path):
    table = text_table(tmp_path / "t.csv", "a;b;c\n1,5;1,500;x\n-2;2,500;y\n")
    assert table.frame["a"].tolist() == [1.5, -2.0]
    assert table.frame["b"].tolist() == ["1,500", "2,500"]
    assert any("decimal point" in note for note in table.notes)


def test_a_row_is_found_at_its_line(tmp_path: Path):
    table = text_table(tmp_path / "t.csv", 'a,b\n"two\nlines",1\n\nlast,2\n')
    assert [table.where(row) for row in range(2)] == ["line 2", "line 5"]


def test_unnamed_columns_go_by_their_place(tmp_path: Path):
    table = text_table(tmp_path / "t.csv", ",a\n0,5\n1,6\n")
    assert list(table.frame) == ["column 1", "a"]
    assert "column 1" in table.notes[0]


def test_hostile_names_are_read_as_they_are(tmp_path: Path):
    table = text_table(tmp_path / "t.csv", "<script>alert(1)</script>,[y],=1+1\n1,2,3\n")
    assert list(table.frame) == ["<script>alert(1)</script>", "[y]", "=1+1"]


def test_options(tmp_path: Path):
    latin = text_table(tmp_path / "t.csv", "é;b\n1;x,y\n".encode("latin-1"), encoding="latin-1", sep=";")
    assert latin.frame.to_dict("list") == {"é": [1], "b": ["x,y"]}
    assert text_table(
        tmp_path / "t.csv", "a,b\n1,x\nmiss,miss\n", na=["miss"]
    ).frame.isna().sum().tolist() == [1, 1]
    for options in ({"sep": "(("}, {"sep": "x*"}, {"sep": "\n"}, {"encoding": "no-such"}, {"escape": "ab"}):
        with pytest.raises(RequestError, match=r"(sep|encoding|escape)="):
            text_table(tmp_path / "t.csv", CSV, **options)


def test_parquet_keeps_types_and_order(tmp_path: Path):
    frame = pd.DataFrame(
        {
            "x": [3.5, None, 1.0],
            "flag": [True, False, True],
            "word": pd.Categorical(["b", "a", "b"]),
            "day": pd.to_datetime(["2021-01-03", "2020-01-01", None]),
        },
        index=pd.Index([9, 7, 8]),
    )
    frame.to_parquet(tmp_path / "t.parquet", index=False)
    table = read_table(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(table.frame, frame.reset_index(drop=True), check_dtype=False)
    assert table.where(2) == "row 3"


def test_parquet_rounds_no_integer(tmp_path: Path):
    pq.write_table(pa.table({"id": [2**53 + 1, None, 1], "n": [1, 2, 3]}), tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert table.frame["id"].tolist()[0] == "9007199254740993"
    assert "beyond 2^53" in table.notes[0]


@pytest.mark.parametrize(
    "columns, message",
    [({"a": pa.array([], pa.int64())}, "no rows"), ({"a ": [1], "a": [2]}, "more than once: 'a'")],
)
def test_parquet_that_is_no_table(tmp_path: Path, columns: dict[str, object], message: str):
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.raises(RequestError, match=message):
        read_table(tmp_path / "t.parquet")


@settings(deadline=None, max_examples=200, derandomize=True)
@given(st.binary(max_size=200) | st.text(st.sampled_from('a1,;"\n\r\t 0.x'), max_size=80).map(str.encode))
def test_any_bytes_are_a_table_or_a_sentence(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    problems: tuple[str, ...] = ()
    try:
        table = text_table(path, content)
    except RequestError as error:
        problems = error.problems
    else:
        assert len(table.frame) >= 1
        assert table.frame.columns.is_unique
    assert all(problem.isprintable() for problem in problems)


@settings(deadline=None, max_examples=100, derandomize=True)
@given(st.lists(st.tuples(st.text(max_size=8), st.integers(-(2**40), 2**40)), min_size=1, max_size=20))
def test_what_pandas_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int]]
):
    path = tmp_path_factory.getbasetemp() / "back.csv"
    text = ["w" + "".join(c for c in word if c not in "\0\r") for word, _ in rows]
    frame = pd.DataFrame({"word": text, "n": [number for _, number in rows]})
    frame.to_csv(path, index=False, lineterminator="\n", encoding="utf-8", errors="replace")
    found = read_table(path, sep=",").frame
    assert found["n"].tolist() == frame["n"].tolist()
    assert found["word"].tolist() == [word.encode("utf-8", "replace").decode().strip() for word in text]
