"""Whether a pull is toward the start of the weights, where the movement of weights at 0 does not tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from shrinkage.attachment import anchors_of, attachments_of
from shrinkage.auditing.measuring._step_reading import Reading
from shrinkage.auditing.subjects._live import OptimizerSubject
from shrinkage.auditing.subjects._subject import Plan, parameters_of

__all__ = ["with_starts"]


def with_starts(
    optimizer: torch.optim.Optimizer,
    subject: OptimizerSubject,
    readings: Sequence[Reading],
    expected: Sequence[float],
) -> list[Reading]:
    """The readings, with what is anchored put right.

    An attached rule may pull to a start of 0, as that of most biases, which looks like a decay toward 0. And an optimizer
    that moves weights of 0 without a gradient and without its decay, as Yogi does from its first moments, pulls nowhere.

    Args:
        optimizer: the live optimizer.
        subject: its copies.
        readings: of every parameter.
        expected: lr × strength of each parameter as its group says, 0 where it says none.
    """
    starts = {p for handle in attachments_of(optimizer) for p in anchors_of(handle)}
    drifts = _drifts(optimizer, subject, readings, expected)
    return [
        replace(r, anchored=not drift and (r.anchored or (r.decays and p in starts)))
        for p, r, drift in zip(parameters_of(optimizer), readings, drifts, strict=True)
    ]


def _drifts(
    optimizer: torch.optim.Optimizer,
    subject: OptimizerSubject,
    readings: Sequence[Reading],
    expected: Sequence[float],
) -> list[bool]:
    """Whether each parameter moves from 0 by the optimizer alone: the same way with and without its decay."""
    hooks = (*optimizer._optimizer_step_pre_hooks, *optimizer._optimizer_step_post_hooks)
    asked = [r.anchored and wanted > 0 and not hooks for r, wanted in zip(readings, expected, strict=True)]
    if not any(asked):
        return asked
    runs = [subject.run(Plan(gradients=0.0, weights=0.0, strength=s)) for s in ("as set", "off")]
    same = [torch.allclose(a[-1], b[-1], rtol=1e-3, atol=0) for a, b in zip(*runs, strict=True)]
    return [a and b for a, b in zip(asked, same, strict=True)]
