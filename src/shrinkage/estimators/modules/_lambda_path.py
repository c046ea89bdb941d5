"""`lambda_path`: the λ path of any torch.nn.Module."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state
from torch import Tensor, nn

from shrinkage._errors import RequestError, shown
from shrinkage.estimators._trainers import rule_of
from shrinkage.estimators.modules._kept_form import kept_or_faster_form
from shrinkage.estimators.modules._module_fold import ModuleFold, module_fold
from shrinkage.estimators.modules._module_path import Judged, LambdaPath
from shrinkage.estimators.modules._module_split import row_weights, split_rows, targets_of
from shrinkage.estimators.modules._simple_rivals import constant_of
from shrinkage.networks.module import (
    Factory,
    ModuleKind,
    ModuleLoss,
    leaves,
    make_module,
    module_loss,
    preflight,
    with_seed,
)
from shrinkage.path import (
    ALL_ROWS,
    BlockStore,
    PathRequest,
    Progress,
    checked_lambdas,
    fit_path,
    warn_at_edge,
)
from shrinkage.rules import Rule
from shrinkage.training import check_device
from shrinkage.training.modules import (
    ModuleRecipe,
    ModuleTrainer,
    Samples,
    autocast_obstacle,
    own_learning_rate,
    samples_of,
)

__all__ = ["lambda_path"]

PREFLIGHT_ROWS = 64
"""At most, of the batch that the preflight runs on."""


def lambda_path(
    make_module: Callable[[], nn.Module],
    X: Any,
    y: Any = None,
    *,
    loss: str | Callable[[Any, Any], Tensor] = "cross_entropy",
    rule: str | Rule | Callable[[float], Rule] = "l2",
    lambdas: ArrayLike | str | int = "auto",
    cv: Any = 5,
    groups: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    restarts: int = 1,
    select: Literal["min", "1se"] = "min",
    stop: Literal["last", "best"] = "last",
    fast: bool = False,
    search: str = "grid",
    optimizer: str | Callable[[Any], torch.optim.Optimizer] = "adam",
    learning_rate: float | None = None,
    schedule: str | Callable[[int, int], float] = "cosine",
    max_epochs: int = 30,
    batch_size: int = 32,
    max_grad_norm: float | None = None,
    validate_every: int = 1,
    decay_biases: bool = False,
    autocast: str | None = None,
    device: str = "cpu",
    stacked: bool | Literal["auto"] = "auto",
    keep_path: bool = True,
    max_extensions: int = 3,
    n_jobs: int | str | None = "auto",
    blocks: str | Path | None = None,
    progress: Progress | None = None,
    random_state: Any = None,
) -> LambdaPath:
    """Train a module at every λ of a path in every fold, choose λ, and refit on all rows.

    The objective is `J = (1/n) Σ lossᵢ + (λ/2) Σ w²` over the weights of the module. Biases, normalization gains and
    single numbers are exempt, by role and never by shape. Other rules replace the penalty. Modules that differ only in
    λ start from the same weights, see the same batches and draw the same random numbers.

    Args:
        make_module: builds a new module in each call, with initial weights from torch's, NumPy's or Python's global
            generators, which are seeded first. A frozen body (`requires_grad_(False)`) is stored once for all λs.
        X: (n, …) a tensor or an array, memory-mapped ones included; a tuple of them (the arguments of forward) or a dict
            (its keywords); or a map-style Dataset of (inputs, target). Floats are converted to the module's dtype.
        y: (n,) class numbers, (n,) or (n, k) values, or whatever your own loss compares the outputs with.
        loss: `cross_entropy` (of logits, in nats), `squared_error` (the mean over a row's outputs, no ½), or a
            function of (outputs, targets) that gives one loss per row.
        rule: the rule that λ sets: a name from the rule catalogue, a rule, or a function of the strength.
        lambdas: λs ≥ 0, their number, or `auto`: 0 and 19 values from 1e-6 to 1. If the best λ is on the edge, the grid
            is extended.
        cv: number of folds, a splitter, or a list of (train, validation) row numbers, as in scikit-learn.
        groups: (n,) group of each row; rows of a group stay in one fold.
        sample_weight: (n,) weights ≥ 0.
        restarts: number of modules with different random numbers for each (λ, fold), ≥ 1.
        select: `min`, or `1se`, the largest λ within one standard error of the minimum.
        stop: score and refit each λ after its `last` epoch, or at its `best` one.
        fast: drop λs that are worse on the first folds.
        search: which λs are trained: a key of `shrinkage.path.SEARCHES`.
        optimizer: `adam` (`adamw` is the same: the decay is the rule's), `sgd`, `rmsprop`, `adagrad`, `nadam`, `radam`,
            `lion`, or a function of parameters that makes a torch optimizer without a weight decay.
        learning_rate: η > 0; by default 1e-3, or the largest of your own optimizer's groups, which it must equal.
        schedule: `constant`, `cosine` (to 0 over all steps), or the factor on η as a function of (step, steps).
        max_epochs: passes over the training rows.
        batch_size: rows per step. If a module keeps batch statistics, a single leftover row joins the batch before it.
        max_grad_norm: clip each module's gradient to this norm.
        validate_every: number of epochs between two scorings of the validation rows.
        decay_biases: decay the biases too.
        autocast: `bfloat16` or `float16` for mixed precision; None for none.
        device: `cpu`, `cuda`, …
        stacked: `auto` stacks modules if that is correct and faster; True refuses modules that can't be stacked; False
            never stacks.
        keep_path: also refit every other λ on all rows; the report shows their weights.
        max_extensions: maximum number of grid extensions.
        n_jobs: number of processes, as in joblib; `auto` starts them only if the work is large enough.
        blocks: a folder for finished blocks, from which a stopped run continues.
        progress: called with (done, total) in modules × epochs.
        random_state: seed of everything random.

    Returns:
        The path: `lambda_`, `path_`, `choice_`, `module_` (an ordinary module, refitted on all rows, in evaluation mode),
        `stacked_` (how it was trained, in words), `report(path)`, `save(folder)`.

    Raises:
        RequestError: something can't be trained; see docs/networks.md.

    Differs from: a sweep over AdamW's `weight_decay`, which multiplies the learning rate and is not a λ of the objective
    (use `rule="decoupled"` for that), and from a penalty on all parameters, biases and norms included.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> X = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
        >>> y = (X[:, 0] > 0).long()
        >>> make = lambda: nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
        >>> r = lambda_path(make, X, y, lambdas=[0, 1e-3, 1e-2], cv=3, max_epochs=5, max_extensions=0, random_state=0)
        >>> r.module_(X).shape
        torch.Size([60, 2])
    """
    _check_given(stacked, progress, blocks, keep_path=keep_path, decay_biases=decay_biases)
    check_device(device)
    samples, seed = samples_of(X, y), _seed(random_state)
    weight = row_weights(sample_weight, len(samples))
    parts = split_rows(samples, cv, groups, weight, loss)
    floats = _floats(make_module, device)
    seen = np.arange(len(samples)) if weight is None else np.flatnonzero(weight > 0)

    def fold(number: int, train: NDArray[np.int64], validation: NDArray[np.int64] | None) -> ModuleFold:
        return module_fold(number, samples, train, validation, weight, floats)

    folds = [fold(number, *part) for number, part in enumerate(parts)]
    of_rows, grid = module_loss(loss), checked_lambdas(lambdas)
    trainer = ModuleTrainer(
        optimizer=optimizer,
        learning_rate=_rate(learning_rate, optimizer),
        schedule=schedule,
        batch_size=batch_size,
        max_grad_norm=max_grad_norm,
        autocast=autocast,
    )
    kind = _kind(make_module, of_rows, samples, seen, folds[0], trainer, device, stacked, len(grid), blocks)
    recipe = ModuleRecipe(
        kind=kind,
        loss=loss if isinstance(loss, str) else "callable",
        of_rows=of_rows,
        rule=rule_of(rule),
        trainer=trainer,
        max_epochs=max_epochs,
        validate_every=validate_every,
        decay_biases=decay_biases,
        device=device,
    )
    request = PathRequest(
        lambdas=grid,
        restarts=restarts,
        select=select,
        stop=stop,
        recipe=recipe,
        seed=seed,
        keep_path=keep_path,
        n_jobs=n_jobs,
        max_extensions=max_extensions,
        fast=fast,
        search=search,
    )
    store = None if blocks is None else BlockStore(Path(blocks), _identity(request, folds, samples, weight))
    try:
        fitted = fit_path(request, folds, fold(ALL_ROWS, seen, None), store=store, progress=progress)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_stop_message(blocks)) from None
    if max_extensions:
        warn_at_edge(fitted.choice)
    return LambdaPath(
        fitted,
        recipe,
        kind,
        seed=seed,
        n_rows=len(seen),
        row_shapes=_row_shapes(samples),
        judged=Judged(loss, parts, weight),
        constant=constant_of(targets_of(samples), loss, parts, weight),
    )


def _check_given(stacked: object, progress: object, blocks: object, **switches: object) -> None:
    for name, value in switches.items():
        if not isinstance(value, bool | np.bool_):
            raise RequestError(f"{name}=…: must be True or False, got {shown(value)}.")
    if stacked not in (True, False, "auto"):
        raise RequestError(f"stacked=…: must be 'auto', True or False, got {shown(stacked)}.")
    if progress is not None and not callable(progress):
        raise RequestError(f"progress=…: must be a function of (done, total), got {shown(progress)}.")
    if not isinstance(blocks, str | Path | None):
        raise RequestError(f"blocks=…: must be a folder, got {shown(blocks)}.")


def _stop_message(blocks: str | Path | None) -> str:
    if blocks is None:
        return (
            "lambda_path was stopped, and nothing is kept. With blocks=…, a folder, the same call continues."
        )
    return (
        f"lambda_path was stopped. Finished blocks are kept in {blocks}: the same call continues from them."
    )


def _seed(random_state: Any) -> int:
    try:
        return int(check_random_state(random_state).randint(2**31 - 1))
    except ValueError as error:
        raise RequestError(
            f"random_state=…: must be None, a whole number or a numpy RandomState, got {shown(random_state)}."
        ) from error


def _rate(given: float | None, optimizer: str | Callable[[Any], torch.optim.Optimizer]) -> float:
    if given is not None:
        return given
    return 1e-3 if isinstance(optimizer, str) or not callable(optimizer) else own_learning_rate(optimizer)


def _row_shapes(samples: Samples) -> list[tuple[str, str]]:
    """(name, shape and dtype of one row) of each input, and of the targets."""
    with with_seed("shapes"):
        x, y = samples.take(np.zeros(1, np.int64), "cpu", None)

    def leaves_by_name(tree: Any, name: str) -> list[tuple[str, str]]:
        if tree is None:
            return []
        if isinstance(tree, dict):
            return [each for key, part in tree.items() for each in leaves_by_name(part, f"{name}[{key!r}]")]
        if isinstance(tree, tuple | list):
            return [each for i, part in enumerate(tree) for each in leaves_by_name(part, f"{name}[{i}]")]
        dtype = str(tree.dtype).removeprefix("torch.")
        return [(name, f"{dtype} × {'×'.join(map(str, tree.shape[1:]))}" if tree.ndim > 1 else dtype)]

    return [*leaves_by_name(x, "X"), *leaves_by_name(y, "y")]


def _floats(factory: Factory, device: str) -> torch.dtype | None:
    """The dtype of the module's floating parameters; None where it has several."""
    module = make_module(factory, device, "dtype")
    dtypes = {p.dtype for p in module.parameters() if p.is_floating_point()}
    return dtypes.pop() if len(dtypes) == 1 else None


def _kind(
    factory: Factory,
    loss: ModuleLoss,
    samples: Samples,
    rows: NDArray[np.int64],
    fold: ModuleFold,
    trainer: ModuleTrainer,
    device: str,
    stacked: bool | str,
    n_lambdas: int,
    blocks: str | Path | None,
) -> ModuleKind:
    """The kind in its form: as the preflight finds it, and the faster one of two that are right."""
    first = fold.train[: min(trainer.batch_size, PREFLIGHT_ROWS)]
    extremes, bad = samples.extremes(rows)
    with with_seed("preflight"):
        x, y = samples.take(np.concatenate([extremes, first])[: len(first)], device, fold.floats)
    if not all(leaf.device.type == torch.device(device).type for leaf in leaves((x, y))):
        raise RequestError(f"device={device!r}: the rows can't be moved there.")
    verdict = preflight(factory, loss, x, y, device=device, stacked=stacked, not_finite=bad)
    kind = ModuleKind.of(factory, verdict, device, trial=(loss, x, y))
    with trainer.cast(device):
        if verdict.stacked and trainer.autocast and (why := autocast_obstacle(kind, loss, x, y)):
            if stacked is True:
                raise RequestError(
                    f"stacked=True: these modules can't be stacked, because {why}. Use stacked='auto'."
                )
            kind = kind.one_by_one(why)
        if stacked == "auto":
            return kept_or_faster_form(kind, loss, x, y, n_lambdas, blocks)
    return kind


def _identity(
    request: PathRequest,
    folds: Sequence[ModuleFold],
    samples: Samples,
    weight: NDArray[np.float64] | None,
) -> dict[str, Any]:
    """All that the numbers of a block depend on besides its λs and members."""
    rows = hashlib.sha256()
    for fold in folds:
        for part in (fold.train, fold.validation):
            rows.update(b"none" if part is None else part.tobytes())
    return {
        **request.recipe.described(),
        "seed": request.seed,
        "folds": rows.hexdigest(),
        "data": samples.digest(),
        "row weights": None if weight is None else hashlib.sha256(weight.tobytes()).hexdigest(),
        "torch": torch.__version__,
        "processor": torch.backends.cpu.get_cpu_capability(),
    }
