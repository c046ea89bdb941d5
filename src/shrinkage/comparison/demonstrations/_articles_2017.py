"""The articles of September and December 2017 on L2 and L1 in Python: published, as printed, and with the sign right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shrinkage.auditing import Audit, audit_step
from shrinkage.comparison._means import error_of_share, mean_of
from shrinkage.comparison.demonstrations._replay import Force, Nets, Pull, train_online
from shrinkage.comparison.demonstrations._result import DemoResult, DemoTable, points
from shrinkage.comparison.demonstrations._teacher import Items, Teacher
from shrinkage.estimators import MLPClassifierCV

__all__ = ["as_printed_audited", "l1_2017", "l2_2017"]

ETA, FRESH_ITEMS, FRESH_SEED, TEACHER = 0.01, 4000, 999, 3
PUBLISHED_TESTS = 40


@dataclass(frozen=True)
class _Article:
    name: str
    title: str
    seeds: tuple[int, int]
    """Of the training and of the test items."""
    runs: dict[str, Pull]
    """Shown for the published data; the first three are repeated over teachers."""
    published: dict[str, tuple[float, float]]
    """Training and test accuracy as printed, where they are known."""


def l2_2017(repeats: int = 30) -> DemoResult:
    """Neural network L2 regularization, September 2017: λ = 0.005."""
    runs = {
        "none": Pull(0.0),
        "L2 .005 as printed": Pull(0.005, sign=+1),
        "L2 .005": Pull(0.005),
        "L2 .001": Pull(0.001),
        "L2 .002": Pull(0.002),
        "L2 .01": Pull(0.01),
        "L2 .02": Pull(0.02),
        "L2 .05": Pull(0.05),
    }
    return _replay_article(
        _Article("l2-2017", "L2 regularization in Python (September 2017)", (11, 13), runs, {}), repeats
    )


def l1_2017(repeats: int = 30) -> DemoResult:
    """Neural network L1 regularization, December 2017: λ = 0.001."""
    runs = {
        "none": Pull(0.0),
        "L1 .001 as printed": Pull(0.001, "l1", sign=+1),
        "L1 .001": Pull(0.001, "l1"),
        "L1 .0003": Pull(0.0003, "l1"),
        "L1 .003": Pull(0.003, "l1"),
        "L2 .005": Pull(0.005),
        "L2 .01": Pull(0.01),
        "L2 .02": Pull(0.02),
    }
    published = {"none": (0.94, 0.55), "L1 .001 as printed": (0.945, 0.675)}
    return _replay_article(
        _Article("l1-2017", "L1 regularization in Python (December 2017)", (16, 18), runs, published), repeats
    )


def as_printed_audited(pull: Pull) -> Audit:
    """The audit of the programs' update with this pull."""
    force = Force([pull])

    def step(weights: list[np.ndarray], gradients: list[np.ndarray]) -> list[np.ndarray]:
        return [w + ETA * (-g + force(w[None])[0]) for w, g in zip(weights, gradients, strict=True)]

    w = np.random.default_rng(0).uniform(-1, 1, (10, 8))
    return audit_step(step, [w], rows=200, batch_size=1)


def _replay_article(article: _Article, repeats: int) -> DemoResult:
    runs, names = article.runs, list(article.runs)
    repeated = names[:3]
    data = _Data(Teacher(TEACHER), article)
    others = [_Data(Teacher(seed), article) for seed in range(100, 100 + repeats)]
    sets = [data] * len(runs) + [each for each in others for _ in repeated]
    pulls = [*runs.values(), *(runs[name] for _ in others for name in repeated)]
    nets = train_online([each.train for each in sets], pulls, eta=ETA)
    figures = _Figures(nets, sets)
    chosen = MLPClassifierCV((8,), activation="tanh", cv=10, random_state=0).fit(data.train.X, data.train.y)
    own = float(chosen.score(data.fresh.X, data.fresh.y))
    tables = [_published_table(article, figures, chosen, data, own)]
    if repeats:
        tables.append(_over_teachers(repeated, figures, len(runs), repeats))
    return DemoResult(
        name=article.name,
        title=article.title,
        setting=(
            "A 10-15-4 teacher net labels items without noise. A 10-8-4 net (tanh, softmax) learns 200 of "
            f"them online, 500 epochs, η = {ETA}, on squared error; biases are exempt. The article tests "
            f"it on {PUBLISHED_TESTS} items; here {FRESH_ITEMS:,} fresh ones are added."
        ),
        tables=tuple(tables),
        says=tuple(_says(article, tables, figures, chosen.lambda_, own)),
    )


