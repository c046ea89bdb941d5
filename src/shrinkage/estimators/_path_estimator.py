"""What the classifier and the regressor share: from X and y to folds, and from the fitted path to attributes."""

from __future__ import annotations

import hashlib
import warnings
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from shrinkage._errors import RequestError
from shrinkage.estimators._estimator_inputs import (
    Inputs,
    filled_matrix,
    hash_of,
    inputs_for,
    medians_of,
    table_of,
)
from shrinkage.estimators._fitted_networks import OfNetworks
from shrinkage.estimators._shown import Shown
from shrinkage.estimators._targets import Targets, notes_on_target, target_names
from shrinkage.estimators._trainers import budget_for, check_moving, recipe_of, starting_lambdas
from shrinkage.estimators._unseen_rows import UnseenRows
from shrinkage.estimators.given._continued import Continued
from shrinkage.estimators.given._fit_callbacks import CallbackSupportMixin, fit_callbacks, with_callbacks
from shrinkage.estimators.given._fold_builder import FoldBuilder
from shrinkage.estimators.given._held_out_scores import HeldOutScores, held_out_scores
from shrinkage.estimators.given._parameter_checks import check_parameters
from shrinkage.estimators.given._presets import of_preset, with_preset
from shrinkage.estimators.given._rows_of_folds import splits_of
from shrinkage.estimators.given._runtime import Runtime
from shrinkage.estimators.members._blend import Forms, blend_members, blend_of
from shrinkage.estimators.members._members import (
    described_members,
    fit_members,
    members_for,
    recipes_of_members,
)
from shrinkage.estimators.modules import MakeNetwork, members_of_network, with_network
from shrinkage.evaluation import LinearPath, constant_losses, linear_path
from shrinkage.path import (
    ALL_ROWS,
    BlockStore,
    Fold,
    PathRequest,
    warn_at_edge,
)
from shrinkage.rules import Rule
from shrinkage.tables.forms import Form
from shrinkage.training import ErrorOfNetworks, Recipe, Swarm

__all__ = ["MLPCV"]


