"""The blocks of docs/sweeps.md run, and print what the page says."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "sweeps.md").read_text(encoding="utf-8")


def test_the_blocks_print_what_the_page_says():
    namespace: dict[str, object] = {}
    promised = re.findall(r"^print\(.*\)  # (.*)$", PAGE, re.MULTILINE)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
            exec(compile(block, "sweeps.md", "exec"), namespace)
    printed = out.getvalue()
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert shown.split() == printed.split()[: len(shown.split())]
    assert printed.splitlines()[-len(promised) :] == promised
