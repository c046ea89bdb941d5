"""Peak memory of a path against the number of its λs: it should grow with the block, not with the λs.

The C library keeps part of what blocks have freed, so the first blocks add more than the later ones; with
MALLOC_TRIM_THRESHOLD_=65536 in the environment it gives it back.

Digits, 64-64-10, batch 32, 5 folds, 2 epochs, float32, in a process of its own for each count; one process trains.

Usage: python benchmarks/memory_of_path.py
"""

from __future__ import annotations

import subprocess
import sys

from _measured import written

COUNTS = (20, 80, 320, 1280)
RUN = """
import resource, numpy as np, shrinkage as sh
from sklearn.datasets import load_digits
X, y = load_digits(return_X_y=True)
settings = dict(inputs="standard", search="grid")
settings |= dict(max_epochs=2, batch_size=32, learning_rate_init=5e-3, max_extensions=0, n_jobs=1, random_state=0)
sh.MLPClassifierCV((64,), lambdas=[0.0, 1e-3], **settings).fit(X[:200].astype(np.float32), y[:200])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sh.MLPClassifierCV((64,), lambdas=np.logspace(-6, 0, {count}), **settings).fit(X.astype(np.float32), y)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def peak(count: int) -> float:
    """MiB that a path of `count` λs adds to what a first small fit has taken."""
    run = subprocess.run(
        [sys.executable, "-c", RUN.format(count=count)], capture_output=True, text=True, check=True
    )
    return float(run.stdout)


def main() -> None:
    added = {count: round(peak(count), 1) for count in COUNTS}
    for count, mib in added.items():
        print(f"{count:4d} λs: {mib:6.1f} MiB above a small fit")
    print(f"written to {written('memory_of_path', {'added MiB by λs': added})}")


if __name__ == "__main__":
    main()
