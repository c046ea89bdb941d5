"""Functions of the user's own as text that is the same in every process: by name, and by what they do.

Two functions may share a name (`<lambda>`), and one may have been edited since a run that is continued.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from shrinkage.networks.module import with_seed

__all__ = ["optimizer_text", "schedule_text"]

STEPS = 3


def optimizer_text(make: Callable[[Any], Any]) -> str:
    """An optimizer's name with a hash of where its first steps lead."""
    weight = nn.Parameter(torch.linspace(-1.0, 1.0, 16).view(4, 4))
    with with_seed("optimizer"), torch.enable_grad():
        optimizer = make([weight])
        try:
            for step in range(STEPS):
                weight.grad = torch.linspace(1.0, -0.5, 16).view(4, 4) / (1 + step)
                optimizer.step()
        except Exception:  # one that asks for more than a gradient
            return f"{_name(make)}, {type(optimizer).__qualname__}"
    return f"{_name(make)}, {type(optimizer).__qualname__} {_hash_of(weight.detach().flatten().tolist())}"


def schedule_text(factor: Callable[[int, int], Any]) -> str:
    """A schedule's name with a hash of its factors."""
    return f"{_name(factor)}, {_hash_of(_factor_at(factor, step) for step in range(0, 1000, 20))}"


def _factor_at(factor: Callable[[int, int], Any], step: int) -> float:
    try:
        return float(factor(step, 1000))
    except Exception:  # one that knows only steps of its own run
        return float("nan")


def _hash_of(numbers: Iterable[float]) -> str:
    return hashlib.sha256(" ".join(f"{x:.4g}" for x in numbers).encode()).hexdigest()[:12]


def _name(function: Any) -> str:
    return getattr(function, "__qualname__", None) or type(function).__name__
