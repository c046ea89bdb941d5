"""Where the time of a path goes: one block of a workload on one core, its parts timed apart, against the machine.

The compiled engine counts the ticks of its parts itself, in a build of its own that is timed beside the one in use; a
tick costs a few nanoseconds, which shows where a step takes less than one microsecond. The floating-point operations
are those that the mathematics needs (unpadded sizes; see `Workload.flops`), so that what is computed for the curves of
the training rows, or of zeros, counts as time and not as work.

Usage: python benchmarks/profile_path.py [--workload 1 …] [--small]
"""

from __future__ import annotations

import argparse
import ctypes
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from _blocks_of import blocks_of
from _measured import RESULTS, written
from _products import product_rates
from _tables import ROOT, placed, table
from paths.workloads import WORKLOADS, Workload

from shrinkage._compiled import library
from shrinkage.path import train_block
from shrinkage.training.engine import _engine_library as _library

PARTS = ("products", "activations, slopes", "scoring", "optimizer and pull", "reading rows")
"""As the engine counts them (`enum` in engine.c)."""
WITHIN, REST = "rest of the engine", "Python and the rest"


@contextmanager
def counted() -> Iterator[dict[str, float]]:
    """Shares of the time spent within, once it is over: of the engine's parts, of its rest, and of all else."""
    built = library(_library.SOURCE, defines=("PROFILE",))
    assert built is not None
    ticks = (ctypes.c_uint64 * len(PARTS)).in_dll(built, "ticks_of")
    usual, run, inside = _library._engine, _library.run, [0.0]

    def timed(*arguments: Any) -> None:
        start = time.perf_counter()
        run(*arguments)
        inside[0] += time.perf_counter() - start

    found: dict[str, float] = {}
    before, counted_from = list(ticks), time.perf_counter()
    _library._engine, _library.run = (lambda choice: built), timed  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield found
    finally:
        _library._engine, _library.run = usual, run
    whole = time.perf_counter() - counted_from
    a_second = _ticks_a_second(built)
    for name, now, then in zip(PARTS, ticks, before, strict=True):
        found[name] = (now - then) / a_second / whole
    found[WITHIN] = inside[0] / whole - sum(found.values())
    found[REST] = 1 - inside[0] / whole


def _ticks_a_second(built: ctypes.CDLL) -> float:
    """How fast the engine's clock ticks, against Python's over a twentieth of a second."""
    built.now.restype = ctypes.c_uint64
    start, ticks = time.perf_counter(), built.now()
    while time.perf_counter() - start < 0.05:
        pass
    return (built.now() - ticks) / (time.perf_counter() - start)


def profiled(workload: Workload, side: int = 2048) -> dict[str, Any]:
    blocks, folds, recipe = blocks_of(workload)
    block = max(blocks, key=lambda block: block.size)
    torch.set_num_threads(1)
    train_block(block, folds, replace(recipe, max_epochs=1), 0)
    rates = product_rates(threads=1, side=side)
    start = time.perf_counter()
    train_block(block, folds, recipe, 0)
    plain = time.perf_counter() - start
    with counted() as share:
        start = time.perf_counter()
        train_block(block, folds, recipe, 0)
        whole = time.perf_counter() - start
    after = product_rates(threads=1, side=side)
    splits = [workload.splits[number] for number, _ in block.members]
    flops = len(block.lambdas) * sum(workload.flops(len(train), len(held)) for train, held in splits)
    rate = flops / plain / 1e9
    machine = {name: (rates[name] + after[name]) / 2 for name in rates}
    return {
        "workload": workload.title,
        "networks in the block": block.size,
        "seconds": plain,
        "seconds while counted": whole,
        "share": dict(sorted(share.items(), key=lambda p: -p[1])),
        "10⁹ operations needed": flops / 1e9,
        "GF/s": rate,
        "GF/s within the products": flops / (share["products"] * whole) / 1e9,
        "machine's GF/s, one core": machine,
        "part of torch.mm": rate / machine["torch.mm"],
        "part of the widest": rate / machine["widest"],
        "microseconds a step and network": plain / (workload.epochs * steps(workload) * block.size) * 1e6,
    }


def steps(workload: Workload) -> int:
    n = len(workload.splits[0][0])
    return -(-n // workload.batch_of(n))


def page(profiles: dict[str, dict[str, Any]]) -> str:
    names = [*PARTS, WITHIN, REST]
    rows = [
        [
            key,
            str(p["networks in the block"]),
            *(f"{p['share'].get(name, 0):.0%}" for name in names),
            f"{p['GF/s']:.1f}",
            f"{p['part of torch.mm']:.0%}",
            f"{p['part of the widest']:.0%}",
            f"{p['microseconds a step and network']:.2g}",
        ]
        for key, p in profiles.items()
    ]
    last = ["GF/s", "of `torch.mm`", "of the fastest", "µs per step and network"]
    return table(["workload", "networks", *names, *last], rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workload", type=int, nargs="+", default=[1, 2, 3, 4, 5], choices=[1, 2, 3, 4, 5])
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    for workload in WORKLOADS:
        if workload.number not in options.workload:
            continue
        found = profiled(workload.small(), side=256) if options.small else profiled(workload)
        print(found["workload"])
        for name, share in found["share"].items():
            print(f"  {share:6.1%}  {name}")
        print(
            f"  {found['GF/s']:.1f} GF/s, {found['part of torch.mm']:.0%} of torch.mm, {found['seconds']:.3g} s"
        )
        if not options.small:
            written(f"profile_{workload.key}", found)
    if not options.small:
        kept = [(w.key, RESULTS / f"profile_{w.key}.json") for w in WORKLOADS]
        profiles = {key: json.loads(path.read_text()) for key, path in kept if path.exists()}
        placed(ROOT / "docs" / "speed.md", "profile", page(profiles))


if __name__ == "__main__":
    main()
