"""The audit of a live optimizer: measured on copies, judged, and shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from shrinkage._errors import RequestError, called
from shrinkage.auditing._facts import Facts
from shrinkage.auditing._judging import Audit, audit_of
from shrinkage.auditing._measured_facts import measure_facts
from shrinkage.auditing._merged import merge_facts
from shrinkage.auditing._request import Request, check_given, counted, list_optimizers
from shrinkage.auditing.subjects._subject import without_traces
from shrinkage.auditing.subjects._untouched import preserve_weights

__all__ = ["audit", "facts_of"]


def audit(
    optimizer: torch.optim.Optimizer | Sequence[Any] | Mapping[str, Any],
    model: nn.Module | None = None,
    *,
    rows: int | None = None,
    batch_size: int | None = None,
    steps: int | None = None,
    scheduler: Any = None,
    scheduler_every: int = 1,
    loss: Callable[[], Tensor] | None = None,
    inputs: Any = None,
) -> Audit:
    """Measure what a live optimizer does to each weight, and flag what is probably unintended.

    Subsampled copies of the parameters and of the optimizer's state take steps with zero and with known gradients.
    They show the shrink s, the strength λ of `J = (1/n) Σ lossᵢ + (λ/2) Σ w²`, whether the decay passes through the
    gradient, and its clock. Model, optimizer, state, gradients and random states stay as they are, bit for bit.

    Args:
        optimizer: any optimizer that follows torch's interface, hooks included; or a list or dict of those that train
            one model, also nested.
        model: the model that owns the parameters, for names and roles.
        rows: training rows n, >= 1, for timescales in epochs.
        batch_size: rows per optimizer step, >= 1.
        steps: number of optimizer steps still to come, >= 1.
        scheduler: the learning rate scheduler (or a list of them), simulated over `steps`; or a function of the number of
            steps done, which returns the learning rate or a factor on it (whichever its peak is nearer to).
        scheduler_every: number of optimizer steps per scheduler step, >= 1.
        loss: computes the loss of a batch, with its graph, so that a penalty inside it is found.
        inputs: a batch for `model` (a tensor, a tuple of arguments, a dict of keywords), to find the layers whose scale
            does not matter.

    Returns:
        The findings, the worst first, and a row for each kind of treatment; `print` shows them.

    Raises:
        RequestError: an argument is out of range, or a copy of the optimizer cannot take a step.

    Example:
        >>> model = torch.nn.Linear(8, 2)
        >>> optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=0.01)
        >>> [finding.code for finding in audit(optimizer, model).findings]
        ['adam-l2', 'bias-decayed']
    """
    optimizers = list_optimizers(optimizer)
    request = Request(
        **counted(rows=rows, batch_size=batch_size, steps=steps),
        scheduler=scheduler,
        scheduler_every=counted(scheduler_every=scheduler_every)["scheduler_every"] or 1,
        loss=loss,
        inputs=inputs,
    )
    if not optimizers:
        raise RequestError(
            f"{called('optimizer', of='audit')}: got an empty list. Give the optimizer, or a list of all "
            "that train the model."
        )
    for each in optimizers:
        check_given(each, model)
    return audit_of(merge_facts([facts_of(each, model, request) for each in optimizers]))


def facts_of(optimizer: torch.optim.Optimizer, model: nn.Module | None, request: Request) -> Facts:
    """Measure an optimizer that can take steps, without changing it."""
    with without_traces(), preserve_weights(optimizer):
        return measure_facts(optimizer, model, request)
