"""The random numbers that modules draw while they train: set before a step, and replayed for each of K modules.

torch's, NumPy's and Python's global generators, because modules draw from any of them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from shrinkage._random import hashed_seed

__all__ = ["generators", "replay", "seed_generators", "with_seed"]


def generators() -> tuple[Any, ...]:
    """The states of all generators."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return torch.get_rng_state(), cuda, np.random.get_state(), random.getstate()


def replay(states: tuple[Any, ...]) -> None:
    """Set all generators to `states`."""
    cpu, cuda, numbers, python = states
    torch.set_rng_state(cpu)
    if cuda:
        torch.cuda.set_rng_state_all(cuda)
    np.random.set_state(numbers)
    random.setstate(python)


def seed_generators(*parts: int | str) -> None:
    """Start all generators from a hash of the parts."""
    seed = hashed_seed(*parts)
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


@contextmanager
def with_seed(*parts: int | str) -> Iterator[None]:
    """Within it the generators start from a hash of the parts; afterwards they go on as before."""
    states = generators()
    seed_generators(*parts)
    try:
        yield
    finally:
        replay(states)
