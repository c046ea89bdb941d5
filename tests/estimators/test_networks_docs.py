"""Every block of the page on networks runs, and its reports are those of its networks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "networks.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_blocks_of_the_page_run_and_leave_their_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in BLOCKS:
        exec(compile(block, str(PAGE), "exec"), names)
    for page, module in (
        ("report", "Sequential"),
        ("gru", "Walker"),
        ("encoder", "Reader"),
        ("head", "Sequential"),
    ):
        text = (tmp_path / f"{page}.html").read_text()
        assert f"λ path of {module}" in text
        assert "Did it matter?" in text
    assert {"model.json", "module.safetensors"} <= {path.name for path in (tmp_path / "model").iterdir()}
    for name in ("gru", "encoder", "head"):
        assert names[name].stacked_.startswith(("stacked", "one by one, because that is faster"))
