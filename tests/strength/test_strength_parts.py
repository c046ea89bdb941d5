"""The records of this floor: nothing in them changes, all is named by keyword, what is not said has its stated value."""

import dataclasses
import inspect
import math
from typing import Any

import pytest

import shrinkage as sh
from shrinkage._errors import RequestError
from shrinkage.strength import Quantities, conventions
from shrinkage.strength._checks import checked
from shrinkage.strength._registry import find
from shrinkage.strength._schedule import CLOCKS
from shrinkage.strength._translation import _at_the_smaller_lr
from shrinkage.sweeps import convert

CONVERSION = convert(1e-4, "lam", "l2_penalty")
RECORDS = [conventions(), find("lam"), find("lam").form, Quantities(), CLOCKS["lr"], CONVERSION]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_never_changes(record: Any):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(record, dataclasses.fields(record)[0].name, 1.0)


@pytest.mark.parametrize(
    "record", [find("lam"), Quantities(), CLOCKS["lr"], CONVERSION], ids=lambda r: type(r).__name__
)
def test_a_number_is_never_identified_by_its_position(record: Any):
    with pytest.raises(TypeError, match="takes 1 positional argument"):
        type(record)(0.1)


def test_convert_and_runs_share_their_defaults():
    said = {name: p.default for name, p in inspect.signature(sh.convert).parameters.items()}
    for field in dataclasses.fields(Quantities):
        assert said[field.name] == field.default, field.name
    assert said["approximate"] is False


@pytest.mark.parametrize(
    "value, source, target, options, expected",
    [
        (3.0, "prior_precision", "lam", {"rows": 10}, 0.3),  # noise of variance 1
        (0.1, "torch.optim.SGD", "shrink", {"lr": 0.5}, 0.05),  # no momentum, a constant rate
        (
            0.5,
            "torch.optim.SGD",
            "torch.optim.AdamW",
            {"lr": 0.1, "approximate": True},
            0.5,
        ),  # gradients of size 1
    ],
)
def test_the_stated_values_are_the_ones_used(
    value: float, source: str, target: str, options: dict[str, Any], expected: float
):
    assert convert(value, source, target, **options).value == pytest.approx(expected, rel=1e-12)


def test_scikit_learns_elastic_net_is_all_l2_by_default():
    names = [c.name for c in conventions("sklearn") if "ElasticNet" in c.name and c.norm == "l2"]
    assert names
    for name in names:
        bare = convert(0.2, name, "lam", rows=10, loss="half_squared_error").value
        assert bare == convert(0.2, name, "lam", rows=10, loss="half_squared_error", l1_ratio=0).value > 0


def test_no_strength_at_all_is_an_infinite_timescale_and_back():
    there = convert(0.0, "shrink", "timescale_steps").value
    assert there == math.inf
    assert convert(there, "timescale_steps", "shrink").value == 0


def test_a_conversion_says_itself_and_how_near_it_is():
    assert str(CONVERSION).splitlines()[0] == "lam 0.0001 = l2_penalty 5e-05"
    near = convert(1e-4, "torch.optim.SGD", "torch.optim.AdamW", lr=0.1, approximate=True)
    assert str(near).startswith("torch.optim.SGD 0.0001 ≈ torch.optim.AdamW 0.0001\nApproximate: ")


@pytest.mark.parametrize("x", [1e-12, 0.3, 1.0, 50.0])
@pytest.mark.parametrize("power", [0, 1, 2])
def test_a_shrink_at_the_smaller_rate_solves_its_equation(x: float, power: int):
    kappa = _at_the_smaller_lr(x, power)
    assert kappa == pytest.approx(x * (1 - kappa) ** power, rel=1e-12)


@pytest.mark.parametrize("rates", [[], [0.0, 0.0]])
def test_a_run_without_any_learning_rate_has_no_clock(rates: list[float]):
    with pytest.raises(RequestError, match="has no learning rate above 0"):
        convert(
            0.1, "shrinkage.Decoupled:clock=constant", "shrinkage.Decoupled:clock=schedule", schedule=rates
        )


@pytest.mark.parametrize(
    "rule, inside, outside",
    [
        (">= 0 and finite", [0, 2], [-1e-9, math.inf, math.nan]),
        ("> 0 and finite", [1e-9, 2], [0, math.inf, math.nan]),
        (">= 1 and finite", [1, 2], [0.999, math.inf, math.nan]),
        ("> 0", [1e-9, math.inf], [0, math.nan]),
        ("in [0, 1)", [0, 0.999], [-1e-9, 1, math.nan]),
        ("in [0, 1]", [0, 1], [-1e-9, 1.001, math.nan]),
    ],
)
def test_a_range_holds_its_bounds_or_does_not_as_it_is_written(
    rule: str, inside: list[float], outside: list[float]
):
    assert [checked("f", "x", x, rule) for x in inside] == inside
    for x in outside:
        with pytest.raises(RequestError, match=r"f\(x=…\): must be a number"):
            checked("f", "x", x, rule)


def test_a_missing_quantity_is_requested():
    with pytest.raises(RequestError, match=r"needs rows=… \(the number of training rows\). Give it too"):
        Quantities().get("rows")
    assert Quantities(rows=7).get("rows") == 7
