"""Presets: values of several parameters under one name, for those that were left at their defaults."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from shrinkage._errors import RequestError, called, shown

__all__ = ["PRESETS", "of_preset", "with_preset"]

PRESETS: dict[str, dict[str, Any]] = {
    "fast": {"inputs": "bounded", "cv": 3},
    "default": {},
    "best": {"cv": 10, "predict_by": "folds"},
}
"""What each sets; measured in docs/automatic.md."""


def of_preset(given: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """What the preset sets: its values of the parameters that equal their defaults.

    A parameter that was set to its default counts as one that was left there. With a network of the user's own, whose
    inputs have one form, `inputs` stays, and so it does with an `embedding`.

    Args:
        given: the estimator's parameters by name.
        kind: the estimator's class, whose signature has the defaults.

    Raises:
        RequestError: no preset has this name.
    """
    if (name := given["preset"]) not in tuple(PRESETS):
        raise RequestError(f"{called('preset')}: must be one of {', '.join(PRESETS)}, got {shown(name)}.")
    if not PRESETS[name]:
        return {}
    defaults = inspect.signature(kind).parameters
    return {
        name: value
        for name, value in PRESETS[name].items()
        if _equal(given[name], defaults[name].default)
        and not (name == "inputs" and (given["network"] is not None or given["embedding"] != "auto"))
    }


def with_preset(given: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """An estimator's parameters by name, with what its preset sets; see `of_preset`."""
    return {**given, **of_preset(given, kind)}


def _equal(value: Any, default: Any) -> bool:
    """Of one type, too: `cv` may be arrays, whose comparison is no bool, and `restarts=True` isn't 1."""
    return type(value) is type(default) and value == default
