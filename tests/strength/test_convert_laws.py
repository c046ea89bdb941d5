"""Laws that hold for every pair of conventions: round trips, chains, proportionality, and what each asks for."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shrinkage._errors import RequestError
from shrinkage.strength import conventions
from shrinkage.sweeps import convert

NAMES = [c.name for c in conventions()]
# 1 − s forgets the digits of a small s, so a way back from there is none.
RATES = {"keep_factor"}
TIMES = {"half_life_steps", "timescale_steps", "timescale_epochs"}
# Beside a summed loss, and where the rule shortens the step, lr is another one: a chain at one lr is another chain.
AT_ONE_LR = [c.name for c in conventions() if not (c.summed or c.after)]
runs = st.fixed_dictionaries(
    {
        "lr": st.floats(1e-4, 0.2),
        "momentum": st.sampled_from([0.0, 0.5, 0.9]),
        "rows": st.integers(2_000, 10**6),
        "batch_size": st.integers(1, 1000),
        "outputs": st.integers(1, 10),
        "loss": st.sampled_from(["mse", "half_squared_error", "squared_error"]),
        "schedule": st.sampled_from(["constant", "linear", "cosine", "one-cycle"]),
        "steps": st.integers(20, 60),
        "epochs": st.floats(1, 100),
        "noise_variance": st.floats(0.1, 10),
        "l1_ratio": st.floats(0.1, 0.9),
        "start_share": st.floats(0, 1),
    }
)


def convertible(value, source, target, run, *, approximate=True):
    """The converted value, or None where the pair or its size is refused for a reason known here."""
    try:
        return convert(value, source, target, approximate=approximate, **run).value
    except RequestError as refusal:
        if any(known in str(refusal) for known in ("Σ |w|", "below 1", "half-life", "out of the range")):
            return None
        raise


@given(
    source=st.sampled_from(NAMES),
    target=st.sampled_from(sorted(set(NAMES) - RATES)),
    run=runs,
    strength=st.floats(1e-6, 1e-3),
)
@settings(max_examples=600, deadline=None)
def test_there_and_back_is_the_identity(source, target, run, strength):
    value = 1 - strength if source in RATES else 1 / strength if source in TIMES else strength
    there = convertible(value, source, target, run)
    if there is not None and math.isfinite(there):
        assert convert(there, target, source, approximate=True, **run).value == pytest.approx(value, rel=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_a_convention_converts_to_itself_unchanged_and_exactly(name):
    run = {"rows": 1000, "batch_size": 10, "epochs": 3, "l1_ratio": 0.5, "start_share": 0.1}
    conversion = convert(0.9, name, name, **run)
    assert conversion.value == pytest.approx(0.9, rel=1e-12)
    assert conversion.exact


@given(run=runs, pair=st.sampled_from(list(itertools.product(AT_ONE_LR, repeat=2))))
@settings(max_examples=300, deadline=None)
def test_exact_conversions_chain_through_lambda(run, pair):
    source, target = pair
    try:
        direct = convert(1e-3, source, target, **run)
        by_lam = convert(convert(1e-3, source, "lam", **run).value, "lam", target, **run)
    except RequestError:
        return
    assert direct.value == pytest.approx(by_lam.value, rel=1e-8)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_no_strength_is_no_strength_everywhere(schedule):
    run = {"rows": 1000, "batch_size": 10, "lr": 0.1, "epochs": 2, "steps": 50, "l1_ratio": 0.5}
    run["start_share"] = 0.1
    values = {
        name: convertible(0.0, "lam", name, {**run, "loss": "half_squared_error", "schedule": schedule})
        for name in NAMES
    }
    infinite = {name for name, value in values.items() if value == math.inf}
    assert {"liblinear", "timescale_epochs", "timescale_steps", "half_life_steps"} <= infinite
    assert values["keep_factor"] == 1
    assert all(value in (None, 0) for name, value in values.items() if name not in infinite | RATES)


@pytest.mark.parametrize("entry", list(conventions()), ids=lambda c: c.name)
def test_the_table_lists_all_needs_and_each_is_requested_by_name(entry):
    run = {"rows": 1000, "batch_size": 10, "epochs": 3, "start_share": 0.1}
    enough: dict[str, Any] = {name: run[name] for name in entry.needs}
    convert(0.5, entry.name, entry.name, l1_ratio=0.5, **enough)
    for name in entry.needs:
        fewer: dict[str, Any] = {k: v for k, v in enough.items() if k != name}
        with pytest.raises(RequestError, match=rf"needs .*{name}=…"):
            convert(0.5, entry.name, entry.name, **fewer)
