"""What every benchmark here does: the sides in turn in one run, ratios pair by pair, the environment beside them."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["RESULTS", "environment", "in_turn", "spread", "written"]

RESULTS = Path(__file__).parent / "results"


def in_turn(
    sides: Mapping[str, Callable[[], Any]], pairs: int
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Seconds of each side, run A B A B …, and what each returned last. The first round is a warm-up, not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    results: dict[str, Any] = {}
    for turn in range(pairs + 1):
        for name, run in sides.items():
            start = time.perf_counter()
            results[name] = run()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return seconds, results


def spread(values: list[float]) -> dict[str, float]:
    """Least, median and greatest."""
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def written(name: str, result: Mapping[str, Any]) -> Path:
    """Write a result as JSON with its environment; returns where."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({**result, "environment": environment()}, indent=1) + "\n")
    return path


def environment(
    packages_of_sides: Iterable[str] = (
        "torch",
        "scikit-learn",
        "numpy",
        "joblib",
        "pyswarms",
        "pymoo",
        "evosax",
        "jax",
    ),
) -> dict[str, Any]:
    """The interpreter, the machine and its load, and the versions of the packages that took part."""
    packages = {}
    for package in packages_of_sides:
        try:
            packages[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load before": [round(x, 2) for x in os.getloadavg()],
        **packages,
    }


def _processor() -> str:
    """What the system calls it."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text(errors="replace").splitlines() if about.exists() else []
    said = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    parts = {"model name": "", "cpu family": "family ", "model": "model "}
    return (
        ", ".join(f"{word}{said[name]}" for name, word in parts.items() if name in said)
        or platform.processor()
    )
