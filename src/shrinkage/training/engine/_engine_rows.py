"""Rows on which the compiled engine evaluates networks, such as the particles of a swarm.

Axes: K networks, D parameters, n rows, I inputs, C outputs; H hits: C for R², else 1.
"""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from shrinkage.networks import PerceptronLayout, loss_named
from shrinkage.training._rows import Rows
from shrinkage.training._score import metric_of, spread_of
from shrinkage.training.engine import _engine_library as c

__all__ = ["EvaluatedRows"]

FILLED_TO = 16
"""Rows are filled up with zeros to a multiple of this: whole vectors of any processor, whole lines of its cache."""


class EvaluatedRows:
    """Rows as the engine evaluates networks on them: unit by unit, held once.

    Args:
        layout: of each network.
        activation: its hidden units'.
        loss: the key of the loss.
        rows: the rows, on the CPU.
    """

    def __init__(self, layout: PerceptronLayout, activation: str, loss: str, rows: Rows) -> None:
        self.layout, self.activation, self.loss = layout, activation, loss
        self.n, self.regression = len(rows), loss_named(loss).metric_name == "R²"
        self.ld = -(-self.n // FILLED_TO) * FILLED_TO
        batch = rows.read(torch.arange(self.n))
        self._X, self._Y = self._by_unit(batch.X), self._by_unit(batch.Y)
        self._s = None if batch.weight is None else batch.weight.flatten().contiguous()
        s = torch.ones(self.n, dtype=torch.float64) if self._s is None else self._s.double()
        self.weight = s.sum()
        Y = batch.Y.double()
        sums = (s @ Y, s @ Y.square(), self.weight)
        self._spread = spread_of(*sums) if self.regression else None
        self._sizes, self._levels = torch.tensor(layout.sizes), c.levels_of(loss_named(loss), self._X)

    def error(self, networks: Tensor, error: str) -> Tensor:
        """(K,) mean `loss`, or the share of wrong rows for `accuracy`, of networks (K, D); float64."""
        if error == "loss":
            return self._sums(networks, None) / self.weight
        hits = self._no_hits(networks)
        self._sums(networks, hits)
        return 1 - hits[:, 0] / self.weight

    def score(self, networks: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss and metric, (K,) each, of networks (K, D); float64."""
        hits = self._no_hits(networks)
        loss = self._sums(networks, hits) / self.weight
        return loss, metric_of(loss, hits, self.weight, self._spread)

    def _no_hits(self, networks: Tensor) -> Tensor:
        H = self.layout.sizes[-1] if self.regression else 1
        return torch.zeros(len(networks), H, dtype=torch.float64)

    def _sums(self, networks: Tensor, hits: Tensor | None) -> Tensor:
        """(K,) summed losses; `hits` (K, H), if given, are added to."""
        total = torch.zeros(len(networks), dtype=torch.float64)
        w, job = networks.contiguous(), c.Evaluation.from_buffer_copy(self.for_c)
        job.networks, job.w, job.total, job.hits = len(w), c.place(w), c.place(total), c.place(hits)
        c.run("evaluate", job, w.dtype)
        return total

    @cached_property
    def for_c(self) -> c.Evaluation:
        """The rows as the engine takes them, without networks; they must outlive it."""
        return c.Evaluation(
            layers=len(self.layout.shapes),
            sizes=c.place(self._sizes),
            activation=c.ACTIVATIONS.index(self.activation),
            loss=c.loss_number(self.loss),
            level=loss_named(self.loss).level,
            levels=c.place(self._levels),
            n=self.n,
            ld=self.ld,
            X=c.place(self._X),
            Y=c.place(self._Y),
            weight=c.place(self._s),
        )

    def _by_unit(self, x: Tensor) -> Tensor:
        """(units, ld) of rows (n, units)."""
        held = x.new_zeros(x.shape[1], self.ld)
        held[:, : self.n] = x.mT
        return held