class MLPCV(OfNetworks, Shown, Continued, UnseenRows, CallbackSupportMixin, BaseEstimator):  # pyright: ignore[reportIncompatibleVariableOverride]
    """Shared by MLPClassifierCV and MLPRegressorCV, whose docstrings say what the parameters are."""

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (64,),
        *,
        lambdas: ArrayLike | str | int = "auto",
        strengths: str = "network",
        rule: str | Rule | Callable[[float], Rule] = "l2",
        trainer: str = "backprop",
        swarm: str | Swarm | None = None,
        error: str | ErrorOfNetworks = "loss",
        cv: Any = 5,
        restarts: int = 1,
        select: str = "min",
        stop: str = "last",
        search: str = "bracket",
        fast: bool = False,
        inputs: str | Sequence[str] = "auto",
        embedding: str | None = "auto",
        activation: str = "relu",
        initialization: str = "auto",
        solver: str = "adam",
        learning_rate_init: float | str = "auto",
        learning_rate: str = "cosine",
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        validate_every: int = 1,
        decay_biases: bool = False,
        standardize: bool = True,
        keep_path: bool = False,
        predict_by: str = "refit",
        preset: str = "default",
        out_of_fold: bool = True,
        calibrate: bool | str = "auto",
        max_extensions: int = 3,
        keep_columns: Sequence[str] = (),
        dtype: str = "float32",
        device: str = "cpu",
        n_jobs: int | str | None = None,
        random_state: Any = None,
        network: MakeNetwork | None = None,
        warm_start: bool = False,
        scoring: str | Callable[..., float] | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.lambdas = lambdas
        self.strengths = strengths
        self.rule = rule
        self.trainer = trainer
        self.swarm = swarm
        self.error = error
        self.cv = cv
        self.restarts = restarts
        self.select = select
        self.stop = stop
        self.search = search
        self.fast = fast
        self.inputs = inputs
        self.embedding = embedding
        self.activation = activation
        self.initialization = initialization
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.validate_every = validate_every
        self.decay_biases = decay_biases
        self.standardize = standardize
        self.keep_path = keep_path
        self.predict_by = predict_by
        self.preset = preset
        self.out_of_fold = out_of_fold
        self.calibrate = calibrate
        self.max_extensions = max_extensions
        self.keep_columns = keep_columns
        self.dtype = dtype
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.network = network
        self.warm_start = warm_start
        self.scoring = scoring

    @with_callbacks
    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Train the path, choose λ, refit on all rows.

        With scikit-learn 1.9 or later `set_callbacks(ProgressBar())` shows how far it is.

        Args:
            X: (n, D) array of numbers, or a pandas or polars frame, or array of objects, whose columns may also be
                text, dates and incomplete. A frame's row numbers are left out, and possible leaks are warned of.
            y: (n,) classes or values, (n, k) values, or (n, L) labels of 0 and 1.
            sample_weight: (n,) weights ≥ 0. With full batches a weight of 2 equals the row twice.
            groups: (n,) the group of each row, such as a person: rows of a group stay in one part of every fold.
        """
        with fit_callbacks(self, X, y) as progress:
            if self.warm_start and hasattr(self, "blend_"):
                return self._continue(X, y, sample_weight, self.budget_.epochs, anew=True)
            self._fit(X, y, sample_weight, Runtime(progress=progress), groups)
        task = "classification" if is_classifier(self) else "regression"
        for text in notes_on_target(X, y, task, getattr(self.preprocessor_, "readings", None)):
            warnings.warn(text, UserWarning, stacklevel=2)
        if self.max_extensions:
            warn_at_edge(self.choice_)
        return self

    def _fit(self, X: Any, y: Any, sample_weight: Any, runtime: Runtime, groups: Any = None) -> Self:
        settings = self._settings()
        check_parameters(settings)
        weight = None
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        check_moving(settings, weight)
        given, y = y, self._checked_y(X, y)
        self.target_names_ = target_names(given, y)
        inputs = inputs_for(self, X, weight, as_table=runtime.as_table, keep_columns=self.keep_columns)
        if inputs.n_rows != len(y):
            raise ValueError(f"X and y must have as many rows, got {inputs.n_rows} and {len(y)}.")
        seen = np.arange(len(y)) if weight is None else np.flatnonzero(weight > 0)
        if len(seen) < 2:
            raise ValueError(
                f"{type(self).__name__}: at least 2 rows are needed, got n_samples = {len(seen)}."
            )
        targets = self._targets(y, seen)
        self.budget_ = budget_for(settings, len(seen))
        if self.budget_.chosen:
            runtime.note(str(self.budget_))
        names = members_for(settings, len(seen), self.n_features_in_)
        builder = self._builder(inputs, targets, weight, names)
        folds, fold_forms = builder.folds(
            splits_of(settings["cv"], y, groups, seen, classifier=is_classifier(self))
        )
        all_rows, forms = builder.fold(ALL_ROWS, seen, None)
        scores = held_out_scores(self, X, y, weight)
        request = self._request(settings, targets, scores)
        if self.network is not None:
            recipe = with_network(self.network, request, all_rows, runtime.blocks)
            request = replace(request, recipe=recipe)
            names = members_of_network(self.inputs)
        recipes = recipes_of_members(names, request.recipe, all_rows, self.budget_)
        store = None
        if runtime.blocks is not None:
            store = BlockStore(runtime.blocks, self._identity(request, recipes, folds, runtime))
        fitted = fit_members(
            recipes, request, folds, all_rows, budget=self.budget_, store=store, progress=runtime.progress
        )
        self.budget_ = fitted.spent(self.budget_)
        if self.budget_.longer:
            runtime.note(self.budget_.of_later_networks)
        score = None if scores is None else partial(scores.of_all, folds)
        members = blend_members(fitted.paths, targets.Y, targets.loss, all_rows.weight, score)
        members = replace(members, left_out=tuple(fitted.left_out.items()))
        self.recipe_ = fitted.recipes[members.names[members.main]]
        self._keep(members, all_rows, forms, request)
        self.preprocessor_ = inputs.preprocessor
        self.medians_ = (
            np.empty(0) if inputs.preprocessor is not None else medians_of(inputs.matrix(None), seen)
        )
        self.fold_rows_ = [(fold.train, fold.validation) for fold in folds]
        if self.out_of_fold:
            encoders = [inputs.encoder(fold.train) for fold in folds]
            self._judge_by_folds(members, folds, fold_forms, encoders, request.recipe)
        compared = self.error == "loss"
        self.constant_losses_ = constant_losses(folds, targets.loss) if compared else None
        self.linear_ = linear_path(folds, targets.loss) if compared and runtime.rivals else None
        return self

    def linear_path(self, X: Any, y: Any, sample_weight: Any = None) -> LinearPath | None:
        """A linear model at a range of strengths on the folds of the fit; None where `error` is not the loss.

        Args:
            X: the rows that were given to `fit`.
            y: their targets.
            sample_weight: their weights, where `fit` was given some.
        """
        check_is_fitted(self)
        if self.error != "loss":
            return None
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=np.float64)
        y = self._checked_y(X, y)
        rows = max(int(rows.max()) for pair in self.fold_rows_ for rows in pair if rows is not None) + 1
        if len(y) < rows:
            raise RequestError(
                f"X, y: must be the rows that were given to fit, at least {rows}, got {len(y)}."
            )
        inputs = inputs_for(
            self, X, weight, as_table=self.preprocessor_ is not None, keep_columns=self.keep_columns
        )
        targets = self._targets(y, np.arange(len(y)) if weight is None else np.flatnonzero(weight > 0))
        members = members_for(self._settings(), self.budget_.rows, self.n_features_in_)
        folds, _ = self._builder(inputs, targets, weight, members).folds(self.fold_rows_)
        return linear_path(folds, targets.loss)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.sparse = True
        tags.input_tags.string = True
        return tags

    @abstractmethod
    def _checked_y(self, X: Any, y: Any) -> NDArray[Any]:
        """y as an array that fits X's rows."""

    @abstractmethod
    def _targets(self, y: NDArray[Any], seen: NDArray[np.int64]) -> Targets:
        """y as the networks learn it; rows outside `seen` have no say."""

    def _settings(self) -> dict[str, Any]:
        """The parameters by name, with what `preset` sets."""
        return with_preset(self.get_params(deep=False), type(self))

    def _request(
        self, given: Mapping[str, Any], targets: Targets, scores: HeldOutScores | None
    ) -> PathRequest:
        return PathRequest(
            lambdas=starting_lambdas(self.lambdas),
            restarts=given["restarts"],
            select=self.select,
            stop=self.stop,
            search=given["search"],
            fast=given["fast"],
            score=scores,
            score_name="" if scores is None else scores.name,
            recipe=recipe_of(given, targets.loss, self.budget_),
            seed=int(check_random_state(self.random_state).randint(2**31 - 1)),
            keep_path=self.keep_path,
            held_out=self.out_of_fold,
            n_jobs=self.n_jobs,
            max_extensions=self.max_extensions,
        )

    def _builder(
        self, inputs: Inputs, targets: Targets, weight: NDArray[np.float64] | None, members: tuple[str, ...]
    ) -> FoldBuilder:
        return FoldBuilder(
            inputs=inputs, targets=targets, weight=weight, members=members, standardize=self.standardize
        )

    def _identity(
        self,
        request: PathRequest,
        recipes: Mapping[str, Recipe],
        folds: Sequence[Fold],
        runtime: Runtime,
    ) -> dict[str, Any]:
        """All that the numbers of a block depend on besides its λs and members."""
        arrays = [array for fold in folds for array in (*(seen.X for seen in fold.inputs.values()), fold.Y)]
        shared = {id(array): hash_of(array) for array in {id(each): each for each in arrays}.values()}
        rows = [part for fold in folds for part in (fold.train, fold.validation)]
        matrices = [shared[id(array)] for array in arrays]
        return {
            **(runtime.identity or {}),
            **described_members(recipes),
            "seed": request.seed,
            "folds": hash_of(*rows),
            "matrices": hashlib.sha256("".join(matrices).encode()).hexdigest(),
            "row weights": hash_of(*(fold.weight for fold in folds)),
            "standardize": self.standardize,
            "processor": torch.backends.cpu.get_cpu_capability(),
        }

    def _keep(self, members: Forms, all_rows: Fold, forms: Mapping[str, Form], request: PathRequest) -> None:
        fitted = members.paths[members.main]
        choice = fitted.choice
        self.path_, self.choice_ = fitted.result, choice
        self.lambdas_ = fitted.result.lambdas
        self.lambda_, self.lambda_min_, self.lambda_1se_ = choice.lam, choice.lam_min, choice.lam_1se
        self.n_iter_ = choice.epoch
        self.n_rows_ = len(all_rows.train)
        self.seed_ = request.seed
        self.loss_ = float(fitted.refit_loss[fitted.chosen])
        self.optimizer_states_, self.epochs_continued_ = None, 0
        self.forms_ = members
        self.preset_ = of_preset(self.get_params(deep=False), type(self))
        self.predict_by_ = self.preset_.get("predict_by", self.predict_by)
        self.blend_ = blend_of(members, all_rows, forms, request.recipe, self.predict_by_)
        self.networks_ = self.blend_.parts[self.blend_.main]

    def _predict_blend(self, X: Any, lam: float | None) -> NDArray[np.float64]:
        check_is_fitted(self)
        if lam is None and self.predict_by_ == "folds":
            return self.fold_models_.mean_prediction(self._rows_of(X))
        if self.preprocessor_ is not None:
            return self.blend_.predict(self.preprocessor_.transform(table_of(self, X)), lam)
        return self.blend_.predict(filled_matrix(self, X, self.medians_), lam)
