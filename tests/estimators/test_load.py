"""Many fits in one process: the memory does not grow with their number."""

import gc
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest

from shrinkage import MLPRegressorCV

X = np.random.default_rng(0).normal(size=(12, 2))
Y = X[:, 0]


def fit() -> None:
    MLPRegressorCV((2,), lambdas=[0.0, 0.1], cv=2, max_epochs=1, random_state=0).fit(X, Y)


def resident() -> int:
    """Bytes of this process in memory; of Linux alone."""
    status = Path("/proc/self/statm")
    if not status.exists():
        pytest.skip("only Linux tells")
    return int(status.read_text().split()[1]) * 4096


def grown(fits: int) -> tuple[float, float]:
    """Bytes a fit by which Python's objects and the whole process grew, once the caches are full.

    What is allocated while it is traced is seen: the caches, free lists among them, are filled under the same eyes.
    """
    tracemalloc.start()
    try:
        for _ in range(150):
            fit()
        gc.collect()
        objects, whole = tracemalloc.get_traced_memory()[0], resident()
        for _ in range(fits):
            fit()
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - objects) / fits, (resident() - whole) / fits
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "fits", [pytest.param(100, marks=pytest.mark.long), pytest.param(10_000, marks=pytest.mark.slow)]
)
def test_memory_does_not_grow_with_the_fits(fits: int):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the best of two λs lies on the edge
        objects, whole = grown(fits)
    assert objects < 1000
    assert whole < 100_000 / (1 if fits == 100 else 50)
