"""The tests of a floor, run on one mutant after another in one collected session.

Tests are collected and imported once. A mutant is a forked process in which the changed functions have their new code,
and which runs the tests that reach the changed line, the quick ones first, until one fails.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import coverage
import pytest
from _mutations import Mutant, swaps

__all__ = ["Session", "forked"]

Key = tuple[object, ...]


class Session:
    """A plugin of pytest that judges mutants in place of running the tests.

    `verdicts` gets one entry a mutant: how it was killed, "let pass", or None where this way of running says nothing:
    of what runs on import, and of lines that no test of this process reaches.
    """

    def __init__(self, floor: Path, mutants: Sequence[Mutant], seconds: int, verdicts: Path) -> None:
        self.floor, self.mutants, self.seconds, self.out = floor, mutants, seconds, verdicts

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        file = self.out.with_suffix(".lines")
        if forked(lambda: self._reached(session, file)):
            return True
        reached = json.loads(file.read_text())
        live = _live(self.floor)
        code = {path: compile(path.read_text(), str(path), "exec") for path in self.floor.rglob("*.py")}
        verdicts = []
        for mutant in self.mutants:
            changed = swaps(code[mutant.module], compile(mutant.tree, str(mutant.module), "exec"))
            items = _items(session, reached.get(f"{mutant.module}:{mutant.line}", {}))
            if changed and items and _key(changed[-1][0]) in live:  # the outermost function of the change
                verdicts.append(self._verdict(changed, items, live))
            else:
                verdicts.append(None)
        self.out.write_text(json.dumps(verdicts))
        return True

    def _verdict(
        self, changed: list[tuple[CodeType, CodeType]], items: list[Any], live: dict[Key, list[FunctionType]]
    ) -> str:
        def child() -> int:
            for old, new in changed:
                for function in live.get(_key(old), []):
                    function.__code__ = new
            return _run(items)

        status = forked(child, self.seconds)
        return {0: "let pass", -signal.SIGPROF: "out of time"}.get(status, "a test failed")

    def _reached(self, session: pytest.Session, file: Path) -> int:
        """Write, for every line, the tests that run it and how long they take; 1 if a test fails."""
        seconds: dict[str, float] = {}
        watch = coverage.Coverage(data_file=None, source=[str(self.floor)], config_file=False)
        watch.start()
        for item in session.items:
            watch.switch_context(item.nodeid)
            start = time.perf_counter()
            if _run([item]):
                self.out.with_suffix(".failed").write_text(item.nodeid)
                return 1
            seconds[item.nodeid] = time.perf_counter() - start
        watch.stop()
        data = watch.get_data()
        lines = {
            f"{name}:{line}": {test: seconds[test] for test in tests if test}
            for name in data.measured_files()
            for line, tests in data.contexts_by_lineno(name).items()
        }
        file.write_text(json.dumps(lines))
        return 0


def _items(session: pytest.Session, seconds: dict[str, float]) -> list[Any]:
    chosen = [item for item in session.items if item.nodeid in seconds]
    return sorted(chosen, key=lambda item: seconds[item.nodeid])


def _run(items: Sequence[Any]) -> int:
    """1 once a test fails, 0 if none does."""
    for item in items:
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        if item.session.testsfailed:
            return 1
    return 0


def forked(function: Callable[[], int], seconds: int = 0) -> int:
    """What a function returns in a forked process, or minus the signal that ended it after `seconds` of computing.

    0 seconds are any time. The clock is the processor's: on a busy machine nothing runs out of time for that alone.
    """
    child = os.fork()
    if not child:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        try:
            os._exit(function())
        except BaseException:
            os._exit(99)  # never back into what was forked
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _key(code: CodeType) -> Key:
    return (code.co_filename, code.co_qualname, tuple(code.co_positions()), code.co_varnames)


def _live(floor: Path) -> dict[Key, list[FunctionType]]:
    """The functions of a floor that exist by now, by the place where they are written."""
    found: dict[Key, list[FunctionType]] = {}
    for thing in gc.get_objects():
        if type(thing) is FunctionType and thing.__code__.co_filename.startswith(str(floor)):
            found.setdefault(_key(thing.__code__), []).append(thing)
    return found
