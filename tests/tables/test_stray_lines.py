"""Lines that are no rows of the table are refused with a command, and what that writes is the table."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from shrinkage._errors import RequestError
from shrinkage.tables import check_table, read_parts, read_table

N = 40
CELLS = [(f"{i % 7}", f"{i % 5 + 0.5}", f"{i % 3 + 0.25}") for i in range(N)]
ROWS = "\n".join(map(",".join, CELLS)) + "\n"
TABLE = f"a,b,y\n{ROWS}"
PIPES = "\n".join(f" {' | '.join(row)}" for row in CELLS) + "\n"
FRAMED = "\n".join(f"| {' | '.join(row)} |" for row in CELLS) + "\n"
JSON = [f'{{"a": {a}, "b": {b}, "y": {y}}}' for a, b, y in CELLS]
IMPORT = ",".join(f'"{{""ImportId"":""QID{i}""}}"' for i in range(3))

FILES = {
    "psql": (f" a | b | y \n---+---+---\n{PIPES}({N} rows)\n", "line 2 is a ruler below the column names"),
    "sqlcmd": ("a\tb\ty\n---\t----\t---\n" + ROWS.replace(",", "\t"), "line 2 is a ruler"),
    "mysql": (f"+---+---+---+\n| a | b | y |\n+---+---+---+\n{FRAMED}+---+---+---+\n", "line 1 is a ruler"),
    "Markdown": (f"| a | b | y |\n|---|:-:|--:|\n{FRAMED}", "line 2 is a ruler"),
    "a statement": ("Statement\nIBAN;DE12\n\n" + TABLE.replace(",", ";"), "line 4"),
    "a statement with commas": (f"Account:,DE12\nPeriod:,2024\n\n{TABLE}", "line 4"),
    "a padded title": (f"Statement,,\nIBAN,DE12,\n,,\n{TABLE}", "line 4 holds it"),
    "notes below": (f'{TABLE}\n"Source: World Bank"\n"Last updated 2024"\n', "a note below the table"),
    "questions": (f"a,b,y\nHow old?,How much?,Score\n{ROWS}", "line 2: words"),
    "Qualtrics": (f'a,b,y\n"How\nold?",How much?,Score\n{IMPORT}\n{ROWS}', "lines 2 to 4: words"),
    "units": (f"a,b,y\nkm/h,kg,EUR\n{ROWS}", "line 2: words such as 'km/h', 'kg'"),
    "comments": (f"# made by a machine\n# in 2024\n{TABLE}", "starts with #"),
    "JSON": ("[" + ",".join(JSON) + "]", "looks like JSON"),
    "JSON lines": ("\n".join(JSON) + "\n", "lines=True"),
}


def run_command(message: str, folder: Path) -> None:
    """Run the command between the backticks of a message."""
    found = re.search(r"`(.+)`", message)
    assert found is not None
    here = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", found[1]], cwd=folder, env=here, check=True)


@pytest.mark.parametrize("content, message", FILES.values(), ids=FILES)
def test_the_command_of_a_refusal_writes_the_table(content: str, message: str, tmp_path: Path):
    (tmp_path / "t.txt").write_text(content)
    with pytest.raises(RequestError) as refused:
        check_table(read_table(tmp_path / "t.txt", columns=["y"]), "y")
    assert message in str(refused.value)
    run_command(str(refused.value), tmp_path)
    table = read_table(tmp_path / "table.csv")
    check_table(table, "y")
    assert table.frame[["a", "b", "y"]].astype(float).to_numpy().tolist() == [[*map(float, r)] for r in CELLS]


def test_a_file_of_weka_is_read_without_its_head(tmp_path: Path):
    (tmp_path / "t.arff").write_text(f"@relation r\n@attribute a numeric\n\n@DATA\n{ROWS}")
    with pytest.raises(RequestError, match="--no-header") as refused:
        read_table(tmp_path / "t.arff")
    run_command(str(refused.value), tmp_path)
    assert read_table(tmp_path / "table.csv", header=False).frame.shape == (N, 3)


@pytest.mark.parametrize(
    "content",
    [
        f"a,b,y\n--,-,1\n{ROWS}",
        "a,word,y\nx,red,1\n" + ROWS,
        "word,b,y\n" + "".join(f"{'xyz'[i % 3]},{'uvw'[i % 3]},{i % 2}\n" for i in range(N)),
    ],
    ids=["missing", "one word a column", "words everywhere"],
)
def test_first_rows_of_words_and_gaps_are_no_header(content: str, tmp_path: Path):
    (tmp_path / "t.csv").write_text(content)
    read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("end", ["\n", "\n\n", "\r\n", " \n", ",,\n", ",,\n\n,,\n"])
@pytest.mark.parametrize("size", [50, 51, 53, 60, len(TABLE) - 1, len(TABLE), len(TABLE) + 1, 10**6])
def test_a_blank_end_is_no_row_in_any_part(end: str, size: int, tmp_path: Path):
    (tmp_path / "t.csv").write_bytes((TABLE + end).encode())
    assert len(read_table(tmp_path / "t.csv").frame) == N
    assert sum(len(part.frame) for part in read_parts(tmp_path / "t.csv", size=size)) == N
