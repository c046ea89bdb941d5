"""What a caller asks of a fit besides the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shrinkage.path import Progress

__all__ = ["Runtime"]


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """What a fit does besides choosing and training."""

    progress: Progress | None = None
    blocks: Path | None = None
    """Folder of finished blocks, to be resumed from."""
    identity: dict[str, Any] | None = None
    """What the blocks depend on besides the recipe: the data's hash, versions."""
    note: Callable[[str], object] = lambda sentence: None
    """Called with each sentence about what was chosen before training."""
    as_table: bool = False
    """Take a frame of plain numbers as a table too."""
    rivals: bool = False
    """Also train simpler models on the same folds."""
