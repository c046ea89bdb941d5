"""Blocks that the compiled engine trains share the cores as threads, and end with the run that they belong to."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.datasets import load_iris

from shrinkage.path import Block, Fold, run_blocks, standard_inputs
from shrinkage.path.blocks._threads import SECONDS_TO_STOP, in_threads
from shrinkage.rules import L2
from shrinkage.training import Backprop
from stack_cases import assembled

EPOCHS = 10**6


@pytest.fixture
def run():
    """A block of one epoch and three that would take minutes, in two threads."""
    X, y = (np.asarray(part) for part in load_iris(return_X_y=True))
    fold = Fold(
        number=0,
        inputs=standard_inputs(X, None),
        Y=np.eye(3)[y],
        weight=None,
        train=np.arange(150),
        validation=None,
        y_scale=None,
    )
    recipe = assembled(
        Backprop,
        hidden_layer_sizes=(8,),
        activation="tanh",
        loss="softmax",
        rule=L2(0.0),
        max_epochs=EPOCHS,
        batch_size=150,
        engine="compiled",
    )
    blocks = [Block((lam,), ((0, 0),), (1 if lam == 0 else EPOCHS,)) for lam in (0.0, 0.1, 0.2, 0.3)]
    return lambda **settings: run_blocks(blocks, {0: fold}, recipe, seed=0, n_jobs=2, **settings)


class Failing:
    """A store whose disk is full."""

    def load(self, block):
        return None

    def save(self, block, arrays):
        assert threading.current_thread() is threading.main_thread()
        raise OSError("the disk is full")


def test_a_run_that_fails_leaves_no_thread_at_work(run):
    begun = time.monotonic()
    with pytest.raises(OSError, match="the disk is full"):
        run(store=Failing())
    assert time.monotonic() - begun < SECONDS_TO_STOP / 2
    time.sleep(1.0)  # a call of the engine ends within a fraction of it
    before = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - before < 0.2


def test_calls_in_threads_come_back_as_they_finish():
    first = threading.Event()

    def waits(check):
        assert first.wait(60)
        return "waited"

    def goes(check):
        return "went"

    results = in_threads([waits, goes], 2)
    assert next(results) == "went"
    first.set()
    assert next(results) == "waited"


@pytest.mark.parametrize("end", ["a call fails", "closed"])
def test_unwanted_calls_are_stopped_and_awaited(end: str):
    begun, ended = threading.Event(), threading.Event()

    def goes_on(check):
        begun.set()
        try:
            while True:
                check()
                time.sleep(0.001)
        finally:
            time.sleep(0.05)
            ended.set()

    def ends(check):
        assert begun.wait(60)
        if end == "a call fails":
            raise ValueError("failed")
        return 1

    results = in_threads([goes_on, ends], 2)
    if end == "a call fails":
        with pytest.raises(ValueError, match="failed"):
            list(results)
    else:
        assert next(results) == 1
        results.close()
    assert ended.is_set()


@pytest.mark.parametrize("end", ["a call fails", "closed"])
def test_calls_that_were_not_begun_are_not_waited_for(end: str):
    begun, first = time.monotonic(), threading.Event()

    def ends(check):
        if first.is_set():
            check()
            time.sleep(0.001)
        first.set()
        if end == "a call fails":
            raise ValueError("failed")

    results = in_threads([ends] * 100, 2)
    if end == "a call fails":
        with pytest.raises(ValueError, match="failed"):
            list(results)
    else:
        next(results)
        results.close()
    assert time.monotonic() - begun < SECONDS_TO_STOP / 2


def test_running_threads_are_stopped_when_no_other_can_start(monkeypatch):
    submit, ended = ThreadPoolExecutor.submit, threading.Event()

    def once(pool, *call):
        monkeypatch.setattr(ThreadPoolExecutor, "submit", refused)
        return submit(pool, *call)

    def refused(*_):
        raise RuntimeError("can't start new thread")

    def goes_on(check):
        try:
            while True:
                check()
                time.sleep(0.001)
        finally:
            ended.set()

    monkeypatch.setattr(ThreadPoolExecutor, "submit", once)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        list(in_threads([goes_on] * 2, 2))
    assert ended.wait(1)
