"""The range's laws, for every convention there is; its words; what it refuses."""

from __future__ import annotations

import doctest
import math
import re
from typing import Any

import numpy as np
import pytest
import torch

from shrinkage import RequestError, convert
from shrinkage.strength import conventions
from shrinkage.sweeps import _range_words, _useful_range, useful_range

RUN: dict[str, Any] = {
    "lr": 1e-3,
    "steps": 100,
    "epochs": 1,
    "rows": 12_800,
    "batch_size": 128,
    "start_share": 0.0,
    "l1_ratio": 0.5,
    "gradient_rms": 0.01,
    "weight_rms": 0.1,
    "dtype": "float64",
}
ADAMW: dict[str, Any] = {"lr": 1e-3, "steps": 10_000}


def told(entry):
    return {**RUN, "curvature": (0.1, 2.0)} if entry.solved else RUN


@pytest.mark.parametrize("entry", list(conventions()), ids=lambda c: c.name)
def test_every_convention_has_a_range(entry):
    found = useful_range(entry.name, **told(entry))
    assert 0 < found.low < found.high < math.inf
    assert found.acts(math.sqrt(found.low * found.high))
    assert not found.acts(found.low / 2)
    assert not found.acts(found.high * 2)
    if found.good:
        assert found.low <= min(found.good) < max(found.good) <= found.high


BY_CONVERT = [
    c
    for c in conventions()
    # Adagrad's step shrinks with the steps so far, which `convert` leaves out; see the trainings.
    if not c.solved and c.norm == "l2" and (c.kind != "objective" or c.family not in (None, "adagrad"))
]


@pytest.mark.parametrize("entry", BY_CONVERT, ids=lambda c: c.name)
def test_at_the_weak_end_the_run_takes_off_the_tolerance_and_no_more(entry):
    weak = useful_range(entry.name, tolerance=0.02, **RUN).weak
    run = {name: value for name, value in RUN.items() if name not in ("weight_rms", "dtype")}
    if entry.family in ("asgd", "schedule_free_sgd"):
        run["gradient_rms"] = 1.0  # steps of plain SGD: no gradient's size takes part
    shrink = convert(weak, entry.name, "shrink", approximate=True, **run)
    assert shrink.value == pytest.approx(0.02 / 100, rel=1e-9)


def test_the_strong_end_leaves_the_tolerance_after_ten_steps():
    found = useful_range("torch.optim.AdamW", tolerance=0.05, **ADAMW)
    assert (1 - 1e-3 * found.strong) ** 10 == pytest.approx(0.05)


def test_a_schedule_that_fades_asks_for_more_at_the_weak_end_and_the_same_at_the_strong_one():
    flat, cosine = (useful_range("torch.optim.AdamW", schedule=s, **ADAMW) for s in ("constant", "cosine"))
    assert cosine.low == pytest.approx(2 * flat.low, rel=1e-3)
    assert cosine.high == pytest.approx(flat.high, rel=1e-3)


def test_a_long_run_is_taken_as_continuous():
    exact, continuous = (
        useful_range("torch.optim.AdamW", lr=1e-3, steps=n, schedule="cosine").low * n
        for n in (20_000, 20_001)
    )
    assert continuous == pytest.approx(exact, rel=1e-3)


def test_bfloat16_weights_lose_what_float32_ones_hold_and_a_carried_rest_loses_nothing():
    names = ("torch.optim.AdamW", "optax.adamw", "shrinkage.Decoupled")
    plain, joined, carried = (useful_range(n, dtype="bfloat16", **ADAMW).low for n in names)
    assert plain == pytest.approx(2**-9 / 1e-3)
    assert joined == carried == useful_range("torch.optim.AdamW", **ADAMW).low


def test_steps_come_from_epochs_rows_and_batch_size_and_from_a_list_of_rates():
    by_epochs = useful_range("torch.optim.AdamW", lr=1e-3, epochs=10, rows=1_000, batch_size=30)
    by_steps = useful_range("torch.optim.AdamW", lr=1e-3, steps=340)
    listed = useful_range("torch.optim.AdamW", lr=1e-3, schedule=[1e-3] * 340)
    assert by_epochs.low == pytest.approx(by_steps.low) == pytest.approx(listed.low)


def test_good_values_reach_from_the_run_to_an_epoch():
    found = useful_range("timescale_epochs", epochs=30, rows=50_000, batch_size=50)
    assert found.good == pytest.approx((30, 1))


def test_of_a_list_the_values_that_can_act_are_named():
    found = useful_range("torch.optim.AdamW", values=[1e-6, 1e-4, 0.1, 1], **ADAMW)
    assert found.acting == (0.1, 1)
    assert "replace 1e-06, 0.0001" in found.next
    assert "2 of 4 values" in found.next


def test_of_a_range_the_part_that_can_act_is_named():
    found = useful_range("torch.optim.AdamW", between=(1e-6, 1e-2), **ADAMW)
    assert found.acting == pytest.approx((1e-3, 1e-2))
    assert found.next == "Next: search 0.001 to 0.01 only, because the rest of 1e-06 to 0.01 cannot act."
    dead = useful_range("torch.optim.AdamW", between=(1e-6, 1e-5), **ADAMW)
    assert dead.acting == ()
    assert "no part of this range can act" in dead.next
    whole = useful_range("torch.optim.AdamW", between=(0.1, 1), **ADAMW)
    assert "keep the range" in whole.next


