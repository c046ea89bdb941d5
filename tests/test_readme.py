"""The README's Python blocks run, in order, and print what their comments say."""

import ast
import contextlib
import io
import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def test_blocks_run_and_results_are_as_promised():
    """A comment behind a `print` is what it prints, unless it is a sentence with a colon."""
    namespace: dict[str, object] = {}
    checked = 0
    for block in BLOCKS:
        lines = block.splitlines()
        for node in ast.parse(block).body:
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(ast.Module([node], []), "README.md", "exec"), namespace)
            _, _, promised = lines[(node.end_lineno or 1) - 1].partition("  # ")
            if promised and ":" not in promised:
                assert out.getvalue().strip() == promised, ast.unparse(node)
                checked += 1
    assert checked >= 5


def test_the_readme_stays_short():
    lines = README.read_text().splitlines()
    assert 60 <= len(lines) <= 120
    assert next(i for i, line in enumerate(lines) if "pip install" in line) < 20


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)\)", README.read_text()):
        assert (README.parent / target).exists(), target
