"""Back-propagation of a block by the compiled engine: network after network, many epochs a call.

Axes: G members, L λs, K = G·L networks, member by member and λ by λ within it; E epochs and T steps of a call; P
numbers of a network with padding; H hits: outputs for R², else 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shrinkage.networks import Layout, PerceptronKind, loss_named, perceptron_layout
from shrinkage.rules import L1Force, L2Force, Reading, tick
from shrinkage.training._draws import initial_rows, orders
from shrinkage.training._pull import penalty_of
from shrinkage.training._recipe import Recipe
from shrinkage.training._rows import Rows
from shrinkage.training._score import metric_of, spread_of
from shrinkage.training._strengths import Strengths
from shrinkage.training._trainee import Member, Trainee
from shrinkage.training.backprop._backprop_settings import backprop_of, learning_rates
from shrinkage.training.backprop._optimizers import BETAS, EPS
from shrinkage.training.engine import _engine_library as c
from shrinkage.training.engine._coded_rows import coded_rows

__all__ = ["NO_PULL", "EngineBlock", "engine_networks", "engine_seconds", "engine_takes"]

SECONDS_A_STEP, FLOPS_A_SECOND = 5e-7, 1e11
"""A rough cost of a network: what a step costs besides its arithmetic, and how fast that is."""
SECONDS_A_BLOCK, SECONDS_A_CALL = 0.1, 0.2
"""Blocks short enough to share them out evenly, calls short enough to be interrupted and to tell of progress."""
ORDERED_ROWS = 1 << 20
"""Row numbers handed over in one call."""


def engine_takes(recipe: Recipe) -> bool:
    """Whether the engine trains this: on the CPU, under a rule that pulls toward 0 by w or by its sign."""
    rule = recipe.rule
    if not isinstance(recipe.kind, PerceptronKind) or recipe.device != "cpu":
        return False
    if recipe.kind.embedding != "none" and not recipe.kind.hidden_layer_sizes:
        return False
    if rule.modulation is not None or rule.anchor != "zero":
        return False
    in_gradient = rule.acts == "gradient" and isinstance(rule.force, L2Force | L1Force)
    return in_gradient or rule.scales_weights


def engine_networks(recipe: Recipe, layout: Layout, n: int) -> int:
    """Number of networks per block."""
    return max(1, min(64, int(SECONDS_A_BLOCK / (recipe.max_epochs * engine_seconds(recipe, layout, n)))))


def engine_seconds(recipe: Recipe, layout: Layout, n: int) -> float:
    """A rough estimate of one core's time for an epoch of one network."""
    padded = perceptron_layout(layout).padded(getattr(torch, recipe.dtype)).n_parameters
    return -(-n // backprop_of(recipe).batch_size) * SECONDS_A_STEP + 6 * padded * n / FLOPS_A_SECOND


class EngineBlock(Trainee):
    """K networks for the compiled engine; arguments as in `Recipe.train`."""

    def __init__(
        self, recipe: Recipe, lambdas: Sequence[float], members: Sequence[Member], seed: int
    ) -> None:
        self.recipe, self.settings, self.seed = recipe, backprop_of(recipe), seed
        self.members, self.L = members, len(lambdas)
        first = members[0].train
        self.n, self.like = len(first), first.X
        self.layout, self.loss = perceptron_layout(members[0].layout(recipe.kind)), loss_named(recipe.loss)
        self.H = self.layout.sizes[-1] if self.loss.metric_name == "R²" else 1
        self.steps = -(-self.n // self.settings.batch_size)
        self.step = 0
        self.K = self.L * len(members)
        pieces = members[0].pieces if len(self.layout.shapes) > 1 else ()
        self._pieces = torch.tensor(pieces, dtype=torch.int64)
        self.train_rows = _Set([m.train for m in members], self.loss.metric_name == "R²", pieces)
        validation = [m.validation for m in members if m.validation is not None]
        self.validation_rows = _Set(validation, self.loss.metric_name == "R²", pieces) if validation else None
        self.w = self._zeros(self.K, self.layout.engine_length(self.like.dtype))
        self.parameters = self.layout.of_engine(self.w)
        rows = initial_rows(recipe.kind, self.layout, members, seed).to(self.like)
        self.parameters.copy_rows_(rows.repeat_interleave(self.L, 0))
        adam = self.settings.optimizer == "adam"
        self.m = torch.zeros_like(self.w) if adam or self.settings.momentum else None
        self.v = torch.zeros_like(self.w) if adam else None
        lr = self.settings.learning_rate
        self.strengths = Strengths(recipe.rule, lambdas, len(members), lr=lr, like=self.like)
        embedding = self.layout.embedding
        self._columns = None if embedding is None else torch.tensor(embedding.columns)
        self._sizes, self._levels = torch.tensor(self.layout.sizes), c.levels_of(self.loss, self.like)
        self._member = torch.arange(len(members)).repeat_interleave(self.L)

    @property
    def epochs_at_once(self) -> int:
        seconds = self.K * engine_seconds(self.recipe, self.layout, self.n)
        rows = len(self.members) * self.n
        return max(1, min(int(SECONDS_A_CALL / seconds), ORDERED_ROWS // rows, ORDERED_ROWS // self.steps))

    def advance(self, first: int, validated: Sequence[bool]) -> np.ndarray:
        count, scored = len(validated), torch.tensor(validated)
        results = [_Sums(count, self.K, self.H), _Sums(count, self.K, self.H)]
        order = None
        if self.steps > 1:
            order = torch.stack(
                [orders(self.members, self.n, self.seed, epoch) for epoch in range(first, first + count)]
            )
        steps = range(self.step, self.step + count * self.steps)
        self.step = steps.stop
        lr = learning_rates(self.settings, steps, self.steps * self.recipe.max_epochs)
        (rates, correction), pull = self._rates(lr, steps.start), self._pull(lr)
        job = self._job(results[0], pull)
        job.epochs, job.order = count, c.place(order)
        job.lr, job.correction = c.place(rates), c.place(correction)
        if self.validation_rows is not None:
            job.validation, job.validated = self.validation_rows.for_c, c.place(scored)
            job.validation_loss, job.validation_hits = results[1].places
        c.run("train", job, self.like.dtype)
        curves = [*self._means(results[0], self.train_rows)]
        if self.validation_rows is None:
            curves += [np.full_like(curves[0], np.nan)] * 2
        else:
            scores = self._means(results[1], self.validation_rows)
            curves += [np.where(scored[:, None, None], score, np.nan) for score in scores]
        return np.array(curves)

    def networks(self) -> np.ndarray:
        return self.parameters.rows().view(len(self.members), self.L, -1).numpy()

    def start_at(self, step: int) -> None:
        """Count the optimizer's steps from here on."""
        self.step = step

    def moments(self) -> list[list[Tensor]]:
        """Views of the optimizer's moments, each as the (K, …) tensors of the networks."""
        return [self.layout.of_engine(each).tensors() for each in (self.m, self.v) if each is not None]

    def judge(self) -> np.ndarray:
        parameters = self.parameters
        pulled = parameters.padded_tensors()[: len(self.layout.decayed(self.recipe.decay_biases))]
        penalty = penalty_of(self.strengths, pulled, [None] * len(pulled)).double()
        return np.array([*self._judge(self.train_rows), penalty.view(len(self.members), self.L).numpy()])

    def _judge(self, rows: _Set) -> np.ndarray:
        sums = _Sums(1, self.K, self.H)
        job = self._job(sums, NO_PULL)
        job.train = rows.for_c
        c.run("score_networks", job, self.like.dtype)
        return np.array(self._means(sums, rows))[:, 0]

    def _means(self, sums: _Sums, rows: _Set) -> tuple[np.ndarray, np.ndarray]:
        """Mean loss and metric, (E, G, L) each."""
        shape = (-1, len(self.members), self.L)
        loss = sums.loss.view(shape) / rows.weight[:, None]
        spread = None if rows.spread is None else rows.spread[:, None]
        metric = metric_of(loss, sums.hits.view(*shape, self.H), rows.weight[:, None, None], spread)
        return loss.numpy(), metric.numpy()

    def _job(self, sums: _Sums, pull: _Pull) -> c.Job:
        settings, perceptron, embedding = self.settings, self.recipe.kind, self.layout.embedding
        assert isinstance(perceptron, PerceptronKind)
        kind = "adam"
        if settings.optimizer == "sgd":
            kind = ("nesterov" if settings.nesterov else "momentum") if settings.momentum else "sgd"
        loss, hits = sums.places
        return c.Job(
            layers=len(self.layout.shapes),
            sizes=c.place(self._sizes),
            embedded=0 if embedding is None else len(embedding.columns),
            frequencies=0 if embedding is None else embedding.frequencies,
            units=0 if embedding is None else embedding.units,
            columns=c.place(self._columns),
            coded=len(self._pieces),
            pieces=c.place(self._pieces),
            activation=c.ACTIVATIONS.index(perceptron.activation),
            loss=c.loss_number(self.recipe.loss),
            optimizer=c.OPTIMIZERS.index(kind),
            force=c.FORCES.index("l1" if isinstance(self.strengths.rule.force, L1Force) else "l2"),
            in_gradient=pull.strength is not None,
            decay_biases=self.recipe.decay_biases,
            networks=self.K,
            parameters=self.w.shape[1],
            w=c.place(self.w),
            m=c.place(self.m),
            v=c.place(self.v),
            members=len(self.members),
            member=c.place(self._member),
            train=self.train_rows.for_c,
            batch=min(settings.batch_size, self.n),
            momentum=settings.momentum,
            beta1=BETAS[0],
            beta2=BETAS[1],
            eps=EPS,
            level=self.loss.level,
            levels=c.place(self._levels),
            train_loss=loss,
            train_hits=hits,
            keep_before=c.place(pull.keep_before),
            keep_after=c.place(pull.keep_after),
            strength=c.place(pull.strength),
        )

    def _rates(self, lr: Sequence[float], start: int) -> tuple[Tensor, Tensor | None]:
        """(T,) what a step is multiplied by, and Adam's correction of its second moment."""
        if self.settings.optimizer != "adam":
            return torch.tensor(lr, dtype=torch.float64), None
        first, second = _bias_corrections(start, len(lr))
        return torch.tensor(lr, dtype=torch.float64) / first, second

    def _pull(self, lr: Sequence[float]) -> _Pull:
        rule, strength = self.strengths.rule, self.strengths.of_networks.contiguous()
        if rule.acts == "gradient":
            return _Pull(strength=strength)
        ticks = [tick(rule.clock, Reading(rate, self.settings.learning_rate)) for rate in lr]
        kept = 1 - strength * torch.tensor(ticks, dtype=torch.float64).to(self.like)[:, None]
        return _Pull(keep_before=kept) if rule.acts == "before" else _Pull(keep_after=kept)

    def _zeros(self, *shape: int) -> Tensor:
        return self.like.new_zeros(shape)


@lru_cache(maxsize=8)
def _bias_corrections(start: int, count: int) -> tuple[Tensor, Tensor]:
    """1 − β₁ᵗ and √(1 − β₂ᵗ), (count,) each, of Adam's steps t from `start` + 1 on: the same for all blocks of a path."""
    # Python's power, because torch's rounds the end of a buffer differently: a step would depend on its call.
    steps = range(start + 1, start + count + 1)
    first = torch.tensor([1 - BETAS[0] ** t for t in steps], dtype=torch.float64)
    return first, torch.tensor([math.sqrt(1 - BETAS[1] ** t) for t in steps], dtype=torch.float64)


@dataclass(frozen=True, kw_only=True)
class _Pull:
    """What a rule does in the steps of a call."""

    strength: Tensor | None = None
    """(K,) of the pull in the gradient."""
    keep_before: Tensor | None = None
    """(T, K) what is left of a weight before the step."""
    keep_after: Tensor | None = None
    """(T, K) after it."""


NO_PULL = _Pull()


class _Sums:
    """Where the engine adds up losses (E, K) and hits (E, K, H)."""

    def __init__(self, epochs: int, K: int, H: int) -> None:
        self.loss = torch.zeros(epochs, K, dtype=torch.float64)
        self.hits = torch.zeros(epochs, K, H, dtype=torch.float64)

    @property
    def places(self) -> tuple[Any, Any]:
        return c.place(self.loss), c.place(self.hits)


class _Set:
    """The rows of each member for the engine, their weight (G, 1 or …) and, for R², the spread of their targets.

    Args:
        rows: of each member.
        spread: whether it is needed.
        pieces: the number of codes of each coded number; see `coded_rows`.
    """

    def __init__(self, rows: Sequence[Rows], spread: bool, pieces: Sequence[int] = ()) -> None:
        # Kept alive: the engine has only their addresses.
        self._rows = [coded_rows(each, pieces) if pieces else each.contiguous_rows() for each in rows]
        self.for_c = (c.RowsOfC * len(rows))(*map(c.rows_of_c, self._rows))
        weights = [
            float(len(r)) if r.weight is None else float(r.weight.sum(dtype=torch.float64)) for r in rows
        ]
        self.weight = torch.tensor(weights, dtype=torch.float64)
        self.spread = torch.stack([_spread(r) for r in self._rows]) if spread else None


def _spread(rows: Rows) -> Tensor:
    """(C,) of the targets as the network sees them."""
    Y = rows.Y if rows.index is None else rows.Y.index_select(0, rows.index)
    Y = (Y if rows.y_scale is None else rows.y_scale(Y)).double()
    s = Y.new_ones(len(Y), 1) if rows.weight is None else rows.weight.double()
    return spread_of((s * Y).sum(0), (s * Y.square()).sum(0), s.sum())
