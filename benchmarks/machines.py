"""What a path would take on many machines: simulated from the measured times of its blocks, one after the other.

Each core of each machine takes the next block of the list as soon as it is free, as joblib hands them out; a machine gets
the rows once, all machines from one sender, before its first block; every block costs a round trip; the refit of the
chosen λ is one more block after all others. `restarts` repeats the blocks as further random starts would.

Nothing here was run on more than one machine.

Usage: python benchmarks/machines.py [--workload 1 3 4] [--cores 16] [--bandwidth 1.25e8] [--small]
"""

from __future__ import annotations

import argparse
import heapq
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from _blocks_of import blocks_of
from _measured import written
from _tables import ROOT, placed, table
from paths.workloads import WORKLOADS, Workload

from shrinkage.path import ALL_ROWS, Block, train_block

MACHINES = (1, 8, 64)
RESTARTS = (1, 10)
ROUND_TRIP = 0.01
"""Seconds to hand a block to another machine and its curves back."""


def makespan(
    blocks: Sequence[float], machines: int, cores: int, *, arrival: float = 0.0, round_trip: float = 0.0
) -> float:
    """Seconds until the last block is done: list scheduling, in order.

    Args:
        blocks: seconds of each block on one core.
        machines: each with `cores` cores.
        arrival: seconds to send the rows to one machine; they are sent to one after the other. One machine has them.
        round_trip: seconds added to every block on several machines.
    """
    several = machines > 1
    free = [(m + 1) * arrival if several else 0.0 for m in range(machines) for _ in range(cores)]
    heapq.heapify(free)
    done = 0.0
    for block in blocks:
        end = heapq.heappop(free) + block + (round_trip if several else 0.0)
        done = max(done, end)
        heapq.heappush(free, end)
    return done


def block_times(workload: Workload) -> dict[str, Any]:
    """Seconds of each block of a workload, and of the refit, on one core."""
    torch.set_num_threads(1)
    blocks, folds, recipe = blocks_of(workload)
    train_block(blocks[-1], folds, replace(recipe, max_epochs=1), 0)  # what is done once in a process
    seconds = []
    for block in blocks:
        start = time.perf_counter()
        train_block(block, folds, recipe, 0)
        seconds.append(time.perf_counter() - start)
    start = time.perf_counter()
    train_block(Block((workload.lambdas[1],), ((ALL_ROWS, 0),), None, True), folds, recipe, 0)
    return {
        "workload": workload.title,
        "networks": [block.size for block in blocks],
        "blocks": seconds,
        "refit": time.perf_counter() - start,
        "bytes of X": workload.table.X.nbytes,
    }


def expected(found: dict[str, Any], restarts: int, cores: int, bandwidth: float) -> list[float]:
    """Seconds on each number of machines."""
    arrival = found["bytes of X"] / bandwidth
    blocks = found["blocks"] * restarts
    return [
        makespan(blocks, m, cores, arrival=arrival, round_trip=ROUND_TRIP) + _refit(found, restarts)
        for m in MACHINES
    ]


def _refit(found: dict[str, Any], restarts: int) -> float:
    """One block of all restarts; a single network is trained as a pair, so two cost what one does."""
    return found["refit"] * max(1.0, restarts / 2)


def page(times: dict[str, dict[str, Any]], cores: int, bandwidth: float) -> str:
    rows = []
    for key, found in times.items():
        for restarts in RESTARTS:
            seconds = expected(found, restarts, cores, bandwidth)
            several = [f"{s:.3g} ({seconds[0] / s:.1f}×)" for s in seconds[1:]]
            blocks = restarts * len(found["blocks"])
            serial = restarts * sum(found["blocks"]) + _refit(found, restarts)
            rows.append([key, str(restarts), str(blocks), f"{serial:.3g}", f"{seconds[0]:.3g}", *several])
    head = ["workload", "restarts", "blocks", "one core, s", f"1 machine of {cores} cores, s"]
    return table([*head, *(f"{m} machines, s" for m in MACHINES[1:])], rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workload", type=int, nargs="*", default=[1, 3, 4], choices=[1, 2, 3, 4, 5])
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="of each machine")
    parser.add_argument("--bandwidth", type=float, default=1.25e8, help="bytes a second between machines")
    parser.add_argument("--small", action="store_true", help="few rows, λs and folds; nothing is kept")
    options = parser.parse_args()
    times: dict[str, dict[str, Any]] = {}
    for workload in WORKLOADS:
        if workload.number in options.workload:
            times[workload.key] = block_times(workload.small() if options.small else workload)
    if not options.small and times:
        written("machines", {"cores": options.cores, "bandwidth": options.bandwidth, **times})
        placed(ROOT / "docs" / "scaling.md", "machines", page(times, options.cores, options.bandwidth))
    print(page(times, options.cores, options.bandwidth))


if __name__ == "__main__":
    main()
