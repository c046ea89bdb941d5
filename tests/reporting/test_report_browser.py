"""The fit report in a real browser, offline: it draws, it moves, it follows the theme, and nothing foreign runs."""

from __future__ import annotations

import csv
from typing import Any

import pytest

from reporting_cases import HOSTILE, OpenPage, hostile_story, made_choice, made_path, made_story
from shrinkage.reporting import findings, render_fit_report

PROBLEMS = "Object.values(document.querySelectorAll('.chart')).flatMap(c => (Plotly.validate(c.data, c.layout) ?? []))"
FOREIGN = "document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.pwned = 1' }))"
BARS = "[...document.querySelectorAll('#weights-chart-chosen .bars path')].map(bar => bar.getAttribute('d')).join()"


def test_every_chart_is_drawn_in_silence_and_without_the_network(open_page: OpenPage) -> None:
    visit = open_page(render_fit_report(made_story())).drawn()
    charts = visit.page.locator(".chart")
    assert charts.count() == 13
    assert visit.page.locator(".chart:has(svg.main-svg)").count() == 13
    assert visit.page.locator(".fallback").count() == 0
    assert visit.console == []
    assert visit.violations() == []
    assert visit.requests == [visit.page.url]


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_plotly_knows_every_setting_of_the_charts(open_page: OpenPage, task: Any) -> None:
    visit = open_page(render_fit_report(made_story(task))).drawn()
    assert visit.page.evaluate(PROBLEMS) == []


def test_the_slider_moves_the_histogram_along_the_path(open_page: OpenPage) -> None:
    story = made_story()
    page = open_page(render_fit_report(story)).drawn().page
    heading, chosen_bars = page.locator("#weights-chart-chosen-heading"), page.evaluate(BARS)
    chosen_heading = heading.inner_text()
    page.get_by_label("Move λ").press("Home")
    largest = max(story.weights[0].min(), story.weights[0].max(), key=abs)
    assert f"{abs(largest):.3g}" in heading.inner_text()
    assert page.evaluate(BARS) != chosen_bars
    for _ in range(story.choice.index):
        page.get_by_label("Move λ").press("ArrowRight")
    assert heading.inner_text() == chosen_heading
    assert page.evaluate(BARS) == chosen_bars


def test_charts_follow_the_theme_and_keep_the_slider(open_page: OpenPage) -> None:
    page = open_page(render_fit_report(made_story()), color_scheme="light").drawn().page
    page.get_by_label("Move λ").press("End")
    bars, light = (
        page.evaluate(BARS),
        page.evaluate("document.querySelector('#loss-chart').layout.font.color"),
    )
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("html[data-drawn=dark]", state="attached")
    assert page.evaluate("document.querySelector('#loss-chart').layout.font.color") != light
    assert page.evaluate(BARS) == bars


@pytest.mark.parametrize("width", [390, 768, 1400])
def test_no_width_makes_the_page_scroll_sideways(open_page: OpenPage, width: int) -> None:
    page = open_page(render_fit_report(hostile_story()), width=width).drawn().page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    overflowing = (
        "[...document.querySelectorAll('.chart')].filter(c => c.scrollWidth > c.clientWidth + 1).length"
    )
    assert page.evaluate(overflowing) == 0


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_hostile_names_are_shown_and_run_nothing(open_page: OpenPage, task: Any) -> None:
    visit = open_page(render_fit_report(hostile_story(task))).drawn()
    assert visit.page.evaluate("window.pwned") is None
    assert visit.page.locator("svg a, main b, main img, main a:not([href^='#'])").count() == 0
    assert visit.console == []
    assert visit.violations() == []
    labels = visit.page.locator("#agreement svg text").all_text_contents()
    assert any(HOSTILE[0][:12] in label for label in labels)


def test_a_label_shows_markup_as_text(open_page: OpenPage) -> None:
    names = ("<b>x</b>", "&lt;i&gt;")
    page = open_page(render_fit_report(made_story(class_names=names))).drawn().page
    labels = page.locator("#agreement-chart .xtick text").all_text_contents()
    assert labels == list(names)


def test_the_policy_stops_a_script_that_the_page_did_not_bring(open_page: OpenPage) -> None:
    visit = open_page(render_fit_report(made_story())).drawn()
    visit.page.evaluate(FOREIGN)
    assert visit.page.evaluate("window.pwned") is None
    assert visit.violations() == ["script-src-elem"]


def test_every_table_can_be_downloaded_with_plain_numbers(open_page: OpenPage) -> None:
    story = made_story()
    page = open_page(render_fit_report(story)).drawn().page
    assert page.locator("button.csv").count() == page.locator(".scroll").count()
    page.locator("#loss summary").click()
    with page.expect_download() as started:
        page.locator("#loss button.csv").click()
    assert started.value.suggested_filename == "loss-and-metric-against-λ.csv"
    rows = list(csv.DictReader(started.value.path().read_text(encoding="utf-8-sig").splitlines()))
    assert [float(row["validation loss"]) for row in rows] == pytest.approx(
        story.path.validation_mean, rel=1e-4
    )
    assert rows[story.choice.index]["mark"] == "minimum, 1-SE, chosen"


def test_without_javascript_words_and_tables_are_there(open_page: OpenPage) -> None:
    story = made_story(choice=made_choice(made_path(), select="1se"))
    page = open_page(render_fit_report(story), java_script_enabled=False).page
    assert findings(story)[0] in page.locator("main").inner_text()
    assert page.locator(".fallback").count() == 13
    assert not page.locator(".slider").is_visible()
    page.locator("#loss summary").click()
    row = page.locator("#loss tbody tr").nth(story.choice.index)
    assert row.inner_text().endswith("1-SE, chosen")
