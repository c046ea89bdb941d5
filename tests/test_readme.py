"""The README's Python blocks run, in order, and print what their comments say."""

import contextlib
import io
import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
PROMISED = re.compile(r"^print\(.*\)\s+# (?P<result>\S.*)$")


def test_blocks_run_and_results_are_as_promised():
    namespace: dict[str, object] = {}
    checked = 0
    for block in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL):
        for statement in block.strip().splitlines():
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(statement, namespace)
            promised = PROMISED.match(statement)
            if promised and ":" not in promised["result"]:
                assert out.getvalue().strip() == promised["result"], statement
                checked += 1
    assert checked >= 4


def test_the_readme_stays_short():
    lines = README.read_text().splitlines()
    assert 60 <= len(lines) <= 120
    assert next(i for i, line in enumerate(lines) if "pip install" in line) < 20


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)\)", README.read_text()):
        assert (README.parent / target).exists(), target
