"""What the benchmarks compute for themselves: operations, schedules, batches, tables."""

from __future__ import annotations

import sys
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a module of the benchmarks by its name."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield import_module
    for name in [name for name in sys.modules if name == "paths" or name.startswith("paths.")]:
        del sys.modules[name]


def test_operations_are_those_of_the_products_one_by_one(part: Any) -> None:
    digits = part("paths.workloads").WORKLOADS[0]
    forward = sum(2 * i * o for i, o in pairwise((64, 64, 10)))
    weights, inputs_of_second = forward, 2 * 64 * 10
    expected = 20 * 100 * (forward + weights + inputs_of_second) + 7 * forward
    assert digits.sizes == (64, 64, 10)
    assert digits.flops(100, 7) == expected


def test_a_path_counts_every_network_and_the_refit(part: Any) -> None:
    digits = part("paths.workloads").WORKLOADS[0]
    n, per_fold = 1797, 4 * digits.flops(1797, 0) + digits.flops(0, 1797)
    assert digits.path_flops == pytest.approx(20 * per_fold + digits.flops(n, 0))


@pytest.mark.parametrize(
    "blocks, machines, cores, expected",
    [
        ([3.0, 1.0, 1.0, 1.0], 1, 2, 3.0),  # the long one fills a core, the others the second
        ([1.0, 1.0, 1.0, 3.0], 1, 2, 4.0),  # in the order of the list, not the best order
        ([2.0] * 8, 8, 1, 2.0),
        ([2.0] * 8, 64, 1, 2.0),  # machines without a block don't help
        ([], 4, 2, 0.0),
    ],
)
def test_list_scheduling(part: Any, blocks: list[float], machines: int, cores: int, expected: float) -> None:
    assert part("machines").makespan(blocks, machines, cores) == expected


def test_sending_the_rows_delays_the_later_machines(part: Any) -> None:
    makespan = part("machines").makespan
    assert makespan([1.0, 1.0], 2, 1, arrival=0.5, round_trip=0.1) == pytest.approx(0.5 * 2 + 1.1)
    assert makespan([1.0, 1.0], 1, 1, arrival=0.5, round_trip=0.1) == 2.0


def test_batches_hold_every_row_once_and_weigh_one_each(part: Any) -> None:
    order, weight = part("paths.nets").batches(70, 32, seed=1)
    assert order.shape == weight.shape == (3, 32)
    assert sorted(order[weight > 0]) == list(range(70))
    np.testing.assert_allclose(weight.sum(1), 1, rtol=1e-6)


def test_units_give_every_network_to_one_core(part: Any) -> None:
    digits = part("paths.workloads").WORKLOADS[0]
    parts = part("paths.workers").units(digits, 7)
    given = [(fold, lam) for units in parts for fold, lambdas in units for lam in lambdas]
    assert sorted(given) == sorted((fold, lam) for fold in range(5) for lam in digits.lambdas)


def test_metrics_are_those_of_scikit_learn(part: Any) -> None:
    from sklearn.metrics import accuracy_score, r2_score

    random, workloads = np.random.default_rng(0), part("paths.workloads").WORKLOADS
    by_key = {workload.key: workload for workload in workloads}
    metric_of, z, y = part("paths.nets").metric_of, random.normal(size=(2, 40, 3)), random.integers(0, 3, 40)
    found = metric_of(by_key["small"], z, y)
    np.testing.assert_allclose(found, [accuracy_score(y, one.argmax(1)) for one in z])
    found = metric_of(by_key["tall"], z[..., :1], y.astype(float))
    np.testing.assert_allclose(found, [r2_score(y, one[:, 0]) for one in z])


def test_a_table_replaces_what_lay_between_its_markers(part: Any) -> None:
    between = part("_tables").between
    page = "a\n<!-- speed:begin -->\nold\n<!-- speed:end -->\nz\n"
    once = between(page, "speed", "new \\1")
    assert once == "a\n<!-- speed:begin -->\n\nnew \\1\n\n<!-- speed:end -->\nz\n"
    assert between(once, "speed", "new \\1") == once
    assert between(page, "profile", "new") is None


def test_sides_that_differ_are_reported(part: Any) -> None:
    digits = part("paths.workloads").WORKLOADS[0]
    found = {"name": "x", "best": 0.97, "our best": 0.98, "same network": True}
    disagreement = part("run").disagreement
    assert "more than 0.0050 apart" in disagreement(digits, found, digits.tolerance)
    assert disagreement(digits, found | {"best": 0.976}, digits.tolerance) is None
    assert disagreement(digits, found | {"same network": False}, digits.tolerance) is None
    assert disagreement(digits, found | {"best": np.nan, "same network": False}, digits.tolerance)


@pytest.mark.parametrize(
    "name, page", [("speed", "speed"), ("profile", "speed"), ("growth", "speed"), ("machines", "scaling")]
)
def test_pages_have_the_markers_that_the_commands_fill(part: Any, name: str, page: str) -> None:
    text = (BENCHMARKS.parent / "docs" / f"{page}.md").read_text()
    assert part("_tables").between(text, name, "x") is not None
