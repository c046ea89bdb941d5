"""Running the command line as a user does: in a process of its own."""

from __future__ import annotations

import atexit
import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

QUICK = ["--epochs", "4", "--lambdas", "0,0.001,0.01", "--folds", "3", "--hidden", "5", "--jobs", "1"]
QUICKEST = ["--epochs=2", "--lambdas=0,0.01", "--folds=2", "--hidden=4", "--jobs=1", "--extensions=0"]
QUICK += ["--inputs", "standard", "--search", "grid"]
QUICKEST += ["--inputs", "standard", "--search", "grid"]


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-c", "from shrinkage.cli import main; main()", *map(str, arguments)]


class Forking:
    """The command line in a process of its own for each request, forked from one that has imported it.

    The imports, which take seconds, are done once.
    """

    PROGRAM = """
import json, os, sys, traceback
import sklearn.model_selection, skops.io
import shrinkage.cli, shrinkage.comparison, shrinkage.estimators, shrinkage.reporting, shrinkage.tables
import crash_cases
for line in sys.stdin:
    arguments, out, err, before, cwd = json.loads(line)
    if not (child := os.fork()):
        for stream, path in ((1, out), (2, err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
        os.chdir(cwd)
        sys.argv = ["shrinkage", *arguments]
        if before:
            getattr(crash_cases, before[0])(*before[1:])
        code = 99
        try:
            shrinkage.cli.main()
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

    def __init__(self, folder: Path) -> None:
        self._out, self._err = folder / "out", folder / "err"
        paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._server = subprocess.Popen(
            [sys.executable, "-c", self.PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )

    def __call__(
        self, *arguments: object, before: tuple[object, ...] = (), cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a request; `before` names a function of `crash_cases`, with its arguments, to call in the process."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        request = [
            list(map(str, arguments)),
            str(self._out),
            str(self._err),
            list(before),
            str(cwd or Path.cwd()),
        ]
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        code = int(self._server.stdout.readline())
        return subprocess.CompletedProcess(request[0], code, self._out.read_text(), self._err.read_text())

    def close(self) -> None:
        with self._server as server:
            assert server.stdin is not None
            server.stdin.close()


@functools.cache
def started() -> Forking:
    """The one that all tests of this process share."""
    folder = tempfile.TemporaryDirectory()
    forking = Forking(Path(folder.name))
    atexit.register(folder.cleanup)
    atexit.register(forking.close)
    return forking


def shrinkage(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return started()(*arguments, cwd=cwd)


def mixed_table(n: int = 80, seed: int = 0) -> pd.DataFrame:
    """Numbers with gaps, a category, a boolean, a date, an id and free text, and targets of three kinds."""
    rng = np.random.default_rng(seed)
    size, colour = rng.normal(size=n), rng.choice(["red", "green", "blue"], n)
    frame = pd.DataFrame(
        {
            "size": size.round(4),
            "colour": colour,
            "smoker": rng.choice(["yes", "no"], n),
            "day": pd.date_range("2024-01-01", periods=n).strftime("%Y-%m-%d"),
            "id": [f"row-{i:05d}" for i in range(n)],
            "remark": [" ".join(rng.choice(list("abcdefghij"), 12)) + f" {i}" for i in range(n)],
        }
    )
    frame["three"] = np.select([size > 0.5, size < -0.5], ["high", "low"], "middle")
    frame["price"] = (10 * size + (colour == "red") * 5 + rng.normal(size=n)).round(3)
    frame["weight"] = (size - 2).round(3)
    frame.loc[frame.index[::9], "size"] = np.nan
    return frame
