"""Blocks that the compiled engine trains share the cores as threads, and end with the run that they belong to."""

import threading
import time

import numpy as np
import pytest
from sklearn.datasets import load_iris

from shrinkage.path import Block, Fold, run_blocks
from shrinkage.rules import L2
from shrinkage.training import TrainingOptions

EPOCHS = 10**6


@pytest.fixture
def run():
    """A block of one epoch and three that would take minutes, in two threads."""
    X, y = (np.asarray(part) for part in load_iris(return_X_y=True))
    fold = Fold(
        number=0,
        X=X,
        Y=np.eye(3)[y],
        weight=None,
        train=np.arange(150),
        validation=None,
        x_scale=None,
        y_scale=None,
    )
    options = TrainingOptions(
        hidden_layer_sizes=(8,),
        activation="tanh",
        loss="softmax",
        rule=L2(0.0),
        max_epochs=EPOCHS,
        batch_size=150,
        engine="compiled",
    )
    blocks = [Block((lam,), ((0, 0),), (1 if lam == 0 else EPOCHS,)) for lam in (0.0, 0.1, 0.2, 0.3)]
    return lambda **settings: run_blocks(blocks, {0: fold}, options, seed=0, n_jobs=2, **settings)


class Failing:
    """A store whose disk is full."""

    def load(self, block):
        return None

    def save(self, block, arrays):
        assert threading.current_thread() is threading.main_thread()
        raise OSError("the disk is full")


def test_a_run_that_fails_leaves_no_thread_at_work(run):
    with pytest.raises(OSError, match="the disk is full"):
        run(store=Failing())
    time.sleep(1.0)  # a call of the engine ends within a fraction of it
    before = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - before < 0.2
