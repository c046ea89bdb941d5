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


def test_treatments_of_several_sizes_are_drawn_and_listed(tmp_path):
    model = net()
    first, second = (model[i].weight for i in (0, 3))
    groups = [{"params": [first], "weight_decay": 0.3}, {"params": [second], "weight_decay": 0.1}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3)
    text = page_of(audit(optimizer, model), tmp_path / "a.html")
    assert "Up to 0.0003 of a weight is removed per step" in told(text)
    assert re.search(r"group 0: weight\s+3\s×\s10⁻⁴\s+group 1: weight\s+10⁻⁴\s", told(text))
    assert 'id="shrinks"' in text
    groups[0]["weight_decay"] = 0.1
    same = page_of(audit(torch.optim.AdamW(groups, lr=1e-3), model), tmp_path / "b.html")
    assert 'id="shrinks"' not in same
