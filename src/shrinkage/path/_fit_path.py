"""The main job on prepared folds: train the path, extend its grid, choose, refit on all rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage._errors import JobError, RequestError, called, check_choice, check_count, shown
from shrinkage.networks import Layout
from shrinkage.path._fold import ALL_ROWS, Fold
from shrinkage.path._held_out import held_out_predictions, score_nets
from shrinkage.path._path_choice import fold_losses_of
from shrinkage.path._path_result import Choice, PathResult
from shrinkage.path._places import STANDARD, Net, Place
from shrinkage.path._rounds import Arrays, RoundRunner
from shrinkage.path._seen import SeenNets
from shrinkage.path.blocks._block_store import BlockStore
from shrinkage.path.blocks._run_blocks import Progress
from shrinkage.path.search import SEARCHES, Controlled, Round, Search
from shrinkage.training import Recipe

__all__ = ["FittedPath", "PathRequest", "fit_path", "losses_at"]

KEPT_BYTES = 1 << 26
"""All networks of the folds are kept until λ is chosen if they take no more than this; else those of the chosen λ are
trained once more."""


@dataclass(frozen=True, kw_only=True)
class PathRequest:
    """What path to train and how to choose from it."""

    lambdas: NDArray[np.float64]
    """(L,) ascending."""
    start: NDArray[np.float64] | None = None
    """(S,) those of them that a search from coarse to fine begins with; None for its own choice."""
    restarts: int
    """Networks of different initial weights and batches for each (λ, fold), ≥ 1."""
    select: str
    """`min` or `1se`."""
    stop: str
    """`last` or `best`."""
    recipe: Recipe
    seed: int
    keep_path: bool = False
    """Refit and keep the network of every λ, not of the chosen one alone."""
    n_jobs: int | str | None = None
    """As joblib means it; `auto` starts processes only for work that is worth it."""
    held_out: bool = False
    """Also predict each row by the nets of the chosen λ that had not seen it. They are trained once more if they were
    too large to keep, or if the choice stops at an earlier epoch."""
    max_extensions: int = 3
    """How often the grid may be extended while the best λ lies on its edge."""
    fast: bool = False
    """Drop λs that the first folds find worse: they leave the path and are listed in `Choice.dropped`."""
    score: Callable[[Fold, NDArray[np.float64]], float] | None = None
    """Chooses λ in place of the loss, greater being better: of a fold and what a network predicts for the rows that it
    held out, (n, C) probabilities or values in the targets' units. Networks are scored after their last epoch."""
    score_name: str = ""
    search: str = "grid"
    """Which λs are trained, and in what order: a key of `SEARCHES`."""
    form: str = STANDARD
    """What inputs the networks see of the columns: a key of the folds' `inputs`."""

    def __post_init__(self) -> None:
        for name, value, known in (
            ("select", self.select, ("min", "1se")),
            ("stop", self.stop, ("last", "best")),
            ("search", self.search, SEARCHES),
        ):
            check_choice(name, value, known)
        check_count("restarts", self.restarts)
        whole = isinstance(self.max_extensions, int | np.integer)
        if not whole or self.max_extensions < 0:
            raise RequestError(
                f"{called('max_extensions')}: must be a whole number >= 0, got {shown(self.max_extensions)}."
            )
        if not isinstance(self.fast, bool | np.bool_):
            raise RequestError(f"{called('fast')}: must be True or False, got {shown(self.fast)}.")
        jobs = self.n_jobs
        if jobs not in (None, "auto") and (not isinstance(jobs, int | np.integer) or jobs == 0):
            raise RequestError(
                f"{called('n_jobs')}: must be 'auto', None, a number of processes >= 1, or -1 for all cores, got "
                f"{shown(jobs)}."
            )

    def searching(self) -> Search:
        """The search that this request asks for; none where a controller moves λ."""
        kind = SEARCHES[self.search] if self.recipe.controller is None else Controlled
        return kind(
            lambdas=self.lambdas,
            start=self.start,
            select=self.select,
            stop=self.stop,
            max_extensions=self.max_extensions,
            fast=self.fast,
            admits=self.recipe.admits,
            form=self.form,
        )