def test_it_prints_the_ends_why_and_what_to_type():
    lines = str(useful_range("torch.optim.AdamW", **ADAMW)).splitlines()
    assert (
        lines[0]
        == "torch.optim.AdamW acts between 0.001 and 369 in this run. Good values lie between 0.1 and 1."
    )
    assert "less than 1 % of a weight is removed over all 10,000 steps" in lines[1]
    assert lines[2].startswith("Next: search np.geomspace(0.1, 1, 7), because")


@pytest.mark.parametrize("steps", [1, 2, 3, 9, 30, 10_000])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("lr", [1e-5, 1e-3, 0.1])
def test_good_values_lie_in_the_range_or_there_are_none(steps, dtype, lr):
    found = useful_range("torch.optim.AdamW", lr=lr, steps=steps, dtype=dtype)
    assert found.low < found.high
    assert found.good is None or found.low <= found.good[0] < found.good[1] <= found.high
    lost = dtype == "bfloat16" and steps == 10_000
    assert ("carry what rounding loses" in found.next) == lost


def test_in_a_run_of_a_few_steps_the_strong_end_leaves_the_tolerance_after_all_of_them():
    found = useful_range("torch.optim.AdamW", lr=1e-3, steps=3)
    assert (1 - 1e-3 * found.strong) ** 3 == pytest.approx(0.01)
    assert "within 3 steps" in found.why
    assert "over the only step" in useful_range("torch.optim.AdamW", lr=1e-3, steps=1).why


@pytest.mark.parametrize("steps", [7, 90, 10_000])
def test_what_it_says_to_search_can_act(steps):
    found = useful_range("torch.optim.AdamW", lr=1e-3, steps=steps, schedule="cosine")
    low, high = map(float, re.findall(r"geomspace\((.*?), (.*?), 7\)", found.next)[0])
    assert found.low <= low < high <= found.high


@pytest.mark.parametrize(
    "values, acting, words",
    [
        ([0, 0.1, 1], (0.1, 1), "keep these values; all 2 can act"),
        ([1, 0.1, 1e-6, 1e-6], (1, 0.1), "replace 1e-06 with values"),
        ([0], (), "none of these values can act"),
    ],
)
def test_zero_is_what_the_others_are_compared_with(values, acting, words):
    found = useful_range("torch.optim.AdamW", values=values, **ADAMW)
    assert found.acting == acting
    assert words in found.next


def test_a_range_of_one_number_acts_or_does_not():
    assert useful_range("torch.optim.AdamW", between=(0.1, 0.1), **ADAMW).acting == (0.1, 0.1)
    assert useful_range("torch.optim.AdamW", between=(1e-6, 1e-6), **ADAMW).acting == ()


def test_formats_go_by_the_names_that_torch_has_for_them():
    plain = useful_range("torch.optim.AdamW", dtype="bfloat16", **ADAMW)
    for other in ("bf16", torch.bfloat16):
        assert useful_range("torch.optim.AdamW", dtype=other, **ADAMW) == plain
    assert useful_range("torch.optim.AdamW", dtype=np.float16, **ADAMW).low < plain.low


def test_a_warm_up_from_0_has_its_largest_rate_as_the_peak():
    rates = [1e-3 * min(1, t / 10) for t in range(100)]
    found = useful_range("torch.optim.AdamW", schedule=rates)
    assert found.low == pytest.approx(0.01 / sum(rates))
    assert found == useful_range("torch.optim.AdamW", schedule=rates, lr=1e-3, steps=100)


def test_epochs_that_a_number_needs_come_from_the_steps():
    run = {"lr": 1e-3, "rows": 1000, "batch_size": 10}
    by_steps = useful_range("loshchilov_hutter_normalized", steps=500, **run)
    assert by_steps == useful_range("loshchilov_hutter_normalized", epochs=5, **run)


@pytest.mark.parametrize(
    "name, options, sentence",
    [
        ("torch.optim.AdamW", {"lr": 0, "steps": 10}, r"^useful_range\(lr=…\): must be a number > 0"),
        ("torch.optim.Adam", {}, r"steps=… .*lr=… .*gradient_rms=… .*Give them too"),
        ("sklearn.linear_model.Ridge", {}, r"rows=… .*curvature=… .*XᵀX/n"),
        (
            "keras.regularizers.L1",
            ADAMW,
            r"weight_rms=… \(the root mean square of the weights\). Give it too",
        ),
        ("megatron.AdamW:style=linear", ADAMW, "start_share"),
        ("torch.optim.Adamw8", {}, "no convention named"),
        ("torch.optim.AdamW", {"dtype": "int8", **ADAMW}, "dtype=…"),
        ("torch.optim.AdamW", {"tolerance": 0.7, **ADAMW}, "tolerance=…"),
        ("torch.optim.AdamW", {"values": [1], "between": (1, 2), **ADAMW}, "not both"),
        ("torch.optim.AdamW", {"between": (1, 2, 3), **ADAMW}, "two numbers"),
        ("torch.optim.AdamW", {"curvature": (1, 2), **ADAMW}, "Give lr and steps"),
        ("lam", {"curvature": (2, 1)}, "smallest comes first"),
        ("lam", {"curvature": (1, 2, 3)}, "two numbers"),
        ("torch.optim.AdamW", {"values": [-1], **ADAMW}, "values=…"),
        ("sklearn.linear_model.SGDRegressor", {"loss": "mse", **ADAMW}, "outputs=…"),
    ],
)
def test_what_is_missing_or_wrong_is_named(name, options, sentence):
    with pytest.raises(RequestError, match=sentence):
        useful_range(name, **options)


@pytest.mark.parametrize("module", [_useful_range, _range_words])
def test_the_examples_run(module):
    outcome = doctest.testmod(module)
    assert outcome.attempted >= 1
    assert outcome.failed == 0