class _Data:
    def __init__(self, teacher: Teacher, article: _Article) -> None:
        train, test = article.seeds
        self.train, self.test = teacher.items(200, train), teacher.items(PUBLISHED_TESTS, test)
        self.fresh: Items = teacher.items(FRESH_ITEMS, FRESH_SEED)


class _Figures:
    """(R,) accuracies and sizes of all runs."""

    def __init__(self, nets: Nets, sets: list[_Data]) -> None:
        self.train = nets.accuracy([each.train for each in sets])
        self.test = nets.accuracy([each.test for each in sets])
        self.fresh = nets.accuracy([each.fresh for each in sets])
        self.norm, self.largest = nets.norm, nets.largest

    def row(self, i: int) -> tuple[float, ...]:
        return tuple(
            float(values[i]) for values in (self.train, self.test, self.fresh, self.norm, self.largest)
        )


def _published_table(
    article: _Article, figures: _Figures, chosen: MLPClassifierCV, data: _Data, own: float
) -> DemoTable:
    rows = [
        (name, *article.published.get(name, (None, None)), *figures.row(i))
        for i, name in enumerate(article.runs)
    ]
    weights = chosen.networks_.weights()
    path = (
        f"our path, λ = {chosen.lambda_:.3g}",
        None,
        None,
        float(chosen.score(data.train.X, data.train.y)),
        float(chosen.score(data.test.X, data.test.y)),
        own,
        float(np.linalg.norm(weights)),
        float(np.abs(weights).max()),
    )
    return DemoTable(
        title="The article's items",
        columns=(
            "run",
            "published train",
            "published test",
            "train",
            "test (40)",
            "fresh (4,000)",
            "‖w‖",
            "max |w|",
        ),
        rows=(*rows, path),
    )


def _over_teachers(repeated: list[str], figures: _Figures, first: int, repeats: int) -> DemoTable:
    rows = []
    for i, name in enumerate(repeated):
        places = first + i + len(repeated) * np.arange(repeats)
        gain = figures.fresh[places] - figures.fresh[places - i]
        rows.append(
            (
                name,
                mean_of(figures.train[places]),
                mean_of(figures.test[places]),
                mean_of(figures.fresh[places]),
                mean_of(gain) if i else None,
                mean_of(figures.norm[places]),
            )
        )
    return DemoTable(
        title=f"Means over {repeats} other teachers, with standard errors",
        columns=("run", "train", "test (40)", "fresh (4,000)", "gain on fresh", "‖w‖"),
        rows=tuple(rows),
    )


def _says(article: _Article, tables: list[DemoTable], figures: _Figures, lam: float, own: float) -> list[str]:
    names = list(article.runs)
    none, printed, right = (tables[0].row(name) for name in names[:3])
    codes = {
        finding.code: finding.severity for finding in as_printed_audited(article.runs[names[1]]).findings
    }
    judged = f" The audit of its update says “grows” ({codes['grows']})." if "grows" in codes else ""
    says = [
        "The program as printed adds the penalty's gradient with the wrong sign: ‖w‖ ends at "
        f"{printed['‖w‖']:.4g} while no penalty gives {none['‖w‖']:.3g} and the right sign "
        f"{right['‖w‖']:.3g}.{judged}",
        f"On the {PUBLISHED_TESTS} test items the printed program gains "
        f"{points(printed['test (40)'] - none['test (40)'])}; on {FRESH_ITEMS:,} fresh ones "
        f"{points(printed['fresh (4,000)'] - none['fresh (4,000)'])}. With the right sign the fresh gain is "
        f"{points(right['fresh (4,000)'] - none['fresh (4,000)'])}. "
        f"The standard error of such a share is {_points(none['test (40)'], PUBLISHED_TESTS)} points on "
        f"{PUBLISHED_TESTS} items and {_points(none['fresh (4,000)'], FRESH_ITEMS)} on {FRESH_ITEMS:,}.",
        f"By cross-validation on the 200 training items, our path chooses λ = {lam:.3g} and is right on "
        f"{100 * own:.1f} % of the fresh items.",
    ]
    if len(tables) > 1:
        gain = {name: tables[1].row(name)["gain on fresh"] for name in names[1:3]}
        says.append(
            f"Over other teachers the gain on fresh items is {points(gain[names[1]])} as printed and "
            f"{points(gain[names[2]])} with the right sign."
        )
    return says


def _points(share: float, items: int) -> str:
    return f"{100 * error_of_share(share, items):.2g}"
