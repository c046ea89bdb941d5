"""Option values that are more than a number, as the estimators take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shrinkage._errors import RequestError, shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["batch_of", "counts", "jobs_of", "lambdas_of"]


def counts(option: str, text: str) -> tuple[int, ...]:
    """`64,32` as (64, 32); `0` as ()."""
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise RequestError(
            f"{option}: must be whole numbers with commas, such as 64,32; got {shown(text)}."
        ) from None
    return () if numbers == (0,) else numbers


def batch_of(text: str) -> str | int:
    """`auto`, or a number of rows >= 1."""
    if text == "auto":
        return text
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise RequestError(f"--batch-size: must be auto or a whole number >= 1; got {shown(text)}.")
    return int(text)


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
    """`auto`, a count, `1e-5:1:20` (0 is added), or λs with commas."""
    import numpy as np

    try:
        if ":" in text:
            first, last, count = text.split(":")
            return np.concatenate([[0.0], np.geomspace(float(first), float(last), int(count))])
        if "," in text or "." in text or "e" in text.lower():
            return np.array([float(part) for part in text.split(",")])
        return int(text)
    except ValueError:
        if text == "auto":
            return text
        raise RequestError(
            f"--lambdas: must be auto, a count, FIRST:LAST:COUNT with both > 0, or λs with commas; got {shown(text)}."
        ) from None
