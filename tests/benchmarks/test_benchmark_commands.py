"""The benchmark commands, at their smallest size."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def command(name: str, *options: str) -> str:
    script = str(ROOT / "benchmarks" / name)
    run = subprocess.run(
        [sys.executable, script, *options], capture_output=True, text=True, check=False, timeout=900
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.mark.slow
def test_every_workload_runs_on_both_sides(tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    command("run.py", "--small", "--pairs", "1", "--rival", "sklearn", "torch", "--out", str(out))
    found = json.loads(out.read_text())
    assert list(found) == ["small", "iris", "wine", "wide", "tall", "online"]
    for workload in found.values():
        assert set(workload["rivals"]) == {"sklearn", "torch"}
        assert all(rival["ratio"]["median"] > 0 for rival in workload["rivals"].values())


@pytest.mark.slow
@pytest.mark.frameworks
def test_every_rival_runs_or_says_why_not(tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    command("run.py", "--small", "--pairs", "1", "--workload", "2", "--out", str(out))
    for workload in json.loads(out.read_text()).values():
        assert {"sklearn", "torch", "skorch", "jax", "vmap"} <= set(workload["rivals"])
        for name, reason in workload["absent"].items():
            assert "not" in reason or "needs" in reason, (name, reason)


@pytest.mark.slow
def test_profiles_add_up() -> None:
    printed = command("profile_path.py", "--small", "--workload", "1")
    shares = [float(line.split("%")[0]) for line in printed.splitlines() if "%  " in line]
    assert sum(shares) == pytest.approx(100, abs=0.5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["machines.py", "growth.py", "racing.py"])
def test_the_other_commands_run(name: str) -> None:
    command(name, "--small")


def test_without_a_gpu_nothing_is_measured() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    assert "nothing measured" in command("gpu.py")
