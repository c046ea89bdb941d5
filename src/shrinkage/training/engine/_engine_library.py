"""The compiled engine's functions, and the structures that they take.

The fields are those of the structs in `c/`, in their order.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, c_char, c_double, c_int64, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from shrinkage import networks
from shrinkage._compiled import engine_choice, library
from shrinkage._errors import JobError
from shrinkage.training._rows import Rows

__all__ = [
    "ACTIVATIONS",
    "FORCES",
    "LOSSES",
    "OPTIMIZERS",
    "Evaluation",
    "Flight",
    "Job",
    "RowsOfC",
    "Training",
    "engine",
    "engine_build",
    "engine_name",
    "levels_of",
    "loss_number",
    "place",
    "rows_of_c",
    "run",
]

SOURCE = Path(__file__).parent / "c" / "engine.c"
ACTIVATIONS, LOSSES = tuple(networks.ACTIVATIONS), tuple(networks.LOSSES)
OPTIMIZERS = ("sgd", "momentum", "nesterov", "adam")
FORCES = ("l2", "l1")
_SUFFIX = {torch.float32: "f32", torch.float64: "f64"}


class RowsOfC(Structure):
    """`Rows` of the engine."""

    _fields_ = (
        *(
            (name, c_void_p)
            for name in ("X", "Y", "weight", "index", "x_shift", "x_scale", "y_shift", "y_scale")
        ),
        ("n", c_int64),
    )


class Job(Structure):
    """`Job` of the engine: what is to be trained or judged, and where the results go."""

    _fields_ = (
        ("layers", c_int64),
        ("sizes", c_void_p),
        *((name, c_int64) for name in ("embedded", "frequencies", "units")),
        ("columns", c_void_p),
        ("coded", c_int64),
        ("pieces", c_void_p),
        *(
            (name, c_int64)
            for name in ("activation", "loss", "optimizer", "force", "in_gradient", "decay_biases")
        ),
        ("networks", c_int64),
        ("parameters", c_int64),
        *((name, c_void_p) for name in ("w", "m", "v")),
        ("members", c_int64),
        ("member", c_void_p),
        ("train", POINTER(RowsOfC)),
        ("validation", POINTER(RowsOfC)),
        ("validated", c_void_p),
        *((name, c_int64) for name in ("batch", "epochs")),
        *(
            (name, c_void_p)
            for name in ("order", "lr", "correction", "keep_before", "keep_after", "strength")
        ),
        *((name, c_double) for name in ("momentum", "beta1", "beta2", "eps", "level")),
        ("levels", c_void_p),
        *((name, c_void_p) for name in ("train_loss", "validation_loss", "train_hits", "validation_hits")),
    )


class Evaluation(Structure):
    """`Evaluation` of the engine: networks to be evaluated, and where their sums go."""

    _fields_ = (
        ("layers", c_int64),
        ("sizes", c_void_p),
        *((name, c_int64) for name in ("activation", "loss", "networks", "n", "ld")),
        *((name, c_void_p) for name in ("w", "X", "Y", "weight", "total", "hits")),
        ("level", c_double),
        ("levels", c_void_p),
    )


class Flight(Structure):
    """`Flight` of the engine: swarms that move and remember."""

    _fields_ = (
        *((name, c_int64) for name in ("swarms", "particles", "dimensions")),
        *((name, c_void_p) for name in ("x", "v", "p", "known")),
        ("known_by_all", c_int64),
        *((name, c_void_p) for name in ("drawn", "key")),
        *((name, c_double) for name in ("inertia", "attraction", "limit")),
        *((name, c_void_p) for name in ("low", "high")),
        ("rebound", c_double),
        *((name, c_void_p) for name in ("error", "found")),
    )


class Training(Structure):
    """`Training` of the engine: iterations of swarms of networks."""

    _fields_ = (
        ("flight", Flight),
        *((name, c_int64) for name in ("iterations", "keys", "ring")),
        *((name, c_void_p) for name in ("best", "best_error")),
        ("rows", POINTER(Evaluation)),
        *((name, c_void_p) for name in ("row_weight", "member")),
        *((name, c_int64) for name in ("of_hits", "force", "pulled")),
        ("strength", c_void_p),
    )


@cache
def _engine(choice: str) -> ctypes.CDLL | None:
    built = library(SOURCE)
    if built is not None:
        ours = [ctypes.sizeof(each) for each in (RowsOfC, Job, Evaluation, Flight, Training)]
        assert list((c_int64 * len(ours)).in_dll(built, "bytes_f32")) == ours, (
            "the engine's struct layouts differ"
        )
        assert _enums_of(built) == [ACTIVATIONS, LOSSES, OPTIMIZERS, FORCES], "the engine's enums differ"
    return built


def _enums_of(built: ctypes.CDLL) -> list[tuple[str, ...]]:
    """The names of the activations, losses, optimizers and forces that the library was built with, by number."""
    text = ctypes.string_at(ctypes.addressof(c_char.in_dll(built, "enums"))).decode()
    return [
        tuple(name.lower().removesuffix("_loss").removesuffix("_force") for name in line.split())
        for line in text.splitlines()
    ]


def engine() -> ctypes.CDLL | None:
    """The compiled engine, or None where it can't be built or isn't wanted."""
    return _engine(engine_choice())


def engine_name() -> str:
    """`compiled` where the engine can be had, else `torch`."""
    return "torch" if engine() is None else "compiled"


def engine_build() -> str:
    """Identity of this build of the engine, since others may differ in the last digits; empty without an engine."""
    built = engine()
    return "" if built is None else Path(built._name).stem


def loss_number(key: str) -> int:
    """The engine's number of a loss; the levels that the key may name are handed over beside it."""
    return LOSSES.index(key.partition(":")[0])


def levels_of(loss: networks.Loss, like: Tensor) -> Tensor | None:
    """(C,) the levels of several quantiles, in the dtype of the training; None for other losses."""
    return like.new_tensor(loss.levels) if loss.levels else None


def run(function: str, job: Structure, dtype: torch.dtype) -> None:
    """Call a function of the engine with its structure; other threads go on meanwhile."""
    built = engine()
    if built is None:
        raise JobError(
            "This run was planned with the compiled engine, which can't be built in this process. Install a C compiler "
            "here, or start the run with SHRINKAGE_ENGINE=torch."
        )
    failed = getattr(built, f"{function}_{_SUFFIX[dtype]}")(ctypes.byref(job))
    if failed == -1:
        raise MemoryError("The compiled engine could not allocate its buffers.")
    assert not failed, "the engine's network layout differs from Python's"


def place(tensor: Tensor | None) -> int | None:
    """Address of a tensor's first number; the tensor must be contiguous."""
    if tensor is None:
        return None
    assert tensor.is_contiguous()
    assert tensor.device.type == "cpu"
    return tensor.data_ptr()


def rows_of_c(rows: Rows) -> RowsOfC:
    """The rows as the engine takes them; they must outlive it."""
    scales: dict[str, Any] = {}
    for name, scale in (("x", rows.x_scale), ("y", rows.y_scale)):
        scales[f"{name}_shift"] = None if scale is None else place(scale.shift)
        scales[f"{name}_scale"] = None if scale is None else place(scale.scale)
    return RowsOfC(
        X=place(rows.X),
        Y=place(rows.Y),
        weight=place(rows.weight),
        index=place(rows.index),
        n=len(rows),
        **scales,
    )
