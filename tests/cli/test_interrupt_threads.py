"""A fit whose blocks are at work in threads, stopped: its exit code and one sentence, no abort on the way out."""

import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cli_cases import command


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_threads_train(number: signal.Signals, code: int, tmp_path: Path):
    g = np.random.default_rng(0)
    X = g.normal(size=(400, 4))
    table = pd.DataFrame(X, columns=[*"abcd"]).assign(y=np.where(X[:, 0] + g.normal(size=400) > 0, "p", "q"))
    table.to_csv(tmp_path / "data.csv", index=False)
    fit = command(
        "fit",
        tmp_path / "data.csv",
        "--target",
        "y",
        "--out",
        tmp_path / "out",
        "--epochs",
        1500,
        "--jobs",
        2,
    )
    process = subprocess.Popen(
        fit, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "out").glob("blocks/*.block"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, number)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == code, said
    assert "Stopped." in said
    assert "terminate" not in said
