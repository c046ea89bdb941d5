"""The fit report as a document: what may be in it, what must be, and how large it may get."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reporting_cases import HOSTILE, hostile_story, made_choice, made_path, made_story
from shrinkage._errors import RequestError
from shrinkage.pages import clean, embedded_json
from shrinkage.path import PathResult
from shrinkage.reporting import ColumnSummary, findings, render_fit_report, write_fit_report

MOST_BYTES = 6_000_000
TABLES = {
    "matter",
    "uncertainty",
    "effects",
    "loss",
    "map",
    "epochs",
    "weights",
    "gap",
    "agreement",
    "data",
    "elsewhere",
}


class Outline(HTMLParser):
    """The elements of a document in order, its text, and the content of its scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.scripts: list[str] = []
        self.text: list[str] = []
        self.in_script = False
        self.section, self.tables = "", set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.attributes += attrs
        if tag == "script":
            self.scripts.append("")
            self.in_script = True
        if tag == "section":
            self.section = dict(attrs).get("id") or ""
        if tag == "table":
            self.tables.add(self.section)

    def handle_data(self, data: str) -> None:
        if self.in_script:
            self.scripts[-1] += data
        else:
            self.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        self.in_script = self.in_script and tag != "script"


def harmless_twin(task: Any) -> Any:
    """The hostile story with a tame name wherever it has an attack."""
    attacks = hostile_story(task)
    tame = {text: f"name {place}" for place, text in enumerate(HOSTILE)}
    columns = [ColumnSummary(name=n, kind=n, treatment=n, missing=1, levels=3) for n in tame.values()]
    changes = {"columns": columns, "strengths": attacks.strengths, "reproduce": {n: n for n in tame.values()}}
    names = tuple(tame.values())
    return made_story(
        task,
        class_names=names,
        target_names=names if task == "regression" else names[:1],
        notes=names,
        **changes,
    )


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_hostile_names_change_no_element_and_no_attribute(task: Any) -> None:
    hostile, tame = (
        Outline(render_fit_report(hostile_story(task))),
        Outline(render_fit_report(harmless_twin(task))),
    )
    assert hostile.elements == tame.elements
    assert not [
        name for name, _ in hostile.attributes if name.startswith("on") or name in {"src", "style", "action"}
    ]
    assert all((value or "").startswith("#") for name, value in hostile.attributes if name == "href")


@pytest.mark.parametrize("attack", HOSTILE)
def test_hostile_names_are_shown_as_they_are(attack: str) -> None:
    assert clean(attack) in Outline(render_fit_report(hostile_story())).text


def test_commands_in_a_caption_are_set_as_code() -> None:
    html = render_fit_report(made_story())
    assert "<code>shrinkage compare</code>" in html
    assert not [text for text in Outline(html).text if "`" in text]


def test_the_policy_allows_the_two_scripts_by_hash_and_nothing_else() -> None:
    html = render_fit_report(made_story())
    outline = Outline(html)
    policy = next(v for n, v in outline.attributes if n == "content" and "default-src" in (v or "")) or ""
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    scripts = outline.scripts[1:]
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    assert directives["script-src"] == " ".join(f"'sha256-{digest}'" for digest in digests)
    assert len(scripts) == 2
    assert "unsafe" not in directives["script-src"]


def test_tables_and_findings_need_no_javascript() -> None:
    story = made_story()
    outline = Outline(render_fit_report(story))
    assert outline.tables == TABLES
    assert set(findings(story)) <= set(outline.text)
    assert {column.name for column in story.columns} <= set(outline.text)


def test_a_huge_fit_stays_under_six_megabytes() -> None:
    path = made_path(lambdas=np.concatenate([[0.0], np.logspace(-7, 2, 199)]), folds=3, epochs=1000)
    columns = [ColumnSummary(name="c" * 5000, kind="number", treatment="t" * 5000, missing=0)] * 5000
    names = [f"class {i} " + "y" * 500 for i in range(1000)]
    story = made_story(
        path=path, n_rows=100_000, class_names=names, columns=columns, notes=["note " * 1000] * 1000
    )
    assert len(render_fit_report(story).encode()) < MOST_BYTES


def test_a_huge_regression_stays_under_six_megabytes() -> None:
    names = [f"target {i} " + "y" * 500 for i in range(400)]
    story = made_story("regression", n_rows=20_000, target_names=names)
    assert len(render_fit_report(story).encode()) < MOST_BYTES


def validated(path: PathResult, *epochs: int) -> PathResult:
    """The path as it would be with the validation rows scored after these epochs alone."""
    places = np.array(epochs) - 1
    return replace(
        path,
        validated=np.array(epochs),
        validation_loss=path.validation_loss[..., places],
        validation_metric=path.validation_metric[..., places],
    )


def strange_paths() -> dict[str, Any]:
    diverged = made_path()
    for curve in (diverged.train_loss, diverged.validation_loss, diverged.final_train_loss):
        curve.setflags(write=True)
        curve[0] = np.nan
    return {
        "λ = 0 alone": made_path(lambdas=np.zeros(1)),
        "one positive λ": made_path(lambdas=np.array([0.3])),
        "no λ = 0": made_path(lambdas=np.array([0.01, 0.02])),
        "one fold": made_path(folds=1),
        "one epoch": made_path(epochs=1),
        "restarts": made_path(restarts=3),
        "validated now and then": validated(made_path(), 25, 50, 60),
        "validated once": validated(made_path(), 60),
        "λ = 0 diverged": diverged,
    }


@pytest.mark.parametrize("name", list(strange_paths()))
@pytest.mark.parametrize("stop", ["last", "best"])
def test_strange_paths_are_drawn_too(name: str, stop: str) -> None:
    path = strange_paths()[name]
    story = made_story(path=path, choice=made_choice(path, stop=stop))
    scripts = Outline(render_fit_report(story)).scripts
    charts = json.loads(scripts[0])
    assert set(charts) == {"figures", "sliders"}
    # A single column is no map of λ and epochs.
    figures = 12 - (len(path.validated) == 1) - 2 * (path.n_epochs == 1)  # one epoch has no course
    # A chosen λ that is the weakest stands alone in the charts of the epochs and of the weights.
    figures -= 2 * (name in ("λ = 0 alone", "one positive λ", "no λ = 0"))
    assert len(charts["figures"]) == figures + (path.n_folds > 1)


@pytest.mark.parametrize(
    "text", [*(h for h in HOSTILE if "\ud800" not in h), "\u2028\u2029", "<!--<script>", "λ"]
)
def test_embedded_json_reads_back_and_cannot_end_its_element(text: str) -> None:
    embedded = embedded_json({text: text})
    assert json.loads(embedded) == {text: text}
    assert not set("<>&\u2028\u2029") & set(embedded)


def test_the_file_is_the_page(tmp_path: Path) -> None:
    story = made_story()
    write_fit_report(story, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == render_fit_report(story)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"weights": [np.ones(3)]}, r"weights=….*17 λs, got 1"),
        ({"truth": np.zeros(3)}, r"truth=…, held_out=….*\(3,\) and \(569,\)"),
        ({"class_names": None}, r"class_names=….*classification"),
    ],
)
def test_a_story_that_contradicts_itself_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        made_story().__class__(**{**vars(made_story()), **changes})
