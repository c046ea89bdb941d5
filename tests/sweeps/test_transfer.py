"""What a strength becomes when network or run change, and where no rule is known."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from shrinkage import RequestError, rescale
from shrinkage.sweeps import _rescale, _transfer, transfer


@pytest.mark.parametrize(
    "convention, change, factor",
    [
        ("torch.optim.AdamW", {"width": (256, 1024)}, 4),
        ("torch.optim.AdamW", {"width": (256, 1024), "lr": (1e-3, 1e-3)}, 1),
        ("torch.optim.AdamW", {"depth": (12, 48)}, 1),
        ("torch.optim.AdamW", {"batch_size": (32, 256)}, 8),
        ("torch.optim.AdamW", {"batch_size": (32, 64), "lr": (1e-3, 2e-3)}, 1),
        ("torch.optim.AdamW", {"rows": (50_000, 100_000)}, 1 / 2),
        ("torch.optim.AdamW", {"steps": (1000, 2000)}, 1),
        ("torch.optim.AdamW", {"steps": (1000, 2000), "keep": "run"}, 1 / 2),
        ("torch.optim.AdamW", {"steps": (1000, 500), "batch_size": (32, 64), "keep": "run"}, 2),
        ("torch.optim.AdamW", {"batch_size": (32, 64), "rows": (50, 100), "keep": "run"}, 1),
        ("torch.optim.AdamW", {"batch_size": np.array([32, 256])}, 8),
        ("composer.optim.DecoupledAdamW", {"width": (256, 1024)}, 1),
        ("optax.lion", {"batch_size": (32, 256)}, 8),
        ("lam", {"rows": (100, 200)}, 1 / 2),
        ("lam", {"batch_size": (32, 256)}, 1),
        ("sklearn.linear_model.Ridge", {"rows": (100, 200)}, 1),
        ("torch.optim.Adam", {"rows": (100, 200)}, 1 / 2),
    ],
)
def test_known_factors(convention, change, factor):
    found = transfer(0.1, convention, **change)
    assert found.value == pytest.approx(0.1 * factor)
    assert all(rule.source and rule.tested for rule in found.rules)


def test_it_is_rescale_where_rescale_has_the_answer():
    ours = transfer(0.1, batch_size=(32, 256), rows=(5e4, 1e5), lr=(1e-3, 2e-3))
    theirs = rescale(
        0.1,
        "torch.optim.AdamW",
        lr=1e-3,
        rows=5e4,
        batch_size=32,
        new_batch_size=256,
        new_rows=1e5,
        new_lr=2e-3,
    )
    assert ours.value == pytest.approx(theirs.value)


def test_it_prints_each_rule_with_its_source_and_what_to_type():
    lines = str(transfer(0.1, width=(256, 1024))).splitlines()
    assert lines[0] == "torch.optim.AdamW 0.1 becomes 0.4."
    assert "2203.03466" in lines[1]
    assert "tested on AdamW" in lines[1]
    assert lines[2].startswith("Next: type 0.4 with the learning rate of the hidden matrices times 0.25")


def test_a_rule_that_was_tested_for_adamw_says_so_elsewhere():
    assert "it follows from the timescale" in transfer(0.1, "optax.lion", rows=(1, 2)).rules[0].tested


@pytest.mark.parametrize(
    "convention, change, sentence",
    [
        ("torch.optim.AdamW", {}, "nothing changes"),
        ("torch.optim.SGD", {"width": (1, 2)}, "no rule is known"),
        ("torch.optim.SGD", {"width": (1, 2), "keep": "timescale"}, "no rule is known"),
        ("torch.optim.Muon", {"width": (1, 2)}, "tested for AdamW"),
        ("optax.lion", {"depth": (1, 2)}, "no rule is known"),
        ("torch.optim.AdamW", {"width": 2}, r"\(before, after\)"),
        ("torch.optim.AdamW", {"width": (0, 2)}, "> 0 and finite"),
        ("torch.optim.AdamW", {"rows": (1, 2), "keep": "prior"}, "has no prior"),
        ("nonsense", {"rows": (1, 2)}, "no convention named"),
        ("torch.optim.AdamW", {"rows": (1, 2), "keep": "epochs"}, r"^transfer\(keep=…\): must be"),
    ],
)
def test_where_no_rule_is_known_it_refuses(convention, change, sentence):
    with pytest.raises(RequestError, match=sentence):
        transfer(0.1, convention, **change)


@pytest.mark.parametrize("module", [_rescale, _transfer])
def test_the_examples_run(module):
    outcome = doctest.testmod(module)
    assert outcome.attempted >= 1
    assert outcome.failed == 0