@dataclass(frozen=True, kw_only=True)
class FittedPath:
    """The path's curves, the choice, and the networks refitted on all rows."""

    result: PathResult
    choice: Choice
    layout: Layout
    refit_lambdas: NDArray[np.float64]
    """(M,) the λs that were refitted: all, or the chosen one."""
    networks: NDArray[Any]
    """(M, D) their parameters; of the restarts, the one with the smallest objective."""
    restart_networks: NDArray[Any]
    """(R', D) those of the chosen λ of every restart that did not diverge, in the order of the restarts."""
    refit_loss: NDArray[np.float64]
    """(M,) training loss of these networks over all rows."""
    refit_penalty: NDArray[np.float64]
    """(M,) their penalty, NaN for a rule without an objective."""
    held_out: NDArray[np.float64] | None
    """(N, C) what the chosen λ predicts for rows its nets had not seen, or None; see `held_out_predictions`."""
    fold_networks: list[NDArray[Any]] | None
    """For each fold the parameters (R, D) of the nets of the chosen λ that made them, or None."""

    @property
    def chosen(self) -> int:
        """Place of the chosen λ in `refit_lambdas`."""
        return int(np.flatnonzero(self.refit_lambdas == self.choice.lam)[0])


def fit_path(
    request: PathRequest,
    folds: Sequence[Fold],
    all_rows: Fold,
    *,
    store: BlockStore | None = None,
    progress: Progress | None = None,
) -> FittedPath:
    """Train what the search asks for, choose λ and epoch, refit on all rows.

    Args:
        request: the path and the choice.
        folds: numbered from 0 in order.
        all_rows: the fold of number −1 whose training rows are all rows.
        store: where finished blocks are kept and looked for.
        progress: called with (done, total) in networks × epochs; the total grows when the grid is extended, and falls
            when λs are dropped.
    """
    if refused := [lam for lam in request.lambdas if not request.recipe.admits(lam)]:
        raise RequestError(
            f"{called('lambdas')}: {', '.join(f'{lam:g}' for lam in refused)} would take more than the "
            "whole weight off in a step "
            f"by {request.recipe.rule.name} at this learning rate. Give smaller λs or a smaller learning rate."
        )
    runner = RoundRunner(request, {fold.number: fold for fold in [*folds, all_rows]}, store, progress)
    seen = SeenNets(request.recipe, folds, request.restarts, request.score_name)
    keep = request.held_out and request.stop == "last" and _fits(request, folds)
    choice = _run_search(request, runner, seen, keep)
    result = seen.result(seen.finished)
    places = result.places if request.keep_path else (result.places[choice.index],)
    taken = choice.epochs if request.keep_path else choice.epochs[[choice.index]]
    refit = Round(places=places, folds=(ALL_ROWS,), epochs=tuple(int(epoch) for epoch in taken))
    chosen = Place(choice.lam, choice.form)
    by_fold = seen.networks(chosen, choice.epoch) if request.held_out else None
    last = [refit]
    if request.held_out and by_fold is None:
        last.append(Round(places=(chosen,), folds=seen.folds, epochs=(choice.epoch,)))
    trained = runner.train(*last)
    nets = _best_restarts({net: arrays for net, arrays in trained.items() if net.fold == ALL_ROWS}, places)
    if not np.isfinite(_objective(nets[places.index(result.places[choice.index])])):
        raise JobError(
            f"Refitting the chosen λ = {choice.lam:g} on all rows diverged. Lower the learning rate, or add restarts."
        )
    if len(last) > 1:
        by_fold = [
            np.array([trained[Net(chosen, fold.number, r)]["networks"] for r in range(request.restarts)])
            for fold in folds
        ]
    layout = all_rows.layout(request.recipe.kind, choice.form)
    refit_lambdas = np.array([place.lam for place in places])
    if "lambdas" in nets[0]:
        result, choice = _where_it_ended(request.recipe, layout, nets[0], result, choice)
        refit_lambdas = result.lambdas
    return FittedPath(
        result=result,
        choice=choice,
        layout=layout,
        refit_lambdas=refit_lambdas,
        networks=np.array([net["networks"] for net in nets]),
        restart_networks=_sound_restarts(trained, chosen),
        refit_loss=np.array([net["final_train_loss"] for net in nets]),
        refit_penalty=np.array([net["final_penalty"] for net in nets]),
        held_out=held_out_predictions(request.recipe, folds, by_fold, choice.form) if by_fold else None,
        fold_networks=by_fold,
    )


