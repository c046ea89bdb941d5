"""The documentation of the findings is the registry's own."""

from pathlib import Path

from shrinkage.auditing import CHECKS
from shrinkage.auditing._findings_page import page

DOCUMENT = Path(__file__).parents[2] / "docs" / "findings.md"


def test_the_page_is_generated():
    assert DOCUMENT.read_text(encoding="utf-8") == page()


def test_every_link_of_a_finding_has_its_anchor():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert all(f'<a id="{code}"></a>' in text for code in CHECKS)
