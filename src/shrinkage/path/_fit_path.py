"""The main job on prepared folds: train the path, extend its grid, choose, refit on all rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage._errors import JobError, RequestError
from shrinkage.networks import LOSSES, Layout
from shrinkage.path._block_store import BlockStore
from shrinkage.path._blocks import cut
from shrinkage.path._fold import Fold
from shrinkage.path._held_out import held_out_predictions
from shrinkage.path._lambda_grid import extension
from shrinkage.path._parcels import Sender
from shrinkage.path._path_choice import choose, is_sound
from shrinkage.path._path_result import Choice, PathResult
from shrinkage.path._race import judged_losses, laps, leading, still_racing
from shrinkage.path._run_blocks import Progress, run_blocks, worthwhile_jobs
from shrinkage.training import NetworkOptions

__all__ = ["FittedPath", "PathRequest", "fit_path"]

_VALIDATION = ("validation_loss", "validation_metric")
_OTHERS = (
    "train_loss",
    "train_metric",
    "final_train_loss",
    "final_train_metric",
    "max_weight",
    "weight_norm",
    "final_penalty",
)


@dataclass(frozen=True, kw_only=True)
class PathRequest:
    """What path to train and how to choose from it."""

    lambdas: NDArray[np.float64]
    """(L,) ascending."""
    restarts: int
    """Networks of different initial weights and batches for each (λ, fold), ≥ 1."""
    select: str
    """`min` or `1se`."""
    stop: str
    """`last` or `best`."""
    options: NetworkOptions
    seed: int
    keep_path: bool = False
    """Refit and keep the network of every λ, not of the chosen one alone."""
    n_jobs: int | str | None = None
    """As joblib means it; `auto` starts processes only for work that is worth it."""
    held_out: bool = False
    """Also predict each row by the nets of the chosen λ that had not seen it (trains these once more)."""
    max_extensions: int = 3
    """How often the grid may be extended while the best λ lies on its edge."""
    fast: bool = False
    """Drop λs that the first folds find worse: they leave the path and are listed in `Choice.dropped`."""


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
    """Train λs × folds × restarts, choose λ and epoch, refit on all rows.

    Args:
        request: the path and the choice.
        folds: numbered from 0 in order.
        all_rows: the fold of number −1 whose training rows are all rows.
        store: where finished blocks are kept and looked for.
        progress: told (done, total) in networks × epochs; the total grows when the grid is extended, and falls when
            λs are dropped.
    """
    if refused := [lam for lam in request.lambdas if not request.options.admits(lam)]:
        raise RequestError(
            f"lambdas=…: {', '.join(f'{lam:g}' for lam in refused)} would take more than the whole weight off in a step "
            f"by {request.options.rule.name} at this learning rate. Give smaller λs or a smaller learning rate."
        )
    runner = _Runner(request, folds, all_rows, store, progress)
    lambdas, result = request.lambdas, None
    extended, at_edge = 0, False
    while True:
        result = runner.curves(lambdas)
        choice = choose(result, request.select, request.stop)
        # Of the whole grid: where the strongest λs were dropped, the strongest that is left lies on no edge.
        places = np.searchsorted(lambdas, result.lambdas[[choice.index, choice.index_min]])
        # Of the 1-SE rule both ends are followed: a minimum on the edge is no minimum to be within an error of.
        edges = [extension(lambdas, int(place)) for place in places]
        beyond = np.unique(np.concatenate(edges))
        added = np.array([lam for lam in beyond if request.options.admits(lam)])
        at_edge = len(beyond) > 0
        if not len(added) or extended == request.max_extensions:
            break
        lambdas, extended = np.sort(np.concatenate([lambdas, added])), extended + 1
    choice = choose(result, request.select, request.stop, extended=extended, at_edge=at_edge)
    choice = runner.with_dropped(choice)
    refitted = np.arange(len(result.lambdas)) if request.keep_path else np.array([choice.index])
    return runner.refitted(result, choice, refitted)


class _Runner:
    """Runs the blocks of a request and puts their arrays in place."""

    def __init__(
        self,
        request: PathRequest,
        folds: Sequence[Fold],
        all_rows: Fold,
        store: BlockStore | None,
        progress: Progress | None,
    ) -> None:
        self.request, self.folds, self.all_rows = request, folds, all_rows
        self.store, self.progress = store, progress
        self._done: dict[tuple[float, int, int], dict[str, NDArray[Any]]] = {}
        self._dropped: dict[float, int] = {}  # after how many folds
        self._worked = 0.0
        self._sender = Sender()

    def curves(self, lambdas: NDArray[np.float64]) -> PathResult:
        """Train what is missing of λs × folds × restarts and gather the curves of all that were not dropped.

        Where a λ that led the race diverges in a later fold, those that were dropped are trained after all.
        """
        led = self._race(lambdas)
        result = self._gathered(lambdas)
        if self._dropped and led.intersection(result.lambdas[~is_sound(result, self.request.stop)]):
            for after in sorted(set(self._dropped.values())):
                missed = [lam for lam, folds in self._dropped.items() if folds == after]
                self._train(missed, self.folds[after:], later=self._refits(len(lambdas)))
            self._dropped.clear()
            result = self._gathered(lambdas)
        return result

    def _gathered(self, lambdas: NDArray[np.float64]) -> PathResult:
        """The curves of those λs that were not dropped."""
        request, loss = self.request, LOSSES[self.request.options.loss]
        left = np.array([lam for lam in lambdas if lam not in self._dropped])

        def gathered(name: str) -> NDArray[np.float64]:
            nets = [[self._restarts(lam, fold) for fold in self.folds] for lam in left]
            return np.array([[[net[name] for net in tries] for tries in folds] for folds in nets])

        validated = np.array(request.options.validated)
        return PathResult(
            lambdas=left,
            validated=validated,
            loss_name=request.options.error_name,
            metric_name=loss.metric_name,
            repeats=_repeats(self.folds),
            **{name: gathered(name) for name in _OTHERS},
            **{name: gathered(name)[..., validated - 1] for name in _VALIDATION},
        )

    def with_dropped(self, choice: Choice) -> Choice:
        """The choice, told which λs were dropped before it, and which of these because a net diverged."""
        dropped = sorted(self._dropped)
        return replace(
            choice,
            dropped=tuple(dropped),
            dropped_after=tuple(self._dropped[lam] for lam in dropped),
            diverged=tuple(sorted({*choice.diverged, *filter(self._is_diverged, dropped)})),
        )

    def refitted(self, result: PathResult, choice: Choice, places: NDArray[np.intp]) -> FittedPath:
        """Train the λs at `places` on all rows, each for its epochs, and take the best restart of each."""
        lambdas, later = result.lambdas[places], len(self.folds) if self.request.held_out else 0
        self._train(list(lambdas), [self.all_rows], epochs=list(choice.epochs[places]), later=later)
        best = [min(self._restarts(lam, self.all_rows), key=_objective) for lam in lambdas]
        if not np.isfinite(_objective(best[int(np.flatnonzero(lambdas == choice.lam)[0])])):
            raise JobError(
                f"Refitting the chosen λ = {choice.lam:g} on all rows diverged. Lower the learning rate, or add restarts."
            )
        by_fold = self._fold_networks(choice) if self.request.held_out else None
        return FittedPath(
            result=result,
            choice=choice,
            layout=self.request.options.layout(self.all_rows.X, self.all_rows.Y),
            refit_lambdas=lambdas,
            networks=np.array([net["networks"] for net in best]),
            refit_loss=np.array([net["final_train_loss"] for net in best]),
            refit_penalty=np.array([net["final_penalty"] for net in best]),
            held_out=held_out_predictions(self.request.options, self.folds, by_fold) if by_fold else None,
            fold_networks=by_fold,
        )

    def _refits(self, n_lambdas: int) -> int:
        """Networks a restart that are trained once the λs are: on all rows, and for the held-out predictions."""
        refitted = n_lambdas if self.request.keep_path else 1
        return refitted + (len(self.folds) if self.request.held_out else 0)

    def _race(self, lambdas: NDArray[np.float64]) -> set[float]:
        """Train those of the λs that are new on the folds; in a fast path drop some of them on the way.

        The weakest λ stays whatever its loss: it is what the chosen one is held against. So does what an earlier
        round of extension has left: its folds are trained. Returns the λs that others were held against.
        """
        request, seen, led = self.request, list[Fold](), set[float]()
        new = [lam for lam in lambdas if (lam, self.folds[0].number, 0) not in self._done]
        for folds in laps(self.folds) if request.fast else [list(self.folds)]:
            left = [lam for lam in lambdas if lam not in self._dropped]
            racing = [lam for lam in new if lam not in self._dropped]
            if not racing:
                break
            seen += folds
            self._train(
                racing, folds, later=self._refits(len(left)) + len(racing) * (len(self.folds) - len(seen))
            )
            if len(seen) < len(self.folds):
                losses = judged_losses(np.array([self._validation(lam, seen) for lam in left]), request.stop)
                leader = leading(losses)
                led |= set() if leader is None else {float(left[leader])}
                stays = still_racing(losses, request.select, repeats=_repeats(seen))
                fallen = {lam for lam, stay in zip(left, stays, strict=True) if not stay}
                self._dropped |= {
                    float(lam): len(seen) for lam in racing if lam in fallen and lam != lambdas[0]
                }
        return led

    def _validation(self, lam: float, folds: Sequence[Fold]) -> NDArray[np.float64]:
        """(F, V) validation losses, restarts averaged."""
        places = np.array(self.request.options.validated) - 1
        with np.errstate(invalid="ignore", over="ignore"):  # of a diverged net
            return np.array(
                [
                    np.mean([n["validation_loss"][places] for n in self._restarts(lam, f)], axis=0)
                    for f in folds
                ]
            )

    def _is_diverged(self, lam: float) -> bool:
        """Whether a loss by which a dropped λ was judged is not finite."""
        curves = self._validation(lam, self.folds[: self._dropped[lam]])
        return not np.isfinite(judged_losses(curves[None], self.request.stop)).all()

    def _fold_networks(self, choice: Choice) -> list[NDArray[Any]]:
        """For each fold the nets (R, D) of the chosen λ."""
        self._train([choice.lam], self.folds, epochs=[choice.epoch])
        tries = [self._restarts(choice.lam, fold) for fold in self.folds]
        return [np.array([net["networks"] for net in nets]) for nets in tries]

    def _restarts(self, lam: float, fold: Fold) -> list[dict[str, NDArray[Any]]]:
        return [self._done[lam, fold.number, restart] for restart in range(self.request.restarts)]

    def _train(
        self,
        lambdas: Sequence[float],
        folds: Sequence[Fold],
        *,
        epochs: Sequence[int] | None = None,
        later: int = 0,
    ) -> None:
        """Run the blocks of λs × folds × restarts; nets that are taken at given epochs are kept.

        Args:
            lambdas: L λs.
            folds: those to train on.
            epochs: (L,) when each λ's net is taken; None for curves alone.
            later: networks a restart that will follow these, for the progress.
        """
        request, restarts = self.request, self.request.restarts
        options = request.options
        blocks = cut(lambdas, folds, restarts, options, epochs, keep_networks=epochs is not None)
        numbered = {fold.number: fold for fold in folds}
        n_jobs = worthwhile_jobs(blocks, numbered, options) if request.n_jobs == "auto" else request.n_jobs
        assert not isinstance(n_jobs, str)

        def told(done: float, total: float) -> None:
            if self.progress is not None:
                ahead = later * restarts * options.max_epochs
                self.progress(self._worked + done, self._worked + total + ahead)

        results = run_blocks(
            blocks,
            numbered,
            options,
            seed=request.seed,
            n_jobs=n_jobs,
            store=self.store,
            progress=told,
            sender=self._sender,
        )
        self._worked += sum(block.size * block.epochs_of(options) for block in blocks)
        for block, arrays in zip(blocks, results, strict=True):
            for g, (fold, restart) in enumerate(block.members):
                for i, lam in enumerate(block.lambdas):
                    self._done[lam, fold, restart] = {name: array[g, i] for name, array in arrays.items()}


def _repeats(folds: Sequence[Fold]) -> float:
    """How often a row is held out, over the rows that are."""
    held = [fold.validation for fold in folds if fold.validation is not None]
    rows = np.concatenate(held) if held else np.empty(0)
    return len(rows) / max(1, len(np.unique(rows)))


def _objective(net: dict[str, NDArray[Any]]) -> float:
    """Training loss plus penalty; a rule without an objective is judged by its loss, a diverged net last."""
    objective = float(net["final_train_loss"]) + float(np.nan_to_num(net["final_penalty"]))
    return objective if np.isfinite(objective) else np.inf
