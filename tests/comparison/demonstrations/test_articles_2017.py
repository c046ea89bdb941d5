"""The articles of 2017 against the figures of an independent replay, and the L1 article's own."""

from __future__ import annotations

import html
import re

import pytest

from shrinkage.comparison import DemoResult, demo, demo_page
from shrinkage.comparison.demonstrations._articles_2017 import as_printed_audited
from shrinkage.comparison.demonstrations._demo_views import SHOWN
from shrinkage.comparison.demonstrations._replay import Pull


@pytest.fixture(scope="module")
def l2() -> DemoResult:
    return demo("l2-2017", repeats=2)


@pytest.fixture(scope="module")
def l1() -> DemoResult:
    return demo("l1-2017", repeats=0)


# train, test of 40, fresh of 4,000, ‖w‖, max |w|
L2_FIGURES = {
    "none": (0.955, 0.700, 0.6300, 8.15, 2.43),
    "L2 .005": (0.925, 0.800, 0.6683, 3.74, 0.99),
    "L2 .001": (0.965, 0.675, 0.6575, 6.45, 1.78),
    "L2 .002": (0.950, 0.725, 0.6640, 5.35, 1.46),
    "L2 .01": (0.835, 0.725, 0.6795, 2.73, 0.70),
    "L2 .02": (0.790, 0.700, 0.6728, 2.03, 0.48),
    "L2 .05": (0.730, 0.600, 0.6440, 1.29, 0.31),
}
L1_FIGURES = {
    "none": (0.940, 0.550, 0.6627, 7.91, 2.39),
    "L1 .001 as printed": (0.945, 0.675, 0.6302, 14.4, 3.37),
    "L1 .001": (0.895, 0.650, 0.6577, 5.16, 2.11),
    "L1 .0003": (0.940, 0.650, 0.6450, 7.06, 2.33),
    "L1 .003": (0.380, 0.300, 0.3815, 0.0, 0.0),
    "L2 .005": (0.895, 0.725, 0.6707, 3.44, 0.87),
    "L2 .01": (0.850, 0.700, 0.6755, 2.66, 0.60),
    "L2 .02": (0.815, 0.700, 0.6730, 2.02, 0.49),
}


def figures(result: DemoResult, run: str) -> list[float]:
    row = result.tables[0].row(run)
    return [row[name] for name in ("train", "test (40)", "fresh (4,000)", "‖w‖", "max |w|")]


@pytest.mark.parametrize("run", L2_FIGURES)
def test_l2_as_replayed_elsewhere(l2, run):
    assert figures(l2, run) == pytest.approx(L2_FIGURES[run], abs=0.006)


@pytest.mark.parametrize("run", L1_FIGURES)
def test_l1_as_replayed_elsewhere(l1, run):
    assert figures(l1, run)[:4] == pytest.approx(L1_FIGURES[run][:4], abs=0.05)
    assert figures(l1, run)[:2] == pytest.approx(L1_FIGURES[run][:2], abs=1e-6)


@pytest.mark.parametrize("run, train, test", [("none", 0.94, 0.55), ("L1 .001 as printed", 0.945, 0.675)])
def test_l1_to_the_published_digit(l1, run, train, test):
    row = l1.tables[0].row(run)
    assert (row["train"], row["test (40)"]) == pytest.approx((train, test), abs=1e-9)
    assert (row["published train"], row["published test"]) == (train, test)


def test_weights_grow_as_printed(l2):
    row = l2.tables[0].row("L2 .005 as printed")
    assert row["‖w‖"] == pytest.approx(382, abs=1)
    assert row["max |w|"] == pytest.approx(110, abs=1)
    assert 0.91 <= row["train"] <= 0.935


def test_audit_finds_the_growth():
    printed, right = as_printed_audited(Pull(0.005, sign=1)), as_printed_audited(Pull(0.005))
    assert [finding.code for finding in printed.findings] == ["grows"]
    assert "grows" not in [finding.code for finding in right.findings]


def test_our_path_lands_near_the_good_strength(l2):
    run = next(row for row in l2.tables[0].rows if row[0].startswith("our path"))
    lam = float(run[0].split("=")[1])
    assert 0.004 <= lam <= 0.05
    assert dict(zip(l2.tables[0].columns, run, strict=True))["fresh (4,000)"] >= 0.67


def test_means_over_teachers_have_errors_and_the_signs_of_the_whole(l2):
    gain = {name: l2.tables[1].row(name)["gain on fresh"] for name in ("L2 .005 as printed", "L2 .005")}
    assert gain["L2 .005"].value > 0
    assert all(mean.se > 0 for mean in gain.values())


def test_the_page_tells_what_the_printed_sign_does(l2, l1):
    headline, page = SHOWN["l2-2017"].headline(l2), demo_page(l2)
    assert re.match(
        r"With its sign as printed ‖w‖ ends at 382\b.*, with the right one at 3\.7\d*: ", headline
    )
    assert headline in html.unescape(page)
    assert "A single data set often shows only its noise." in page
    table = l1.tables[0]
    printed, none = (table.row(name)["fresh (4,000)"] for name in ("L1 .001 as printed", "none"))
    assert f"{100 * (printed - none):+.1f} points".replace("-", "−") in demo_page(l1)
