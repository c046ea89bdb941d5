"""Peak memory of the tall workload, its time against the rows, and the time of ten times as many λs.

Memory is that of all processes of a run together, sampled while it runs: PSS counts a page that processes share once
(one copy of X, mapped by each), RSS once for each of them. Both are given, with what the same processes take before
they have any data. Needs Linux's /proc.

Usage: python benchmarks/growth.py [--small]
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from _measured import spread, written
from _tables import ROOT, placed, table
from paths.rivals import ours
from paths.workloads import WORKLOADS, Workload

ROWS = (250_000, 500_000, 1_000_000)
ALLOWED = "1.5 × the float32 data + 300 MB"
RUN = """
import sys, time
sys.path.insert(0, {folder!r})
from dataclasses import replace
from paths.rivals import ours
from paths.workloads import WORKLOADS
tall = next(w for w in WORKLOADS if w.key == "tall")
ours.fit(tall.small())
print("ready", flush=True); sys.stdin.readline()
workload = replace(tall, rows={rows}, n_lambdas={lambdas}, n_folds={folds})
workload.table
start = time.perf_counter()
ours.fit(workload, n_jobs=-1)
print(time.perf_counter() - start, flush=True); sys.stdin.readline()
"""


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, new = [pid], [pid]
    while new:
        new = [child for parent in new for child in parents.get(parent, [])]
        found += new
    return found


def memory(pid: int) -> tuple[float, float]:
    """(PSS, RSS) of the tree in MB of 10⁶ bytes."""
    total = [0.0, 0.0]
    for each in tree(pid):
        try:
            text = Path(f"/proc/{each}/smaps_rollup").read_text()
        except OSError:
            continue
        for place, name in enumerate(("Pss", "Rss")):
            total[place] += sum(int(kb) for kb in re.findall(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE))
    return total[0] * 1024 / 1e6, total[1] * 1024 / 1e6


def tall_run(rows: int, n_lambdas: int, n_folds: int) -> dict[str, Any]:
    """Seconds and peak memory of the tall workload in processes of its own."""
    source = RUN.format(folder=str(Path(__file__).parent), rows=rows, lambdas=n_lambdas, folds=n_folds)
    run: Any = subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    run.stdout.readline()
    before, peak, done = memory(run.pid), [0.0, 0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            for place, now in enumerate(memory(run.pid)):
                peak[place] = max(peak[place], now)

    watcher = threading.Thread(target=watch)
    watcher.start()
    run.stdin.write("go\n")
    run.stdin.flush()
    seconds = float(run.stdout.readline())
    done.set()
    watcher.join()
    run.communicate("end\n")
    data = rows * 50 * 4 / 1e6
    return {
        "rows": rows,
        "seconds": seconds,
        "float32 data, MB": data,
        "peak PSS, MB": peak[0],
        "peak RSS, MB": peak[1],
        "PSS before the data, MB": before[0],
        "above that, MB": peak[0] - before[0],
        "allowed, MB": 1.5 * data + 300,
    }


def lambdas_run(workload: Workload, pairs: int) -> dict[str, Any]:
    """The workload with its λs and with ten times as many, in turn."""
    from dataclasses import replace

    more = replace(workload, n_lambdas=10 * workload.n_lambdas)
    ours.fit(workload)
    ratios = []
    for _ in range(pairs):
        times = []
        for each in (workload, more):
            start = time.perf_counter()
            ours.fit(each)
            times.append(time.perf_counter() - start)
        ratios.append(times[1] / times[0])
    return {"workload": workload.title, "pairs": pairs, "time of 10 × the λs": spread(ratios)}


def page(tall: list[dict[str, Any]], lambdas: dict[str, Any]) -> str:
    names = ["seconds", "float32 data, MB", "peak PSS, MB", "above that, MB", "allowed, MB", "peak RSS, MB"]
    rows = [
        [f"{run['rows']:,}", f"{run['seconds'] / run['rows'] * 1e6:.1f}", *(f"{run[n]:.0f}" for n in names)]
        for run in tall
    ]
    head = [
        "rows",
        "µs per row",
        "s",
        "float32 data, MB",
        "peak PSS, MB",
        "of it above the empty processes",
        ALLOWED,
    ]
    ratio = lambdas["time of 10 × the λs"]
    return (
        f"{table([*head, 'peak RSS, MB'], rows)}\n\nThe workload *tall*, all processes together. Ten times as many λs of "
        f"the workload *small* take {ratio['median']:.1f} × the time ({ratio['min']:.1f}–{ratio['max']:.1f}, "
        f"{lambdas['pairs']} pairs)."
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="few rows, λs and folds; nothing is kept")
    parser.add_argument("--pairs", type=int, default=9)
    options = parser.parse_args()
    os.environ["PYTHONWARNINGS"] = "ignore"
    workloads = {workload.key: workload for workload in WORKLOADS}
    tall, small = workloads["tall"], workloads["small"]
    shape = (2, 2) if options.small else (tall.n_lambdas, tall.n_folds)
    runs = []
    for rows in ROWS:
        runs.append(tall_run(rows // 50 if options.small else rows, *shape))
        print(", ".join(f"{name} {value:,.1f}" for name, value in runs[-1].items()), flush=True)
    lambdas = lambdas_run(small.small() if options.small else small, 1 if options.small else options.pairs)
    print(f"10 × the λs: {lambdas['time of 10 × the λs']['median']:.2f} × the time")
    if not options.small:
        written("growth", {"tall": runs, "lambdas": lambdas})
        placed(ROOT / "docs" / "speed.md", "growth", page(runs, lambdas))


if __name__ == "__main__":
    main()
