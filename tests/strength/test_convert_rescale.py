"""What if the run changes: the number that keeps the timescale, the prior, or the decay of the whole run."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shrinkage.sweeps import convert, rescale

OLD: dict[str, Any] = {"lr": 1e-3, "rows": 50_000, "batch_size": 128, "epochs": 10}


@pytest.mark.parametrize(
    "convention, change, keep, factor",
    [
        ("torch.optim.AdamW", {"new_batch_size": 256}, "timescale", 2),
        ("torch.optim.AdamW", {"new_batch_size": 256, "new_lr": 2e-3}, "timescale", 1),
        ("torch.optim.AdamW", {"new_batch_size": 512, "new_lr": 2e-3}, "timescale", 2),
        ("torch.optim.AdamW", {"new_rows": 25_000}, "timescale", 2),
        ("torch.optim.AdamW", {"new_lr": 2e-3}, "timescale", 1 / 2),
        ("torch.optim.AdamW", {"new_epochs": 20}, "timescale", 1),
        ("torch.optim.AdamW", {"new_epochs": 20}, "run", 1 / 2),
        ("composer.optim.DecoupledAdamW", {"new_lr": 2e-3}, "timescale", 1),
        ("composer.optim.DecoupledAdamW", {"new_batch_size": 256}, "timescale", 2),
        ("loshchilov_hutter_normalized", {"new_epochs": 40}, "timescale", 2),
        ("torch.optim.SGD", {"new_rows": 25_000}, "prior", 2),
        ("torch.optim.SGD", {"new_batch_size": 256}, "prior", 1),
        ("torch.optim.SGD", {"new_batch_size": 256}, "timescale", 2),
        ("sklearn.neural_network.MLPClassifier:solver=sgd", {"new_batch_size": 256}, "prior", 2),
        ("sklearn.linear_model.LogisticRegression", {"new_rows": 25_000}, "prior", 1),
        ("timescale_epochs", {"new_batch_size": 256, "new_rows": 9_000}, "timescale", 1),
    ],
)
def test_known_factors(convention, change, keep, factor):
    rescaled = rescale(0.01, convention, keep=keep, **change, **OLD)
    assert rescaled.value == pytest.approx(0.01 * factor, rel=1e-9)
    assert rescaled.source == rescaled.target == convention


@given(batch=st.integers(1, 10_000), rows=st.integers(10_000, 10**8), lr=st.floats(1e-5, 1))
@settings(deadline=None)
def test_the_timescale_is_kept_whatever_changes(batch, rows, lr):
    new = rescale(0.1, "torch.optim.AdamW", new_batch_size=batch, new_rows=rows, new_lr=lr, **OLD)
    before = convert(0.1, "torch.optim.AdamW", "timescale_epochs", **OLD)
    after = convert(new.value, "torch.optim.AdamW", "timescale_epochs", lr=lr, rows=rows, batch_size=batch)
    assert after.value == pytest.approx(before.value, rel=1e-9)


def test_the_note_says_what_was_kept():
    kept = rescale(0.1, "torch.optim.AdamW", new_batch_size=256, **OLD)
    assert kept.note == "For batch_size = 256, keeping the timescale at 25.6 epochs."
    assert kept.exact


def test_the_note_names_the_timescale_of_the_new_run_or_the_prior():
    longer = rescale(0.1, "torch.optim.AdamW", new_epochs=20, keep="run", **OLD)
    assert longer.note == "For epochs = 20, keeping the timescale, as a share of the run, at 51.2 epochs."
    prior = rescale(1e-4, "torch.optim.SGD", new_rows=25_000, keep="prior", **OLD)
    assert prior.note == "For rows = 25000, keeping the prior precision at 5."


def test_adam_with_l2_has_no_timescale_to_keep_but_an_approximate_one():
    with pytest.raises(ValueError, match="differs from weight to weight"):
        rescale(1e-4, "torch.optim.Adam", new_batch_size=256, **OLD)
    rescaled = rescale(1e-4, "torch.optim.Adam", new_batch_size=256, approximate=True, **OLD)
    assert rescaled.value == pytest.approx(2e-4)
    assert not rescaled.exact


def test_everything_missing_is_requested_at_once():
    with pytest.raises(
        ValueError, match=r"needs lr=… .*rows=… .*batch_size=… .*start_share=… .*Give them too"
    ):
        rescale(0.1, "megatron.AdamW:style=linear", new_batch_size=256)
