"""Where a network stands on the path: what keys, blocks and results know it by."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["STANDARD", "Net", "Place"]

STANDARD = "standard"
"""The form of input that a fold always has: the columns, standardized."""


class Place(NamedTuple):
    """A place on the path. Networks of one place differ by fold and restart."""

    lam: float
    """The canonical strength that training starts from."""
    form: str = STANDARD
    """What inputs the network sees of the columns."""


class Net(NamedTuple):
    """One network of the path."""

    place: Place
    fold: int
    """Number of the fold whose training rows it sees; `ALL_ROWS` for a refit."""
    restart: int
