"""The audit as a page."""

import html
import re

import torch
from torch import nn

from auditing_cases import adamw, net
from shrinkage.auditing import audit


def page_of(shown, path):
    shown.to_html(path)
    return path.read_text(encoding="utf-8")


def told(text):
    """What a reader sees: the body without scripts and tags."""
    body = re.sub(r"<script.*?</script>|<style.*?</style>", "", text, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", " ", body))


def test_the_page_tells_every_finding_and_every_treatment(tmp_path):
    model = net()
    shown = audit(torch.optim.Adam(model.parameters(), weight_decay=0.1), model, rows=100, batch_size=10)
    text = told(page_of(shown, tmp_path / "a.html"))
    assert shown.findings
    assert all(f.code in text and f.advice in text for f in shown.findings)
    assert all(g.rule in text and g.formula in text for g in shown.groups)


def test_a_page_without_findings_says_so(tmp_path):
    model = net()
    assert "AdamW: nothing found" in told(page_of(audit(adamw(model), model), tmp_path / "a.html"))


def test_names_from_a_model_cannot_become_markup(tmp_path):
    model = nn.Module()
    model.register_parameter("<script>alert(1)</script>", nn.Parameter(torch.randn(4, 3)))
    shown = audit(torch.optim.Adam(model.parameters(), weight_decay=0.1), model)
    text = page_of(shown, tmp_path / "a.html")
    assert "<script>alert" not in text
    assert "alert(1)" in told(text)
