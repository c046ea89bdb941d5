"""The blocks of docs/understand.md run, and print what their comments promise."""

import ast
import contextlib
import io
import re
from pathlib import Path

PAGE = (Path(__file__).parents[1] / "docs" / "understand.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_every_block_prints_what_it_promises():
    namespace: dict[str, object] = {}
    for block in BLOCKS:
        lines = block.splitlines()
        for node in ast.parse(block).body:
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(ast.Module([node], []), "understand.md", "exec"), namespace)
            _, _, promised = lines[(node.end_lineno or 1) - 1].partition("  # ")
            if promised and out.getvalue():
                assert out.getvalue().strip() == promised, ast.unparse(node)


def test_the_table_of_the_update_by_hand_is_right():
    rows = re.findall(r"^\| (?!no penalty)?.*? \| ([0-9.×+−() /%]+) \| ([0-9.]+) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 6
    for update, result in rows:
        value = eval(update.replace("×", "*").replace("−", "-"))
        assert abs(value - float(result)) < 1e-9, update
