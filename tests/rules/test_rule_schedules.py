"""Schedules of a strength."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shrinkage._errors import RequestError
from shrinkage.rules import constant, cosine, factor_at, linear

LEVELS = st.floats(0, 1e3)


@settings(derandomize=True, deadline=None)
@given(LEVELS, LEVELS, st.integers(1, 1000), st.sampled_from([linear, cosine]))
def test_a_ramp_starts_ends_and_stays(start: float, end: float, steps: int, ramp):
    schedule = ramp(start, end, steps=steps)
    values = [factor_at(schedule, t) for t in range(steps + 3)]
    assert values[0] == start
    assert values[-1] == values[steps] == pytest.approx(end, rel=1e-12, abs=1e-12)
    ordered = sorted(values, reverse=end < start)
    assert values == pytest.approx(ordered, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("ramp", [linear, cosine])
def test_halfway_is_half(ramp):
    assert factor_at(ramp(1, 3, steps=10), 5) == pytest.approx(2.0)


def test_a_scheduler_supplies_the_factor():
    scheduler = torch.optim.lr_scheduler.ConstantLR(torch.optim.SGD([torch.zeros(1)], lr=2.0), factor=0.25)
    assert factor_at(scheduler, 99) == 0.5
    assert factor_at(None, 99) == 1.0
    assert factor_at(constant(3.0), 99) == 3.0


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_a_factor_that_is_no_factor(bad: float):
    with pytest.raises(RequestError, match=r"schedule=…: the factor .* at step 4"):
        factor_at(lambda step: bad, 4)


@pytest.mark.parametrize("call", [lambda: linear(0, 1, steps=0), lambda: cosine(-1, 1, steps=3)])
def test_a_ramp_that_is_no_ramp(call):
    with pytest.raises(RequestError, match=r"factors must be >= 0 and finite and steps >= 1"):
        call()
