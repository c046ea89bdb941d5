"""The shipped engine of a wheel against NumPy: losses of networks with each activation, in both precisions.

    python aarch64_engine.py FOLDER_OF_LIBRARIES

It needs NumPy alone, so that it runs in an emulated machine for which there is no small build of torch.
"""

from __future__ import annotations

import ctypes
import sys
from ctypes import POINTER, Structure, byref, c_double, c_int64, c_void_p
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIZES, NETWORKS, ROWS, STRIDE = (5, 7, 3), 4, 29, 64
ACTIVATIONS = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
    "identity": lambda z: z,
}
"""In the engine's order."""
LOSSES = {
    0: lambda z, y: np.log(np.exp(z).sum(axis=0)) - (y * z).sum(axis=0),
    2: lambda z, y: ((z - y) ** 2).mean(axis=0),
}
"""By the engine's number: softmax and squared error."""


class Evaluation(Structure):
    """`Evaluation` of the engine; see evaluation.h."""

    _fields_ = (
        ("layers", c_int64),
        ("sizes", POINTER(c_int64)),
        *((name, c_int64) for name in ("activation", "loss", "networks", "n", "ld")),
        *((name, c_void_p) for name in ("w", "X", "Y", "weight", "total", "hits")),
        ("level", c_double),
        ("levels", c_void_p),
    )


def losses(activation: str, loss: int, w: NDArray, X: NDArray, Y: NDArray) -> NDArray[np.float64]:
    """(K,) the summed loss of networks w (K, D) on rows X (I, n) with targets Y (C, n), in float64."""
    inputs, hidden, outputs = SIZES
    found = []
    for row in w.astype(float):
        first, second, b, c = np.split(row, np.cumsum([inputs * hidden, hidden * outputs, hidden]))
        a = ACTIVATIONS[activation](first.reshape(inputs, hidden).T @ X + b[:, None])
        found.append(LOSSES[loss](second.reshape(hidden, outputs).T @ a + c[:, None], Y).sum())
    return np.array(found)


def check(library: ctypes.CDLL, name: str, dtype: type, bound: float) -> int:
    """How many losses were compared; exits where one differs by more than the bound."""
    g = np.random.default_rng(0)
    inputs, hidden, outputs = SIZES
    w = g.normal(size=(NETWORKS, (inputs + 1) * hidden + (hidden + 1) * outputs)).astype(dtype)
    X, Y = np.zeros((inputs, STRIDE), dtype), np.zeros((outputs, STRIDE), dtype)
    X[:, :ROWS] = g.normal(size=(inputs, ROWS))
    Y[g.integers(outputs, size=ROWS), np.arange(ROWS)] = 1
    compared = 0
    for loss in LOSSES:
        for activation in ACTIVATIONS:
            total = np.zeros(NETWORKS)
            job = Evaluation(
                layers=len(SIZES) - 1,
                sizes=(c_int64 * len(SIZES))(*SIZES),
                activation=list(ACTIVATIONS).index(activation),
                loss=loss,
                networks=NETWORKS,
                n=ROWS,
                ld=STRIDE,
                w=w.ctypes.data,
                X=X.ctypes.data,
                Y=Y.ctypes.data,
                total=total.ctypes.data,
            )
            failed = getattr(library, name)(byref(job))
            wanted = losses(activation, loss, w, X[:, :ROWS].astype(float), Y[:, :ROWS].astype(float))
            if failed or not np.allclose(total, wanted, rtol=bound, atol=0):
                raise SystemExit(f"{name}, {activation}, loss {loss}: {total} instead of {wanted}")
            compared += NETWORKS
    return compared


def main() -> None:
    (path,) = Path(sys.argv[1]).glob("engine-*.so")
    library = ctypes.CDLL(str(path))
    compared = sum(
        check(library, f"evaluate_{kind}", dtype, bound)
        for kind, dtype, bound in (("f64", np.float64, 1e-12), ("f32", np.float32, 1e-5))
    )
    print(f"{path.name}: {compared} losses are those of NumPy")


if __name__ == "__main__":
    main()
