"""Mutants of `strength` and `rules`: changes that the tests of these floors must notice.

Each mutant is one change of one expression: an operator, a comparison, a sign, a number, a returned value. The floor's
tests run with that change; a mutant that they let pass has survived. A change in a function meets the tests that reach
its line, in a session that has collected them; what runs on import, or is not reached there, meets all tests of the
floor with a copy of the package. `--again` judges the survivors of an earlier result alone, found again by file,
line, column and change, and writes that result brought up to date. Those that are not found are named as gone: where
lines of the package have moved since, that is no reason to trust them.

    python benchmarks/mutants.py strength rules --sample 150 --out benchmarks/results/mutants.json
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import hypothesis
import pandas  # noqa: F401 (this and the next ones for the forked processes)
import pytest
import sklearn.linear_model
import sklearn.neural_network  # noqa: F401
import torch  # noqa: F401
from _mutant_tests import Session, forked
from _mutations import Mutant, mutants_of

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "shrinkage"
QUIET = ["-q", "-x", "-p", "no:cacheprovider", "--hypothesis-seed=0", "--hypothesis-profile=mutants"]
QUIET += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # hypothesis is imported before pytest is


def silent_tests(*arguments: str, plugins: tuple[object, ...] = ()) -> int:
    """pytest's exit code; for a forked process, whose output it takes away."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)  # the smallest example is not asked for
    hypothesis.settings.register_profile("mutants", database=None, phases=phases)
    return int(pytest.main([*QUIET, *arguments], plugins=plugins))


def quick_verdicts(floor: str, mutants: list[Mutant], seconds: int) -> list[str | None]:
    """What became of each mutant in a session that has collected the tests; see `Session`."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "verdicts"
        session = Session(PACKAGE / floor, mutants, seconds, out)
        forked(lambda: silent_tests(f"tests/{floor}", plugins=(session,)))
        if not out.exists():
            failed = out.with_suffix(".failed")
            why = f"{failed.read_text()} fails" if failed.exists() else "the tests were not collected"
            raise SystemExit(f"{floor}: {why} without any change, and would kill every mutant.")
        return json.loads(out.read_text())


def killed(floor: str, mutant: Mutant, seconds: int) -> bool:
    """Whether the floor's tests, all of them, fail with a copy of the package that has the change."""
    with tempfile.TemporaryDirectory() as name:
        package = Path(name) / "shrinkage"
        shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
        (package / mutant.module.relative_to(PACKAGE)).write_text(ast.unparse(mutant.tree))

        def child() -> int:
            os.environ |= {"PYTHONPATH": name, "PYTHONDONTWRITEBYTECODE": "1"}
            sys.path.insert(0, name)
            return silent_tests(f"tests/{floor}")

        return forked(child, seconds) != 0


def named(mutant: Mutant) -> str:
    return f"{mutant.module.relative_to(ROOT)}:{mutant.line}:{mutant.column}: {mutant.words}"


def judged(floor: str, asked: argparse.Namespace, before: dict[str, Any]) -> dict[str, object]:
    """The share of a floor's mutants that its tests kill, and the survivors; of `before` those that survive again."""
    found = [mutant for module in sorted((PACKAGE / floor).rglob("*.py")) for mutant in mutants_of(module)]
    chosen = random.Random(asked.seed).sample(found, min(asked.sample or len(found), len(found)))
    chosen = [mutant for mutant in chosen if asked.only in str(mutant.module)]
    gone: list[str] = []
    if before:
        chosen = [mutant for mutant in found if named(mutant) in before["survivors"]]
        gone = sorted(set(before["survivors"]) - {named(mutant) for mutant in chosen})
    started = time.monotonic()
    init = PACKAGE / floor / "__init__.py"
    if killed(floor, Mutant(init, 0, 0, "nothing", ast.parse(init.read_text())), asked.seconds):
        raise SystemExit(f"{floor}: the tests fail with a copy of the package that has no change.")
    verdicts = quick_verdicts(floor, chosen, asked.seconds)
    survivors = []
    for mutant, verdict in zip(chosen, verdicts, strict=True):
        passed = verdict == "let pass" if asked.session_only else verdict in ("let pass", None)
        if passed and (asked.session_only or not killed(floor, mutant, asked.seconds)):
            survivors.append(named(mutant))
            print(survivors[-1], flush=True)
    tried = min(before["tried"] - len(gone), len(found)) if before else len(chosen)
    share = 1 - len(survivors) / tried if tried else 1.0
    print(f"{floor}: {share:.1%} of {tried} of {len(found)} mutants killed", flush=True)
    return {
        "mutants": len(found),
        "tried": tried,
        "killed": share,
        "out_of_time": verdicts.count("out of time") + before.get("out_of_time", 0),
        "seconds": round(time.monotonic() - started) + before.get("seconds", 0),
        "survivors": sorted(survivors),
        **({"gone": gone} if gone else {}),  # earlier survivors whose expression is no longer written
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("floors", nargs="+")
    parser.add_argument(
        "--sample", type=int, default=0, help="so many mutants a floor, drawn at random; 0: all"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="mutants of modules with this in their path")
    parser.add_argument(
        "--seconds", type=int, default=60, help="of computing, after which a mutant counts as killed"
    )
    parser.add_argument(
        "--session-only", action="store_true", help="quick: nothing of what runs on import, no second opinion"
    )
    parser.add_argument(
        "--again", type=Path, help="an earlier --out: its survivors alone, the rest stays killed"
    )
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    before = json.loads(asked.again.read_text()) if asked.again else {}
    os.chdir(ROOT)
    result = {floor: judged(floor, asked, before.get(floor, {})) for floor in asked.floors}
    if asked.out is not None:
        asked.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