def _fits(request: PathRequest, folds: Sequence[Fold]) -> bool:
    """Whether the networks of all folds may stay in memory until λ is chosen."""
    layout = folds[0].layout(request.recipe.kind, request.form)
    networks = len(request.lambdas) * len(folds) * request.restarts
    return networks * layout.n_parameters * np.dtype(request.recipe.dtype).itemsize <= KEPT_BYTES


def _run_search(request: PathRequest, runner: RoundRunner, seen: SeenNets, keep: bool) -> Choice:
    """Train what the search asks for, adding it to `seen`, with the networks if `keep`, and choose."""
    search, score = request.searching(), request.score
    while (asked := search.ask(seen)) is not None:
        again = request.held_out and not (keep or asked.epochs)
        ahead = (asked.on_path if request.keep_path else 1) + (len(seen.folds) if again else 0)
        if asked.epochs is None and (keep or score is not None):
            asked = replace(asked, epochs=(request.recipe.max_epochs,) * len(asked.places))
        nets = runner.train(asked, ahead=ahead)
        if score is not None:
            nets = score_nets(nets, request.recipe, runner.folds, score, keep=keep)
        seen.add(nets)
    return search.choose(seen)


def losses_at(
    request: PathRequest, folds: Sequence[Fold], lam: float, *, store: BlockStore | None = None
) -> NDArray[np.float64]:
    """(F,) the validation losses that the networks of one λ have on some folds, as its path would have them."""
    place, numbers = Place(lam, request.form), tuple(fold.number for fold in folds)
    seen = SeenNets(request.recipe, folds, request.restarts)
    runner = RoundRunner(request, {fold.number: fold for fold in folds}, store, None)
    seen.add(runner.train(Round(places=(place,), folds=numbers)))
    return fold_losses_of(seen.result((place,)), 0, request.stop)


def _where_it_ended(
    recipe: Recipe, layout: Layout, net: Arrays, result: PathResult, choice: Choice
) -> tuple[PathResult, Choice]:
    """Under a controller λ is where the refitted network's ended; of several, that of the same penalty: Σ λₗwₗ²/Σ w²."""
    trace: NDArray[np.float64] = net["lambdas"][: choice.epoch]
    lam = float(trace[-1].mean())
    if trace.ndim == 2:
        slots = layout.decayed(recipe.decay_biases)
        sizes = np.array(
            [np.square(net["networks"][slot.columns].astype(np.float64)).sum() for slot in slots]
        )
        lam = float((trace[-1] * sizes).sum() / sizes.sum()) if sizes.sum() else lam
    ended = replace(result, lambdas=np.array([lam]), refit_trace=trace)
    return ended, replace(choice, lam=lam, lam_min=lam, lam_1se=lam)


def _best_restarts(nets: Mapping[Net, Arrays], places: Sequence[Place]) -> list[Arrays]:
    """For each place the restart with the smallest objective."""
    return [min((nets[net] for net in nets if net.place == place), key=_objective) for place in places]


def _sound_restarts(nets: Mapping[Net, Arrays], place: Place) -> NDArray[Any]:
    """(R', D) the networks of one place that were refitted on all rows, without those that diverged."""
    refitted = sorted(
        (net for net in nets if net.fold == ALL_ROWS and net.place == place), key=lambda n: n.restart
    )
    return np.array([nets[net]["networks"] for net in refitted if np.isfinite(_objective(nets[net]))])


def _objective(net: Arrays) -> float:
    """Training loss plus penalty; a rule without an objective is judged by its loss, a diverged net last."""
    objective = float(net["final_train_loss"]) + float(np.nan_to_num(net["final_penalty"]))
    return objective if np.isfinite(objective) else np.inf
