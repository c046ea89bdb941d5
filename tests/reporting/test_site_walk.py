"""The built site in a real browser: `.ci/site` builds it and runs this walk through every page, from the file system."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

SITE = Path(os.environ.get("SHRINKAGE_SITE", Path(__file__).parents[2] / "build" / "site"))
PAGES = sorted(str(page.relative_to(SITE)) for page in SITE.rglob("*.html") if "_static" not in page.parts)
WRITTEN = [page for page in PAGES if not page.startswith(("generated", "_modules"))]
WIDTHS, SCHEMES = (1280, 390), ("light", "dark")

pytestmark = pytest.mark.site
Visits = Callable[..., tuple[Page, list[str]]]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visits]:
    """Opens pages of the site and collects console messages, errors and requests that leave the site."""
    contexts = []

    def opened(width: int = 1280, scheme: Any = "light") -> tuple[Page, list[str]]:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
        )
        contexts.append(context)
        page, problems = context.new_page(), []
        page.on(
            "console",
            lambda message: (
                None if message.type == "log" else problems.append(f"{message.type}: {message.text}")
            ),
        )
        page.on("pageerror", lambda error: problems.append(str(error)))
        inside = SITE.resolve().as_uri()
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith((inside, "data:", "blob:")) else problems.append(request.url)
            ),
        )
        return page, problems

    yield opened
    for context in contexts:
        context.close()


def uri(page: str) -> str:
    return (SITE.resolve() / page).as_uri()


def walk(page: Page, problems: list[str], pages: list[str], width: int) -> dict[str, Any]:
    """What is wrong on each page: what the console says, requests that leave the site, and sideways scrolling."""
    wrong: dict[str, Any] = {}
    for name in pages:
        problems.clear()
        page.goto(uri(name))
        wide = page.evaluate("document.documentElement.scrollWidth")
        if problems or wide > width:
            wrong[name] = [*problems, *([f"{wide} pixels wide"] if wide > width else [])]
    return wrong


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_written_page_opens_in_silence_and_fits(visit: Visits, width: int, scheme: str):
    assert len(WRITTEN) > 20, f"no site in {SITE}: build it with .ci/site"
    page, problems = visit(width, scheme)
    assert walk(page, problems, WRITTEN, width) == {}
    assert page.evaluate("document.documentElement.dataset.theme") == scheme


def test_every_generated_page_opens_in_silence(visit: Visits):
    page, problems = visit(390)
    assert walk(page, problems, [name for name in PAGES if name not in WRITTEN], 390) == {}


@pytest.mark.parametrize("word, found", [("bfloat16", "attach.html"), ("lambda_path", "networks.html")])
def test_search_finds_pages_offline(visit: Visits, word: str, found: str):
    page, problems = visit()
    page.goto(f"{uri('search.html')}?q={word}")
    page.wait_for_selector(f"#search-results a[href*='{found}']")
    assert problems == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_slider_moves_boundary_and_weights(visit: Visits, scheme: str):
    page, problems = visit(scheme=scheme)
    page.goto(uri("understand.html"))
    slider, words = page.locator("#boundary input"), page.locator(".boundary-words")
    boundary = "document.querySelector('.boundary-line').getAttribute('d')"
    first, weak = words.inner_text(), page.evaluate(boundary)
    slider.press("End")
    assert words.inner_text() != first
    assert page.evaluate(boundary) != weak
    slider.press("Home")
    assert words.inner_text() == first
    assert problems == []
