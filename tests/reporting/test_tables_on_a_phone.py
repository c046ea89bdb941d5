"""Tables of every page, 390 pixels wide: nothing is cut off, and a row keeps its name while it is scrolled."""

from __future__ import annotations

from functools import cache

import pytest

from comparison_cases import small_comparison
from reporting_cases import OpenPage, made_story
from shrinkage.comparison import demo, demo_page
from shrinkage.comparison.page._comparison_page import render_comparison
from shrinkage.reporting import render_fit_report

WIDTH = 390
TABLES = """() => [...document.querySelectorAll('.scroll')].map(box => {
  box.closest('details')?.setAttribute('open', '');
  box.scrollLeft = box.scrollWidth;
  const own = box.getBoundingClientRect(), row = box.querySelector('tbody tr');
  const first = row.firstElementChild.getBoundingClientRect(), last = row.lastElementChild.getBoundingClientRect();
  return {
    name: box.getAttribute('aria-label'),
    overflows: box.scrollWidth > box.clientWidth + 1,
    hidden: box.classList.contains('tall') ? 0 : box.scrollHeight - box.clientHeight,
    first: first.left - own.left, last: own.right - last.right, share: first.width / own.width,
    opaque: getComputedStyle(row.firstElementChild).backgroundColor,
    clipped: [...box.querySelectorAll('th, td')].filter(cell => cell.scrollWidth > cell.clientWidth + 1).length,
  };
})"""


@cache
def page_of(name: str) -> str:
    return {
        "fit": lambda: render_fit_report(made_story()),
        "comparison": lambda: render_comparison(small_comparison()),
        "demo": lambda: demo_page(demo("swarm-2015", repeats=2)),
    }[name]()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["fit", "comparison", "demo"])
def test_every_figure_can_be_scrolled_to_beside_its_name(open_page: OpenPage, name: str, scheme: str) -> None:
    page = open_page(page_of(name), width=WIDTH, color_scheme=scheme).drawn().page
    tables = page.evaluate(TABLES)
    assert any(table["overflows"] for table in tables)
    for table in tables:
        assert table["first"] == pytest.approx(0, abs=1), table
        assert table["last"] >= -1, table
        assert table["hidden"] <= 1, table
        assert table["clipped"] == 0, table
        assert table["share"] < 0.6, table
        assert "rgba" not in table["opaque"], table  # a name that figures shine through can't be read


def test_a_name_of_a_row_is_broken_between_words_alone(open_page: OpenPage) -> None:
    page = open_page(page_of("comparison"), width=WIDTH).drawn().page
    names = page.locator("#losses tbody th").all_text_contents()
    assert "decay after the update" in names
    assert not any("\N{NO-BREAK SPACE}" in name for name in names)
