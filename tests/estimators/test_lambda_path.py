"""`lambda_path` from end to end: real small networks, folds of any kind, kept blocks, and what it refuses."""

from __future__ import annotations

import json
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.datasets import load_digits
from sklearn.model_selection import GroupKFold, KFold
from torch import Tensor, nn
from torch.utils.data import Dataset

import shrinkage as sh
from module_training_cases import perceptron, table
from shrinkage import RequestError

QUICK: dict[str, Any] = {
    "lambdas": [0, 1e-3, 1e-1],
    "cv": 3,
    "max_epochs": 2,
    "max_extensions": 0,
    "n_jobs": 1,
    "random_state": 0,
}


def small_table() -> tuple[Tensor, Tensor]:
    X, _ = table(48)
    return X, (X[:, 0] + 0.3 * X[:, 1] > 0).long()


def quick(make: Any = perceptron, X: Any = None, y: Any = None, **changes: Any) -> Any:
    if X is None:
        X, y = small_table()
    return sh.lambda_path(make, X, y, **(QUICK | changes))


class Convolutions(nn.Module):
    """For 8×8 digits, with batch norm and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()
        )
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(128, 10))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


class Sequence(nn.Module):
    """The class is the sign of the running sum at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.head = nn.GRU(2, 8, batch_first=True), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.gru(x)[0][:, -1])


