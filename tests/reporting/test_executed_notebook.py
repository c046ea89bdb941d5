"""A notebook that is executed shows frames, and they look right in a browser, light and dark."""

from __future__ import annotations

from typing import Any

import pytest

from reporting_cases import OpenPage

CODE = """
import torch
import shrinkage as sh
from sklearn.datasets import load_iris

X, y = load_iris(return_X_y=True)
model = sh.MLPClassifierCV((4,), lambdas=[0, 1e-2, 1e-1], max_epochs=8, cv=3, random_state=0, max_extensions=0).fit(X, y)
network = torch.nn.Linear(3, 2)
optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
handle = sh.attach(optimizer, sh.L2(0.01), model=network)
"""
CELLS = ["model", "model.path_", "model.choice_", "handle.table()", "sh.audit(optimizer, model=network)"]


@pytest.fixture(scope="module")
def outputs() -> list[dict[str, str]]:
    """What each cell shows, by MIME type."""
    nbclient: Any = pytest.importorskip("nbclient", reason="of the test extra: pip install 'shrinkage[test]'")
    nbformat: Any = pytest.importorskip("nbformat", reason="comes with nbclient")
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in (CODE, *CELLS)]
    )
    nbclient.NotebookClient(notebook, timeout=280, kernel_name="python3").execute()
    return [cell["outputs"][-1]["data"] for cell in notebook.cells[1:]]


@pytest.mark.parametrize("place", range(len(CELLS)), ids=CELLS)
def test_a_cell_shows_a_frame_and_its_text(outputs: list[dict[str, str]], place: int) -> None:
    shown = outputs[place]
    assert {"text/plain", "text/html"} <= set(shown)
    assert 'class="shrinkage"' in shown["text/html"]
    assert len(shown["text/plain"]) < 5000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1000])
def test_frames_are_drawn_without_a_script_and_fit(
    open_page: OpenPage, outputs: list[dict[str, str]], scheme: str, width: int
) -> None:
    body = "".join(shown["text/html"] for shown in outputs)
    html = f"<!doctype html><meta charset='utf-8'><meta name='viewport' content='width=device-width'>{body}"
    visit = open_page(html, width=width, color_scheme=scheme, java_script_enabled=False)
    page = visit.page
    assert page.locator(".shrinkage").count() == len(CELLS)
    assert page.locator(".shrinkage svg[role=img]").count() >= 2
    first = page.locator(".shrinkage").first
    assert first.bounding_box()["width"] <= width  # type: ignore[index]
    assert visit.requests == [page.url]


@pytest.mark.parametrize("theme, card", [("true", "rgb(255, 255, 255)"), ("false", "rgb(24, 32, 39)")])
def test_the_notebooks_own_theme_wins_over_the_systems(
    open_page: OpenPage, outputs: list[dict[str, str]], theme: str, card: str
) -> None:
    html = (
        f"<!doctype html><meta charset='utf-8'><body data-jp-theme-light='{theme}'>{outputs[0]['text/html']}"
    )
    other = "dark" if theme == "true" else "light"
    page = open_page(html, color_scheme=other).page
    colour = page.evaluate("getComputedStyle(document.querySelector('.shrinkage')).backgroundColor")
    assert colour == card
