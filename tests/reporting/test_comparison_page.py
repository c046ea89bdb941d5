"""The page of a comparison, and those of the demonstrations: what is in them, and in a real browser, offline."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest

from comparison_cases import SMALL, iris, small_comparison, table_of
from reporting_cases import HOSTILE, OpenPage
from shrinkage.comparison import Comparison, DemoResult, compare_table, demo, demo_page, gallery_page
from shrinkage.comparison.page._comparison_page import render_comparison
from shrinkage.pages import number

PROBLEMS = "Object.values(document.querySelectorAll('.chart')).flatMap(c => (Plotly.validate(c.data, c.layout) ?? []))"
MOST_BYTES = 6_000_000


@cache
def quick_demos() -> tuple[DemoResult, ...]:
    """The swarm's demonstrations, which are quick on few data sets."""
    return tuple(demo(name, repeats=2) for name in ("swarm-2013", "swarm-2015"))


@cache
def hostile() -> Comparison:
    frame = iris().rename(columns={"sepal length (cm)": HOSTILE[0], "target": HOSTILE[1]})
    return compare_table(table_of(frame, f"tables/{HOSTILE[1]}"), [HOSTILE[1]], methods=["l2"], **SMALL)


def words(html: str) -> str:
    return re.sub(r"<script.*?</script>|<style.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_words_hold_the_numbers_of_the_run(task: Any) -> None:
    c = small_comparison(task)
    html = render_comparison(c)
    text = words(html)
    assert len(html.encode()) < MOST_BYTES
    for runs in c.runs:
        assert runs.method.name in text
    for pair in c.pairs:
        assert number(pair.distance, 2) in text
    assert number(c.mean("l2", "test_loss").value) in text
    assert number(c.mean("swarm_l2", "test_loss").value) in text
    assert "nan" not in text.lower().split()


def test_no_caption_is_cut_off() -> None:
    for html in (render_comparison(small_comparison()), gallery_page(quick_demos())):
        captions = re.findall(r'<(?:p class="caption"|h2|li)>(.*?)</', html, flags=re.DOTALL)
        assert captions
        assert not [text for text in captions if text.rstrip().endswith("…")]


def test_a_comparison_of_two_methods_has_a_page_too() -> None:
    c = compare_table(table_of(iris()), ["target"], methods=["l1"], **SMALL)
    assert "L1 in the error" in words(render_comparison(c))
    alone = compare_table(table_of(iris()), ["target"], methods=["none"], **SMALL)
    assert "no regularization" in words(render_comparison(alone))


@pytest.mark.parametrize("page", ["comparison", "demo", "gallery"])
def test_every_chart_is_drawn_in_silence_and_without_the_network(open_page: OpenPage, page: str) -> None:
    html = {
        "comparison": lambda: render_comparison(small_comparison("regression")),
        "demo": lambda: demo_page(quick_demos()[0]),
        "gallery": lambda: gallery_page(quick_demos()),
    }[page]()
    visit = open_page(html).drawn()
    charts = visit.page.locator(".chart")
    assert charts.count() == {"comparison": 6, "demo": 2, "gallery": 4}[page]
    assert visit.page.locator(".chart:has(svg.main-svg)").count() == charts.count()
    assert visit.page.evaluate(PROBLEMS) == []
    assert visit.console == []
    assert visit.violations() == []
    assert visit.requests == [visit.page.url]


@pytest.mark.parametrize("width", [390, 1280])
def test_no_width_makes_the_page_scroll_sideways(open_page: OpenPage, width: int) -> None:
    for html in (
        render_comparison(small_comparison()),
        render_comparison(hostile()),
        gallery_page(quick_demos()),
    ):
        page = open_page(html, width=width).drawn().page
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_hostile_names_are_shown_and_run_nothing(open_page: OpenPage) -> None:
    visit = open_page(render_comparison(hostile())).drawn()
    assert visit.page.evaluate("window.pwned") is None
    assert visit.page.locator("svg a, main b, main img").count() == 0
    assert visit.console == []
    assert visit.violations() == []


def test_without_javascript_words_and_tables_are_there(open_page: OpenPage) -> None:
    page = open_page(render_comparison(small_comparison()), java_script_enabled=False).page
    assert page.locator("#losses tbody tr").count() == 18
    assert page.locator("#pairs tbody tr").count() == 9
    assert "(1 − s)(w − η g)" in page.locator("#decay").inner_text()
