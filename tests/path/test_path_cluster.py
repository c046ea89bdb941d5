"""The same call on a cluster: the same bits, also when a worker is lost, and the matrix sent once."""

import os
import signal
import threading
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_digits

import shrinkage as sh
from shrinkage.path import Fold, standard_inputs
from shrinkage.path._epoch_progress import Tick
from shrinkage.path.blocks._parcels import Sender, pack, unpack

distributed = pytest.importorskip("distributed")

pytestmark = [
    # What dask says of a worker that is killed, and the sockets that the killed one leaves to the collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

_digits: Any = load_digits()
X, Y = _digits.data, _digits.target


def fitted(epochs=3):
    """40 λs, so that there are several blocks."""
    return sh.MLPClassifierCV(
        (16,), lambdas=40, cv=3, max_epochs=epochs, batch_size=64, max_extensions=0, random_state=0
    ).fit(X, Y)


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def assert_same(one, other):
    assert one.lambda_ == other.lambda_
    for name in ("train_loss", "validation_loss", "validation_metric", "max_weight"):
        np.testing.assert_array_equal(getattr(one.path_, name), getattr(other.path_, name))
    np.testing.assert_array_equal(one.networks_.rows, other.networks_.rows)


def test_two_workers_give_the_bits_of_one_process(client):
    alone = fitted()
    with joblib.parallel_config(backend="dask"):
        assert_same(fitted(), alone)


@pytest.mark.long
def test_a_lost_workers_blocks_are_run_again(client, monkeypatch):
    alone, lost = fitted(epochs=30), []
    pids = list(client.run(os.getpid).values())

    def lose_one():
        # In the middle: when some epochs of some block are done, and far from all.
        assert begun.wait(60)
        os.kill(pids[0], signal.SIGKILL)
        lost.append(pids[0])

    begun = threading.Event()
    monkeypatch.setattr("shrinkage.path._epoch_progress.POLL_SECONDS", 0.02)
    monkeypatch.setattr("shrinkage.path._epoch_progress.Epochs.finish", lambda self, i, epochs: begun.set())
    killer = threading.Thread(target=lose_one)
    killer.start()
    with joblib.parallel_config(backend="dask"):
        again = fitted(epochs=30)
    killer.join()
    assert lost
    assert_same(again, alone)
    client.wait_for_workers(2, timeout=60)


def test_arrays_that_folds_share_travel_once():
    folds = dict(enumerate(shared_folds()))
    parcels, arrays = pack(folds)
    assert [array is arrays[0] for array in arrays].count(True) == 1
    assert sum(array.nbytes for array in arrays) == X.nbytes + Y.nbytes + sum(
        f.train.nbytes + f.validation.nbytes  # pyright: ignore[reportOptionalMemberAccess]
        for f in folds.values()
    )
    back = unpack(parcels, arrays)
    assert all(
        back[i].inputs["standard"].X is folds[i].inputs["standard"].X and back[i].train is folds[i].train
        for i in folds
    )
    assert all(parcel.fold.inputs["standard"].X.size == 0 for parcel in parcels.values())


def test_a_run_sends_an_array_once(monkeypatch):
    class Client:
        submitted = 0

        def submit(self, function, array, pure):
            self.submitted += 1
            return function(array)

    class Backend:
        client = Client()

    monkeypatch.setattr("shrinkage.path.blocks._parcels.get_active_backend", lambda: (Backend(), 2))
    send = Sender()
    assert all(send(X) is X for _ in range(3))
    assert send(X.copy()) is not X
    assert Backend.client.submitted == 2


def shared_folds():
    index, targets = np.arange(len(X)), Y[:, None]
    for number in range(3):
        held = index % 3 == number
        yield Fold(
            number=number,
            inputs=standard_inputs(X, None),
            Y=targets,
            weight=None,
            train=index[~held],
            validation=index[held],
            y_scale=None,
        )


def test_a_tick_on_another_machine_is_silent(tmp_path):
    Tick(tmp_path / "elsewhere", 0)(1)


def test_the_command_line_on_a_cluster(client, tmp_path):
    from typer.testing import CliRunner

    from shrinkage.cli import app

    def run(out, *more):
        command = [
            "fit",
            "--out",
            str(tmp_path / out),
            "--epochs",
            "3",
            "--lambdas",
            "30",
            "--folds",
            "3",
            "-q",
            *more,
        ]
        return CliRunner().invoke(app, command, catch_exceptions=False)

    assert run("here").exit_code == 0
    assert run("there", "--cluster", client.scheduler.address).exit_code == 0
    for name in ("model.safetensors", "path.csv"):
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()


def test_no_scheduler_at_the_address(tmp_path, monkeypatch):
    from shrinkage._errors import RequestError
    from shrinkage.cli.commands import _cluster

    monkeypatch.setattr(_cluster, "SECONDS_TO_ANSWER", 0.2)
    with pytest.raises(RequestError, match="no scheduler answers"), _cluster.on_cluster("tcp://127.0.0.1:9"):
        pass
