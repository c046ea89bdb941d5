"""The blocks of the docs run, page by page, and print what their comments promise."""

import ast
import contextlib
import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_cases import Forking

DOCS = Path(__file__).parents[1] / "docs"
START = ("start/install", "start/first-path", "start/your-table", "start/your-network", "start/your-loop")
PAGES = ("automatic", "understand", "upgrade", *START)
"""Pages whose blocks no other test runs."""


def text_of(page: str) -> str:
    return (DOCS / f"{page}.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shrinkage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forking]:
    command = Forking(tmp_path_factory.mktemp("streams"))
    yield command
    command.close()


@pytest.mark.parametrize("page", PAGES)
def test_every_block_prints_what_it_promises(
    page: str, shrinkage: Forking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """In reading order: Python, in one namespace, and commands, in one folder."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    blocks = re.findall(r"```(python|bash)\n(.*?)```(?:\n```text\n(.*?)```)?", text_of(page), re.DOTALL)
    assert blocks
    for language, block, printed in blocks:
        if language == "bash":
            run_commands(block, shrinkage)
        else:
            out = run_python(block, page, namespace)
            assert not printed or trimmed(out) == trimmed(printed)


def run_commands(block: str, shrinkage: Forking) -> None:
    for line in block.splitlines():
        program, *arguments = line.split()
        assert program == "shrinkage"
        done = shrinkage(*arguments)
        assert done.returncode == 0, done.stderr


def run_python(block: str, page: str, namespace: dict[str, object]) -> str:
    """What the block prints; a comment after a statement that prints is what that statement prints."""
    lines, printed = block.splitlines(), ""
    for node in ast.parse(block).body:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(ast.Module([node], []), f"{page}.md", "exec"), namespace)
        _, _, promised = lines[(node.end_lineno or 1) - 1].partition("  # ")
        if promised and out.getvalue():
            assert out.getvalue().strip() == promised, ast.unparse(node)
        printed += out.getvalue()
    return printed


def trimmed(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


def test_each_page_of_the_start_leads_to_the_next():
    for page, following in itertools.pairwise(START):
        assert f"({following.removeprefix('start/')}.md)" in text_of(page).split("Next:")[1]


def test_the_table_of_the_update_by_hand_is_right():
    page = text_of("understand")
    rows = re.findall(r"^\| (?!no penalty)?.*? \| ([0-9.×+−() /%]+) \| ([0-9.]+) \|$", page, re.MULTILINE)
    assert len(rows) == 6
    for update, result in rows:
        value = eval(update.replace("×", "*").replace("−", "-"))
        assert abs(value - float(result)) < 1e-9, update
