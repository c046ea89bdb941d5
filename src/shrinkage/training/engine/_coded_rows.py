"""Rows whose last inputs are piecewise-linear codes, as the engine takes them: two numbers in place of a number's codes.

Axes: n rows, I inputs, N coded numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from shrinkage.training._rows import Rows, chunks

__all__ = ["coded_rows"]

ROWS_AT_A_TIME = 1 << 14


def coded_rows(rows: Rows, pieces: Sequence[int]) -> Rows:
    """The rows, copied and in order, their codes as (piece, share of it).

    A number's codes are 1 up to the piece that it lies in, then its share of that piece, then 0. The piece is counted
    over the codes of all numbers; it is exact in float32 up to 2²⁴ of them.

    Args:
        rows: X (N, I), its last Σ pieces columns the codes, number by number; not scaled.
        pieces: (N,) how many codes each number has.
    """
    assert rows.x_scale is None
    counts = np.asarray(pieces)
    starts = np.cumsum(counts) - counts
    X, Y = [], []
    for start, stop in chunks(len(rows), ROWS_AT_A_TIME):
        part = rows.read(torch.arange(start, stop))
        X.append(_compact(part.X.numpy(), starts, counts))
        Y.append(part.Y)
    return replace(rows, X=torch.from_numpy(np.concatenate(X)), Y=torch.cat(Y), index=None, y_scale=None)


def _compact(X: np.ndarray, starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(n, I − Σ counts + 2N) of rows (n, I)."""
    dense = X.shape[1] - counts.sum()
    codes = X[:, dense:]
    whole = np.add.reduceat(codes == 1, starts, axis=1, dtype=np.int64)
    piece = starts + np.minimum(whole, counts - 1)
    compact = np.empty((len(X), dense + 2 * len(counts)), X.dtype)
    compact[:, :dense] = X[:, :dense]
    compact[:, dense::2] = piece
    compact[:, dense + 1 :: 2] = np.take_along_axis(codes, piece, axis=1)
    return compact
