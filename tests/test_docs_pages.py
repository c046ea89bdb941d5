"""The Python blocks of the docs run, page by page, and print what their comments promise."""

import ast
import contextlib
import io
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ("understand", "upgrade")
"""Pages whose blocks no other test runs."""


def text_of(page: str) -> str:
    return (DOCS / f"{page}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_every_block_prints_what_it_promises(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A comment after a statement that prints is what it prints."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", text_of(page), re.DOTALL)
    assert blocks
    for block in blocks:
        lines = block.splitlines()
        for node in ast.parse(block).body:
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(ast.Module([node], []), f"{page}.md", "exec"), namespace)
            _, _, promised = lines[(node.end_lineno or 1) - 1].partition("  # ")
            if promised and out.getvalue():
                assert out.getvalue().strip() == promised, ast.unparse(node)


def test_the_table_of_the_update_by_hand_is_right():
    page = text_of("understand")
    rows = re.findall(r"^\| (?!no penalty)?.*? \| ([0-9.×+−() /%]+) \| ([0-9.]+) \|$", page, re.MULTILINE)
    assert len(rows) == 6
    for update, result in rows:
        value = eval(update.replace("×", "*").replace("−", "-"))
        assert abs(value - float(result)) < 1e-9, update
