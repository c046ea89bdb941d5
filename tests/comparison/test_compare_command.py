"""The command, and what a demonstration refuses."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from shrinkage._errors import RequestError
from shrinkage.cli._compare import compare
from shrinkage.comparison import DEMOS, DemoResult, DemoTable, Mean, demo


@pytest.fixture
def app(monkeypatch) -> typer.Typer:
    table = DemoTable(
        title="T", columns=("run", "a", "b"), rows=(("x", 0.25, None), ("y", Mean(1.5, 0.25), 3))
    )
    result = DemoResult(name="tiny", title="Tiny", setting="Nothing.", tables=(table,), says=("So.",))
    monkeypatch.setitem(DEMOS, "tiny", lambda repeats=7: result)
    app = typer.Typer()
    app.command()(compare)
    return app


def test_prints_tables_and_sentences(app):
    printed = CliRunner().invoke(app, ["--demo", "tiny"]).output
    assert "Tiny" in printed
    assert "1.50 ± 0.25" in printed
    assert "–" in printed
    assert "• So." in printed


def test_json_holds_the_same(app):
    found = json.loads(CliRunner().invoke(app, ["--demo", "tiny", "--json"]).output)
    assert found["tables"][0]["rows"][1] == ["y", {"value": 1.5, "se": 0.25}, 3]


@pytest.mark.parametrize(
    "name, repeats, says",
    [
        ("l3-2019", None, "must be one of l2-2017, l1-2017"),
        ("l2-2017", 1, "must be >= 2 for a standard error, or 0"),
        ("l2-2017", -1, "must be >= 2"),
    ],
)
def test_refuses_with_a_sentence(name, repeats, says):
    with pytest.raises(RequestError, match=says):
        demo(name, repeats=repeats)
