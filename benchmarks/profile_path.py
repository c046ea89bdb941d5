"""Where the time of a path goes: one block of a workload on one core, its parts timed apart, against the machine.

The parts exclude each other: what a part calls and is a part itself is counted there alone. The floating-point
operations are those that the mathematics needs (unpadded sizes; see `Workload.flops`), so that what is computed for the
curves of the training rows, or twice, or of zeros, counts as time and not as work.

Usage: python benchmarks/profile_path.py [--workload 1 …] [--small]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from _blocks_of import blocks_of
from _measured import RESULTS, written
from _products import product_rates
from _tables import ROOT, placed, table
from paths.workloads import WORKLOADS, Workload

from shrinkage.path import trained
from shrinkage.training import _optimizers, _pull, _rows, _score, _stacked

SEAMS: list[tuple[str, Any, tuple[str, ...]]] = [
    ("products", torch, ("bmm", "baddbmm", "matmul", "mm", "addmm")),
    ("optimizer", _optimizers.Adam, ("step",)),
    ("pull", _pull.Pull, ("add_gradient", "before_step", "after_step")),
    ("scoring", _score.Score, ("add",)),
    ("scoring", _stacked.StackedBlock, ("_scored", "_by_member")),
    ("reading rows", _rows.Rows, ("read", "settled")),
    ("reading rows", _stacked.StackedBlock, ("_read", "_order")),
    ("activations, slopes, biases", _stacked.Stack, ("gradient_",)),
]
"""The parts by the functions they are: (part, where they lie, names). What is left is Python and the rest."""
REST = "Python and the rest"


class Clock:
    """Seconds of each part, without those of the parts within it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._within: list[float] = []

    def wrapped(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            self._within.append(0.0)
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                whole = time.perf_counter() - start
                self.seconds[part] = self.seconds.get(part, 0.0) + whole - self._within.pop()
                if self._within:
                    self._within[-1] += whole

        return run


@contextmanager
def watched(clock: Clock) -> Iterator[None]:
    """Within it every seam tells the clock."""
    kept = [(place, name, getattr(place, name)) for _, place, names in SEAMS for name in names]
    try:
        for part, place, names in SEAMS:
            for name in names:
                setattr(place, name, clock.wrapped(part, getattr(place, name)))
        yield
    finally:
        for place, name, function in kept:
            setattr(place, name, function)


def profiled(workload: Workload, side: int = 2048) -> dict[str, Any]:
    blocks, folds, options = blocks_of(workload)
    block = max(blocks, key=lambda block: block.size)
    torch.set_num_threads(1)
    trained(block, folds, replace(options, max_epochs=1), 0)
    rates = product_rates(threads=1, side=side)
    start = time.perf_counter()
    trained(block, folds, options, 0)
    plain, clock = time.perf_counter() - start, Clock()
    with watched(clock):
        start = time.perf_counter()
        trained(block, folds, options, 0)
        whole = time.perf_counter() - start
    after = product_rates(threads=1, side=side)
    splits = [workload.splits[number] for number, _ in block.members]
    flops = len(block.lambdas) * sum(workload.flops(len(train), len(held)) for train, held in splits)
    parts = clock.seconds | {REST: whole - sum(clock.seconds.values())}
    rate = flops / plain / 1e9
    machine = {name: (rates[name] + after[name]) / 2 for name in rates}
    return {
        "workload": workload.title,
        "networks in the block": block.size,
        "seconds": plain,
        "seconds while watched": whole,
        "share": {name: seconds / whole for name, seconds in sorted(parts.items(), key=lambda p: -p[1])},
        "10⁹ operations needed": flops / 1e9,
        "GF/s": rate,
        "GF/s within the products": flops / clock.seconds["products"] / 1e9,
        "machine's GF/s, one core": machine,
        "part of torch.mm": rate / machine["torch.mm"],
        "part of the widest": rate / machine["widest"],
        "microseconds a step and network": plain / (workload.epochs * steps(workload) * block.size) * 1e6,
    }


def steps(workload: Workload) -> int:
    n = len(workload.splits[0][0])
    return -(-n // workload.batch_of(n))


def page(profiles: dict[str, dict[str, Any]]) -> str:
    names = [*dict.fromkeys(part for part, _, _ in SEAMS), REST]
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
    last = ["GF/s", "of `torch.mm`", "of the widest", "µs a step and network"]
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
