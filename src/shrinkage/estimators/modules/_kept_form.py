"""The form in which modules are trained: that of the run whose blocks are kept, or else the faster one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shrinkage.networks.module import ModuleKind, ModuleLoss
from shrinkage.training.modules import faster_form

__all__ = ["kept_or_faster_form"]

MOST_TIMED = 16
"""Modules of a stack that is timed."""


def kept_or_faster_form(
    kind: ModuleKind, loss: ModuleLoss, inputs: Any, targets: Any, n_lambdas: int, blocks: str | Path | None
) -> ModuleKind:
    """The kind in the form that its kept blocks have, since a run keeps to one form; in a new run in the faster one.

    Args:
        kind: as the preflight found it.
        loss: what is minimized.
        inputs, targets: one real batch on the device.
        n_lambdas: of the path.
        blocks: a folder for finished blocks, or None.
    """
    kept = _form_of(blocks)
    if kept is None:
        return faster_form(kind, loss, inputs, targets, min(n_lambdas, MOST_TIMED))
    if kept is False and kind.verdict.stacked:
        return kind.one_by_one("its kept blocks were trained one by one")
    return kind


def _form_of(blocks: str | Path | None) -> bool | None:
    """Whether the run in a folder of blocks was stacked; None for a new one."""
    manifest = None if blocks is None else Path(blocks) / "manifest.json"
    if manifest is None or not manifest.exists():
        return None
    try:
        form = json.loads(manifest.read_bytes()).get("form", "")
    except (ValueError, AttributeError):
        return None  # BlockStore says what is wrong with it
    return str(form).startswith("stacked")
