"""The λ path by particle swarms, a process a core, against loops over pyswarms and pymoo with a NumPy network; evosax.

Iris (4-6-3) and breast cancer (30-6-1): 10 λs × 5 folds, a swarm of 30 each, the same start range, velocity limit,
bounds, constants and iterations. The NumPy network comes in two forms: one call a particle, as pyswarms' own tutorial
has it, and one call a swarm, `np.matmul` over its particles, which is the best that a loop over swarms can do. Where
evosax is installed it takes part, on JAX, compiled before the clock starts, the λs of a fold in one `vmap`. Every turn
has a seed of its own. Prints the ratios of times, and the median, over the swarms of all turns, of the penalized
training error that each side ends at.

Usage: OMP_NUM_THREADS=1 python benchmarks/swarm_vs_pyswarms.py [PAIRS] [ITERATIONS]
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import count
from typing import Any

import numpy as np
import pyswarms
import torch
from _measured import in_turn, spread, written
from pymoo.algorithms.soo.nonconvex.pso import PSO
from pymoo.core.problem import Problem
from pymoo.optimize import minimize
from pymoo.termination import get_termination
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.model_selection import StratifiedKFold

from shrinkage.networks import PerceptronKind, PerceptronLayout
from shrinkage.path import Fold, Place, cut, fitted_scale, run_blocks, standard_inputs
from shrinkage.rules import L2
from shrinkage.training import ParticleSwarms, Recipe, Swarm

LAMBDAS = [0.0, *np.logspace(-5, -0.5, 9)]
PARTICLES, HIDDEN, LIMIT, BOUND = 30, 6, 0.1, 10.0
W, C = 0.7298437881283576, 1.496179765663133

Objective = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Net:
    """The 4-6-3 or 30-6-1 net in NumPy on one fold, weights before biases as in ours; `(P, D) ↦ (P,)`."""

    X: np.ndarray
    y: np.ndarray
    layout: PerceptronLayout
    lam: float

    def of_swarm(self, w: np.ndarray) -> np.ndarray:
        (i, h), (_, o) = self.layout.shapes
        W1, W2 = w[:, : i * h].reshape(-1, i, h), w[:, i * h : i * h + h * o].reshape(-1, h, o)
        b1, b2 = w[:, None, self.layout.n_weights : -o], w[:, None, -o:]
        z = np.tanh(self.X @ W1 + b1) @ W2 + b2
        if o == 1:
            z = z[..., 0]
            loss = np.logaddexp(0, z) - z * self.y
        else:
            top = z.max(-1, keepdims=True)
            own = z[:, np.arange(len(self.y)), self.y]
            loss = np.log(np.exp(z - top).sum(-1)) + top[..., 0] - own
        return loss.mean(-1) + self.lam / 2 * np.square(w[:, : self.layout.n_weights]).sum(-1)

    def of_each(self, w: np.ndarray) -> np.ndarray:
        return np.array([self.of_swarm(each[None])[0] for each in w])


Data = tuple[np.ndarray, np.ndarray, PerceptronLayout, list[tuple[np.ndarray, np.ndarray]]]


def data(load: Any) -> Data:
    X, y = load(return_X_y=True)
    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))
    classes = len(np.unique(y))
    return X, y, PerceptronLayout((X.shape[1], HIDDEN, 1 if classes == 2 else classes)), folds


def scaled(X: np.ndarray, train: np.ndarray) -> np.ndarray:
    return (X[train] - X[train].mean(0)) / X[train].std(0)


def ours(given: Data, iterations: int, seed: int) -> list[float]:
    X, y, layout, folds = given
    Y = y[:, None] if layout.sizes[-1] == 1 else np.eye(3)[y]
    numbered = {
        number: Fold(
            number=number,
            Y=Y,
            weight=None,
            train=train,
            validation=None,
            inputs=standard_inputs(X, fitted_scale(X, train, None)),
            y_scale=None,
        )
        for number, (train, _) in enumerate(folds)
    }
    trainer = ParticleSwarms(swarm=Swarm(particles=PARTICLES, max_velocity=LIMIT), bound=BOUND)
    recipe = Recipe(
        kind=PerceptronKind(hidden_layer_sizes=(HIDDEN,), activation="tanh"),
        loss="logistic" if layout.sizes[-1] == 1 else "softmax",
        rule=L2(0.0),
        trainer=trainer,
        max_epochs=iterations // 5,
    )
    blocks = cut([Place(lam) for lam in LAMBDAS], list(numbered.values()), 1, recipe)
    results = run_blocks(blocks, numbered, recipe, seed=seed, n_jobs=-1)
    return [float(e) for r in results for e in np.ravel(r["final_train_loss"] + r["final_penalty"])]


def looped(
    given: Data, optimize: Callable[[Objective, int, int], float], form: str, seed: int
) -> list[float]:
    X, y, layout, folds = given
    found = []
    for train, _ in folds:
        for lam in LAMBDAS:
            net = Net(scaled(X, train), y[train], layout, lam)
            found.append(optimize(getattr(net, form), layout.n_parameters, 1000 * seed + len(found)))
    return found


def by_pyswarms(objective: Objective, D: int, seed: int, *, iterations: int) -> float:
    np.random.seed(seed)
    swarm = pyswarms.single.GlobalBestPSO(
        PARTICLES,
        D,
        options={"c1": C, "c2": C, "w": W},
        bounds=(np.full(D, -BOUND), np.full(D, BOUND)),
        velocity_clamp=(-LIMIT, LIMIT),
        init_pos=np.random.uniform(-1, 1, (PARTICLES, D)),
    )
    return float(swarm.optimize(objective, iterations, verbose=False)[0])


def by_pymoo(objective: Objective, D: int, seed: int, *, iterations: int) -> float:
    class Task(Problem):
        def _evaluate(self, x: np.ndarray, out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
            out["F"] = objective(x)

    start = np.random.default_rng(seed).uniform(-1, 1, (PARTICLES, D))
    # Its velocity limit is a share of the box of ±10.
    algorithm = PSO(
        PARTICLES,
        start,  # pyright: ignore[reportArgumentType] it takes positions, its annotation only a sampler
        w=W,
        c1=C,
        c2=C,
        adaptive=False,
        max_velocity_rate=LIMIT / (2 * BOUND),
        pertube_best=False,
    )
    result = minimize(
        Task(n_var=D, n_obj=1, xl=-BOUND, xu=BOUND),
        algorithm,
        get_termination("n_gen", iterations),
        seed=seed,
    )
    assert result.F is not None
    return float(result.F[0])


def on_jax(given: Data, iterations: int, seed: int) -> list[float]:
    """The λ path by evosax, a fold at a time."""
    from _evosax_swarms import by_evosax

    X, y, layout, folds = given
    sizes = (X.shape[1], HIDDEN, layout.sizes[-1])
    settings = {"particles": PARTICLES, "iterations": iterations, "w": W, "c": C}
    found = [
        by_evosax(scaled(X, train), y[train], sizes, np.array(LAMBDAS), settings, 1000 * seed + number)
        for number, (train, _) in enumerate(folds)
    ]
    return [float(e) for e in np.concatenate(found)]


class Turns:
    """One side, which begins every turn with another seed; keeps the objectives that it ends at."""

    def __init__(self, run: Callable[[int], Sequence[float]]) -> None:
        self.run, self.seeds, self.objectives = run, count(), []

    def __call__(self) -> None:
        self.objectives += self.run(next(self.seeds))


def main(pairs: int, iterations: int) -> None:
    torch.set_num_threads(1)
    logging.disable(logging.INFO)
    found = {}
    for name, load in (("iris", load_iris), ("breast cancer", load_breast_cancer)):
        given, pyswarms_run = data(load), partial(by_pyswarms, iterations=iterations)
        pymoo_run = partial(by_pymoo, iterations=iterations)
        runs: dict[str, Callable[[int], Sequence[float]]] = {
            "ours": partial(ours, given, iterations),
            "pyswarms, a call a particle": partial(looped, given, pyswarms_run, "of_each"),
            "pyswarms, a call a swarm": partial(looped, given, pyswarms_run, "of_swarm"),
            "pymoo, a call a swarm": partial(looped, given, pymoo_run, "of_swarm"),
        }
        if find_spec("evosax") is None:
            print("evosax is not installed: left out. pip install evosax brings it.")
        else:
            runs["evosax, compiled, a call a fold"] = partial(on_jax, given, iterations)
        sides = {side: Turns(run) for side, run in runs.items()}
        seconds, _ = in_turn(sides, pairs)
        objective = {side: float(np.median(turns.objectives)) for side, turns in sides.items()}
        ratios = {
            side: spread([b / a for a, b in zip(seconds["ours"], times, strict=True)])
            for side, times in seconds.items()
            if side != "ours"
        }
        found[name] = {
            "ratio to ours": ratios,
            "seconds": {side: spread(times) for side, times in seconds.items()},
            "median objective": objective,
        }
        for side, ratio in ratios.items():
            print(
                f"{name}: {side} / ours {ratio['median']:.1f}× (from {ratio['min']:.1f} to {ratio['max']:.1f})"
            )
        print(f"{name}: median objective { ({side: round(value, 5) for side, value in objective.items()}) }")
    what = f"10 λs × 5 folds, swarms of {PARTICLES}, {iterations} iterations"
    workload = f"{what}; ours float32 on every core, theirs float64"
    print(f"written to {written('swarm_vs_pyswarms', {'workload': workload, 'pairs': pairs, **found})}")


if __name__ == "__main__":
    main(*(int(value) for value in (sys.argv[1:] + ["2", "100"][len(sys.argv) - 1 :])))
