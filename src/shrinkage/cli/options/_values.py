"""Option values that are more than a number, as the estimators take them."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from shrinkage._errors import RequestError, shown, vocabulary

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "auto_or_count",
    "auto_or_rate",
    "counts",
    "inputs_of",
    "jobs_of",
    "lambdas_of",
    "option_of",
    "options_named",
]

MOST_LAMBDAS = 10_000


def option_of(name: str) -> str:
    """`batch_size` as `--batch-size`."""
    return f"--{name.replace('_', '-')}"


_OPTIONS = {
    "adam_learning_rate": "--adam-lr",
    "cv": "--folds",
    "groups": "--group",
    "hidden_layer_sizes": "--hidden",
    "lam": "--lam",
    "learning_rate": "--schedule",
    "learning_rate_init": "--lr",
    "max_epochs": "--epochs",
    "max_extensions": "--extensions",
    "n_jobs": "--jobs",
    "random_state": "--seed",
} | {
    name: option_of(name)
    for name in (
        *(
            "activation",
            "batch_size",
            "bundled",
            "decimal",
            "demo",
            "device",
            "embedding",
            "encoding",
            "escape",
            "epochs",
            "folds",
            "group",
            "id",
            "inner_folds",
            "inputs",
            "lambdas",
            "methods",
            "network",
            "repeats",
            "restarts",
            "rows",
            "rule",
        ),
        *("class_weight", "loss", "quantile", "scoring"),
        *(
            "predict_by",
            "preset",
            "search",
            "select",
            "sep",
            "solver",
            "stop",
            "strengths",
            "task",
            "thousands",
            "time",
            "trainer",
            "validate_every",
            "weight",
        ),
    )
}
"""What an argument of the library is called on the command line."""


def options_named(**own: str) -> AbstractContextManager[None]:
    """Within it, messages about an argument of the library name the option of the command line instead.

    `own` are options that a command calls otherwise than the others.
    """
    return vocabulary(_OPTIONS | own)


def counts(option: str, text: str) -> tuple[int, ...]:
    """`64,32` as (64, 32); `0` as ()."""
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = (-1,)
    if min(numbers) < 1 and numbers != (0,):
        raise RequestError(
            f"{option}: must be whole numbers >= 1 with commas, such as 64,32, or 0 for none; got {shown(text)}."
        )
    return () if numbers == (0,) else numbers


def auto_or_count(option: str, text: str) -> str | int:
    """`auto`, or a whole number >= 1."""
    if text == "auto":
        return text
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise RequestError(f"{option}: must be auto or a whole number >= 1; got {shown(text)}.")
    return int(text)


def auto_or_rate(option: str, text: str) -> str | float:
    """`auto`, or a number > 0."""
    if text == "auto":
        return text
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not (rate > 0 and math.isfinite(rate)):
        raise RequestError(f"{option}: must be auto, or > 0 and finite; got {shown(text)}.")
    return rate


def inputs_of(text: str) -> str | list[str]:
    """`auto`, one name, or several with commas."""
    return text.split(",") if "," in text else text


def jobs_of(text: str) -> int | str:
    """`auto` or a number of processes."""
    if text == "auto":
        return text
    try:
        jobs = int(text)
    except ValueError:
        jobs = 0
    if jobs == 0:
        raise RequestError(f"--jobs: must be auto, or a number of processes other than 0; got {shown(text)}.")
    return jobs


def lambdas_of(text: str) -> str | int | NDArray[np.float64]:
    """`auto`, `evidence`, a count, `1e-5:1:20` (0 is added), or λs with commas."""
    import numpy as np

    try:
        if ":" in text:
            first, last, count = text.split(":")
            if int(count) > MOST_LAMBDAS:
                raise ValueError
            return np.concatenate([[0.0], np.geomspace(float(first), float(last), int(count))])
        if "," in text or "." in text or "e" in text.lower():
            return np.array([float(part) for part in text.split(",")])
        if int(text) <= MOST_LAMBDAS:
            return int(text)
    except ValueError:
        if text in ("auto", "evidence"):
            return text
    raise RequestError(
        f"--lambdas: must be auto, evidence, a count up to {MOST_LAMBDAS:,}, FIRST:LAST:COUNT with both > 0, or λs with "
        f"commas; got {shown(text)}."
    )
