"""One browser for all tests of pages, and a page that takes down whatever it should not do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from reporting_cases import OpenPage, Visit

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LISTEN = "window.violations = []; addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective))"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = os.environ.get("SHRINKAGE_CHROMIUM") or shutil.which("chromium")
    if not executable:
        # A user's machine may have none; where the project itself is judged one is required.
        missing = pytest.fail if os.environ.get("SHRINKAGE_BROWSER") == "required" else pytest.skip
        missing(
            "The tests of the pages need a browser: install Debian's `chromium`, "
            "or name a Chromium or Chrome in the environment variable SHRINKAGE_CHROMIUM."
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[OpenPage]:
    contexts = []

    def opened(html: str, *, width: int = 1280, **options: Any) -> Visit:
        file = tmp_path / "page.html"
        file.write_text(html, encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": 900}, offline=True, **options)
        contexts.append(context)
        context.add_init_script(LISTEN)
        visit = Visit(context.new_page())
        visit.page.on("console", lambda message: visit.console.append(message.text))
        visit.page.on("pageerror", lambda error: visit.console.append(str(error)))
        visit.page.on("request", lambda request: visit.requests.append(request.url))
        visit.page.goto(file.as_uri())
        return visit

    yield opened
    for context in contexts:
        context.close()
