"""What every search of the registry keeps to, and that every search is in the registry."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from path_cases import EVERYTHING, FOLDS
from search_cases import Made, search_of, walked
from shrinkage.path import PathRequest, Place, fit_path
from shrinkage.path import search as room
from shrinkage.path.search import SEARCHES, PlannedSearch
from stack_cases import recipe

GRID = [0.0, *np.logspace(-6, 0, 19)]
NOISE = np.random.default_rng(3).normal(0, 0.02, (40, 5))
LAWS = [
    pytest.param(name, fast, id=f"{name}{', fast' * fast}") for name in SEARCHES for fast in (False, True)
]


def bowl(lam: float) -> np.ndarray:
    """Losses with their minimum near λ = 0.01, and folds that differ more than λs do."""
    place = np.log10(max(lam, 1e-7)) + 2
    return 1 + 0.02 * place**2 + np.array([0.3, -0.2, 0.1, 0.0, -0.2]) + NOISE[int(4 * place) % 40]


@pytest.mark.parametrize("name, fast", LAWS)
@pytest.mark.parametrize("select", ["min", "1se"])
def test_no_network_is_requested_twice_or_read_too_early(name, fast, select):
    search = search_of(name, GRID, select=select, fast=fast, max_extensions=0)
    made = walked(search, Made(bowl))
    assert search.choose(made).select == select
    assert {place.lam for place, _ in made.nets} <= set(GRID)


@pytest.mark.parametrize("name, fast", LAWS)
def test_requests_are_a_function_of_what_was_seen(name, fast):
    one, made = search_of(name, GRID, fast=fast), Made(bowl)
    walked(one, made)
    again = Made(bowl)
    for asked in made.rounds:
        fresh = search_of(name, GRID, fast=fast)
        assert fresh.ask(again) == fresh.ask(again) == asked
        again.add(asked)
    choices = [vars(search_of(name, GRID, fast=fast).choose(seen)) for seen in (made, again)]
    np.testing.assert_equal(choices[0], choices[1])


@pytest.mark.parametrize("name, fast", LAWS)
@pytest.mark.parametrize("stronger_is_better", [True, False])
def test_a_best_place_on_the_edge_extends_the_grid(name, fast, stronger_is_better):
    grid = np.logspace(-3, -1, 9)

    def slope(lam):
        return 1 + (-1 if stronger_is_better else 1) * 0.1 * np.log10(lam) + np.zeros(5)

    search = search_of(name, grid, fast=fast, max_extensions=1)
    choice = search.choose(walked(search, Made(slope)))
    assert (choice.extended, choice.at_edge) == (1, True)
    assert (choice.lam > 0.1) if stronger_is_better else (choice.lam < 1e-3)


@pytest.mark.parametrize("name, fast", LAWS)
def test_a_refused_strength_is_never_requested(name, fast):
    search = search_of(name, [0.0, 1e-3, 1e-2, 1e-1], fast=fast, admits=lambda lam: lam <= 0.5)
    made = walked(search, Made(lambda lam: 1 - lam + np.zeros(5)))
    assert max(place.lam for place, _ in made.nets) <= 0.5


@pytest.mark.parametrize("name, fast", LAWS)
@pytest.mark.parametrize("grid", [[0.0], [0.1], [0.0, 0.1], [0.01, 0.1], [0.0, 0.01, 0.1]])
def test_a_grid_of_a_few_is_searched_too(name, fast, grid):
    search = search_of(name, grid, fast=fast, max_extensions=0)
    made = walked(search, Made(lambda lam: (lam - 0.02) ** 2 + np.arange(5.0)))
    assert search.choose(made).lam == min(grid, key=lambda lam: abs(lam - 0.02))


def request(name: str, fast: bool, **changes: Any) -> PathRequest:
    given: Any = {"lambdas": np.array(GRID), "restarts": 2, "select": "min", "stop": "last", "seed": 1}
    training = recipe(optimizer="adam", batch_size=8, max_epochs=4, dtype="float32")
    return PathRequest(**{**given, "recipe": training, "search": name, "fast": fast, **changes})


@pytest.mark.parametrize("name, fast", LAWS)
def test_every_trained_network_is_the_grids_own(name, fast):
    whole = fit_path(request("grid", False, keep_path=True, max_extensions=0), FOLDS, EVERYTHING)
    found = fit_path(request(name, fast, keep_path=True, max_extensions=0), FOLDS, EVERYTHING)
    places = np.searchsorted(whole.result.lambdas, found.result.lambdas)
    assert found.result.places == tuple(Place(lam) for lam in found.result.lambdas)
    for curve in ("train_loss", "validation_loss", "final_penalty", "weight_norm"):
        np.testing.assert_array_equal(getattr(found.result, curve), getattr(whole.result, curve)[places])
    np.testing.assert_array_equal(found.networks, whole.networks[places])


def test_a_bracket_trains_fewer_than_half_and_finds_the_minimum():
    search = search_of("bracket", GRID)
    made = walked(search, Made(lambda lam: (np.log10(max(lam, 1e-7)) + 2) ** 2 + np.arange(5.0)))
    assert search.choose(made).lam == min(GRID, key=lambda lam: abs(np.log10(max(lam, 1e-7)) + 2))
    assert len(made.nets) <= 0.45 * 5 * len(GRID)
    assert sorted({*search.choose(made).skipped, *(place.lam for place, _ in made.nets)}) == GRID


@pytest.mark.parametrize("name, fast", LAWS)
def test_the_choice_is_made_once(name, fast, monkeypatch):
    calls, real = [], PlannedSearch.choose
    monkeypatch.setattr(PlannedSearch, "choose", lambda self, seen: calls.append(1) or real(self, seen))
    fit_path(request(name, fast), FOLDS, EVERYTHING)
    assert len(calls) == 1


def test_every_search_is_in_the_registry():
    """A file of the room that defines a search and is not registered would be in no contract."""
    folder = Path(room.__file__).parent
    defined = {
        node.name
        for file in folder.glob("_*_search.py")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    }
    assert defined == {kind.__name__ for kind in SEARCHES.values()}