class Encoder(nn.Module):
    """Words to a class by a transformer's encoder layer."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(12, 16)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.head = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(self.words(x)).mean(1))


class Head(nn.Module):
    """A head on a frozen body of random features, the same for all modules."""

    def __init__(self) -> None:
        super().__init__()
        g = torch.Generator().manual_seed(7)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 96), nn.Tanh()).requires_grad_(False)
        for parameter in self.body.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=g) / 4)
        self.head = nn.Linear(96, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


def doubled(make: Any) -> nn.Module:
    return make().double()


def digits(n: int = 400) -> tuple[Any, Any]:
    X, y = load_digits(return_X_y=True)
    return (X[:n] / 16).astype("float32").reshape(-1, 1, 8, 8), y[:n]


def walks(n: int = 240) -> tuple[Tensor, Tensor]:
    X = torch.randn(n, 7, 2, generator=torch.Generator().manual_seed(0))
    return X, (X[..., 0].sum(1) > 0).long()


def sentences(n: int = 240) -> tuple[Tensor, Tensor]:
    X = torch.randint(0, 12, (n, 6), generator=torch.Generator().manual_seed(0))
    return X, ((X == 3).any(1)).long()


REAL: dict[str, tuple[Any, Any, float]] = {
    "convolutions": (Convolutions, digits, 0.8),
    "recurrent": (Sequence, walks, 0.8),
    "transformer": (Encoder, sentences, 0.8),
    "fine-tuned head": (Head, digits, 0.8),
}


@pytest.mark.parametrize("name", REAL)
def test_real_networks_learn_and_leave_a_report(name: str, tmp_path: Path) -> None:
    make, data, least = REAL[name]
    X, y = data()
    r = quick(make, X, y, max_epochs=12, learning_rate=1e-2, lambdas=[0, 1e-2])
    assert r.path_.validation_metric[0, ..., -1].mean() > least
    assert r.stacked_.startswith(("stacked", "one by one, because that is faster"))
    r.save(tmp_path / "run")
    page = (tmp_path / "run" / "report.html").read_text()
    assert make.__name__ in page
    fresh = make()
    fresh.load_state_dict(load_file(tmp_path / "run" / "module.safetensors"))
    with torch.no_grad():
        z = fresh.eval()(torch.as_tensor(X))
        torch.testing.assert_close(z, r.module_(torch.as_tensor(X)))
    assert not r.module_.training
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert run["lambda"] == r.lambda_
    assert (tmp_path / "run" / "path.csv").read_text().startswith("lambda,")


def test_the_stated_loss_is_that_of_the_module() -> None:
    X, y = small_table()
    r = quick()
    with torch.no_grad():
        loss = nn.functional.cross_entropy(r.module_(X), y)
        other = nn.functional.cross_entropy(r.module(1e-1)(X), y)
    assert r.loss_ == pytest.approx(float(loss), abs=1e-12)
    assert r.lambda_ == 1e-1 or abs(float(other) - float(loss)) > 1e-6


def test_both_forms_and_any_number_of_processes_give_the_same_path() -> None:
    make = partial(doubled, Convolutions)
    runs = [quick(make, *digits(90), **how) for how in ({"stacked": True}, {"stacked": False})]
    np.testing.assert_allclose(
        runs[0].path_.validation_loss, runs[1].path_.validation_loss, rtol=0, atol=1e-8
    )
    again = quick(make, *digits(90), stacked=True, n_jobs=2)
    np.testing.assert_array_equal(again.path_.validation_loss, runs[0].path_.validation_loss)
    np.testing.assert_array_equal(again.path_.max_weight, runs[0].path_.max_weight)


def test_a_run_goes_on_from_its_blocks_in_the_same_form(tmp_path: Path) -> None:
    seen: list[float] = []
    first = quick(blocks=tmp_path / "b", stacked=False)
    again = quick(
        blocks=tmp_path / "b", stacked=False, progress=lambda done, total: seen.append(done / total)
    )
    np.testing.assert_array_equal(again.path_.train_loss, first.path_.train_loss)
    assert torch.equal(again.module_[0].weight, first.module_[0].weight)
    auto = quick(blocks=tmp_path / "b")
    assert auto.stacked_.startswith("one by one")
    with pytest.raises(RequestError, match="belong to another run"):
        quick(blocks=tmp_path / "b", learning_rate=2e-3)


@pytest.mark.parametrize("stacked", [True, False])
def test_a_stopped_run_says_how_to_continue_and_continues_to_the_same_bits(
    stacked: bool, tmp_path: Path
) -> None:
    def stop(done: float, total: float) -> None:
        if any(tmp_path.glob("b/*.block")):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"Finished blocks are kept in .*: the same call continues"):
        quick(blocks=tmp_path / "b", stacked=stacked, progress=stop)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("b/*.block")}
    assert kept
    again, whole = quick(blocks=tmp_path / "b", stacked=stacked), quick(stacked=stacked)
    assert kept.items() <= {path: path.stat().st_mtime_ns for path in tmp_path.glob("b/*.block")}.items()
    np.testing.assert_array_equal(again.path_.validation_loss, whole.path_.validation_loss)
    assert torch.equal(again.module_[0].weight, whole.module_[0].weight)


def test_folds_by_any_splitter_groups_and_weights() -> None:
    X, y = small_table()
    groups = np.repeat(np.arange(12), 4)
    by_group = quick(groups=groups, stacked=True)  # of two forms that are timed, either may win
    also = quick(groups=groups, cv=GroupKFold(3), stacked=True)
    np.testing.assert_array_equal(by_group.path_.validation_loss, also.path_.validation_loss)
    weight = np.ones(48)
    weight[40:] = 0
    without = quick(perceptron, X[:40], y[:40], cv=KFold(2))
    zero = quick(sample_weight=weight, cv=[(part[0], part[1]) for part in KFold(2).split(X[:40])])
    np.testing.assert_allclose(zero.path_.validation_loss, without.path_.validation_loss, rtol=0, atol=1e-12)


def test_restarts_early_stopping_one_se_and_extension() -> None:
    r = quick(restarts=2, stop="best", select="1se", validate_every=2, max_epochs=4)
    assert r.path_.validation_loss.shape == (3, 3, 2, 2)
    assert r.choice_.epoch in (2, 4)
    assert r.lambda_ >= r.lambda_min_
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        longer = quick(lambdas=[1e-3, 1e-2], max_extensions=1)
    assert len(longer.lambdas_) in (2, 6)


def test_values_several_targets_and_a_loss_of_ones_own() -> None:
    X, _ = table(48)
    Y = torch.stack([X[:, 0], X.sum(1), X[:, 1] * 2], 1)
    r = quick(perceptron, X, Y, loss="squared_error")
    assert r.path_.metric_name == "R²"
    with torch.no_grad():
        plain = ((r.module_(X) - Y) ** 2).mean()
    assert r.loss_ == pytest.approx(float(plain), abs=1e-12)
    own = quick(perceptron, X, Y, loss=lambda z, y: (z - y).square().mean(1))
    np.testing.assert_allclose(own.path_.validation_loss, r.path_.validation_loss, rtol=0, atol=1e-12)
    assert own.path_.metric_name == "loss"


class Listed(Dataset[Any]):
    def __init__(self) -> None:
        self.X, self.targets = small_table()

    def __len__(self) -> int:
        return 48

    def __getitem__(self, i: int) -> Any:
        return self.X[i], self.targets[i]


def test_a_dataset_is_the_arrays_it_gives() -> None:
    np.testing.assert_allclose(
        quick(perceptron, Listed()).path_.validation_loss, quick().path_.validation_loss, rtol=0, atol=1e-12
    )


def forms_of_data() -> dict[str, tuple[Any, Any]]:
    X, y = small_table()
    numbers = X.numpy()
    return {
        "arrays": (numbers, y.numpy()),
        "big-endian": (numbers.astype(">f8"), y.numpy().astype(">i8")),
        "backwards": (numbers[::-1].copy()[::-1], y.numpy()[::-1].copy()[::-1]),
        "columns first": (np.asfortranarray(numbers), y.numpy()),
        "lists": (numbers.tolist(), y.tolist()),
        "a list of rows": (list(X), list(y.numpy())),
        "bytes as classes": (X, y.to(torch.uint8)),
        "booleans as classes": (X, y > 0),
        "a TensorDataset": (torch.utils.data.TensorDataset(X, y), None),
    }


@pytest.mark.parametrize("name", forms_of_data())
def test_every_form_of_the_same_data_gives_the_same_path(name: str) -> None:
    found = quick(perceptron, *forms_of_data()[name], stacked=False, keep_path=False)
    np.testing.assert_array_equal(
        found.path_.validation_loss, quick(stacked=False, keep_path=False).path_.validation_loss
    )


def test_pixels_of_one_channel_are_two_classes() -> None:
    images = torch.randn(30, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    masks = images[:, 0] > 0
    paths = [
        quick(lambda: nn.Conv2d(2, 1, 1), images, each, learning_rate=0.1, stacked=False)
        for each in (masks, masks.long()[:, None], masks.float()[:, None])
    ]
    assert paths[0].path_.validation_loss.min() > 0.1
    assert paths[0].path_.validation_metric.max() < 1
    for other in paths[1:]:
        np.testing.assert_array_equal(paths[0].path_.validation_loss, other.path_.validation_loss)


def test_the_learning_rate_of_ones_own_optimizer_is_the_paths() -> None:
    def sgd(params: Any) -> torch.optim.Optimizer:
        return torch.optim.SGD(params, lr=0.05)

    own, named = quick(optimizer=sgd), quick(optimizer="sgd", learning_rate=0.05)
    np.testing.assert_allclose(own.path_.validation_loss, named.path_.validation_loss, rtol=0, atol=1e-12)


def test_without_keep_path_only_the_chosen_module_is_there(tmp_path: Path) -> None:
    r = quick(keep_path=False)
    with pytest.raises(RequestError, match="no module of that λ was kept"):
        r.module(next(lam for lam in r.lambdas_ if lam != r.lambda_))
    r.save(tmp_path / "run")
    assert "Training over time" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_the_report_holds_the_modules_against_a_constant_and_a_linear_model(
    loss: str, tmp_path: Path
) -> None:
    X, y = small_table()
    make, targets = perceptron, y
    if loss == "squared_error":
        make, targets = partial(nn.Linear, 5, 1, dtype=torch.float64), X[:, :1] * 2 + 1
    r = quick(make, X, targets, loss=loss, cv=KFold(3))
    own = []
    for train, validation in KFold(3).split(X):
        if loss == "squared_error":
            own.append(float((targets[validation] - targets[train].mean()).square().mean()))
        else:
            share = nn.functional.one_hot(y[train]).double().mean(0)
            own.append(float(-share.log()[y[validation]].mean()))
    np.testing.assert_allclose(r.constant_losses_, own, rtol=0, atol=1e-12)
    r.save(tmp_path / "run", X, targets)
    page = (tmp_path / "run" / "report.html").read_text()
    assert ("ridge regression" if loss == "squared_error" else "logistic regression") in page
    assert ("mean of the target" if loss == "squared_error" else "class shares") in page
    if loss == "squared_error":
        assert r.linear_path(X, targets).fold_losses.max() < 1e-6


def test_rows_of_other_shapes_have_no_linear_rival() -> None:
    r = quick(Convolutions, *digits(60))
    assert r.linear_path(*digits(60)) is None
    assert r.constant_losses_ is not None
    own = quick(
        perceptron, *small_table(), loss=lambda z, y: nn.functional.cross_entropy(z, y, reduction="none")
    )
    assert own.constant_losses_ is None


def test_the_users_generators_go_on_as_before() -> None:
    torch.manual_seed(4)
    np.random.seed(4)
    expected = (torch.rand(2), np.random.rand())
    torch.manual_seed(4)
    np.random.seed(4)
    quick(Convolutions, *digits(60))
    assert torch.equal(torch.rand(2), expected[0])
    assert np.random.rand() == expected[1]


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "strength": (
        {"rule": "weight_decay_original", "lambdas": [0, 1e6], "learning_rate": 1.0},
        "more than the whole weight",
    ),
    "rule": ({"rule": "l3"}, "there is no rule 'l3'"),
    "stacked": ({"stacked": "yes"}, "stacked=…: must be 'auto', True or False"),
    "folds": ({"cv": 99}, "cv=…: the rows can't be divided"),
    "weights": ({"sample_weight": [1.0]}, "must be 48 weights >= 0"),
    "restarts": ({"restarts": 0}, "restarts=…: must be a whole number >= 1|restarts=0"),
    "device": ({"device": "cuda:99"}, "device='cuda:99'|can't use it here"),
    "epochs": ({"max_epochs": 0}, "max_epochs"),
    "select": ({"select": "best"}, "select"),
    "projection": ({"rule": sh.Projection(1.0)}, "radius, not a λ"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.filterwarnings("ignore:.*this strength is not used")
def test_a_wrong_request_is_refused_in_a_sentence(name: str) -> None:
    settings, words = BAD[name]
    with pytest.raises(RequestError, match=words):
        quick(**settings)
